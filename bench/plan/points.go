package plan

import (
	"fmt"
	"slices"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A column is something that is done so and so often, and that costs something each time.
type column int

// The columns. Where two cannot be told apart, the first gets the cost: per event is more careful than per
// write, because writes get fewer where events are put together.
const (
	perEvent   column = iota // deliveries
	perByte                  // bytes of data delivered
	perWrite                 // writes; of long polling, answers with events
	perPublish               // events published
	perWake                  // writes to a connection that was quiet before: see wakes
	perConnSec               // seconds, times connections
	perSecond                // seconds
	perConnect               // connections made
	columns
)

// A point is what one measurement says, one probe of a search, or one step of connections that wait.
type point struct {
	of         key
	title      string
	kind       result.Kind
	comparable bool
	n          int // connections
	rate       float64
	size       int
	rtt        time.Duration
	x          [columns]float64
	cpu        float64 // seconds
	down, up   float64 // bytes
	empty      float64 // bytes of memory without a connection
	resident   float64 // and with n of them; 0 if that was not measured
}

// A key says which points are of one case, or of one step of it, whatever round they are of: they are left out together.
type key struct {
	outcome     int // the first one of such a case
	connections int // of a step
}

// wakes is how many of the writes found a connection quiet: all if they are far apart, and none if they come at
// once. In a storm nobody tells.
func (p point) wakes() float64 {
	if !delivers(p) || p.x[perWrite] == 0 {
		return 0
	}
	return p.x[perWrite] * quiet(p.rate/p.k())
}

// quiet is the share of writes that find a connection quiet, of so many in a second.
func quiet(rate float64) float64 { return 1 / (1 + rate*cooling) }

// k is how many events went out in one write; 0 if not known.
func (p point) k() float64 {
	if p.x[perWrite] == 0 {
		return 0
	}
	return p.x[perEvent] / p.x[perWrite]
}

// pointsOf gathers what a result says about a lane, whether it was measured once in a round or again.
func pointsOf(r result.Result, lane result.Lane) (points []point) {
	for _, o := range r.Outcomes {
		if !usable(o.Case) {
			continue
		}
		// What several results say about one case belongs together: it is left out together.
		i := slices.IndexFunc(r.Outcomes, func(other result.Outcome) bool { return alike(other.Case, o.Case) })
		for _, m := range o.Measurements {
			same := m.Lane
			same.Again = false
			if same != lane || len(m.Verdict.Failed) > 0 {
				continue
			}
			if m.Search != nil {
				points = append(points, probes(i, o.Case, m)...)
				continue
			}
			p := pointOf(i, o.Case, m)
			points = append(points, p)
			points = append(points, steps(p, m.Memory)...)
		}
	}
	return points
}

func alike(a, b result.Case) bool {
	return a.Kind == b.Kind && a.Subscribers == b.Subscribers && a.Rate == b.Rate && a.Size == b.Size && slices.Equal(a.Traits(), b.Traits())
}

// usable reports whether what a case measures is what the model has columns for: not what was computed from others, nor
// what events cost that clients publish, that some read slowly, or that go on while connections come back.
func usable(c result.Case) bool {
	switch c.Kind {
	case result.Echo, result.Slow:
		return false
	case result.Storm:
		return c.Bystanders == 0 && (c.Manner == "" || c.Manner == result.DropAll)
	default:
		return !c.Computed
	}
}

func pointOf(of int, c result.Case, m result.Measurement) point {
	p := point{
		of: key{outcome: of}, title: title(c), kind: c.Kind, comparable: m.Verdict.Comparable(), n: c.Subscribers, rate: c.Rate, size: c.Size, rtt: c.RTT,
		cpu: (m.ServerCPU + m.SoftirqCPU).Seconds(), down: float64(m.BytesDown), up: float64(m.BytesUp),
	}
	seconds := m.Window.Seconds()
	p.x[perSecond], p.x[perConnSec] = seconds, seconds*float64(c.Subscribers)
	if c.Kind == result.Idle {
		return p // the events of its warm-up are not in the window
	}
	p.x[perPublish], p.x[perEvent] = float64(m.Published), float64(m.Delivered)
	p.x[perByte] = float64(m.Delivered) * float64(c.Size)
	if p.x[perWrite] = float64(m.ServerWrites); m.ServerWrites == 0 {
		p.x[perWrite] = p.x[perEvent] // a server that does not tell: at the rates of a fan-out each event has its own
	}
	if c.Kind == result.Storm {
		p.x[perConnect] = float64(c.Subscribers)
		p.x[perConnSec] = 0 // nobody was there for most of the time
	}
	p.x[perWake] = p.wakes()
	return p
}

// steps are the memory that idle connections took, as they came: one point for each number of them. What is read later, when
// nothing has happened for a while, is less, and not to be mixed with that.
func steps(p point, m *result.Memory) (points []point) {
	if m == nil {
		return nil
	}
	add := func(n int, r result.MemoryReading) {
		if n == 0 || r.Resident == 0 {
			return
		}
		step := point{of: p.of, kind: p.kind, comparable: p.comparable, n: n, empty: float64(m.Empty.Resident), resident: float64(r.Resident)}
		step.of.connections, step.title = n, fmt.Sprintf("%s connections wait", count(float64(n)))
		points = append(points, step)
	}
	for _, step := range m.Steps {
		add(step.Connections, step.MemoryReading)
	}
	if len(points) == 0 { // an older result has none
		add(m.Connections, m.Full)
	}
	return points
}

// probes are the rates that a search sustained. Of their bytes nothing is known.
func probes(of int, c result.Case, m result.Measurement) (points []point) {
	for _, probe := range m.Search.Probes {
		if probe.Problem != "" || probe.EventsPerWrite == 0 || probe.ServerBusy == 0 {
			continue
		}
		n := float64(c.Subscribers)
		p := point{of: key{outcome: of}, title: title(c), kind: c.Kind, comparable: true, n: c.Subscribers, rate: probe.Rate, size: c.Size, rtt: c.RTT, cpu: probe.ServerBusy}
		p.x = [columns]float64{
			perSecond: 1, perConnSec: n, perPublish: probe.Rate, perEvent: n * probe.Rate,
			perByte: n * probe.Rate * float64(c.Size), perWrite: n * probe.Rate / probe.EventsPerWrite,
		}
		p.x[perWake] = p.wakes()
		points = append(points, p)
	}
	return points
}

// title says which case it was.
func title(c result.Case) string {
	switch c.Kind {
	case result.Idle:
		return fmt.Sprintf("idle, %s connections", count(float64(c.Subscribers)))
	case result.Storm:
		return fmt.Sprintf("storm, %s subscribers miss %s events", count(float64(c.Subscribers)), count(float64(c.Events())))
	case result.Capacity:
		return fmt.Sprintf("capacity, %s subscribers, %d B", count(float64(c.Subscribers)), c.Size)
	}
	text := fmt.Sprintf("%s subscribers, %s events/s, %d B", count(float64(c.Subscribers)), number(c.Rate), c.Size)
	if c.RTT > 0 {
		text += fmt.Sprintf(", RTT %v", c.RTT)
	}
	return text
}

// middle is what the rounds of each case say together: the median of each quantity. One spoiled round moves
// nothing then, and a case counts once, however many rounds it has. The rates of a search stay apart.
func middle(points []point) (all []point) {
	for i, first := range points {
		like := func(p point) bool { return p.of == first.of && p.rate == first.rate }
		if slices.IndexFunc(points, like) < i {
			continue
		}
		same, p := having(points, like), first
		median := func(of func(*point) *float64) {
			var values []float64
			for i := range same {
				values = append(values, *of(&same[i]))
			}
			*of(&p) = stats.Spread(values).Median
		}
		for c := range columns {
			median(func(p *point) *float64 { return &p.x[c] })
		}
		median(func(p *point) *float64 { return &p.cpu })
		median(func(p *point) *float64 { return &p.down })
		median(func(p *point) *float64 { return &p.up })
		median(func(p *point) *float64 { return &p.empty })
		median(func(p *point) *float64 { return &p.resident })
		all = append(all, p)
	}
	return all
}

// having returns those for which that is true.
func having[T any](all []T, is func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return !is(v) })
}

// cases returns the cases that points are of, each once.
func cases(points []point) (keys []key) {
	for _, p := range points {
		if !slices.Contains(keys, p.of) {
			keys = append(keys, p.of)
		}
	}
	return keys
}

// reach returns the least and the greatest of something.
func reach(points []point, of func(point) float64) (low, high float64) {
	for i, p := range points {
		v := of(p)
		if i == 0 || v < low {
			low = v
		}
		if i == 0 || v > high {
			high = v
		}
	}
	return low, high
}

// Merge puts results together, so that a plan can rest on several runs. They must be of one machine.
func Merge(results ...result.Result) (result.Result, error) {
	if len(results) == 0 {
		return result.Result{}, fmt.Errorf("plan: no result")
	}
	all := results[0]
	all.Outcomes = slices.Clone(all.Outcomes)
	for _, r := range results[1:] {
		if r.Environment.CPU != all.Environment.CPU || r.Environment.Cores != all.Environment.Cores {
			return result.Result{}, fmt.Errorf("plan: the results are of different machines: %s with %d cores, and %s with %d",
				all.Environment.CPU, all.Environment.Cores, r.Environment.CPU, r.Environment.Cores)
		}
		all.Outcomes = append(all.Outcomes, r.Outcomes...)
	}
	return all, nil
}
