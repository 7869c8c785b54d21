package report

import (
	"fmt"
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// capacitySection shows what happens near the highest rate.
func capacitySection(r result.Result, charts map[string]chart) section {
	s := section{ID: "capacity", Title: "Up to the highest rate", How: "Each point is a rate that was tried, with the p99 of its deliveries, over all rounds. Where a line turns up, events begin to wait for others. " +
		"The table says how often each rate was sustained, and what was wrong when it was not."}
	for _, o := range r.Outcomes {
		lanes := slices.DeleteFunc(lanesOf(o), func(l result.Lane) bool { return l.Again })
		mark := marks(lanes)
		c := chart{X: scale{Label: "events/s", Log: true}, Y: scale{Label: "delivery p99, ms", Log: true}, Points: true}
		t := tableView{Caption: "Rates that were tried", Columns: columns("", "events/s", "p99, ms", "times", "sustained", "events/write")}
		t.Columns = append(t.Columns, columnView{Name: "what was wrong", Text: true})
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
				sustained, problem := 0, "–"
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
				t.Rows = append(t.Rows, rowView{Name: l.Name, Cells: []cellView{{Text: significant(rate)}, {Text: figureOr(median)}, {Text: fmt.Sprint(len(probes[rate]))}, cell, {Text: significant(stats.Spread(batch).Median)}, {Text: problem, Class: "text"}}})
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
