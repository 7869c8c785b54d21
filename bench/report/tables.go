package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// tables returns the tables of an outcome.
func (r Text) tables(o result.Outcome) []*grid {
	switch {
	case o.Case.Kind == result.Idle:
		return []*grid{r.memory(o)}
	case o.Case.Kind == result.Capacity:
		return withoutEmpty(r.capacity(o), r.curve(o))
	case o.Case.Kind == result.Storm:
		return []*grid{r.storm(o)}
	case o.Case.Kind == result.Slow:
		return []*grid{r.slow(o)}
	case o.Case.Kind == result.Echo:
		return []*grid{r.echoes(o)}
	case o.Case.Rounds > 1 || len(o.Case.Targets) > 1:
		return withoutEmpty(r.costs(o), r.wire(o), r.payload(o), r.predictions(o))
	case o.Case.Computed:
		return withoutEmpty(r.deliveries(o), r.wire(o))
	default:
		return withoutEmpty(r.deliveries(o), r.wire(o), r.payload(o), r.load(o), r.predictions(o))
	}
}

// withoutEmpty returns the tables that have rows.
func withoutEmpty(tables ...*grid) []*grid {
	return slices.DeleteFunc(tables, func(t *grid) bool { return len(t.rows) == 0 })
}

// wire is the table of what an event is on the wire, and of its first and last receiver; it is empty if nothing of
// that is known.
func (r Text) wire(o result.Outcome) *grid {
	t := newTable()
	if !slices.ContainsFunc(o.Measurements, func(m result.Measurement) bool { return m.Bytes.Total() > 0 }) {
		return t
	}
	t.AppendHeader(table.Row{"", "bytes/event", "", "", "", "overhead", "segments/event", "", "", "link bytes", "p50 ms of receivers", "", ""})
	t.AppendHeader(table.Row{"on the wire", "heads up", "heads down", "framing", "payload", "% of data", "all", "with data", "resent", "/event", "first", "last", "spread"})
	for _, s := range o.Summaries {
		per := func(of func(result.Measurement) int64) figure {
			return medianOf(o, s, func(m result.Measurement) float64 { return m.PerEvent(of(m)) })
		}
		segments := func(of func(result.Segments) int64) figure {
			return per(func(m result.Measurement) int64 {
				if m.Segments == nil {
					return 0
				}
				return of(*m.Segments)
			})
		}
		receiver := func(of func(*result.Receivers) result.Latency) string {
			return medianOf(o, s, func(m result.Measurement) float64 {
				if m.Receivers == nil {
					return 0
				}
				return float64(of(m.Receivers).P50) / 1e6
			}).digits(2)
		}
		name := s.ShortName()
		if len(o.Case.Targets) > 1 {
			name = s.Name()
		}
		t.AppendRow(table.Row{name,
			per(func(m result.Measurement) int64 { return m.Bytes.RequestHeads }).digits(1), per(func(m result.Measurement) int64 { return m.Bytes.ResponseHeads }).digits(1),
			per(func(m result.Measurement) int64 { return m.Bytes.Framing }).digits(1), per(func(m result.Measurement) int64 { return m.Bytes.Payload }).digits(1),
			medianOf(o, s, func(m result.Measurement) float64 { return 100 * m.DataOverhead() }).digits(1),
			segments(func(s result.Segments) int64 { return s.In + s.Out }).digits(2), segments(func(s result.Segments) int64 { return s.DataIn + s.DataOut }).digits(2),
			segments(func(s result.Segments) int64 { return s.Retransmits }).digits(2), per(result.Measurement.LinkBytes).digits(1),
			receiver(func(r *result.Receivers) result.Latency { return r.First }), receiver(func(r *result.Receivers) result.Latency { return r.Last }),
			receiver(func(r *result.Receivers) result.Latency { return r.Spread }),
		})
	}
	return t
}

// payload is the table of what a byte of data costs, in a case that says what the data looks like.
func (r Text) payload(o result.Outcome) *grid {
	t := newTable()
	if o.Case.Data == result.PadData {
		return t
	}
	t.AppendHeader(table.Row{"a byte of data", "goodput kB/s", "overhead %", "server CPU ns"})
	for _, s := range o.Summaries {
		name := s.ShortName()
		if len(o.Case.Targets) > 1 {
			name = s.Name()
		}
		t.AppendRow(table.Row{name, medianOf(o, s, func(m result.Measurement) float64 { return m.Goodput() / 1e3 }).digits(1),
			medianOf(o, s, func(m result.Measurement) float64 { return 100 * m.DataOverhead() }).digits(1),
			medianOf(o, s, result.Measurement.ServerCPUPerByte).digits(1)})
	}
	return t
}

// predictions is the table of what would have been computed, in a case that verifies that.
func (r Text) predictions(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"measured, and", "bytes/event", "", "segments/event", "", "server CPU µs/event", ""})
	t.AppendHeader(table.Row{"what would be computed", "measured", "computed", "measured", "computed", "measured", "computed"})
	for _, m := range o.Measurements {
		p := m.Predicted
		if p == nil {
			continue
		}
		segments := figure(0)
		if m.Segments != nil {
			segments = figure(m.PerEvent(m.Segments.In + m.Segments.Out))
		}
		t.AppendRow(table.Row{nameOf(o.Case, m), figure(m.PerEvent(m.BytesDown + m.BytesUp)).digits(1), figure(p.Bytes).digits(1),
			segments.digits(2), figure(p.Segments).digits(2), figure(float64(m.ServerCPUPerEvent()) / 1e3).digits(1), figure(float64(p.ServerCPU) / 1e3).digits(1)})
	}
	return t
}

// curve is the table of what was measured around the highest rates, one row for each lane and rate.
func (r Text) curve(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"around the highest rate", "events/s", "p99 ms", "backlog/s", "events/write", "server busy", "load busy"})
	for _, m := range o.Measurements {
		if m.Search == nil {
			continue
		}
		for _, p := range m.Search.Curve {
			t.AppendRow(table.Row{nameOf(o.Case, m), number(p.Rate, 2), ms(p.P99), number(p.BacklogSlope, 1), figure(p.EventsPerWrite).digits(2), cores(p.ServerBusy), cores(p.LoadBusy)})
		}
	}
	return t
}

// costs is the table of what delivered events cost, over all rounds.
func (r Text) costs(o result.Outcome) *grid {
	t := newTable()
	titles := [2]table.Row{{"", "server CPU µs/event", "", "of it"}, {corner(o), "median", "min..max", "softirq"}}
	var references []string
	for _, name := range []string{result.NullName, result.FloorName, result.BaselineName} {
		if slices.Contains(o.Case.Targets, name) {
			references = append(references, name)
			titles[0], titles[1] = append(titles[0], "times", ""), append(titles[1], name, "min..max")
		}
	}
	t.AppendHeader(append(titles[0], "events", "bytes/event", "", "delivery ms", "", "cores busy", ""))
	t.AppendHeader(append(titles[1], "/write", "down", "up", "p50", "p99", "server", "load"))
	for _, s := range o.Summaries {
		row := table.Row{s.Name(), median(s.Value, 1), bounds(s.Value, 1), medianOf(o, s, func(m result.Measurement) float64 {
			return softirqPerEvent(m)
		}).digits(1)}
		for _, name := range references {
			row = append(row, median(s.RatioTo(name), 2), bounds(s.RatioTo(name), 2))
		}
		t.AppendRow(append(row,
			medianOf(o, s, result.Measurement.EventsPerWrite).digits(2),
			medianOf(o, s, result.Measurement.BytesDownPerEvent).digits(1), medianOf(o, s, result.Measurement.BytesUpPerEvent).digits(1),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivery.P50) / 1e6 }).digits(2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivery.P99) / 1e6 }).digits(2),
			medianOf(o, s, result.Measurement.ServerCores).digits(2), medianOf(o, s, result.Measurement.LoadCores).digits(2),
		))
	}
	return t
}

// softirqPerEvent is the time of the kernel's thread for each delivered event, in microseconds.
func softirqPerEvent(m result.Measurement) float64 {
	if m.Delivered == 0 {
		return 0
	}
	return float64(m.SoftirqCPU) / float64(m.Delivered) / float64(time.Microsecond)
}

// corner stands above the names in an outcome's table.
func corner(o result.Outcome) string {
	return fmt.Sprintf("%s, %d", o.Case.Name, o.Case.Subscribers)
}

// memory is the table of what idle connections take.
func (r Text) memory(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "KiB/connection", "", "of it", "", "", "beside it", "residual", "MiB", "", "goroutines", "CPU", "KiB"})
	t.AppendHeader(table.Row{corner(o), "median", "min..max", "heap", "stack", "runtime", "kernel", "KiB", "empty", "full", "/connection", "µs/conn./s", "/conn./h"})
	for _, s := range o.Summaries {
		of := func(value func(result.Memory) float64, unit float64) figure {
			return medianOf(o, s, func(m result.Measurement) float64 {
				if m.Memory == nil {
					return 0
				}
				return value(*m.Memory) / unit
			})
		}
		t.AppendRow(table.Row{s.Name(), median(s.Value, 2), bounds(s.Value, 2),
			of(func(m result.Memory) float64 { return m.PerConnection().Heap.PerConnection }, 1024).digits(2),
			of(func(m result.Memory) float64 { return m.PerConnection().Stack.PerConnection }, 1024).digits(2),
			of(func(m result.Memory) float64 { return m.PerConnection().Runtime.PerConnection }, 1024).digits(2),
			of(func(m result.Memory) float64 { return m.PerConnection().Kernel.PerConnection }, 1024).digits(2),
			of(func(m result.Memory) float64 { return m.PerConnection().Resident.Residual }, 1024).digits(0),
			of(func(m result.Memory) float64 { return float64(m.Empty.Resident) }, 1<<20).digits(1),
			of(func(m result.Memory) float64 { return float64(m.Full.Resident) }, 1<<20).digits(1),
			of(func(m result.Memory) float64 { return m.PerConnection().Goroutines.PerConnection }, 1).digits(2),
			medianOf(o, s, result.Measurement.IdleCPU).digits(2),
			medianOf(o, s, func(m result.Measurement) float64 { return m.IdleBytes() / 1024 }).digits(1),
		})
	}
	return t
}

// capacity is the table of the highest rates.
func (r Text) capacity(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "deliveries/s", "", "times", "", "CPU", "events", "p99", "beyond it, cores busy with", "", "limited by"})
	t.AppendHeader(table.Row{corner(o), "median", "min..max", "nchan", "min..max", "µs/event", "/write", "ms", "server", "load", "in the rounds"})
	for _, s := range o.Summaries {
		nchan := s.RatioTo(result.NchanName)
		var limits []string
		failed := func(of func(result.Probe) float64) figure {
			return medianOf(o, s, func(m result.Measurement) float64 {
				p := m.Search.Beyond()
				return of(p)
			})
		}
		for _, m := range o.Of(s.Lane) {
			limits = append(limits, cmp.Or(m.Search.Bottleneck, "-"))
		}
		t.AppendRow(table.Row{s.Name(), median(s.Value, 0), bounds(s.Value, 0), median(nchan, 2), bounds(nchan, 2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }).digits(2),
			medianOf(o, s, result.Measurement.EventsPerWrite).digits(2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivery.P99) / 1e6 }).digits(1),
			failed(func(p result.Probe) float64 { return p.ServerBusy }).digits(2), failed(func(p result.Probe) float64 { return p.LoadBusy }).digits(2),
			strings.Join(limits, " "),
		})
	}
	return t
}

// storm is the table of those who come back.
func (r Text) storm(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "the last has all, ms", "", "half have", "95 % have", "CPU", "connects", alone, alone, alone, alone, "peak MiB", "others'"})
	t.AppendHeader(table.Row{corner(o), "median", "min..max", "all, ms", "all, ms", "µs/event", "/s", "lost", "dup.", "reord.", "gaps", "resident", "p99, ms"})
	for _, s := range o.Summaries {
		var lost, duplicated, reordered, gaps int64
		for _, m := range o.Of(s.Lane) {
			lost, duplicated, reordered, gaps = lost+m.Lost, duplicated+m.Duplicated, reordered+m.Reordered, gaps+m.Gaps
		}
		recovery := func(of func(result.Recovery) float64) figure {
			return medianOf(o, s, func(m result.Measurement) float64 {
				if m.Recovery == nil {
					return 0
				}
				return of(*m.Recovery)
			})
		}
		t.AppendRow(table.Row{s.Name(), median(s.Value, 0), bounds(s.Value, 0),
			medianOf(o, s, func(m result.Measurement) float64 {
				if m.CatchUp == nil {
					return 0
				}
				return float64(m.CatchUp.P50) / 1e6
			}).digits(0),
			recovery(func(r result.Recovery) float64 { return float64(r.Most) / 1e6 }).digits(0),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }).digits(2),
			recovery(func(r result.Recovery) float64 { return r.Timeline.ConnectsPerSecond() }).digits(0),
			r.fault(lost), r.fault(duplicated), r.fault(reordered), gaps,
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.PeakResident) / (1 << 20) }).digits(1),
			recovery(func(r result.Recovery) float64 {
				if r.Bystanders == nil {
					return 0
				}
				return float64(r.Bystanders.P99) / 1e6
			}).digits(2),
		})
	}
	return t
}

// echoes is the table of round trips.
func (r Text) echoes(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "round trip, p50 µs", "", "p99", "p99.9", "max", "round trips", "bytes", "server CPU", alone, alone, alone})
	t.AppendHeader(table.Row{corner(o), "median", "min..max", "ms", "ms", "ms", "/s", "each", "µs each", "lost", "dup.", "reord."})
	for _, s := range o.Summaries {
		var lost, duplicated, reordered int64
		for _, m := range o.Of(s.Lane) {
			lost, duplicated, reordered = lost+m.Lost, duplicated+m.Duplicated, reordered+m.Reordered
		}
		of := func(time func(result.Latency) time.Duration) string {
			return medianOf(o, s, func(m result.Measurement) float64 { return float64(time(m.Delivery)) / 1e6 }).digits(2)
		}
		t.AppendRow(table.Row{s.Name(), median(s.Value, 0), bounds(s.Value, 0),
			of(func(l result.Latency) time.Duration { return l.P99 }), of(func(l result.Latency) time.Duration { return l.P999 }), of(func(l result.Latency) time.Duration { return l.Max }),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivered) / m.Window.Seconds() }).digits(0),
			medianOf(o, s, result.Measurement.BytesPerRoundTrip).digits(1),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }).digits(1),
			r.fault(lost), r.fault(duplicated), r.fault(reordered),
		})
	}
	return t
}

// slow is the table of what slow readers do to the others, and what becomes of them.
func (r Text) slow(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "others' p99, ms", "", "p50", "max", "peak MiB", "the slow", "KiB", "cut", "after", "lost,", "and not", "gaps"})
	t.AppendHeader(table.Row{corner(o), "median", "min..max", "ms", "ms", "resident", "readers", "taken", "off", "s", "told", "told", ""})
	for _, s := range o.Summaries {
		var all result.Laggards
		for _, m := range o.Of(s.Lane) {
			if l := m.Laggards; l != nil {
				all.Readers, all.Cut, all.Gaps = all.Readers+l.Readers, all.Cut+l.Cut, all.Gaps+l.Gaps
				all.Lost, all.Silent, all.Taken = all.Lost+l.Lost, all.Silent+l.Silent, all.Taken+l.Taken
			}
		}
		t.AppendRow(table.Row{s.Name(), median(s.Value, 2), bounds(s.Value, 2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivery.P50) / 1e6 }).digits(2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.Delivery.Max) / 1e6 }).digits(2),
			medianOf(o, s, func(m result.Measurement) float64 { return float64(m.PeakResident) / (1 << 20) }).digits(1),
			all.Readers, all.Taken >> 10, all.Cut,
			medianOf(o, s, func(m result.Measurement) float64 {
				if m.Laggards == nil || m.Laggards.CutAfter == nil {
					return 0
				}
				return m.Laggards.CutAfter.P50.Seconds()
			}).digits(1),
			all.Lost - all.Silent, r.fault(all.Silent), all.Gaps,
		})
	}
	return t
}

// A figure is one that may be unknown, which is 0.
type figure float64

// digits returns it with that many digits behind the point.
func (n figure) digits(digits int) string {
	if n == 0 {
		return "-"
	}
	return number(float64(n), digits)
}

// medianOf returns the median of what may be compared.
func medianOf(o result.Outcome, s result.Summary, of func(result.Measurement) float64) figure {
	var values []float64
	for _, m := range o.Of(s.Lane) {
		if m.Verdict.Comparable() {
			values = append(values, of(m))
		}
	}
	return figure(stats.Spread(values).Median)
}

// median returns a spread's median, or a dash if it rests on nothing.
func median(s result.Spread, digits int) string {
	if s.Rounds == 0 {
		return "-"
	}
	return number(s.Median, digits)
}

// bounds returns the range of a spread, if there is one.
func bounds(s result.Spread, digits int) string {
	if s.Rounds < 2 {
		return ""
	}
	return number(s.Min, digits) + ".." + number(s.Max, digits)
}

// withBounds returns the median and what it rests on.
func withBounds(s result.Spread, digits int) string {
	if s.Rounds < 2 {
		return median(s, digits)
	}
	return fmt.Sprintf("%s (%s in %d rounds)", median(s, digits), bounds(s, digits), s.Rounds)
}

// deliveries is the table of what the transports did, in the one round that there was.
func (r Text) deliveries(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "delivery ms", "", "", "events", "bytes/event", "", "server CPU", alone, alone, alone})
	t.AppendHeader(table.Row{"transport", "p50", "p99", "max", "/write", "down", "up", "µs/event", "lost", "dup.", "reord."})
	for _, m := range o.Measurements {
		row := table.Row{m.ShortName(), "-", "-", "-", "-", "-", "-", "-", r.fault(m.Lost), r.fault(m.Duplicated), r.fault(m.Reordered)}
		if m.Verdict.Comparable() {
			if !m.Computed {
				row[1] = ms(m.Delivery.P50)
			}
			row[4] = figure(m.EventsPerWrite()).digits(2)
			row[5], row[6] = number(m.BytesDownPerEvent(), 1), number(m.BytesUpPerEvent(), 1)
		}
		if m.Verdict.Comparable() && m.ServerCPU > 0 {
			row[7] = number(float64(m.ServerCPUPerEvent())/float64(time.Microsecond), 1)
		}
		if m.Verdict.TailComparable() && !m.Computed {
			row[2], row[3] = ms(m.Delivery.P99), ms(m.Delivery.Max)
		}
		t.AppendRow(row)
	}
	return t
}

// load is the table of how the load itself did.
func (r Text) load(o result.Outcome) *grid {
	t := newTable()
	t.AppendHeader(table.Row{"", "published", "", "publish delay ms", "", "", "read delay", "cores busy", "", "", alone})
	t.AppendHeader(table.Row{"the load", "events", "/s", "p50", "p99", "max", "p99", "server", "load", "others", "deliveries"})
	for _, m := range o.Measurements {
		t.AppendRow(table.Row{
			m.ShortName(), fmt.Sprintf("%d/%d", m.Published, m.Planned), number(m.PublishRate, 2),
			ms(m.PublishDelay.P50), ms(m.PublishDelay.P99), ms(m.PublishDelay.Max), readDelay(m),
			cores(m.ServerCores()), cores(m.LoadCores()), cores(m.OtherCores()), fmt.Sprintf("%d/%d", m.Delivered, m.Expected),
		})
	}
	return t
}

// readDelay returns how long what came waited for the load to read it, or a dash if that is not known.
func readDelay(m result.Measurement) string {
	if m.ReadDelay == nil {
		return "-"
	}
	return ms(m.ReadDelay.P99)
}

// ms returns a time in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// number returns a number with that many digits behind the point.
func number(v float64, digits int) string { return fmt.Sprintf("%.*f", digits, v) }

// cores returns how many cores somebody kept busy, or a dash if that is not known.
func cores(v float64) string {
	if v == 0 {
		return "-"
	}
	return number(v, 2)
}

// fault returns a count of what should not be.
func (r Text) fault(n int64) string {
	if n == 0 {
		return "0"
	}
	return r.paint(text.FgRed, fmt.Sprint(n))
}

func (r Text) paint(color text.Color, s string) string {
	if !r.Color {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, s)
}
