package report

import (
	"slices"
	"strings"

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

func summarySection(r result.Result, _ map[string]chart) section {
	s := section{ID: "summary", Title: "Summary", How: "Each number is the median of the rounds that may be compared; below it is the interval that has the median with 95 %, " +
		"by the order of the rounds alone: of fewer than 6 rounds, and of bytes, it is their range. The best of a row is bold. " +
		"~ marks those that cannot be told from the best: chance alone makes rounds this different in 5 of 100 cases (Mann-Whitney U), or the difference is not above 3 %, " +
		"or not above what a lane differs by from itself; bytes are told apart without that. With fewer than 4 rounds nothing else can be. Who lost something is not among the best. " +
		"The floor, and the hub alone (null), are what must be paid in any case, so they are not either."}
	for _, o := range r.Outcomes {
		if t := summaryTable(o); len(t.Rows) > 0 {
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Tables: []tableView{t}})
		}
	}
	return s
}

func summaryTable(o result.Outcome) tableView {
	lanes := stats.Lanes(o)
	t := tableView{Columns: []columnView{{Name: ""}}}
	for _, lane := range lanes {
		t.Columns = append(t.Columns, columnView{Name: called(lane, lanes), Lane: lane.Transport})
	}
	for _, f := range facts() {
		if !f.metric.Info().KnownIn(o.Case.Kind) {
			continue
		}
		standing := map[result.Lane]stats.Standing{}
		for _, r := range ranking(o, f) {
			standing[r.Lane] = r.Standing
		}
		row, any := rowView{Name: f.name}, false
		for _, lane := range lanes {
			c := stats.CellOf(o, lane, f.metric)
			any = any || c.High > 0
			cell := cellView{Text: "–", Class: map[stats.Standing]string{stats.Best: "best", stats.Tie: "tie"}[standing[lane]]}
			if c.Measured() {
				cell.Text = significant(c.Center)
				if low, high := significant(c.Low), significant(c.High); low != high {
					cell.Small = low + "–" + high
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		if any {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// ranking returns how lanes do in a fact beside each other; nothing if they are no rivals, none has anything of it, or the
// case is not about it: a search measures each lane at a rate of its own. The best is best alone: if others cannot be told from
// it, it is a tie as well.
func ranking(o result.Outcome, f fact) []stats.Ranked {
	if f.neutral || !f.metric.Info().MeasuredIn(o.Case.Kind) {
		return nil
	}
	ranked := stats.Rank(o, slices.DeleteFunc(stats.Lanes(o), func(l result.Lane) bool { return result.IsLeast(l.Target) }), f.metric)
	rivals, best, ties := 0, -1, 0
	for i, r := range ranked {
		switch r.Standing {
		case stats.Unranked:
			continue
		case stats.Best:
			best = i
		case stats.Tie:
			ties++
		}
		rivals++
	}
	if rivals < 2 || ranked[best].Cell.Center == 0 {
		return nil
	}
	if ties > 0 {
		ranked[best].Standing = stats.Tie
	}
	return ranked
}

// leaders says in a line who is best at what, where somebody is behind; "" if nobody is.
func leaders(o result.Outcome) string {
	lanes := stats.Lanes(o)
	var all []string
	for _, f := range facts() {
		var first []string
		behind := false
		for _, r := range ranking(o, f) {
			switch r.Standing {
			case stats.Best, stats.Tie:
				first = append(first, called(r.Lane, lanes))
			case stats.Behind:
				behind = true
			}
		}
		if behind {
			all = append(all, f.name+": "+strings.Join(first, " ~ "))
		}
	}
	return strings.Join(all, "; ")
}
