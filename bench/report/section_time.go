package report

import (
	"fmt"
	"slices"
	"time"

	"pushlab/bench/result"
)

// timeSection shows how the latency went while it was measured.
func timeSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "time", Title: "Latency over time", How: "What deliveries took in each interval of the first round that has them: " +
		"the rows of a picture have the same time and the same scale, in ms. A row that rises says that something was filling up; a single peak that something stood in the way. " +
		"Below each row stands when garbage was collected, by the server if it is a Go program that the run has started (it tells by gctrace), and by the load itself. " +
		"A fault is an interval at whose end subscribers had no connection, or deliveries were missing that had been due before it began."}
	for _, o := range r.Outcomes {
		if f, ok := course(o); ok {
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{f}})
		}
	}
	return s
}

// course returns the picture of a case's deliveries over time.
func course(o result.Outcome) (f drawing, ok bool) {
	lanes := withoutAgain(lanesOf(o))
	var found []result.Measurement
	var values []float64
	length := span(0)
	for _, lane := range lanes {
		at := slices.IndexFunc(o.Measurements, func(m result.Measurement) bool { return m.Lane == lane && len(m.Intervals) > 1 })
		if at < 0 {
			continue
		}
		m := o.Measurements[at]
		found = append(found, m)
		for _, i := range m.Intervals {
			length = max(length, span((i.At + i.Took).Seconds()))
			for _, v := range []time.Duration{i.P50, i.Max} {
				if v > 0 {
					values = append(values, millis(v))
				}
			}
		}
	}
	if len(values) == 0 || length == 0 {
		return f, false
	}
	low, high, tiers := decades(values)
	f.Caption, f.Moments = "Delivery over time, ms", length.moments()
	if o.Case.Kind == result.Echo {
		f.Caption = "Round trips over time, ms"
	}
	f.Keys = []stripKey{{"p50", "p50"}, {"p99", "p99"}, {"max", "the longest"}}
	f.Table = tableView{Caption: f.Caption, Columns: columns("", "from, s", "deliveries", "p50", "p99", "max", "GCs of the server", "of the load", "without connection", "missing")}
	kinds := map[string]bool{}
	for _, m := range found {
		row := strip{Name: called(m.Lane, lanes), Lane: m.Transport}
		x := map[string][]float64{}
		y := map[string][]float64{}
		sparse := sparse(m.Intervals)
		for n, i := range m.Intervals {
			middle := (i.At + i.Took/2).Seconds()
			at := []float64{middle}
			if sparse {
				at = []float64{i.At.Seconds(), (i.At + i.Took).Seconds()}
			}
			for kind, v := range map[string]time.Duration{"p50": i.P50, "p99": i.P99, "max": i.Max} {
				for _, seconds := range at {
					if i.Delivered > 0 {
						x[kind], y[kind] = append(x[kind], seconds), append(y[kind], max(low, millis(v)))
					}
				}
			}
			if i.Away > 0 || i.Missing > 0 {
				row.Marks = append(row.Marks, stripMark{Kind: "fault", At: length.at(middle), Words: faultWords(i)})
			}
			f.Table.Rows = append(f.Table.Rows, intervalRow(row.Name, m, n))
		}
		z := zone{Top: "0%", Height: "84%", Kind: "latency", Tiers: tiers}
		z.Lines = append(z.Lines, stripLine{"band", length.points(x["p50"], y["p50"], low, high, true) + " " + reversed(length, x["p99"], y["p99"], low, high)})
		for _, kind := range []string{"max", "p99", "p50"} {
			z.Lines = append(z.Lines, stripLine{kind, length.points(x[kind], y[kind], low, high, true)})
		}
		row.Zones = []zone{z}
		if c := m.Collections; c != nil {
			for kind, times := range map[string][]time.Duration{"server-gc": c.Server, "load-gc": c.Load} {
				for _, at := range length.sparse(seconds(times), 250) {
					row.Marks = append(row.Marks, stripMark{Kind: kind, At: length.at(at)})
				}
			}
		}
		slices.SortStableFunc(row.Marks, func(a, b stripMark) int { return len(b.Kind) - len(a.Kind) }) // the same page each time
		for _, mark := range row.Marks {
			kinds[mark.Kind] = true
		}
		if len(y["max"]) > 0 {
			row.Label = fmt.Sprintf("%s over time; the longest took %s ms. The table below has the numbers.", row.Name, significant(slices.Max(y["max"])))
		}
		f.Strips = append(f.Strips, row)
	}
	for _, key := range []stripKey{{"server-gc", "the server collects garbage"}, {"load-gc", "the load does"}, {"fault", "fault"}} {
		if kinds[key.Kind] {
			f.Keys = append(f.Keys, key)
		}
	}
	return f, true
}

// sparse reports whether there are intervals without deliveries, so that a line needs a width where there are some.
func sparse(intervals []result.Interval) bool {
	return slices.ContainsFunc(intervals, func(i result.Interval) bool { return i.Delivered == 0 })
}

// intervalRow is the row of the table for an interval of a measurement.
func intervalRow(name string, m result.Measurement, n int) rowView {
	i := m.Intervals[n]
	collections := func(of func(result.Collections) []time.Duration) string {
		if m.Collections == nil {
			return "0"
		}
		count := 0
		for _, at := range of(*m.Collections) {
			if at >= i.At && at < i.At+i.Took {
				count++
			}
		}
		return fmt.Sprint(count)
	}
	row := rowView{Name: name}
	texts := []string{number(i.At.Seconds(), 2), fmt.Sprint(i.Delivered), "–", "–", "–",
		collections(func(c result.Collections) []time.Duration { return c.Server }), collections(func(c result.Collections) []time.Duration { return c.Load }),
		fmt.Sprint(i.Away), fmt.Sprint(i.Missing)}
	if i.Delivered > 0 {
		texts[2], texts[3], texts[4] = significant(millis(i.P50)), significant(millis(i.P99)), significant(millis(i.Max))
	}
	for _, text := range texts {
		row.Cells = append(row.Cells, cellView{Text: text})
	}
	return row
}

// faultWords says what was wrong at the end of an interval.
func faultWords(i result.Interval) string {
	words := fmt.Sprintf("until %s s: ", number((i.At+i.Took).Seconds(), 1))
	switch {
	case i.Away > 0 && i.Missing > 0:
		return words + fmt.Sprintf("%d without a connection, %d deliveries missing", i.Away, i.Missing)
	case i.Away > 0:
		return words + fmt.Sprintf("%d without a connection", i.Away)
	}
	return words + fmt.Sprintf("%d deliveries missing", i.Missing)
}

// reversed returns a line's points from its end.
func reversed(s span, x, y []float64, low, high float64) string {
	x, y = slices.Clone(x), slices.Clone(y)
	slices.Reverse(x)
	slices.Reverse(y)
	return s.points(x, y, low, high, true)
}

// millis is a time in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / 1e6 }

func seconds(times []time.Duration) (all []float64) {
	for _, t := range times {
		all = append(all, t.Seconds())
	}
	return all
}
