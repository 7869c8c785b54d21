package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pushlab/bench/result"
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
		what := "delivery"
		if o.Case.Kind == result.Echo {
			what = "round trip"
		}
		mark := marks(lanes)
		var lines []shown
		for _, d := range all {
			lines = append(lines, shown{d, called(d.lane, lanes), mark[d.lane]})
		}
		s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{percentiles(charts, what, lines)}})
	}
	return s
}

// A shown is a distribution as a line: what it is called, and its mark.
type shown struct {
	distribution
	name string
	mark int
}

// percentiles draws distributions over each other, with their numbers. What says what they are of.
func percentiles(charts map[string]chart, what string, all []shown) drawing {
	c := chart{
		X: scale{Label: "percentile", Log: true, Words: "percentile"}, Y: scale{Label: what + ", ms", Log: true},
		Other: &chart{X: scale{Label: what + ", ms", Log: true}, Y: scale{Label: "share that was slower", Log: true, Words: "share"}},
	}
	What := strings.ToUpper(what[:1]) + what[1:]
	t := tableView{Caption: What + " in ms", Columns: columns("", "p50", "p90", "p99", "p99.9", "max", "count", "rounds")}
	notes := map[string]string{}
	for _, d := range all {
		by, slower := d.curves()
		for _, line := range []*curve{&by, &slower} {
			line.Name, line.Lane, line.Mark = d.name, d.lane.Transport, d.mark
		}
		c.Lines, c.Other.Lines = append(c.Lines, by), append(c.Other.Lines, slower)
		row := rowView{Name: d.name}
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
			notes[d.name] = "up to p90: the tail is not valid"
		}
	}
	return drawing{
		ID: add(charts, c), Caption: What + " by percentile", Toggle: "Show the share that was slower", Legend: legend(c.Lines, notes), Table: t,
		Label: fmt.Sprintf("Line chart: %s by percentile, %d lines. The table below has the numbers.", what, len(all)),
	}
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
