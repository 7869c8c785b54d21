package report

import (
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A bar is a number and its parts, each by the share of the widest bar that it takes.
type bar struct {
	Name, Lane, Total string
	Segments          []segment
}

type segment struct {
	Part        int
	From, Width string // in percent
}

// A barPart is what bars of a kind may have; Part decides how it looks.
type barPart struct {
	Part int
	Name string
}

// bars returns bars and their table. parts returns, for each lane, as many numbers as there are names; none if it is not
// known. A part that no lane has anything of is left out.
func bars(o result.Outcome, unit string, names []string, parts func(result.Measurement) []float64) (f drawing) {
	lanes := withoutAgain(lanesOf(o))
	type row struct {
		lane   result.Lane
		values []float64
		total  float64
	}
	var rows []row
	widest, used := 0.0, make([]bool, len(names))
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
		one := row{lane: lane}
		for i, v := range values {
			median := stats.Spread(v).Median
			one.values = append(one.values, median)
			one.total += median
			used[i] = used[i] || median > 0
		}
		widest = max(widest, one.total)
		rows = append(rows, one)
	}
	f.Table = tableView{Caption: unit, Columns: columns("")}
	for i, name := range names {
		if used[i] {
			f.Parts = append(f.Parts, barPart{i + 1, name})
			f.Table.Columns = append(f.Table.Columns, columnView{Name: name})
		}
	}
	f.Table.Columns = append(f.Table.Columns, columnView{Name: "together"})
	for _, one := range rows {
		b, cells, from := bar{Name: called(one.lane, lanes), Lane: one.lane.Transport, Total: significant(one.total)}, []cellView{}, 0.0
		for i, v := range one.values {
			if !used[i] {
				continue
			}
			cells = append(cells, cellView{Text: significant(v)})
			if share := 100 * v / widest; share > 0 {
				b.Segments = append(b.Segments, segment{Part: i + 1, From: number(from, 2) + "%", Width: number(share, 2) + "%"})
				from += share
			}
		}
		f.Bars = append(f.Bars, b)
		f.Table.Rows = append(f.Table.Rows, rowView{Name: b.Name, Cells: append(cells, cellView{Text: b.Total})})
	}
	if widest == 0 {
		f.Bars = nil
	}
	return f
}

// withoutAgain leaves out lanes that only repeat others.
func withoutAgain(lanes []result.Lane) []result.Lane {
	return slices.DeleteFunc(lanes, func(l result.Lane) bool { return l.Again })
}
