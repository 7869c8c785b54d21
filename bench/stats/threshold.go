package stats

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pushlab/bench/result"
)

// A threshold is what objectives and limits have in common:
//
//	threshold = [ words ":" ] metric op number [ unit ]
//
// The words, separated by spaces, choose lanes: each has to be the lane's target, transport or
// variant, or the name or id of its case. Without words all lanes are meant. The metric is a short name or a
// full one. The unit is us, ms or s of a time, B, KiB or MiB of a size, /s or nothing of a rate, and
// nothing of a count.
type threshold struct {
	text   string
	words  []string
	metric result.MetricInfo
	op     string
	bound  float64 // in the metric's unit; of a change in percent, a share
	share  bool
}

// An Objective is what a result has to reach, such as "p99<50ms", "loss=0" or "pushlab sse:cpu<=20us". The
// comparison is <, <=, >, >= or =. It is about the [Cell.Center] of each lane: the median of the rounds, or of a
// fault the worst round.
type Objective struct{ threshold }

// A Limit is a change between two results that is too much, such as "p99>+10%", "rate<-5%", "sse:down>+2B" or
// "lost>+0". The comparison is <, <=, > or >=. The number has a sign. Its unit may be %, of the old
// center.
type Limit struct{ threshold }

// String returns it as it was given.
func (t threshold) String() string { return t.text }

// Metric is what it is about.
func (t threshold) Metric() result.Metric { return t.metric.Metric }

var grammar = regexp.MustCompile(`^(?:([^:<>=]*):)?\s*([A-Za-z0-9_.-]+)\s*(<=|>=|<|>|=)\s*([+-]?)([0-9]*\.?[0-9]+)\s*([A-Za-zµ/%]*)$`)

// units are what a number may be in, by what its metric is in, and what they are of that.
var units = map[result.Unit]map[string]float64{
	result.Milliseconds: {"us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3},
	result.Microseconds: {"us": 1, "µs": 1, "ms": 1e3, "s": 1e6},
	result.Bytes:        {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20},
	result.Kibibytes:    {"B": 1. / (1 << 10), "KiB": 1, "MiB": 1 << 10},
	result.PerSecond:    {"": 1, "/s": 1},
	result.Number:       {"": 1},
}

// unitWords say which units there are.
var unitWords = map[result.Unit]string{
	result.Milliseconds: "us, ms or s", result.Microseconds: "us, ms or s", result.Bytes: "B, KiB or MiB", result.Kibibytes: "B, KiB or MiB",
	result.PerSecond: "/s or nothing", result.Number: "no unit",
}

// ParseObjectives reads objectives, separated by commas.
func ParseObjectives(list string) (objectives []Objective, err error) {
	for text := range strings.SplitSeq(list, ",") {
		t, sign, err := parse(text, "p99<50ms, loss=0 or sse:cpu<20us")
		switch {
		case err != nil:
			return nil, err
		case sign != "" || t.share:
			return nil, fmt.Errorf("bench: %q is a change, for which there must be two results; use it with bench compare --fail-on, or leave out the sign and the %%", t)
		}
		objectives = append(objectives, Objective{t})
	}
	return objectives, nil
}

// ParseLimits reads limits, separated by commas.
func ParseLimits(list string) (limits []Limit, err error) {
	for text := range strings.SplitSeq(list, ",") {
		t, sign, err := parse(text, "p99>+10%, rate<-5% or sse:down>+2B")
		switch {
		case err != nil:
			return nil, err
		case sign == "":
			return nil, fmt.Errorf("bench: %q has no sign, but is about a change; write + for more than before, - for less, such as p99>+10%%", t)
		case t.metric.Aside:
			return nil, fmt.Errorf("bench: %q: %s is not compared; name another metric", t, t.metric.Short())
		case t.op == "=":
			return nil, fmt.Errorf("bench: %q: a change is never exactly that; use < or >, such as p99>+10%%", t)
		}
		limits = append(limits, Limit{t})
	}
	return limits, nil
}

// parse reads a threshold, and tells the sign of its number.
func parse(text, examples string) (t threshold, sign string, err error) {
	t.text = strings.TrimSpace(text)
	m := grammar.FindStringSubmatch(t.text)
	if m == nil {
		return t, "", fmt.Errorf("bench: %q is no threshold; write it like %s", t.text, examples)
	}
	t.words, t.op, sign = strings.Fields(m[1]), m[3], m[4]
	if t.metric, err = result.FindMetric(m[2]); err != nil {
		return t, "", err
	}
	if t.bound, err = strconv.ParseFloat(sign+m[5], 64); err != nil {
		return t, "", fmt.Errorf("bench: %q: %w", t.text, err)
	}
	factor, known := units[t.metric.Unit][m[6]]
	switch {
	case m[6] == "%":
		factor, t.share = 0.01, true
	case m[6] == "" && !known:
		return t, "", fmt.Errorf("bench: %q: %s of what? Use %s", t.text, m[5], unitWords[t.metric.Unit])
	case !known:
		return t, "", fmt.Errorf("bench: %q: %s is no unit for %s; use %s", t.text, m[6], t.metric.Short(), unitWords[t.metric.Unit])
	}
	t.bound *= factor
	return t, sign, nil
}

// holds tells whether a value is on the side of the bound that the comparison names.
func (t threshold) holds(v float64) bool {
	switch t.op {
	case "<":
		return v < t.bound
	case "<=":
		return v <= t.bound
	case ">":
		return v > t.bound
	case ">=":
		return v >= t.bound
	default:
		return v == t.bound
	}
}

// about tells whether a lane is meant.
func (t threshold) about(c result.Case, lane result.Lane) bool {
	for _, word := range t.words {
		if !slices.Contains([]string{lane.Target, lane.Transport, lane.Variant, c.Name, c.ID}, word) {
			return false
		}
	}
	return t.metric.MeasuredIn(c.Kind)
}

// A Finding is what a threshold comes to on one lane.
type Finding struct {
	// Threshold is the threshold as it was given.
	Threshold string `json:"threshold"`
	// Where is the case and the lane; "" if no lane is meant.
	Where string `json:"where,omitempty"`
	// Broken says that it is not kept, or that nobody knows.
	Broken bool `json:"broken"`
	// What was found.
	What string `json:"what"`
}

// String says it in a line.
func (f Finding) String() string {
	if f.Where == "" {
		return f.Threshold + ": " + f.What
	}
	return f.Threshold + ": " + f.Where + ": " + f.What
}

// Check looks whether a result reaches the objective, lane by lane. What was not measured is broken.
func (t Objective) Check(r result.Result) (findings []Finding) {
	for _, o := range r.Outcomes {
		for _, lane := range allLanes(o) {
			if !t.about(o.Case, lane) {
				continue
			}
			f := Finding{Threshold: t.text, Where: CaseName(o.Case) + ": " + lane.Name()}
			if c := CellOf(o, lane, t.metric.Metric); c.Why != "" {
				f.Broken, f.What = true, "no value: "+c.Why
			} else {
				f.Broken, f.What = !t.holds(c.Center), t.metric.Format(c.Center)
			}
			findings = append(findings, f)
		}
	}
	return t.orNothing(findings)
}

// Check looks whether a change is too much, lane by lane. It is if it can be told from the noise, as
// [Test] does, and is beyond the limit; where the metric is deterministic, even if it is a small
// one. What cannot be told is broken: what was measured only before, what has no verdict, and what is beyond
// the limit but rests on too few rounds.
func (t Limit) Check(c Comparison) (findings []Finding) {
	for _, of := range c.Cases {
		for _, row := range of.Rows {
			if row.Metric == t.metric.Metric && t.about(of.Case, row.Lane) {
				f := Finding{Threshold: t.text, Where: CaseName(of.Case) + ": " + row.Lane.Name()}
				f.Broken, f.What = t.check(row)
				findings = append(findings, f)
			}
		}
	}
	for _, alone := range c.OnlyOld {
		lanes := []result.Lane{}
		if alone.Lane != nil {
			lanes = append(lanes, *alone.Lane)
		} else {
			for _, target := range alone.Case.Targets {
				for _, transport := range alone.Case.TransportsOf(target) {
					for _, variant := range alone.Case.LaneVariants() {
						lanes = append(lanes, result.Lane{Target: target, Transport: transport, Variant: variant})
					}
				}
			}
		}
		if slices.ContainsFunc(lanes, func(l result.Lane) bool { return t.about(alone.Case, l) }) {
			findings = append(findings, Finding{Threshold: t.text, Where: alone.String(), Broken: true, What: "it was measured only before"})
		}
	}
	return t.orNothing(findings)
}

// check looks at one row.
func (t Limit) check(row Row) (broken bool, what string) {
	if row.Why != "" && !row.TooFew {
		return true, "no verdict: " + row.Why
	}
	change := row.Delta
	if t.share {
		change = row.Share
		if !row.HasShare && row.Delta != 0 { // more than any share of nothing
			return t.op[0] == '>', fmt.Sprintf("%s after 0", t.metric.Format(row.New.Center))
		}
	}
	what = fmt.Sprintf("%s after %s", t.metric.Format(row.New.Center), t.metric.Format(row.Old.Center))
	if row.HasShare {
		what += fmt.Sprintf(" (%+.1f %%)", 100*row.Share)
	}
	switch {
	case !t.holds(change):
		return false, what
	case row.TooFew:
		return true, what + "; " + row.Why
	case t.metric.Deterministic():
		return row.Certain, what
	default:
		return row.Word != Same, what
	}
}

// orNothing adds that no lane is meant, if that is so.
func (t threshold) orNothing(findings []Finding) []Finding {
	if len(findings) > 0 {
		return findings
	}
	what := "no case measured it"
	if len(t.words) > 0 {
		what = fmt.Sprintf("no lane of the name %q has it", strings.Join(t.words, " "))
	}
	return []Finding{{Threshold: t.text, Broken: true, What: what + "; measure it, or leave the threshold out"}}
}
