package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/bench/stats"
)

func benchCompareCommand(std streams) *cobra.Command {
	var how comparing
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two results",
		Long: `Compare two results: files that 'pushlab bench run --out' wrote, or their folders.

A difference is called if chance alone makes it seldomer than once in 20 times,
and if it exceeds the noise and 3 %. That takes 4 rounds in each at least; 10 are
better. Results from different machines or settings are refused.

--fail-on says which change is too much: [LANE:]METRIC, < or >, and a number with
its sign and unit: p99>+10%, rate<-5%, 'pushlab sse:down>+2B', lost>+0. LANE is
one or more of a target, a transport, a variant, and a scenario's name or id.
` + metricsHelp(true) + `

--html writes a page beside the text: what changed, and the latencies of both
results over each other.

The exit code is 1 if a change is too much, or if that cannot be told because
something was not measured; 2 if the two cannot be compared.`,
		Example: `  pushlab bench compare results/before results/after
  pushlab bench compare results/before results/after --fail-on 'p99>+10%,cpu>+5%'
  pushlab bench compare results/before results/after --html changes.html
  pushlab bench compare old.json new.json --metric cpu --metric down --force`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return benchCompare(args[0], args[1], how, std)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&how.force, "force", false, "compare although machines or settings differ; the report names what does")
	f.StringArrayVar(&how.failOn, "fail-on", nil, "a change that is too much, such as 'p99>+10%'; may be repeated")
	f.StringArrayVar(&how.metrics, "metric", nil, "a metric to show; may be repeated; none is all")
	f.StringVar(&how.page, "html", "", "a file to write the comparison into as a page too, with pictures")
	return cmd
}

// comparing is how two results are compared: what the flags say.
type comparing struct {
	force           bool
	failOn, metrics []string
	page            string
}

// metricsHelp lists the metrics that thresholds may be about: of changes, or of results.
func metricsHelp(changes bool) string {
	var b strings.Builder
	b.WriteString("METRIC is one of\n")
	for _, i := range result.Metrics() {
		if changes && i.Aside {
			continue
		}
		fmt.Fprintf(&b, "  %-14s%s\n", i.Short(), strings.TrimSuffix(i.Title+", "+string(i.Unit), ", "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func benchCompare(oldPath, newPath string, how comparing, std streams) error {
	var limits []stats.Limit
	for _, list := range how.failOn {
		more, err := stats.ParseLimits(list)
		if err != nil {
			return &usageError{err}
		}
		limits = append(limits, more...)
	}
	shown := []result.Metric{}
	for _, name := range how.metrics {
		info, err := result.FindMetric(name)
		if err != nil {
			return &usageError{err}
		}
		shown = append(shown, info.Metric)
	}
	was, err := readResult(oldPath)
	if err != nil {
		return err
	}
	is, err := readResult(newPath)
	if err != nil {
		return err
	}
	c := stats.Compare(was, is)
	if len(c.Environment) > 0 && !how.force {
		var differences []string
		for _, e := range c.Environment {
			differences = append(differences, fmt.Sprintf("  %s was %s, is %s", e.Name, e.Old, e.New))
		}
		return &usageError{fmt.Errorf("the two results are not of the same environment:\n%s\nMeasure both again in the same one, or compare them with --force", strings.Join(differences, "\n"))}
	}
	changes := report.Changes{Comparison: c, Metrics: shown, Color: color(std.out)}
	if err := changes.Write(std.out); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	if len(c.Cases) == 0 {
		return &usageError{errors.New("the two results have no case in common; measure both with the same profile and flags")}
	}
	if how.page != "" {
		if err := writeChanges(how.page, changes, was, is, std); err != nil {
			return err
		}
	}
	var findings []stats.Finding
	for _, l := range limits {
		findings = append(findings, l.Check(c)...)
	}
	return tellFindings(findings, std)
}

// writeChanges writes a comparison as a page, and says so.
func writeChanges(path string, c report.Changes, old, new result.Result, std streams) error {
	var page bytes.Buffer
	err := c.HTML(&page, old, new)
	if err == nil {
		err = result.WriteFile(path, page.Bytes())
	}
	if err == nil {
		_, err = fmt.Fprintf(std.out, "\nAs a page: %s\n", path)
	}
	if err != nil {
		return fmt.Errorf("the page cannot be written: %w", err)
	}
	return nil
}

// readResult reads a result's file, or the one in a folder.
func readResult(path string) (result.Result, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, result.FileName)
	}
	r, err := result.Read(path)
	if err != nil {
		return r, &usageError{err}
	}
	return r, nil
}

// tellFindings prints what came of thresholds, and fails if one is broken.
func tellFindings(findings []stats.Finding, std streams) error {
	if len(findings) == 0 {
		return nil
	}
	var b strings.Builder
	broken := 0
	for _, f := range findings {
		if f.Broken {
			broken++
			fmt.Fprintf(&b, "BROKEN %s\n", f)
		}
	}
	fmt.Fprintf(&b, "%d of %d checks hold.\n", len(findings)-broken, len(findings))
	if _, err := fmt.Fprintf(std.out, "\n%s", &b); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	if broken > 0 {
		return fmt.Errorf("thresholds are broken: %d of %d checks; the lines with BROKEN say which", broken, len(findings))
	}
	return nil
}
