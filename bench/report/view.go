package report

import (
	"fmt"
	"slices"
	"strings"

	"pushlab/bench/result"
)

// A tableView is a table for the page.
type tableView struct {
	Caption string
	Columns []columnView
	Rows    []rowView
}

type columnView struct {
	Name, Lane string
	Text       bool // it has words
}

// A rowView is a row of a table. Group is what it and those that follow have in common, if it begins with this row.
type rowView struct {
	Name  string
	Cells []cellView
	Group string
}

// A cellView is a number. Class is "best" if it is better than all others of its row, "tie" if it cannot be told from the
// best; Small is what it rests on.
type cellView struct{ Text, Small, Class string }

// shortTitle names a case where what it does has been said.
func shortTitle(c result.Case) string {
	words := []string{fmt.Sprintf("%d subscribers", c.Subscribers)}
	if c.Kind == result.FanOut {
		words = append(words, plain(c.Rate)+" events/s")
	}
	if c.Kind != result.Idle {
		words = append(words, fmt.Sprintf("%d bytes", c.Size))
	}
	words = append(words, c.Traits()...)
	return c.Name + ": " + strings.Join(words, ", ")
}

// view returns a table as the page shows it.
func (g *grid) view(caption string) tableView {
	t := tableView{Caption: caption, Columns: columns(g.columns()...)}
	for _, cells := range g.cells() {
		row := rowView{Name: cells[0]}
		for i, cell := range cells[1:] {
			one := cellView{Text: cell}
			if slices.Contains(g.words, i+2) {
				one.Class, t.Columns[i+1].Text = "text", true
			}
			row.Cells = append(row.Cells, one)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// byX returns lines as a table, with a row for each place on the axis.
func byX(corner, caption string, xs []float64, lines []curve) tableView {
	t := tableView{Caption: caption, Columns: columns(corner)}
	for _, l := range lines {
		t.Columns = append(t.Columns, columnView{Name: l.Name, Lane: l.Lane})
	}
	for _, x := range xs {
		row := rowView{Name: significantShort(x)}
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
