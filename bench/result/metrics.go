package result

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Metric names a number that can be found in a measurement. The name has its unit, and stays: it is
// in files.
type Metric string

// The metrics that code asks for by name; the table has them all.
const (
	// CPUPerEvent is Measurement.ServerCPUPerEvent, in microseconds.
	CPUPerEvent Metric = "server_cpu_us_per_event"
	// MemoryPerConnection is the resident memory that a connection adds, in units of 1024 bytes.
	MemoryPerConnection Metric = "resident_kib_per_connection"
	// DeliveriesPerSecond is Search.Deliveries.
	DeliveriesPerSecond Metric = "deliveries_per_second"
	// CatchUpTime is how long the last subscriber took, in milliseconds.
	CatchUpTime Metric = "catch_up_ms"
	// DeliveryTail is the p99 of Measurement.Delivery, in milliseconds.
	DeliveryTail Metric = "delivery_p99_ms"
	// RoundTrip is the median of Measurement.Delivery in an echo, in microseconds.
	RoundTrip Metric = "round_trip_p50_us"
)

// metrics is the table of all metrics, in the order in which they are shown. Another one is a line here, and nothing
// else. Those aside are told, but not compared.
var metrics = []MetricInfo{
	{"delivery_p50_ms", "p50", "delivery p50", Milliseconds, Lower, Noisy, false, delivering, func(m Measurement) float64 { return ms(m.Delivery.P50) }},
	{"delivery_p90_ms", "p90", "delivery p90", Milliseconds, Lower, Noisy, true, delivering, func(m Measurement) float64 { return ms(m.Delivery.P90) }},
	{DeliveryTail, "p99", "delivery p99", Milliseconds, Lower, Tail, false, delivering, func(m Measurement) float64 { return ms(m.Delivery.P99) }},
	{"delivery_p99_9_ms", "p99.9", "delivery p99.9", Milliseconds, Lower, Tail, false, delivering, func(m Measurement) float64 { return ms(m.Delivery.P999) }},
	{"delivery_max_ms", "max", "slowest delivery", Milliseconds, Lower, Tail, true, delivering, func(m Measurement) float64 { return ms(m.Delivery.Max) }},
	{"first_receiver_p50_ms", "first", "first receiver p50", Milliseconds, Lower, Noisy, true, only(FanOut), func(m Measurement) float64 { return ms(of(m.Receivers).First.P50) }},
	{"last_receiver_p50_ms", "last", "last receiver p50", Milliseconds, Lower, Noisy, true, only(FanOut), func(m Measurement) float64 { return ms(of(m.Receivers).Last.P50) }},
	{RoundTrip, "round-trip", "round trip p50", Microseconds, Lower, Noisy, false, only(Echo), func(m Measurement) float64 { return us(m.Delivery.P50) }},
	{"publish_delay_p99_ms", "delay", "publish delay p99", Milliseconds, Lower, Noisy, false, delivering, func(m Measurement) float64 { return ms(m.PublishDelay.P99) }},
	{"read_delay_p99_ms", "read-delay", "reading delay p99", Milliseconds, Lower, Tail, true, delivering, func(m Measurement) float64 { return ms(of(m.ReadDelay).P99) }},
	{"publish_rate", "published", "published", PerSecond, Higher, Noisy, true, not(Idle), func(m Measurement) float64 { return m.PublishRate }},
	{CPUPerEvent, "cpu", "server CPU per event", Microseconds, Lower, Noisy, false, not(Idle), func(m Measurement) float64 { return us(m.ServerCPUPerEvent()) }},
	{"server_cores", "server", "cores busy with the server", Number, Lower, Noisy, true, all, Measurement.ServerCores},
	{"load_cores", "load", "cores busy with the load", Number, Lower, Noisy, true, all, Measurement.LoadCores},
	{"bytes_down_per_event", "down", "bytes down per event", Bytes, Lower, Exact, false, not(Idle, Capacity), onConnections(Measurement.BytesDownPerEvent)},
	{"bytes_up_per_event", "up", "bytes up per event", Bytes, Lower, Exact, false, not(Idle, Capacity), onConnections(Measurement.BytesUpPerEvent)},
	{"segments_per_event", "segments", "segments per event", Number, Lower, Noisy, true, not(Idle, Capacity), func(m Measurement) float64 { return m.PerEvent(of(m.Segments).In + of(m.Segments).Out) }},
	{"goodput_bytes_per_second", "goodput", "bytes of data delivered", PerSecond, Higher, Noisy, true, only(FanOut), Measurement.Goodput},
	{"events_per_write", "writes", "events per write", Number, Higher, Noisy, false, not(Idle, Capacity, Echo, Slow), Measurement.EventsPerWrite},
	{MemoryPerConnection, "memory", "memory per connection", Kibibytes, Lower, Noisy, false, only(Idle), perConnection(func(s Slopes) Slope { return s.Resident })},
	{"heap_kib_per_connection", "heap", "heap per connection", Kibibytes, Lower, Noisy, true, only(Idle), perConnection(func(s Slopes) Slope { return s.Heap })},
	{"stack_kib_per_connection", "stack", "stack per connection", Kibibytes, Lower, Noisy, true, only(Idle), perConnection(func(s Slopes) Slope { return s.Stack })},
	{"kernel_kib_per_connection", "kernel", "kernel memory per connection", Kibibytes, Lower, Noisy, true, only(Idle), perConnection(func(s Slopes) Slope { return s.Kernel })},
	{"idle_cpu_us_per_connection_second", "idle-cpu", "CPU per idle connection and second", Microseconds, Lower, Noisy, false, only(Idle), Measurement.IdleCPU},
	{"idle_bytes_per_connection_hour", "idle-bytes", "bytes per idle connection and hour", Bytes, Lower, Noisy, true, only(Idle), Measurement.IdleBytes},
	{DeliveriesPerSecond, "rate", "deliveries", PerSecond, Higher, Noisy, false, only(Capacity), func(m Measurement) float64 { return of(m.Search).Deliveries }},
	{CatchUpTime, "catch-up", "the last has caught up", Milliseconds, Lower, Noisy, false, only(Storm), func(m Measurement) float64 { return ms(of(m.CatchUp).Max) }},
	{"catch_up_p50_ms", "catch-up-p50", "half have caught up", Milliseconds, Lower, Noisy, false, only(Storm), func(m Measurement) float64 { return ms(of(m.CatchUp).P50) }},
	{"bystanders_p99_ms", "bystanders", "delivery p99 to bystanders", Milliseconds, Lower, Noisy, true, only(Storm), func(m Measurement) float64 { return ms(of(of(m.Recovery).Bystanders).P99) }},
	{"connects_per_second", "connects", "connects at most", PerSecond, Higher, Noisy, true, only(Storm), func(m Measurement) float64 { return of(m.Recovery).Timeline.ConnectsPerSecond() }},
	{"peak_resident_kib", "peak", "most memory of the server", Kibibytes, Lower, Noisy, true, only(Storm, Slow), func(m Measurement) float64 { return float64(m.PeakResident) / 1024 }},
	{"lost", "lost loss", "lost", Number, Lower, Fault, false, not(Idle), Measurement.lost},
	{"duplicated", "dup", "duplicated", Number, Lower, Fault, false, not(Idle), func(m Measurement) float64 { return float64(m.Duplicated) }},
	{"reordered", "reordered reorder", "out of order", Number, Lower, Fault, false, not(Idle), func(m Measurement) float64 { return float64(m.Reordered) }},
}

var (
	all        = not()
	delivering = not(Idle, Capacity, Storm) // the kinds that are about deliveries at a rate that was given
)

// lost is how many deliveries were lost. With a server that is restarted its log goes, and those count that nobody
// told of.
func (m Measurement) lost() float64 {
	if m.Recovery != nil && m.Recovery.Down > 0 {
		return float64(m.Recovery.Silent)
	}
	return float64(m.Lost)
}

// onConnections makes a metric not known where there were no connections.
func onConnections(value func(Measurement) float64) func(Measurement) float64 {
	return func(m Measurement) float64 {
		if m.BytesDown == 0 {
			return math.NaN()
		}
		return value(m)
	}
}

func perConnection(slope func(Slopes) Slope) func(Measurement) float64 {
	return func(m Measurement) float64 { return slope(of(m.Memory).PerConnection()).PerConnection / 1024 }
}

// A MetricInfo says what a metric is.
type MetricInfo struct {
	// Metric is its name.
	Metric Metric
	// short is what the command line calls it: one name or more, separated by spaces.
	short string
	// Title says in words what it is.
	Title string
	// Unit is what its values are in.
	Unit Unit
	// Better is which direction is better.
	Better Better
	// Nature is how its values come about.
	Nature Nature
	// Aside says that it is told, but not compared: it says little more than others do, or describes the run.
	Aside bool

	in    func(Kind) bool
	value func(Measurement) float64 // NaN if it is not known; also 0, where the nature is Noisy or Tail
}

// A Unit is what a number is in, as it is printed.
type Unit string

// The units.
const (
	Milliseconds Unit = "ms"
	Microseconds Unit = "us"
	Bytes        Unit = "B"
	Kibibytes    Unit = "KiB"
	PerSecond    Unit = "/s"
	Number       Unit = ""
)

// Better is which direction of a metric is better.
type Better string

// The directions.
const (
	Lower  Better = "lower"
	Higher Better = "higher"
)

// A Nature is how the values of a metric come about. It decides how they are compared.
type Nature string

// The natures.
const (
	// Noisy values differ from round to round, whatever is measured.
	Noisy Nature = "noisy"
	// Tail values do so too, and rest on the slowest deliveries: on those where Verdict.TailComparable.
	Tail Nature = "tail"
	// Exact values are counts that the program decides, not the machine: the same in each round, or
	// nearly so.
	Exact Nature = "exact"
	// Fault values are counts of what must not be. They are known of a measurement that failed too, since they are why.
	Fault Nature = "fault"
)

// Metrics returns all metrics, in the order in which they are shown.
func Metrics() []MetricInfo { return slices.Clone(metrics) }

// FindMetric returns the metric of that name, or of that short name.
func FindMetric(name string) (MetricInfo, error) {
	var known []string
	for _, i := range metrics {
		if string(i.Metric) == name || slices.Contains(strings.Fields(i.short), name) {
			return i, nil
		}
		known = append(known, i.Short())
	}
	return MetricInfo{}, fmt.Errorf("bench: unknown metric %q; use %s", name, strings.Join(known, ", "))
}

// Short is what the command line calls it.
func (i MetricInfo) Short() string { return strings.Fields(i.short)[0] }

// Deterministic reports whether the program decides its values, and not the machine.
func (i MetricInfo) Deterministic() bool { return i.Nature == Exact || i.Nature == Fault }

// MeasuredIn reports whether cases of a kind measure it.
func (i MetricInfo) MeasuredIn(kind Kind) bool { return i.in(kind) }

// KnownIn reports whether measurements of a kind have it. That is so too where a search has measured at a rate of its own,
// but there it is not what the case is about.
func (i MetricInfo) KnownIn(kind Kind) bool { return i.in(kind) || kind == Capacity && i.in(FanOut) }

// Value returns a measurement's value, whatever is to be thought of it. It is not ok if it is not known.
func (i MetricInfo) Value(m Measurement) (v float64, ok bool) {
	v = i.value(m)
	switch i.Nature {
	case Fault:
		ok = m.Expected > 0
	case Exact:
		ok = m.Delivered > 0
	default:
		ok = v > 0
	}
	if !ok || math.IsNaN(v) {
		return 0, false
	}
	return v, true
}

// Comparable reports whether a measurement's value may be compared with others.
func (i MetricInfo) Comparable(m Measurement) bool {
	if i.Nature == Tail {
		return m.Verdict.TailComparable()
	}
	return m.Verdict.Comparable()
}

// Of returns a measurement's value. It is not ok if it is not known, or must not be compared; faults are known although
// they are why nothing may be compared, but who broke off did not see all of them.
func (i MetricInfo) Of(m Measurement) (v float64, ok bool) {
	if v, ok = i.Value(m); !ok {
		return 0, false
	}
	if ok = i.Comparable(m); i.Nature == Fault {
		ok = v > 0 || m.Error == ""
	}
	if !ok {
		return 0, false
	}
	return v, true
}

// Info returns what the metric is; of one that this program does not know, only its name.
func (m Metric) Info() MetricInfo {
	for _, i := range metrics {
		if i.Metric == m {
			return i
		}
	}
	return MetricInfo{
		Metric: m, short: string(m), Title: string(m), Better: Lower, Nature: Noisy,
		in: only(), value: func(Measurement) float64 { return math.NaN() },
	}
}

// Of returns a measurement's value, as [MetricInfo.Of] does.
func (m Metric) Of(of Measurement) (v float64, ok bool) { return m.Info().Of(of) }

func only(kinds ...Kind) func(Kind) bool {
	return func(k Kind) bool { return slices.Contains(kinds, k) }
}

func not(kinds ...Kind) func(Kind) bool {
	return func(k Kind) bool { return !slices.Contains(kinds, k) }
}

// of returns what p points to; the zero value if that is nothing.
func of[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// Format writes a value with four digits or so, and its unit.
func (i MetricInfo) Format(v float64) string {
	return strings.TrimSpace(i.Number(v) + " " + string(i.Unit))
}

// Number writes a value with four digits or so.
func (i MetricInfo) Number(v float64) string {
	if i.Nature == Fault || v == 0 {
		return fmt.Sprintf("%.0f", v)
	}
	digits := 3 - int(math.Floor(math.Log10(math.Abs(v))))
	return fmt.Sprintf("%.*f", min(max(0, digits), 3), v)
}
