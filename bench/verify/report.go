package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A report is everything that was found.
type report struct {
	same        sameness
	counts      counts
	environment result.Environment
	program     string
	pinned      bool
	took        time.Duration
}

// exitCode is 0 if all criteria are met; 2 if some are not, but on a machine on which that says nothing; or else 1.
func (r report) exitCode() int {
	switch {
	case !slices.ContainsFunc(r.criteria(), func(c criterion) bool { return !c.Met }):
		return 0
	case r.noise().noisy():
		return 2
	default:
		return 1
	}
}

func (r report) noise() noise { return r.same.noise.plus(r.counts.noise) }

// markdown returns the tables, and what they come to.
func (r report) markdown() string {
	var b strings.Builder
	e := r.environment
	where := "server and load wherever the system put them"
	if r.pinned {
		where = "server and load on a core each"
	}
	fmt.Fprintf(&b, "Measured on %s in %s: %s, %d cores, %s %s, %s; %s.\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		r.took.Round(time.Second), e.CPU, e.Cores, e.OS, e.Kernel, e.GoVersion, where)
	verdict := map[int]string{
		0: "all criteria are met",
		1: "**not all criteria are met**",
		2: "**the machine was too noisy to tell**: not all criteria are met, which says nothing here",
	}[r.exitCode()]
	fmt.Fprintf(&b, "Verdict: %s.\nThe machine: %s.\n", verdict, r.noise())

	b.WriteString("\n| criterion | met | found |\n|---|---|---|\n")
	for _, c := range r.criteria() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.What, map[bool]string{true: "yes", false: "**no**"}[c.Met], c.Detail)
	}
	r.sameTable(&b)
	r.countTable(&b)
	return b.String()
}

func (r report) sameTable(b *strings.Builder) {
	b.WriteString("\n**The same against itself.** Cells that could have been called different, and those that were:\n\n")
	b.WriteString("| metric | cells within a run | called | share | cells between runs | called | share |\n|---|---|---|---|---|---|---|\n")
	line := func(name string, in, out tally) {
		fmt.Fprintf(b, "| %s | %d | %d | %s | %d | %d | %s |\n", name,
			in.Cells, in.Called, percent(in.Called, in.Cells), out.Cells, out.Called, percent(out.Called, out.Cells))
	}
	for i, in := range r.same.within {
		if out := r.same.between[i]; in.Cells+out.Cells > 0 {
			line(in.Metric.Title, in, out)
		}
	}
	line("**all**", sum(r.same.within), sum(r.same.between))
	b.WriteString("\nNot among these, since the program decides them: ")
	var fixed []string
	for i, in := range r.same.within {
		if n := in.Fixed + r.same.between[i].Fixed; n > 0 {
			fixed = append(fixed, fmt.Sprintf("%s (%d)", in.Metric.Title, n))
		}
	}
	fmt.Fprintf(b, "%s.\n", strings.Join(fixed, ", "))
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(b, "\n%s:\n\n- %s\n", title, strings.Join(lines, "\n- "))
		}
	}
	list("Called different though they are the same", r.same.examples)
	list("Why cells had no verdict", r.same.left[:min(len(r.same.left), 5)])
}

func (r report) countTable(b *strings.Builder) {
	b.WriteString("\n**Two counts.** Median and range of the rounds; the ratio is of one round.")
	for _, c := range r.counts.cases {
		fmt.Fprintf(b, " %s: %d subscribers, %g events/s of %d bytes, for %v.", strings.Join(c.Transports, ", "), c.Subscribers, c.Rate, c.Size, c.Measure)
	}
	if r.counts.asleep == nil {
		b.WriteString(" Cores with nothing to do were kept awake.")
	} else {
		fmt.Fprintf(b, " **Cores with nothing to do may have slept** (%v), and who has to be woken more often costs the server more.", r.counts.asleep)
	}
	b.WriteString("\n\n")
	b.WriteString("| figure | harness | second client | harness / second | rounds |\n|---|---|---|---|---|\n")
	for _, a := range r.counts.agreements() {
		if a.unit == "" {
			fmt.Fprintf(b, "| %s | %.0f | %.0f | %.2f | %d |\n", a.what, a.harness.Median, a.second.Median, a.ratios.Median, a.ratios.Rounds)
			continue
		}
		fmt.Fprintf(b, "| %s | %s %s | %s %s | %s | %d |\n", a.what, spread(a.harness), a.unit, spread(a.second), a.unit, spread(a.ratios), a.ratios.Rounds)
	}
	var softirq []float64
	for _, one := range r.counts.all {
		if m := one.harness; m.ServerCPU > 0 {
			softirq = append(softirq, float64(m.SoftirqCPU)/float64(m.ServerCPU))
		}
	}
	fmt.Fprintf(b, "\nksoftirqd took %.1f %% of what the server's process did, in the median; it is no part of either figure here.\n", 100*stats.Spread(softirq).Median)
}

func spread(s result.Spread) string { return fmt.Sprintf("%.2f (%.2f..%.2f)", s.Median, s.Min, s.Max) }

// The marks in a document between which the tables are.
const (
	beginMark = "<!-- make bench-verify writes what follows -->\n"
	endMark   = "<!-- make bench-verify writes what is above -->\n"
)

// place returns what is before and after the tables in a document, marks included. It fails if there is no place for them.
func place(path string) (before, after string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	before, rest, begins := strings.Cut(string(text), beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return "", "", fmt.Errorf("%s has no place for the tables: the lines %q and %q", path, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return before + beginMark, endMark + after, nil
}

// writeInto writes the tables into a document, in place of those that are there.
func (r report) writeInto(path string) error {
	before, after, err := place(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+"\n"+r.markdown()+"\n"+after), 0o666)
}
