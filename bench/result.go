package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Schema names the form of result.json. Its number changes when a field changes its meaning or goes;
// new fields may come without that.
const Schema = "pushlab.bench/3"

// FileName is the name of a result's file in its directory.
const FileName = "result.json"

// A Result is everything that a run found out. In JSON all times are nanoseconds, and names say so.
type Result struct {
	// Schema is the constant of that name.
	Schema string `json:"schema"`
	// Started is when the run began, Elapsed how long it took.
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed_ns"`
	// Interrupted says that the run was ended before its time. What it has is still right.
	Interrupted bool `json:"interrupted"`
	// Environment is where it ran.
	Environment Environment `json:"environment"`
	// Pin is which cores server and load had, if each had one of its own.
	Pin *Pin `json:"pin,omitempty"`
	// Seed is what the order within the rounds came from.
	Seed uint64 `json:"seed"`
	// Outcomes are what it found, one for each case.
	Outcomes []Outcome `json:"outcomes"`
}

// An Outcome is what a run found in one case.
type Outcome struct {
	// Case is what was done.
	Case Case `json:"case"`
	// Summaries are what the rounds say together.
	Summaries []Summary `json:"summaries"`
	// Measurements are what was found in each round, in the order in which it was measured.
	Measurements []Measurement `json:"measurements"`
}

// A Pin is which cores server and load have.
type Pin struct {
	Server int `json:"server"`
	Load   int `json:"load"`
}

// A Lane is what each round measures once. Rounds are put together by it, so it can be compared.
type Lane struct {
	// Target is the target's name.
	Target string `json:"target"`
	// Transport is the transport's label.
	Transport string `json:"transport"`
	// Variant is what is different from a lane that has none, such as what is in between; "" is nothing.
	Variant string `json:"variant,omitempty"`
	// Again says that the same is measured before in each round, to know the noise.
	Again bool `json:"again,omitempty"`
}

// Name returns what the lane is called, such as "pushlab sse" or "pushlab sse again".
func (l Lane) Name() string { return l.Target + " " + l.ShortName() }

// ShortName is Name without the target, for where there is only one.
func (l Lane) ShortName() string {
	name := l.Transport
	if l.Variant != "" {
		name += " " + l.Variant
	}
	if l.Again {
		name += " again"
	}
	return name
}

// A Measurement is what was found about one lane in one round. Counts are of the measured events,
// without the warm-up.
type Measurement struct {
	Lane
	// Round counts from 1.
	Round int `json:"round"`
	// Error says why the transport could not be measured to the end.
	Error string `json:"error,omitempty"`
	// Verdict says what to think of the numbers.
	Verdict Verdict `json:"verdict"`

	// Planned is how many events the schedule has, Published how many of them were sent to the
	// server, and Acknowledged how many of those it took.
	Planned      int `json:"planned"`
	Published    int `json:"published"`
	Acknowledged int `json:"acknowledged"`
	// PublishRate is how many events per second were published.
	PublishRate float64 `json:"publish_rate"`
	// PublishDelay is how late they were published: from when an event was due until the load
	// began to send it.
	PublishDelay Latency `json:"publish_delay"`

	// Expected is how many deliveries were due: Published times the subscribers.
	Expected int64 `json:"expected"`
	// Delivered is how many of them came, each counted once.
	Delivered int64 `json:"delivered"`
	// Lost is how many did not come, announced by a gap or not.
	Lost int64 `json:"lost"`
	// Duplicated is how many came again, Reordered how many came behind a later event.
	Duplicated int64 `json:"duplicated"`
	Reordered  int64 `json:"reordered"`
	// Gaps is how many gaps were announced to subscribers.
	Gaps int64 `json:"gaps"`
	// Disconnected is how many subscribers lost their connection.
	Disconnected int64 `json:"disconnected"`
	// WarmUpFaults is how many deliveries of the warm-up were lost, duplicated or reordered.
	WarmUpFaults int64 `json:"warm_up_faults"`
	// Delivery is how long deliveries took: from when an event was due until a subscriber had read
	// and found it.
	Delivery Latency `json:"delivery"`

	// Window is how long it took from the first event until the counters were read.
	Window time.Duration `json:"window_ns"`
	// ServerDelivered, ServerWrites and ServerBytes are the server's own counters: events that
	// it wrote, in how many writes, and bytes as the transport counts them.
	ServerDelivered int64 `json:"server_delivered"`
	ServerWrites    int64 `json:"server_writes"`
	ServerBytes     int64 `json:"server_bytes"`
	// BytesDown and BytesUp are what the subscribers' connections carried, to them and from them,
	// counted at the client's net.Conn: above TCP.
	BytesDown int64 `json:"bytes_down"`
	BytesUp   int64 `json:"bytes_up"`
	// ServerCPU and LoadCPU are the run time of all threads of the server, and of this process:
	// publisher and subscribers. 0 where the system does not tell.
	ServerCPU time.Duration `json:"server_cpu_ns"`
	LoadCPU   time.Duration `json:"load_cpu_ns"`
	// SoftirqCPU is the run time of the kernel's thread that did interrupt work for the server's
	// core: some of what the server sends is sent there. It is known if the server has a core.
	SoftirqCPU time.Duration `json:"softirq_cpu_ns,omitempty"`
	// ServerCore and LoadCore are how long the cores of server and load were busy, whoever had
	// them. They are known if server and load have cores of their own.
	ServerCore time.Duration `json:"server_core_busy_ns,omitempty"`
	LoadCore   time.Duration `json:"load_core_busy_ns,omitempty"`
	// OtherCPU is how long everybody else kept the cores busy, the kernel's own threads and
	// interrupts included.
	OtherCPU time.Duration `json:"other_cpu_ns"`

	// Memory is what the connections took, in a case of the kind Idle.
	Memory *Memory `json:"memory,omitempty"`
	// CatchUp is how long subscribers took that came back, each until it had all that it had missed,
	// in a case of the kind Storm.
	CatchUp *Latency `json:"catch_up,omitempty"`
	// Search is how the highest rate was found, in a case of the kind Capacity. The rest of the
	// measurement is then that of the best probe.
	Search *Search `json:"search,omitempty"`
}

// A Memory is what a server took without and with its connections, in bytes. What its Go runtime
// tells is 0 where there is none.
type Memory struct {
	// Connections is how many connections there were.
	Connections int `json:"connections"`
	// Empty is what it took with no subscriber, Full with all.
	Empty MemoryReading `json:"empty"`
	Full  MemoryReading `json:"full"`
}

// A MemoryReading is what a server takes at one moment.
type MemoryReading struct {
	// Resident is its resident set.
	Resident int64 `json:"resident_bytes"`
	// Heap and Stack are what Go uses of them.
	Heap  int64 `json:"heap_bytes"`
	Stack int64 `json:"stack_bytes"`
	// Goroutines is how many there are.
	Goroutines int64 `json:"goroutines"`
}

// PerConnection returns what one connection takes.
func (m Memory) PerConnection(of func(MemoryReading) int64) float64 {
	return ratio(of(m.Full)-of(m.Empty), int64(m.Connections))
}

// A Search is how the highest rate was looked for at which all events arrive in time.
type Search struct {
	// Probes are the rates that were tried, in that order.
	Probes []Probe `json:"probes"`
	// Deliveries is how many deliveries per second the highest rate gave that was sustained; 0 if
	// none was.
	Deliveries float64 `json:"deliveries_per_second"`
	// Bottleneck says what was busy at the lowest rate that was not: "server", "load", "both", other
	// programs on their cores ("others") or "neither"; "" if there was no such rate.
	Bottleneck string `json:"bottleneck"`
}

// A Probe is one rate that was tried.
type Probe struct {
	// Rate is how many events per second were published.
	Rate float64 `json:"events_per_second"`
	// Problem is why the rate was not sustained; "" if it was.
	Problem string `json:"problem,omitempty"`
	// P99 is that of the deliveries.
	P99 time.Duration `json:"p99_ns"`
	// ServerBusy and LoadBusy are how many cores server and load had, the server with ksoftirqd.
	ServerBusy float64 `json:"server_busy"`
	LoadBusy   float64 `json:"load_busy"`
	// ServerCore and LoadCore are how busy their cores were, whoever had them; 0 without cores of
	// their own.
	ServerCore float64 `json:"server_core"`
	LoadCore   float64 `json:"load_core"`
	// EventsPerWrite is how many events went out in one write, if the server tells.
	EventsPerWrite float64 `json:"events_per_write"`
}

// A run is not valid if it published less than minRate of what was planned, or so late that it shows
// in the deliveries: more than maxDelay, and more than maxShare of what they took in the median. If
// that is so for the latest in ten events, no number is worth comparing; if only for the latest in a
// hundred, it is the slowest deliveries that are not. Notes are made
// of cores that are nearFull with server and load, or noisy with others, and of fewer deliveries than
// a p99 should rest on.
const (
	minRate  = 0.99
	maxDelay = time.Millisecond
	maxShare = 0.1  // of the median delivery
	nearFull = 0.85 // of all cores
	noisy    = 0.1  // of all cores
	fewest   = 10_000
)

// EventsPerWrite is how many events the server sent in one write; 0 if it wrote none.
func (m Measurement) EventsPerWrite() float64 { return ratio(m.ServerDelivered, m.ServerWrites) }

// BytesDownPerEvent is BytesDown for each delivered event.
func (m Measurement) BytesDownPerEvent() float64 { return ratio(m.BytesDown, m.Delivered) }

// BytesUpPerEvent is BytesUp for each delivered event.
func (m Measurement) BytesUpPerEvent() float64 { return ratio(m.BytesUp, m.Delivered) }

// ServerCPUPerEvent is ServerCPU and SoftirqCPU for each delivered event; 0 if it is not known.
func (m Measurement) ServerCPUPerEvent() time.Duration {
	if m.ServerCPU == 0 {
		return 0
	}
	return time.Duration(ratio(int64(m.ServerCPU+m.SoftirqCPU), m.Delivered))
}

// ServerCores is how many cores the server kept busy on average over the window, with ksoftirqd.
func (m Measurement) ServerCores() float64 {
	return ratio(int64(m.ServerCPU+m.SoftirqCPU), int64(m.Window))
}

// LoadCores is how many cores this process kept busy on average over the window.
func (m Measurement) LoadCores() float64 { return ratio(int64(m.LoadCPU), int64(m.Window)) }

// OtherCores is how many cores everybody else kept busy on average over the window.
func (m Measurement) OtherCores() float64 { return ratio(int64(m.OtherCPU), int64(m.Window)) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// A Verdict says what to think of a measurement.
type Verdict struct {
	// Failed are the reasons why the server did not do its work.
	Failed []string `json:"failed,omitempty"`
	// Invalid are the reasons why the numbers must not be compared with others.
	Invalid []string `json:"invalid,omitempty"`
	// Tail are the reasons why its slowest deliveries must not be compared: p99, p99.9 and max.
	// The other numbers may be.
	Tail []string `json:"tail,omitempty"`
	// Notes are what to keep in mind.
	Notes []string `json:"notes,omitempty"`
}

// Comparable reports whether the numbers may be compared with others.
func (v Verdict) Comparable() bool { return len(v.Failed)+len(v.Invalid) == 0 }

// TailComparable reports whether that is true of the slowest deliveries too.
func (v Verdict) TailComparable() bool { return v.Comparable() && len(v.Tail) == 0 }

// judge makes the verdict of a measurement.
func (m Measurement) judge(s Case, cores int) Verdict {
	var v Verdict
	failed := func(format string, args ...any) { v.Failed = append(v.Failed, fmt.Sprintf(format, args...)) }
	invalid := func(format string, args ...any) { v.Invalid = append(v.Invalid, fmt.Sprintf(format, args...)) }
	tail := func(format string, args ...any) { v.Tail = append(v.Tail, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }
	if m.Lost > 0 {
		failed("deliveries lost: %d of %d", m.Lost, m.Expected)
	}
	if m.Duplicated > 0 {
		failed("deliveries duplicated: %d", m.Duplicated)
	}
	if m.Reordered > 0 {
		failed("deliveries out of order: %d", m.Reordered)
	}
	if m.Gaps > 0 {
		failed("gaps announced: %d", m.Gaps)
	}
	if m.WarmUpFaults > 0 {
		failed("deliveries of the warm-up lost, duplicated or out of order: %d", m.WarmUpFaults)
	}
	if m.Error != "" {
		failed("%s", m.Error)
	}
	if m.Published < m.Planned {
		invalid("%d of %d events published", m.Published, m.Planned)
	}
	if m.Published == 0 {
		return v
	}
	if m.Acknowledged != m.Published {
		invalid("%d events published, but %d acknowledged", m.Published, m.Acknowledged)
	}
	if m.PublishRate < minRate*s.Rate {
		invalid("the load missed its own rate: %.4g of %.4g events/s", m.PublishRate, s.Rate)
	}
	if s.Kind == Storm { // nobody was there while events were published, so it does not matter when
		return v
	}
	late := max(maxDelay, time.Duration(maxShare*float64(m.Delivery.P50)))
	if delay := m.PublishDelay.P90; delay > late {
		invalid("the load was late: the publish delay has a p90 of %v, the limit is %v", round(delay), round(late))
	} else if delay := m.PublishDelay.P99; delay > late {
		tail("the load was late now and then: the publish delay has a p99 of %v, the limit is %v", round(delay), round(late))
	}
	if m.ServerWrites > 0 && m.Lost == 0 && m.Duplicated == 0 && m.ServerDelivered != m.Delivered {
		invalid("the server counts %d deliveries, the subscribers %d; its counters cannot be relied on", m.ServerDelivered, m.Delivered)
	}
	if busy := m.ServerCores() + m.LoadCores(); busy > nearFull*float64(cores) {
		note("server and load kept %.2f of %d cores busy: near the limit the numbers describe the machine", busy, cores)
	}
	if m.OtherCores() > noisy*float64(cores) {
		note("other programs kept %.2f of %d cores busy: a quieter machine gives better numbers", m.OtherCores(), cores)
	}
	if m.Delivery.Count < fewest {
		note("%d deliveries: p99 rests on fewer than %d of them", m.Delivery.Count, m.Delivery.Count/100+1)
	}
	return v
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// Failed reports whether a server did not do its work: events were lost, duplicated or reordered,
// or a transport could not be measured at all.
func (r Result) Failed() bool {
	return slices.ContainsFunc(r.Outcomes, func(o Outcome) bool {
		return slices.ContainsFunc(o.Measurements, func(m Measurement) bool { return len(m.Verdict.Failed) > 0 })
	})
}

// Write writes the result to FileName in the directory, which it makes if need be, and returns the
// file's path.
func (r Result) Write(dir string) (path string, err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("bench: writing the result: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("bench: writing the result: %w", err)
	}
	path = filepath.Join(dir, FileName)
	// First beside it: whoever reads the file never sees half of it.
	if err := os.WriteFile(path+".part", append(text, '\n'), 0o666); err != nil {
		return "", fmt.Errorf("bench: writing the result: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return "", fmt.Errorf("bench: writing the result: %w", err)
	}
	return path, nil
}

// ReadResult reads a file that Write wrote.
func ReadResult(path string) (Result, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Result{}, fmt.Errorf("bench: reading a result: %w", err)
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return Result{}, fmt.Errorf("bench: %s is no result: %w", path, err)
	}
	if r.Schema != Schema {
		return Result{}, fmt.Errorf("bench: %s has schema %q; this program reads %q: measure again, or use the version that wrote it", path, r.Schema, Schema)
	}
	return r, nil
}
