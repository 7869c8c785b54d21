package result

import (
	"math"
	"testing"
	"time"
)

func TestFit(t *testing.T) {
	for name, c := range map[string]struct {
		x, y            []float64
		slope, residual float64
	}{
		"a line":     {[]float64{0, 25, 50, 100}, []float64{7, 57, 107, 207}, 2, 0},
		"level":      {[]float64{0, 25, 50, 100}, []float64{7, 7, 7, 7}, 0, 0},
		"off a line": {[]float64{-1, 0, 1}, []float64{0, 3, 0}, 0, math.Sqrt2},
		"one point":  {[]float64{5}, []float64{9}, 0, 0},
		"none":       {nil, nil, 0, 0},
		"one place":  {[]float64{5, 5}, []float64{1, 9}, 0, 0},
	} {
		if s := fit(c.x, c.y); math.Abs(s.PerConnection-c.slope) > 1e-9 || math.Abs(s.Residual-c.residual) > 1e-9 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestMemoryOfIdleConnections(t *testing.T) {
	m := Memory{Connections: 100, Empty: MemoryReading{Resident: 1000}, Full: MemoryReading{Resident: 5000}}
	if got := m.PerConnection().Resident.PerConnection; got != 40 {
		t.Errorf("without steps a connection takes %v", got)
	}
	for _, n := range []int{0, 25, 50, 100} {
		k := int64(n)
		m.Steps = append(m.Steps, MemoryStep{n, MemoryReading{
			Resident: 1000 + 30*k, Heap: 10 * k, Stack: 8 * k, Runtime: 2 * k, Goroutines: 5 + 2*k, SocketSlab: 60 * k, SocketBuffers: 4096,
		}})
	}
	m.Fit()
	s := m.Slopes
	if m.PerConnection().Resident.PerConnection != 30 || s.Heap.PerConnection != 10 || s.Stack.PerConnection != 8 || s.Runtime.PerConnection != 2 || s.Goroutines.PerConnection != 2 || s.Kernel.PerConnection != 30 {
		t.Errorf("%+v", s)
	}
	idle := Measurement{Memory: &m, Window: time.Minute, ServerCPU: 3 * time.Second, BytesDown: 6000, BytesUp: 600}
	if cpu, bytes := idle.IdleCPU(), idle.IdleBytes(); cpu != 500 || bytes != 66*60 {
		t.Errorf("%v µs in a second, %v bytes in an hour", cpu, bytes)
	}
	if none := (Measurement{}); none.IdleCPU() != 0 || none.IdleBytes() != 0 {
		t.Error("nothing takes something")
	}
}
