package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// HTML writes the comparison as one page that needs nothing beside it: what changed, all differences, the
// distributions of both results over each other, and what is not the same about their environments. Old and new are
// what is compared. It can be read without its script, which draws the pictures.
func (r Changes) HTML(w io.Writer, old, new result.Result) error {
	p := page{
		Title: "What changed: " + strings.Join(scenarios(new), ", "), Intro: []string{"Old: " + side(r.Comparison.Old) + ".", "New: " + side(r.Comparison.New) + "."},
		Flags: r.flags(old, new), Machines: machines(old, new), Explanation: sentences(changesExplained), Charts: map[string]chart{},
	}
	p.add(r.whatChanged(), r.differences(), r.overlay(p.Charts))
	return p.write(w)
}

// whatChanged lists what is called a difference, what is worse first.
func (r Changes) whatChanged() section {
	s := section{ID: "changed", Title: "What changed", How: "A difference is called if chance alone makes it seldomer than once in 20 times, and if it exceeds the noise and 3 %. The rest is in the tables below."}
	for _, c := range r.Comparison.Cases {
		view := caseView{Title: Title(c.Case)}
		var better, others []verdictView
		same := 0
		for _, row := range r.rows(c) {
			line := func(tone, level string) verdictView {
				text := fmt.Sprintf("%s: %s %s, was %s (%s", row.Lane.Name(), named(row.Metric.Info()), estimate(row.New), estimate(row.Old), change(row))
				if p := probability(row); p != "" {
					text += ", p " + p
				}
				return verdictView{tone, level, text + ")."}
			}
			switch {
			case row.Opinion == stats.Worsened:
				view.Verdicts = append(view.Verdicts, line("bad", "WORSE"))
			case row.Opinion == stats.Improved:
				better = append(better, line("good", "BETTER"))
			case row.Word == stats.Same:
				same++
			}
		}
		for _, reason := range r.reasons(c) {
			others = append(others, verdictView{"warn", "NO VERDICT", reason + "."})
		}
		if same > 0 {
			others = append(others, verdictView{"plain", "NOT TOLD APART", fmt.Sprintf("%d of %d comparisons.", same, len(r.rows(c)))})
		}
		view.Verdicts = append(append(view.Verdicts, better...), others...)
		s.Cases = append(s.Cases, view)
	}
	alone := caseView{Title: "Not in both"}
	for _, a := range r.Comparison.OnlyOld {
		alone.Verdicts = append(alone.Verdicts, verdictView{"warn", "ONLY OLD", a.String() + "."})
	}
	for _, a := range r.Comparison.OnlyNew {
		alone.Verdicts = append(alone.Verdicts, verdictView{"plain", "ONLY NEW", a.String() + "."})
	}
	if len(alone.Verdicts) > 0 {
		s.Cases = append(s.Cases, alone)
	}
	return s
}

// differences has the tables that a terminal shows.
func (r Changes) differences() section {
	s := section{ID: "differences", Title: "All differences", How: "Each value is the median of its rounds, ± the interval that has it with 95 %. A dash is what was not measured."}
	tones := map[stats.Opinion]string{stats.Worsened: "bad", stats.Improved: "good"}
	for _, c := range r.Comparison.Cases {
		t := tableView{Columns: columns("", "old", "new", "difference", "p", "verdict")}
		t.Columns[5].Text = true
		var last result.Metric
		for _, row := range r.rows(c) {
			one := rowView{Name: row.Lane.Name(), Cells: []cellView{
				{Text: estimate(row.Old)}, {Text: estimate(row.New)}, {Text: change(row)}, {Text: probability(row)}, {Text: Changes{}.verdict(row), Class: "text " + tones[row.Opinion]},
			}}
			if row.Metric != last {
				one.Group, last = named(row.Metric.Info()), row.Metric
			}
			t.Rows = append(t.Rows, one)
		}
		if len(t.Rows) > 0 {
			s.Cases = append(s.Cases, caseView{Title: Title(c.Case), Tables: []tableView{t}, LeftOut: strings.ToUpper(r.noise(c)[:1]) + r.noise(c)[1:] + "."})
		}
	}
	return s
}

// overlay draws the distributions of both, a picture for each lane.
func (r Changes) overlay(charts map[string]chart) section {
	s := section{ID: "overlay", Title: "Latency, new over old", How: "Each line says how long the given share took at most. Where the lines lie upon each other, nothing changed; " +
		"the line with rings is the old one. To the right each step is ten times rarer. A line ends where there are no more, or before those that must not be compared."}
	for _, c := range r.Comparison.Cases {
		view := caseView{Title: shortTitle(c.Case), Choosing: "Lane"}
		what, of := timed(c.Case.Kind)
		before := distributions(c.Before, of)
		for _, after := range distributions(c.After, of) {
			at := slices.IndexFunc(before, func(d distribution) bool { return d.lane == after.lane })
			if at < 0 || after.lane.Again {
				continue
			}
			view.Choices = append(view.Choices, choice{after.lane.Name(), []drawing{percentiles(charts, what, []shown{{after, "new", 0}, {before[at], "old", 1}})}})
		}
		if len(view.Choices) > 0 {
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// timed says what a kind of case has a distribution of.
func timed(k result.Kind) (what string, of func(result.Measurement) *result.Latency) {
	switch k {
	case result.Echo:
		return "round trip", delivery
	case result.Storm:
		return "catching up", catchUp
	}
	return "delivery", delivery
}

// flags says whether the two may be compared, and what is wrong with each.
func (r Changes) flags(old, new result.Result) (all []flag) {
	for _, e := range r.Comparison.Environment {
		all = append(all, flag{strings.ToUpper(e.Name[:1]) + e.Name[1:], "bad", "NOT THE SAME", fmt.Sprintf("was %s, is %s", e.Old, e.New)})
	}
	if len(all) == 0 {
		all = append(all, flag{"The environment", "good", "THE SAME", "what numbers depend on beside the program does not differ"})
	}
	for i, name := range []string{"Old", "New"} {
		for _, f := range flags([]result.Result{old, new}[i]) {
			if f.Tone != "good" {
				f.Name = name + ": " + f.Name
				all = append(all, f)
			}
		}
	}
	return all
}

// machines lists what the numbers of both depend on.
func machines(old, new result.Result) tableView {
	t := tableView{Caption: "What the numbers depend on", Columns: columns("", "old", "new")}
	t.Columns[1].Text, t.Columns[2].Text = true, true
	before, after := environment(old), environment(new)
	value := func(pairs []pair, name string) string {
		at := slices.IndexFunc(pairs, func(p pair) bool { return p.Name == name })
		if at < 0 {
			return "–"
		}
		return pairs[at].Value
	}
	for _, p := range append(after, slices.DeleteFunc(before, func(p pair) bool { return value(after, p.Name) != "–" })...) {
		t.Rows = append(t.Rows, rowView{Name: p.Name, Cells: []cellView{{Text: value(environment(old), p.Name), Class: "text"}, {Text: value(after, p.Name), Class: "text"}}})
	}
	return t
}
