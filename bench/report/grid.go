package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A grid is a table, whoever shows it. It may have two rows of titles: what columns have in common, and their own.
type grid struct {
	words  []int // columns of text, from 1; the others are numbers
	titles []table.Row
	rows   []table.Row
}

// alone stands above a column that has nothing in common with the one before; "" above one that has the same.
const alone = " "

// newTable returns an empty table. Its first column is text, and those that are named.
func newTable(words ...int) *grid { return &grid{words: append(words, 1)} }

// AppendHeader adds a row of titles.
func (g *grid) AppendHeader(row table.Row) { g.titles = append(g.titles, row) }

// AppendRow adds a row.
func (g *grid) AppendRow(row table.Row) { g.rows = append(g.rows, row) }

// columns returns the titles in one row, each with what it has in common with others.
func (g *grid) columns() []string {
	if len(g.titles) == 0 {
		return nil
	}
	var columns []string
	group := ""
	for i, own := range g.titles[len(g.titles)-1] {
		if len(g.titles) > 1 {
			if above := fmt.Sprint(g.titles[0][i]); above != "" {
				group = strings.TrimSpace(above)
			}
		}
		name := fmt.Sprint(own)
		between := " "
		if strings.HasPrefix(name, "/") {
			between = ""
		}
		columns = append(columns, strings.TrimSpace(group+between+name))
	}
	return columns
}

// cells returns the rows as text.
func (g *grid) cells() (rows [][]string) {
	for _, row := range g.rows {
		var cells []string
		for _, cell := range row {
			cells = append(cells, fmt.Sprint(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// Render returns aligned columns, without lines.
func (g *grid) Render() string {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: "  "}
	style.Format = table.FormatOptions{}
	style.Options = table.OptionsNoBordersAndSeparators
	t.SetStyle(style)
	var columns []table.ColumnConfig
	for i := 1; i <= 15; i++ {
		align := text.AlignRight
		if slices.Contains(g.words, i) {
			align = text.AlignLeft
		}
		columns = append(columns, table.ColumnConfig{Number: i, Align: align, AlignHeader: align})
	}
	t.SetColumnConfigs(columns)
	t.SuppressTrailingSpaces()
	for _, titles := range g.titles {
		t.AppendHeader(titles)
	}
	t.AppendRows(g.rows)
	return t.Render()
}

// markdown returns the table as GitHub shows it.
func (g *grid) markdown() string {
	t := table.NewWriter()
	header, columns := table.Row{}, []table.ColumnConfig{}
	for i, name := range g.columns() {
		header = append(header, name)
		if !slices.Contains(g.words, i+1) {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	t.AppendRows(g.rows)
	return t.RenderMarkdown()
}
