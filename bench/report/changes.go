package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A Changes is a comparison of two results in words and tables, for people.
type Changes struct {
	// Comparison is what is reported.
	Comparison stats.Comparison
	// Metrics are what is shown. Default: all that were measured.
	Metrics []result.Metric
	// Color says that it is read on a terminal which shows colors.
	Color bool
}

// Write writes the report: what is compared, what stands against it, a table for each case, and how to
// read them.
func (r Changes) Write(w io.Writer) error {
	c, paint := r.Comparison, Text{Color: r.Color}.paint
	var b strings.Builder
	fmt.Fprintf(&b, "old %s\nnew %s\n", side(c.Old), side(c.New))
	for _, e := range c.Environment {
		fmt.Fprintf(&b, "%s %s was %s, is %s\n", paint(text.FgYellow, "NOT THE SAME"), e.Name, e.Old, e.New)
	}
	for _, a := range c.OnlyOld {
		fmt.Fprintf(&b, "%s %s\n", paint(text.FgYellow, "ONLY OLD"), a)
	}
	for _, a := range c.OnlyNew {
		fmt.Fprintf(&b, "%s %s\n", paint(text.FgCyan, "ONLY NEW"), a)
	}
	for _, of := range c.Cases {
		r.writeCase(&b, of)
	}
	b.WriteString("\n" + changesExplained)
	_, err := io.WriteString(w, b.String())
	return err
}

// changesExplained says how to read a comparison.
const changesExplained = `Each value is the median of its rounds, ± the interval that has it with 95 %; of fewer than 6 rounds, and of
bytes, their range; of what must not happen, the worst round. p is how often chance alone makes rounds this different
(Mann-Whitney U). "less" and "more" are said if p < 0.05 and the difference exceeds both the noise and 3 %;
of bytes, if no round of one is within the range of the other, and by more than 3 %. "~" is that no
difference can be told; "?" that there is no verdict.
`

// side says which result it is.
func side(s stats.Side) string {
	text := s.Started.Format(time.DateTime) + ", revision " + cmp.Or(s.Revision, "not known")
	if s.Modified {
		text += " with changes"
	}
	if s.Interrupted {
		text += ", interrupted"
	}
	return text
}

// writeCase writes the table of a case, its noise, and why some have no verdict.
func (r Changes) writeCase(b *strings.Builder, c stats.CaseComparison) {
	t := newTable(2, 7)
	t.AppendHeader(table.Row{"", "", "old", "new", "difference", "p", "verdict"})
	var last result.Metric
	faults := "nothing"
	for _, row := range r.rows(c) {
		if row.Metric.Info().Nature == result.Fault {
			faults = "nothing else"
		}
		name := ""
		if row.Metric != last {
			name, last = named(row.Metric.Info()), row.Metric
		}
		t.AppendRow(table.Row{name, row.Lane.Name(), estimate(row.Old), estimate(row.New), change(row), probability(row), r.verdict(row)})
	}
	if len(t.rows) == 0 {
		fmt.Fprintf(b, "\n%s\nnothing of it can be shown\n", Title(c.Case))
		return
	}
	fmt.Fprintf(b, "\n%s\n%s\n%s\n", Title(c.Case), r.noise(c), t.Render())
	if len(r.Metrics) == 0 && c.Case.Kind != result.Idle {
		b.WriteString(faults + " was lost, duplicated or out of order\n")
	}
	for _, reason := range r.reasons(c) {
		b.WriteString("? " + reason + "\n")
	}
}

// rows returns what is shown of a case: if no metrics were asked for, those that were measured, and faults that there are.
func (r Changes) rows(c stats.CaseComparison) (rows []stats.Row) {
	for _, row := range c.Rows {
		if len(r.Metrics) > 0 {
			if slices.Contains(r.Metrics, row.Metric) {
				rows = append(rows, row)
			}
			continue
		}
		if (row.Old.Measured() || row.New.Measured()) && (row.Metric.Info().Nature != result.Fault || row.Old.Center+row.New.Center != 0) {
			rows = append(rows, row)
		}
	}
	return rows
}

// reasons says why some lanes of a case have no verdict.
func (r Changes) reasons(c stats.CaseComparison) (reasons []string) {
	for _, row := range c.Rows {
		unknown := !row.Old.Measured() && !row.New.Measured() && (row.Old.Why == stats.Unknown || row.New.Why == stats.Unknown)
		if row.Why == "" || unknown || len(r.Metrics) > 0 && !slices.Contains(r.Metrics, row.Metric) {
			continue
		}
		if reason := row.Lane.Name() + ": " + row.Why; !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return reasons
}

// named is a metric's title and unit.
func named(info result.MetricInfo) string {
	return strings.TrimSuffix(info.Title+", "+string(info.Unit), ", ")
}

// noise says how large the noise is.
func (r Changes) noise(c stats.CaseComparison) string {
	var all []string
	known := false
	for _, m := range c.Metrics {
		info := m.Metric.Info()
		if info.Deterministic() || len(r.Metrics) > 0 && !slices.Contains(r.Metrics, m.Metric) || !m.Noise.Known() && m.Noise.Between() == 0 {
			continue
		}
		known = known || m.Noise.Known()
		all = append(all, fmt.Sprintf("%s %.1f %%", info.Short(), 100*m.Noise.Between()))
	}
	switch {
	case known:
		return "noise: " + strings.Join(all, ", ")
	case len(all) > 0:
		return "noise: no lane was measured twice in each round; by what the machine did alone it is " + strings.Join(all, ", ")
	}
	return "noise: not known, since no lane was measured twice in each round"
}

// estimate is a cell's center and how sure it is.
func estimate(c stats.Cell) string {
	if !c.Measured() {
		return "-"
	}
	info := c.Metric.Info()
	if len(c.Values) < 2 || info.Nature == result.Fault {
		return info.Number(c.Center)
	}
	return fmt.Sprintf("%s ±%3.0f %%", info.Number(c.Center), 100*c.Margin())
}

// change is by how much a row changed.
func change(row stats.Row) string {
	switch {
	case !row.Old.Measured() || !row.New.Measured():
		return "-"
	case row.Delta == 0:
		return "0"
	case row.Metric.Info().Nature == result.Fault || row.Old.Center == 0:
		return fmt.Sprintf("%+g", row.Delta)
	}
	return fmt.Sprintf("%+.1f %%", 100*row.Delta/row.Old.Center)
}

// probability is a row's p, where it is asked for.
func probability(row stats.Row) string {
	if row.Metric.Info().Deterministic() || row.Word == stats.None {
		return ""
	}
	return fmt.Sprintf("%.3f", row.P)
}

// verdict is a row's verdict, and what it means.
func (r Changes) verdict(row stats.Row) string {
	switch {
	case row.TooFew:
		return "? too few rounds"
	case row.Opinion == stats.Improved:
		return Text{Color: r.Color}.paint(text.FgGreen, string(row.Word)+", better")
	case row.Opinion == stats.Worsened:
		return Text{Color: r.Color}.paint(text.FgRed, string(row.Word)+", worse")
	}
	return string(row.Word)
}
