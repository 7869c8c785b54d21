package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"pushlab/bench/result"
)

// Benchstat writes measurements as lines of Go's benchmark format, for programs such as benchstat:
//
//	benchstat -col /transport result.txt
//	benchstat old/result.txt new/result.txt
//
// Each round is a line. What must not be compared is left out.
func Benchstat(w io.Writer, r result.Result) error {
	var b strings.Builder
	e := r.Environment
	for _, pair := range [][2]string{
		{"goos", e.OS}, {"goarch", e.Arch}, {"pkg", "pushlab/bench"}, {"cpu", e.CPU}, {"kernel", e.Kernel}, {"commit", revision(e)},
	} {
		if pair[1] != "" {
			fmt.Fprintf(&b, "%s: %s\n", pair[0], strings.Join(strings.Fields(pair[1]), " "))
		}
	}
	used := func(i result.MetricInfo) bool {
		return slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool {
			return slices.ContainsFunc(o.Measurements, func(m result.Measurement) bool { _, ok := known(i, o.Case, m); return ok })
		})
	}
	for _, i := range result.Metrics() {
		if used(i) {
			name, _ := unit(i)
			fmt.Fprintf(&b, "Unit %s better=%s\n", name, i.Better)
		}
	}
	for _, o := range r.Outcomes {
		c := o.Case
		for _, m := range o.Measurements {
			name := "Benchmark" + title(word(c.Name))
			if c.ID != "" {
				name += "/id=" + word(c.ID)
			}
			name += fmt.Sprintf("/subscribers=%d/rate=%s/size=%d/target=%s/transport=%s", c.Subscribers, plain(c.Rate), c.Size, word(m.Target), word(m.Transport))
			if c.Data != result.PadData {
				name += "/data=" + word(string(c.Data))
			}
			if c.RTT > 0 {
				name += "/rtt=" + word(c.RTT.String())
			}
			if c.Computed {
				name += "/computed=true"
			}
			if m.Variant != "" {
				name += "/variant=" + word(m.Variant)
			}
			if m.Again {
				name += "/again=true"
			}
			var values strings.Builder
			for _, i := range result.Metrics() {
				if v, ok := known(i, c, m); ok {
					name, per := unit(i)
					fmt.Fprintf(&values, " %s %s", strconv.FormatFloat(v*per, 'g', 9, 64), name)
				}
			}
			if values.Len() > 0 {
				fmt.Fprintf(&b, "%s %d%s\n", name, max(1, m.Delivered), &values)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// known returns a number of a measurement, if it may be compared.
func known(i result.MetricInfo, c result.Case, m result.Measurement) (v float64, ok bool) {
	v, ok = i.Value(m)
	return v, ok && i.KnownIn(c.Kind) && i.Comparable(m)
}

// unit returns what Go's benchmarks call a metric's unit, and how many of it one of ours is: benchstat scales what ends in
// -ns and -bytes.
func unit(i result.MetricInfo) (name string, per float64) {
	name = string(i.Metric)
	switch i.Unit {
	case result.Milliseconds:
		return strings.Replace(name, "_ms", "", 1) + "-ns", 1e6
	case result.Microseconds:
		return strings.Replace(name, "_us", "", 1) + "-ns", 1e3
	case result.Kibibytes:
		return strings.Replace(name, "_kib", "", 1) + "-bytes", 1024
	case result.Bytes:
		return name + "-bytes", 1
	}
	return name, 1
}

// word returns a part of a benchmark's name: a hyphen would begin the number of its threads.
func word(s string) string { return strings.ReplaceAll(safe(s), "-", "_") }

// title returns a word that begins with a capital letter, as a benchmark's name must go on behind "Benchmark".
func title(s string) string {
	return strings.ToUpper(s[:1]) + s[1:]
}
