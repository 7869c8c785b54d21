package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// latencySection shows how long deliveries took.
func latencySection(r result.Result, charts map[string]chart) section {
	s := section{ID: "latency", Title: "Latency by percentile", How: "Each line says how long the given share of the deliveries took at most, from when an event was due. " +
		"To the right each step is ten times rarer: at 99 % one delivery in a hundred was slower. A line ends where there are no more deliveries, or before those that must not be compared. " +
		"The other view has time below, and the share of deliveries that were slower."}
	for _, o := range r.Outcomes {
		all := slices.DeleteFunc(distributions(o, delivery), func(d distribution) bool { return d.lane.Again })
		if len(all) == 0 || o.Case.Kind == result.Storm {
			continue
		}
		var lanes []result.Lane
		for _, d := range all {
			lanes = append(lanes, d.lane)
		}
		mark, notes := marks(lanes), map[string]string{}
		c := chart{X: scale{"percentile", true, "percentile"}, Y: scale{Label: "delivery, ms", Log: true},
			Other: &chart{X: scale{Label: "delivery, ms", Log: true}, Y: scale{"share that was slower", true, "share"}}}
		t := tableView{Caption: "Delivery in ms", Columns: columns("", "p50", "p90", "p99", "p99.9", "max", "deliveries", "rounds")}
		for _, d := range all {
			name := called(d.lane, lanes)
			by, slower := d.curves()
			by.Name, by.Lane, by.Mark = name, d.lane.Transport, mark[d.lane]
			slower.Name, slower.Lane, slower.Mark = name, d.lane.Transport, mark[d.lane]
			c.Lines, c.Other.Lines = append(c.Lines, by), append(c.Other.Lines, slower)
			row := rowView{Name: name}
			for _, percentile := range []float64{50, 90, 99, 99.9, 100} {
				cell := cellView{Text: "–"}
				if d.tail == "" || percentile <= 90 {
					cell.Text = number(float64(d.histogram.ValueAtPercentile(percentile))/1000, 2)
				}
				row.Cells = append(row.Cells, cell)
			}
			row.Cells = append(row.Cells, cellView{Text: fmt.Sprint(d.histogram.TotalCount())}, cellView{Text: fmt.Sprint(d.rounds)})
			t.Rows = append(t.Rows, row)
			if d.tail != "" {
				notes[name] = "up to p90: the tail is not valid"
			}
		}
		s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{{
			ID: add(charts, c), Caption: "Delivery by percentile", Toggle: "Show the share that was slower", Legend: legend(c.Lines, notes), Table: t,
			Label: fmt.Sprintf("Line chart: delivery time by percentile of %d lanes. The table below has the numbers.", len(all)),
		}}})
	}
	return s
}

// curves returns a distribution as two lines: milliseconds by one in how many is slower, and what share is slower by
// milliseconds.
func (d distribution) curves() (by, slower curve) {
	count := float64(d.histogram.TotalCount())
	for step := 0; ; step++ {
		oneIn := math.Pow(10, float64(step)/10)
		if oneIn > count || d.tail != "" && oneIn > 10.001 {
			return by, slower
		}
		v := max(0.001, float64(d.histogram.ValueAtPercentile(100-100/oneIn))/1000)
		if step > 0 { // the shortest of all says little, and would make the line fall steeply
			by.X, by.Y = append(by.X, rounded(oneIn)), append(by.Y, rounded(v))
		}
		if n := len(slower.X); n > 0 && slower.X[n-1] == rounded(v) {
			slower.Y[n-1] = rounded(1 / oneIn)
		} else {
			slower.X, slower.Y = append(slower.X, rounded(v)), append(slower.Y, rounded(1/oneIn))
		}
	}
}

// timeSection shows how the latency went while it was measured.
func timeSection(r result.Result, charts map[string]chart) section {
	s := section{ID: "time", Title: "Latency over time", How: "What deliveries took in each interval of the first round that has them: p50, p99 and the longest. " +
		"A line that rises says that something was filling up; a single peak that something stood in the way."}
	for _, o := range r.Outcomes {
		view := caseView{Title: shortTitle(o.Case)}
		for _, of := range []struct {
			name string
			of   func(result.Interval) float64
		}{
			{"p50", func(i result.Interval) float64 { return float64(i.P50) / 1e6 }},
			{"p99", func(i result.Interval) float64 { return float64(i.P99) / 1e6 }},
			{"max", func(i result.Interval) float64 { return float64(i.Max) / 1e6 }},
		} {
			c := chart{X: scale{Label: "seconds from the first event"}, Y: scale{Label: "delivery " + of.name + ", ms", Log: true}}
			lanes := slices.DeleteFunc(lanesOf(o), func(l result.Lane) bool { return l.Again })
			mark := marks(lanes)
			var seconds []float64
			for _, lane := range lanes {
				at := slices.IndexFunc(o.Measurements, func(m result.Measurement) bool { return m.Lane == lane && len(m.Intervals) > 0 })
				if at < 0 {
					continue
				}
				l := curve{Name: called(lane, lanes), Lane: lane.Transport, Mark: mark[lane]}
				for _, i := range o.Measurements[at].Intervals {
					if v := of.of(i); v > 0 {
						l.X, l.Y = append(l.X, rounded(i.At.Seconds())), append(l.Y, rounded(v))
					}
				}
				seconds = append(seconds, l.X...)
				c.Lines = append(c.Lines, l)
			}
			if len(c.Lines) == 0 {
				continue
			}
			slices.Sort(seconds)
			view.Figures = append(view.Figures, drawing{
				ID: add(charts, c), Caption: "Delivery over time: " + of.name, Legend: legend(c.Lines, nil), Table: byX("seconds", "Delivery "+of.name+" in ms", slices.Compact(seconds), c.Lines),
				Label: fmt.Sprintf("Line chart: the %s of deliveries over time, of %d lanes. The table below has the numbers.", of.name, len(c.Lines)),
			})
		}
		if len(view.Figures) > 0 {
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// byX returns lines as a table, with a row for each place on the axis.
func byX(corner, caption string, xs []float64, lines []curve) tableView {
	t := tableView{Caption: caption, Columns: columns(corner)}
	for _, l := range lines {
		t.Columns = append(t.Columns, columnView{Name: l.Name, Lane: l.Lane})
	}
	for _, x := range xs {
		row := rowView{Name: significant(x)}
		for _, l := range lines {
			cell := cellView{Text: "–"}
			if i := slices.Index(l.X, x); i >= 0 {
				cell.Text = significant(l.Y[i])
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func columns(names ...string) (all []columnView) {
	for _, name := range names {
		all = append(all, columnView{Name: name})
	}
	return all
}

// A bar is a number and its parts, each by the share of the widest bar that it takes.
type bar struct {
	Name, Total string
	Segments    []segment
}

type segment struct {
	Part        int
	From, Width string // in percent
}

// bars returns bars and their table. parts returns, for each lane, as many numbers as there are names; none if it is not known.
func bars(o result.Outcome, unit string, names []string, parts func(result.Measurement) []float64) (f drawing) {
	lanes := slices.DeleteFunc(lanesOf(o), func(l result.Lane) bool { return l.Again })
	f.Parts = names
	f.Table = tableView{Caption: unit, Columns: columns(append(append([]string{""}, names...), "together")...)}
	type row struct {
		name   string
		values []float64
		total  float64
	}
	var rows []row
	widest := 0.0
	for _, lane := range lanes {
		values := make([][]float64, len(names))
		for _, m := range o.Of(lane) {
			if found := parts(m); found != nil && m.Verdict.Comparable() {
				for i, v := range found {
					values[i] = append(values[i], max(0, v))
				}
			}
		}
		if len(values[0]) == 0 {
			continue
		}
		one := row{name: called(lane, lanes)}
		for _, v := range values {
			one.values = append(one.values, stats.Spread(v).Median)
			one.total += stats.Spread(v).Median
		}
		widest = max(widest, one.total)
		rows = append(rows, one)
	}
	for _, one := range rows {
		b, cells, from := bar{Name: one.name, Total: significant(one.total)}, []cellView{}, 0.0
		for i, v := range one.values {
			cells = append(cells, cellView{Text: significant(v)})
			if share := 100 * v / widest; share > 0 {
				b.Segments = append(b.Segments, segment{Part: i + 1, From: number(from, 2) + "%", Width: number(share, 2) + "%"})
				from += share
			}
		}
		f.Bars = append(f.Bars, b)
		f.Table.Rows = append(f.Table.Rows, rowView{Name: one.name, Cells: append(cells, cellView{Text: b.Total})})
	}
	return f
}

// bytesSection shows what an event's bytes are made of.
func bytesSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "bytes", Title: "Bytes per event", How: "What the subscribers' connections carried for each delivered event, counted at the client above TCP. " +
		"Requests are what subscribers sent: for long polling, the next poll. What is around the data are response headers, framing and the envelope. The more events go out in one write, the fewer bytes each takes."}
	for _, o := range r.Outcomes {
		f := bars(o, "Bytes for each delivered event", []string{"requests", "around the data", "data"}, func(m result.Measurement) []float64 {
			if m.Delivered == 0 || m.BytesDown == 0 || o.Case.Kind == result.Idle {
				return nil
			}
			data := min(float64(o.Case.Size), m.BytesDownPerEvent())
			return []float64{m.BytesUpPerEvent(), m.BytesDownPerEvent() - data, data}
		})
		if len(f.Bars) > 0 {
			f.Caption, f.Kind = "Bytes per delivered event", "bytes"
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{f}})
		}
	}
	return s
}

// memorySection shows what a connection takes.
func memorySection(r result.Result, _ map[string]chart) section {
	s := section{ID: "memory", Title: "Memory per connection", How: "Resident memory that each connection adds: the slope over their number. " +
		"The rest is what Go's runtime keeps for itself, and what it has not given back. What the kernel keeps for a socket is in no process and comes on top."}
	for _, o := range r.Outcomes {
		f := bars(o, "KiB for each connection", []string{"heap", "stack", "rest"}, func(m result.Measurement) []float64 {
			if m.Memory == nil {
				return nil
			}
			per := func(s result.Slope) float64 { return max(0, s.PerConnection/1024) }
			each := m.Memory.PerConnection()
			heap, stack := per(each.Heap), per(each.Stack)
			return []float64{heap, stack, max(0, per(each.Resident)-heap-stack)}
		})
		if len(f.Bars) > 0 {
			f.Caption, f.Kind = "KiB per connection", "memory"
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{f}})
		}
	}
	return s
}

// stormSection shows how subscribers came back.
func stormSection(r result.Result, charts map[string]chart) section {
	s := section{ID: "storm", Title: "After a storm", How: "The line says which share of those who lost their connection were back and had all that they missed, that long after. " +
		"The steeper, the better; a long tail at the top is a few who had to wait."}
	for _, o := range r.Outcomes {
		all := slices.DeleteFunc(distributions(o, catchUp), func(d distribution) bool { return d.lane.Again })
		if len(all) == 0 {
			continue
		}
		var lanes []result.Lane
		for _, d := range all {
			lanes = append(lanes, d.lane)
		}
		mark := marks(lanes)
		c := chart{X: scale{Label: "ms after the storm"}, Y: scale{Label: "have all, %"}}
		t := tableView{Caption: "Until subscribers had all, in ms", Columns: columns("", "50 %", "95 %", "99 %", "all", "subscribers")}
		for _, d := range all {
			l := curve{Name: called(d.lane, lanes), Lane: d.lane.Transport, Mark: mark[d.lane], X: []float64{0}, Y: []float64{0}}
			for percent := 1; percent <= 100; percent++ {
				v := rounded(float64(d.histogram.ValueAtPercentile(float64(percent))) / 1000)
				if n := len(l.X); l.X[n-1] == v {
					l.Y[n-1] = float64(percent)
					continue
				}
				l.X, l.Y = append(l.X, v), append(l.Y, float64(percent))
			}
			c.Lines = append(c.Lines, l)
			row := rowView{Name: l.Name}
			for _, percentile := range []float64{50, 95, 99, 100} {
				row.Cells = append(row.Cells, cellView{Text: number(float64(d.histogram.ValueAtPercentile(percentile))/1000, 0)})
			}
			t.Rows = append(t.Rows, rowView{row.Name, append(row.Cells, cellView{Text: fmt.Sprint(d.histogram.TotalCount())})})
		}
		s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{{
			ID: add(charts, c), Caption: "Who is back, with all that was missed", Legend: legend(c.Lines, nil), Table: t,
			Label: fmt.Sprintf("Line chart: the share of subscribers that had caught up over time, of %d lanes. The table below has the numbers.", len(all)),
		}}})
	}
	return s
}

// capacitySection shows what happens near the highest rate.
func capacitySection(r result.Result, charts map[string]chart) section {
	s := section{ID: "capacity", Title: "Up to the highest rate", How: "Each point is a rate that was tried, with the p99 of its deliveries, over all rounds. Where a line turns up, events begin to wait for others. " +
		"The table says what was sustained, and what was wrong with the lowest rate that was not."}
	for _, o := range r.Outcomes {
		lanes := slices.DeleteFunc(lanesOf(o), func(l result.Lane) bool { return l.Again })
		mark := marks(lanes)
		c := chart{X: scale{Label: "events/s", Log: true}, Y: scale{Label: "delivery p99, ms", Log: true}}
		t := tableView{Caption: "Rates that were tried", Columns: columns("", "events/s", "p99, ms", "times", "sustained", "events/write")}
		for _, lane := range lanes {
			probes := map[float64][]result.Probe{}
			for _, m := range o.Of(lane) {
				if m.Search != nil {
					for _, p := range m.Search.Probes {
						probes[p.Rate] = append(probes[p.Rate], p)
					}
				}
			}
			l := curve{Name: called(lane, lanes), Lane: lane.Transport, Mark: mark[lane]}
			for _, rate := range sortedKeys(probes) {
				var p99, batch []float64
				sustained := 0
				for _, p := range probes[rate] {
					if p.P99 > 0 {
						p99 = append(p99, float64(p.P99)/1e6)
					}
					batch = append(batch, p.EventsPerWrite)
					if p.Problem == "" {
						sustained++
					}
				}
				median := stats.Spread(p99)
				if median.Rounds > 0 {
					l.X, l.Y = append(l.X, rounded(rate)), append(l.Y, rounded(median.Median))
				}
				cell := cellView{Text: fmt.Sprintf("%d of %d", sustained, len(probes[rate]))}
				t.Rows = append(t.Rows, rowView{l.Name, []cellView{{Text: significant(rate)}, {Text: figureOr(median)}, {Text: fmt.Sprint(len(probes[rate]))}, cell, {Text: significant(stats.Spread(batch).Median)}}})
			}
			if len(l.X) > 0 {
				c.Lines = append(c.Lines, l)
			}
		}
		if len(c.Lines) > 0 {
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{{
				ID: add(charts, c), Caption: "Delivery p99 by rate", Legend: legend(c.Lines, nil), Table: t,
				Label: fmt.Sprintf("Line chart: the p99 of deliveries by rate, of %d lanes. The table below has the numbers.", len(c.Lines)),
			}}})
		}
	}
	return s
}

func figureOr(s result.Spread) string {
	if s.Rounds == 0 {
		return "–"
	}
	return significant(s.Median)
}

func sortedKeys[V any](m map[float64]V) []float64 {
	var keys []float64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// sweepSection shows how costs go with the rate, or with something else of which there are several.
func sweepSection(r result.Result, charts map[string]chart) section {
	s := section{ID: "sweep", Title: "What it costs, and when", How: "Both axes are logarithmic: a line that falls by one step for each step to the right says that a cost is shared by all events. " +
		"A number in a ring is where two lines cross, by straight lines between what was measured: which of them is cheaper changes there."}
	type axisOf struct {
		label, corner string
		of            func(result.Case) float64
		fixed         func(*result.Case) // takes it out of the case, so that the rest can be compared
	}
	for _, along := range []axisOf{
		{"events/s", "events/s", func(c result.Case) float64 { return c.Rate }, func(c *result.Case) { c.Rate = 0 }},
		{"subscribers", "subscribers", func(c result.Case) float64 { return float64(c.Subscribers) }, func(c *result.Case) { c.Subscribers = 0 }},
		{"bytes of data", "bytes", func(c result.Case) float64 { return float64(c.Size) }, func(c *result.Case) { c.Size = 0 }},
	} {
		groups, order := map[string][]result.Outcome{}, []string{}
		for _, o := range r.Outcomes {
			if o.Case.Kind != result.FanOut {
				continue
			}
			rest := o.Case
			along.fixed(&rest)
			key := fmt.Sprint(rest.ID, rest.Name, rest.Subscribers, rest.Rate, rest.Size, rest.Data, rest.RTT)
			if groups[key] == nil {
				order = append(order, key)
			}
			groups[key] = append(groups[key], o)
		}
		for _, key := range order {
			group := withoutTwins(groups[key], along.of)
			var xs []float64
			for _, o := range group {
				xs = append(xs, along.of(o.Case))
			}
			slices.Sort(xs)
			xs = slices.Compact(xs)
			if len(xs) < 2 {
				continue
			}
			view := caseView{Title: group[0].Case.Name + " by " + along.label + fixedWords(group[0].Case, along.label)}
			if computed := slices.DeleteFunc(slices.Clone(group), func(o result.Outcome) bool { return !o.Case.Computed }); len(computed) > 0 {
				var at []string
				for _, o := range computed {
					at = append(at, plain(along.of(o.Case)))
				}
				view.Title += "; computed at " + strings.Join(at, ", ")
			}
			for _, cost := range []struct{ caption, label, metric string }{
				{"Server CPU per event", "µs/event", "server_cpu_us_per_event"}, {"Bytes per event, both ways", "bytes/event", ""}, {"Delivery p50", "ms", "delivery_p50_ms"},
			} {
				c := sweep(group, along.of, cost.metric)
				if len(c.Lines) == 0 {
					continue
				}
				c.X, c.Y = scale{Label: along.label, Log: true}, scale{Label: cost.label, Log: true}
				f := drawing{ID: add(charts, c), Caption: cost.caption, Legend: legend(c.Lines, nil), Table: byX(along.corner, cost.label, xs, c.Lines),
					Label: fmt.Sprintf("Line chart: %s by %s, of %d lanes. The table below has the numbers.", cost.caption, along.label, len(c.Lines))}
				for i, x := range c.Crossings {
					f.Notes = append(f.Notes, fmt.Sprintf("%d: up to %s %s %s takes less, from there %s.", i+1, significant(x.X), along.label, x.Before, x.After))
				}
				view.Figures = append(view.Figures, f)
			}
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// withoutTwins leaves out what was computed and measured too.
func withoutTwins(group []result.Outcome, of func(result.Case) float64) []result.Outcome {
	measured := map[float64]bool{}
	for _, o := range group {
		measured[of(o.Case)] = measured[of(o.Case)] || !o.Case.Computed
	}
	return slices.DeleteFunc(group, func(o result.Outcome) bool { return o.Case.Computed && measured[of(o.Case)] })
}

// fixedWords says what is the same in all cases of a group.
func fixedWords(c result.Case, label string) string {
	var words []string
	if label != "subscribers" {
		words = append(words, fmt.Sprintf("%d subscribers", c.Subscribers))
	}
	if label != "events/s" {
		words = append(words, plain(c.Rate)+" events/s")
	}
	if label != "bytes of data" {
		words = append(words, fmt.Sprintf("%d bytes of data", c.Size))
	}
	c.Computed, c.Verifies = false, false // these differ
	return "; " + strings.Join(append(words, c.Traits()...), ", ")
}

// sweep returns a cost's lines over the cases of a group: that of a metric, or of all bytes.
func sweep(group []result.Outcome, of func(result.Case) float64, name string) (c chart) {
	value := func(m result.Measurement) (float64, bool) {
		if name == "" {
			return m.BytesDownPerEvent() + m.BytesUpPerEvent(), m.Delivered > 0 && m.BytesDown > 0
		}
		return result.Metric(name).Info().Value(m)
	}
	var lanes []result.Lane
	points := map[result.Lane]map[float64][]float64{}
	for _, o := range group {
		for _, lane := range lanesOf(o) {
			if lane.Again {
				continue
			}
			if points[lane] == nil {
				points[lane] = map[float64][]float64{}
				lanes = append(lanes, lane)
			}
			for _, m := range o.Of(lane) {
				if v, ok := value(m); ok && v > 0 && m.Verdict.Comparable() {
					points[lane][of(o.Case)] = append(points[lane][of(o.Case)], v)
				}
			}
		}
	}
	mark := marks(lanes)
	for _, lane := range lanes {
		l := curve{Name: called(lane, lanes), Lane: lane.Transport, Mark: mark[lane], reference: result.IsLeast(lane.Target)}
		for _, x := range sortedKeys(points[lane]) {
			l.X, l.Y = append(l.X, x), append(l.Y, rounded(stats.Spread(points[lane][x]).Median))
		}
		if len(l.X) > 0 {
			c.Lines = append(c.Lines, l)
		}
	}
	c.Crossings = crossings(slices.DeleteFunc(slices.Clone(c.Lines), func(l curve) bool { return l.reference }))
	return c
}
