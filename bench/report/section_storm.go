package report

import (
	"fmt"
	"slices"
	"time"

	"pushlab/bench/result"
)

// stormSection shows how subscribers came back.
func stormSection(r result.Result, charts map[string]chart) section {
	s := section{ID: "storm", Title: "After a storm", How: "The first picture says which share of those who lost their connection were back and had all that they missed, that long after: " +
		"the steeper, the better; a long tail at the top is a few who had to wait. The other is the first round from when the first connection went: how many were connected, " +
		"how many connected in a second, and when gaps were announced, to those who could not be given what they missed. The rows have the same time and the same scales."}
	for _, o := range r.Outcomes {
		if o.Case.Kind != result.Storm {
			continue
		}
		view := caseView{Title: shortTitle(o.Case)}
		if f, ok := comebacks(o, charts); ok {
			view.Figures = append(view.Figures, f)
		}
		if f, ok := timelines(o); ok {
			view.Figures = append(view.Figures, f)
		}
		if len(view.Figures) > 0 {
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// comebacks returns how long subscribers took until they had all.
func comebacks(o result.Outcome, charts map[string]chart) (f drawing, ok bool) {
	all := slices.DeleteFunc(distributions(o, catchUp), func(d distribution) bool { return d.lane.Again })
	if len(all) == 0 {
		return f, false
	}
	var lanes []result.Lane
	for _, d := range all {
		lanes = append(lanes, d.lane)
	}
	mark := marks(lanes)
	c := chart{X: scale{Label: "ms after the storm"}, Y: scale{Label: "have all, %", Top: 100}}
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
		t.Rows = append(t.Rows, rowView{Name: row.Name, Cells: append(row.Cells, cellView{Text: fmt.Sprint(d.histogram.TotalCount())})})
	}
	return drawing{
		ID: add(charts, c), Caption: "Who is back, with all that was missed", Legend: legend(c.Lines, nil), Table: t,
		Label: fmt.Sprintf("Line chart: the share of subscribers that had caught up over time, of %d lanes. The table below has the numbers.", len(all)),
	}, true
}

// timelines returns who was connected when, in the first round that tells.
func timelines(o result.Outcome) (f drawing, ok bool) {
	lanes := withoutAgain(lanesOf(o))
	var found []result.Measurement
	length, most, fastest := span(0), 1, 0.0
	for _, lane := range lanes {
		at := slices.IndexFunc(o.Measurements, func(m result.Measurement) bool {
			return m.Lane == lane && m.Recovery != nil && len(m.Recovery.Timeline.Points) > 1
		})
		if at < 0 {
			continue
		}
		m := o.Measurements[at]
		found = append(found, m)
		line := m.Recovery.Timeline
		length = max(length, span((time.Duration(len(line.Points)) * line.Width).Seconds()))
		for _, p := range line.Points {
			most = max(most, p.Connected)
		}
		fastest = max(fastest, line.ConnectsPerSecond())
	}
	if len(found) == 0 {
		return f, false
	}
	f.Caption, f.Moments = "Who was connected when", length.moments()
	f.Keys = []stripKey{{"connected", "connected"}, {"connects", "connects per second"}}
	f.Table = tableView{Caption: f.Caption, Columns: columns("", "from, s", "connected at the end", "connects/s", "gaps")}
	gaps, down := false, false
	for _, m := range found {
		line := m.Recovery.Timeline
		row := strip{Name: called(m.Lane, lanes), Lane: m.Transport, Label: fmt.Sprintf(
			"%s over time: at most %s connects/s. The table below has the numbers.", called(m.Lane, lanes), significantShort(line.ConnectsPerSecond()))}
		var x, connected, connects []float64
		before := result.TimelinePoint{}
		for i, p := range line.Points {
			from, until := (time.Duration(i) * line.Width).Seconds(), (time.Duration(i+1) * line.Width).Seconds()
			rate := float64(p.Connects) / line.Width.Seconds()
			x = append(x, from, until)
			connected = append(connected, float64(p.Connected), float64(p.Connected))
			connects = append(connects, rate, rate)
			if p.Gaps > 0 {
				row.Marks = append(row.Marks, stripMark{Kind: "gap", At: length.at((from + until) / 2), Words: fmt.Sprintf("%d gaps at %s s", p.Gaps, number(from, 1))})
				gaps = true
			}
			if i == 0 || i == len(line.Points)-1 || p != before { // a long wait is one row
				cells := []cellView{{Text: number(from, 1)}, {Text: fmt.Sprint(p.Connected)}, {Text: significantShort(rate)}, {Text: fmt.Sprint(p.Gaps)}}
				f.Table.Rows = append(f.Table.Rows, rowView{Name: row.Name, Cells: cells})
			}
			before = p
		}
		end := x[len(x)-1]
		area := func(y []float64, high float64) string {
			return length.points(append(append([]float64{0}, x...), end), append(append([]float64{0}, y...), 0), 0, max(high, 1), false)
		}
		row.Zones = []zone{
			{Top: "4%", Height: "48%", Kind: "connected", Lines: []stripLine{{"connected", area(connected, float64(most))}, {"present", length.points(x, connected, 0, float64(most), false)}},
				Tiers: []tier{{"0%", significantShort(float64(most))}, {"100%", ""}}},
			{Top: "62%", Height: "36%", Kind: "connects", Lines: []stripLine{{"connects", area(connects, fastest)}},
				Tiers: []tier{{"0%", significantShort(fastest) + "/s"}, {"100%", ""}}},
		}
		if d := m.Recovery.Down; d > 0 {
			row.Marks = append(row.Marks, stripMark{Kind: "down", At: "0%", Width: length.at(d.Seconds()), Words: fmt.Sprintf("the server was away for %s s", number(d.Seconds(), 1))})
			down = true
		}
		f.Strips = append(f.Strips, row)
	}
	if down {
		f.Keys = append(f.Keys, stripKey{"down", "the server is away"})
	}
	if gaps {
		f.Keys = append(f.Keys, stripKey{"gap", "gaps are announced"})
	}
	return f, true
}
