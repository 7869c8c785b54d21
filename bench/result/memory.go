package result

import (
	"math"
	"time"
)

// Memory is what connections took that hardly ever got an event.
type Memory struct {
	// Connections is how many there were.
	Connections int `json:"connections"`
	// Empty was read without them, Full with all of them, when they had been watched.
	Empty MemoryReading `json:"empty"`
	Full  MemoryReading `json:"full"`
	// Steps were read at so many connections, from none to all, before these were watched.
	Steps []MemoryStep `json:"steps,omitempty"`
	// Collected says that the server collected its garbage before each reading; otherwise some of the heap is garbage.
	Collected bool `json:"garbage_collected"`
	// Slopes are what the steps say together about one connection.
	Slopes *Slopes `json:"slopes,omitempty"`
}

// A MemoryStep is a reading with some of the connections.
type MemoryStep struct {
	// Connections is how many there were.
	Connections int `json:"connections"`
	MemoryReading
}

// A MemoryReading is what a server takes at one moment.
type MemoryReading struct {
	// Resident is its resident set.
	Resident int64 `json:"resident_bytes"`
	// Heap and Stack are what Go uses of them, Runtime what Go's runtime takes beside them for its own accounts.
	Heap    int64 `json:"heap_bytes"`
	Stack   int64 `json:"stack_bytes"`
	Runtime int64 `json:"runtime_bytes,omitempty"`
	// Goroutines is how many there are.
	Goroutines int64 `json:"goroutines"`
	// SocketSlab is what the kernel takes for sockets, their files and their places in epoll (/proc/slabinfo),
	// SocketBuffers what it takes for what they have to send and to read (/proc/net/sockstat): of the whole
	// machine, and so of both ends of each connection. 0 where it does not tell.
	SocketSlab    int64 `json:"socket_slab_bytes,omitempty"`
	SocketBuffers int64 `json:"socket_buffer_bytes,omitempty"`
}

// Slopes are what one connection takes of each.
type Slopes struct {
	Resident Slope `json:"resident_bytes"`
	Heap     Slope `json:"heap_bytes"`
	Stack    Slope `json:"stack_bytes"`
	Runtime  Slope `json:"runtime_bytes"`
	// Kernel is of SocketSlab and SocketBuffers, halved, since both ends of a connection are on the machine. It is
	// not in the resident set.
	Kernel     Slope `json:"kernel_bytes"`
	Goroutines Slope `json:"goroutines"`
}

// A Slope is a straight line through the steps, by least squares.
type Slope struct {
	// PerConnection is how much one more connection takes.
	PerConnection float64 `json:"per_connection"`
	// Residual is how far the steps are from the line: the root of the mean square of the distances. If it is not small
	// beside PerConnection times the number of connections, memory does not grow evenly.
	Residual float64 `json:"residual"`
}

// fit returns the line through some points. Of less than two different x there is none.
func fit(x, y []float64) Slope {
	n := float64(len(x))
	var meanX, meanY float64
	for i := range x {
		meanX, meanY = meanX+x[i]/n, meanY+y[i]/n
	}
	var xx, xy float64
	for i := range x {
		xx += (x[i] - meanX) * (x[i] - meanX)
		xy += (x[i] - meanX) * (y[i] - meanY)
	}
	if xx == 0 {
		return Slope{}
	}
	s := Slope{PerConnection: xy / xx}
	for i := range x {
		distance := y[i] - meanY - s.PerConnection*(x[i]-meanX)
		s.Residual += distance * distance / n
	}
	s.Residual = math.Sqrt(s.Residual)
	return s
}

// Fit makes the slopes from the steps.
func (m *Memory) Fit() {
	s := slopes(m.Steps)
	m.Slopes = &s
}

// PerConnection returns the slopes; of an older file, which has none, those from none to all connections.
func (m Memory) PerConnection() Slopes {
	if m.Slopes == nil {
		return slopes([]MemoryStep{{MemoryReading: m.Empty}, {Connections: m.Connections, MemoryReading: m.Full}})
	}
	return *m.Slopes
}

func slopes(steps []MemoryStep) Slopes {
	line := func(of func(MemoryReading) int64) Slope {
		var x, y []float64
		for _, step := range steps {
			x, y = append(x, float64(step.Connections)), append(y, float64(of(step.MemoryReading)))
		}
		return fit(x, y)
	}
	return Slopes{
		Resident:   line(func(r MemoryReading) int64 { return r.Resident }),
		Heap:       line(func(r MemoryReading) int64 { return r.Heap }),
		Stack:      line(func(r MemoryReading) int64 { return r.Stack }),
		Runtime:    line(func(r MemoryReading) int64 { return r.Runtime }),
		Kernel:     line(func(r MemoryReading) int64 { return (r.SocketSlab + r.SocketBuffers) / 2 }),
		Goroutines: line(func(r MemoryReading) int64 { return r.Goroutines }),
	}
}

// IdleCPU is how much of the server's CPU time an idle connection takes in a second, in microseconds.
func (m Measurement) IdleCPU() float64 {
	if m.Memory == nil || m.Memory.Connections == 0 || m.Window == 0 {
		return 0
	}
	return float64(m.ServerCPU+m.SoftirqCPU) / float64(time.Microsecond) / float64(m.Memory.Connections) / m.Window.Seconds()
}

// IdleBytes is how many bytes an idle connection carries in an hour, both ways: heartbeats, or polls that are asked again. It is
// worth something if the window was longer than their period.
func (m Measurement) IdleBytes() float64 {
	if m.Memory == nil || m.Memory.Connections == 0 || m.Window == 0 {
		return 0
	}
	return float64(m.BytesDown+m.BytesUp) / float64(m.Memory.Connections) / m.Window.Hours()
}
