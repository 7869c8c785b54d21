package report

import (
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A fact is a row of the summary: a metric over the rounds.
type fact struct {
	name   string
	metric result.Metric
	// neutral says that neither more nor less is better.
	neutral bool
}

func facts() []fact {
	return []fact{
		{"delivery p50, ms", "delivery_p50_ms", false},
		{"delivery p99, ms", "delivery_p99_ms", false},
		{"round trip p50, µs", result.RoundTrip, false},
		{"delivery p99.9, ms", "delivery_p99_9_ms", false},
		{"delivery max, ms", "delivery_max_ms", false},
		{"bytes/event down", "bytes_down_per_event", false},
		{"bytes/event up", "bytes_up_per_event", false},
		{"events/write", "events_per_write", true},
		{"server CPU, µs/event", "server_cpu_us_per_event", false},
		{"resident, KiB/connection", "resident_kib_per_connection", false},
		{"half have caught up, ms", "catch_up_p50_ms", false},
		{"all have caught up, ms", "catch_up_ms", false},
		{"CPU, µs/idle connection/s", "idle_cpu_us_per_connection_second", false},
		{"deliveries/s at most", "deliveries_per_second", false},
	}
}

// like is how near medians of single rounds are to be taken for the same.
const like = 0.03

func summarySection(r result.Result, _ map[string]chart) section {
	s := section{ID: "summary", Title: "Summary", How: "Each number is the median of the rounds that may be compared; below it is their range. " +
		"The best of a row is bold. ~ marks those that cannot be told from the best: their ranges overlap, or they differ by less than 3 % if it was one round. " +
		"The floor, and the hub alone (null), are what must be paid in any case, so they are not among the best."}
	for _, o := range r.Outcomes {
		if t := summaryTable(o); len(t.Rows) > 0 {
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Tables: []tableView{t}})
		}
	}
	return s
}

func summaryTable(o result.Outcome) tableView {
	lanes := slices.DeleteFunc(lanesOf(o), func(l result.Lane) bool { return l.Again })
	t := tableView{Columns: []columnView{{Name: ""}}}
	for _, lane := range lanes {
		t.Columns = append(t.Columns, columnView{Name: called(lane, lanes), Lane: lane.Transport})
	}
	for _, f := range facts() {
		info := f.metric.Info()
		spreads := make([]result.Spread, len(lanes))
		any := false
		for i, lane := range lanes {
			var values []float64
			for _, m := range o.Of(lane) {
				if v, ok := known(info, o.Case, m); ok {
					values = append(values, v)
				}
			}
			spreads[i] = stats.Spread(values)
			any = any || spreads[i].Max > 0
		}
		if !any {
			continue
		}
		row := rowView{Name: f.name}
		classes := make([]string, len(lanes))
		if !f.neutral {
			classes = best(lanes, spreads, info.Better == result.Higher)
		}
		for i, spread := range spreads {
			cell := cellView{Text: "–", Class: classes[i]}
			if spread.Rounds > 0 {
				cell.Text = significant(spread.Median)
				if spread.Rounds > 1 && significant(spread.Min) != significant(spread.Max) {
					cell.Small = significant(spread.Min) + "–" + significant(spread.Max)
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// best returns which of a row is "best", or which "tie". What is alone is neither.
func best(lanes []result.Lane, spreads []result.Spread, higher bool) []string {
	classes, rivals, first := make([]string, len(lanes)), 0, -1
	rival := func(i int) bool { return spreads[i].Rounds > 0 && !result.IsLeast(lanes[i].Target) }
	for i, s := range spreads {
		if !rival(i) {
			continue
		}
		rivals++
		if first < 0 || higher && s.Median > spreads[first].Median || !higher && s.Median < spreads[first].Median {
			first = i
		}
	}
	if rivals < 2 || spreads[first].Median == 0 { // many have nothing of it
		return classes
	}
	classes[first] = "best"
	for i, s := range spreads {
		if i != first && rival(i) && same(s, spreads[first]) {
			classes[i], classes[first] = "tie", "tie"
		}
	}
	return classes
}

// same reports whether two cannot be told apart.
func same(a, b result.Spread) bool {
	if a.Rounds > 1 && b.Rounds > 1 {
		return a.Min <= b.Max && b.Min <= a.Max
	}
	return max(a.Median, b.Median) <= (1+like)*min(a.Median, b.Median)
}
