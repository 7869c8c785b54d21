package report

import (
	"fmt"
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// betweenSection shows what variants add to the lane without one, and what lanes are not there.
func betweenSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "added", Title: "What a variant adds", How: "By how much deliveries take longer than directly, in the same round: the median of the rounds' differences, and below it their range. " +
		"What stands between is a process of its own: its CPU time and memory are in no other number. Lanes that make no sense are left out, with the reason."}
	for _, o := range r.Outcomes {
		view := caseView{Title: shortTitle(o.Case)}
		if t := addedTable(o); len(t.Rows) > 0 {
			view.Tables = append(view.Tables, t)
		}
		for _, l := range o.LeftOut {
			view.Verdicts = append(view.Verdicts, verdictView{"plain", string(omitted), l.Name() + ": " + l.Reason})
		}
		if len(view.Tables) > 0 || len(view.Verdicts) > 0 {
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// distance is what the proxy is called that only makes round trips longer.
const distance = "delay"

// addedTable has a row for each lane that adds something, or has something in between.
func addedTable(o result.Outcome) tableView {
	lanes := withoutAgain(lanesOf(o))
	t := tableView{Columns: columns("", "p50, ms", "p99, ms", "CPU between, µs/event", "memory between, MiB", "not in time", "closed early")}
	for _, lane := range lanes {
		at := slices.IndexFunc(o.Added, func(a result.Addition) bool { return a.Lane == lane })
		var cpu, memory []float64
		var late, closed int64
		stands := at >= 0
		for _, m := range o.Of(lane) {
			late, closed = late+m.NotInTime, closed+m.PrematureCloses
			if len(m.Between) == 0 || !m.Verdict.Comparable() {
				continue
			}
			full := int64(0)
			for _, b := range m.Between {
				full += b.Full
				stands = stands || b.Name != distance
			}
			cpu, memory = append(cpu, float64(m.BetweenCPUPerEvent())/1e3), append(memory, float64(full)/(1<<20))
		}
		if !stands && late == 0 && closed == 0 {
			continue
		}
		row := rowView{Name: called(lane, lanes), Cells: []cellView{{Text: "–"}, {Text: "–"}}}
		if at >= 0 {
			for i, s := range []result.Spread{o.Added[at].P50, o.Added[at].P99} {
				row.Cells[i] = spreadCell(s)
			}
		}
		row.Cells = append(row.Cells, spreadCell(stats.Spread(cpu)), spreadCell(stats.Spread(memory)), cellView{Text: fmt.Sprint(late)}, cellView{Text: fmt.Sprint(closed)})
		t.Rows = append(t.Rows, row)
	}
	return t
}

// spreadCell shows a median, and the range that it rests on.
func spreadCell(s result.Spread) cellView {
	c := cellView{Text: figureOr(s)}
	if s.Rounds > 1 && significant(s.Min) != significant(s.Max) {
		c.Small = significant(s.Min) + "–" + significant(s.Max)
	}
	return c
}
