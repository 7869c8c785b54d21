package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A tally says how often cells of the same thing were called different.
type tally struct {
	Metric result.MetricInfo
	// Cells could have been called different; Called were. Fixed are those which the program decides: all values
	// were the same, or the metric is exact. They are not among Cells, and FixedCalled of them were called different.
	Cells, Called, Fixed, FixedCalled int
	// Left is how many had no verdict.
	Left int
}

// sameness is what came of comparing everything with itself.
type sameness struct {
	within, between []tally // one for each metric
	// control is how often a difference was called that there is: of CPU per event, between long polling and WebSocket.
	control  tally
	examples []string // of what was called different
	left     []string // why cells had no verdict, each reason once
	noise    noise
}

// compareSame measures the cases twice, each with a target and its twin, and compares what must be the same: within
// each of the two results, and the one with the other.
func (v *verifier) compareSame(ctx context.Context, cases []result.Case) (s sameness, err error) {
	var results [2]result.Result
	for i := range results {
		fmt.Fprintf(v.log, "verify: comparing the same with itself, run %d of 2: %d cases\n", i+1, len(cases))
		if results[i], err = v.bench(ctx, cases); err != nil {
			return s, err
		}
		if results[i], err = reread(results[i]); err != nil {
			return s, err
		}
		s.noise.add(results[i], i == 0)
	}
	for _, info := range result.Metrics() {
		if info.Aside || !info.MeasuredIn(result.FanOut) {
			continue
		}
		within := tally{Metric: info}
		for _, r := range results {
			for _, o := range r.Outcomes {
				s.compareWithin(&within, o)
			}
		}
		s.within = append(s.within, within)
		s.between = append(s.between, tally{Metric: info})
	}
	for _, c := range stats.Compare(results[0], results[1]).Cases {
		for _, row := range c.Rows {
			if row.Lane.Target == result.FloorName { // it says what the machine did
				continue
			}
			at := slices.IndexFunc(s.between, func(t tally) bool { return t.Metric.Metric == row.Metric })
			s.enter(&s.between[at], row.Old, row.New, row.Difference, "between runs: "+stats.CaseName(c.Case)+": "+row.Lane.Name())
		}
	}
	s.control.Metric = result.CPUPerEvent.Info()
	for _, r := range results {
		for _, o := range r.Outcomes {
			s.compareUnlike(o)
		}
	}
	return s, nil
}

// reread returns what pushlab bench compare would read.
func reread(r result.Result) (result.Result, error) {
	dir, err := os.MkdirTemp("", "verify")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	path, err := r.Write(dir)
	if err != nil {
		return r, err
	}
	return result.Read(path)
}

// compareWithin compares each lane with its twin, as the report of a run compares lanes.
func (s *sameness) compareWithin(t *tally, o result.Outcome) {
	noise := stats.NoiseOf(o, t.Metric.Metric).Within()
	for _, transport := range o.Case.Transports {
		lane := result.Lane{Target: targetName, Transport: transport}
		twin := result.Lane{Target: twinName, Transport: transport}
		a, b := stats.CellOf(o, lane, t.Metric.Metric), stats.CellOf(o, twin, t.Metric.Metric)
		s.enter(t, a, b, stats.Test(a, b, noise), "within a run: "+stats.CaseName(o.Case)+": "+lane.Name())
	}
}

// compareUnlike compares what differs: a harness that calls nothing different would pass all else.
func (s *sameness) compareUnlike(o result.Outcome) {
	metric := s.control.Metric.Metric
	noise := stats.NoiseOf(o, metric).Within()
	all := o.Case.Transports
	for _, target := range []string{targetName, twinName} {
		a := stats.CellOf(o, result.Lane{Target: target, Transport: all[0]}, metric)
		b := stats.CellOf(o, result.Lane{Target: target, Transport: all[len(all)-1]}, metric)
		switch d := stats.Test(a, b, noise); d.Word {
		case stats.None:
			s.control.Left++
		default:
			s.control.Cells++
			if d.Word != stats.Same {
				s.control.Called++
			}
		}
	}
}

// enter enters a comparison.
func (s *sameness) enter(t *tally, a, b stats.Cell, d stats.Difference, what string) {
	if d.Word == stats.None {
		if d.Why == stats.Unknown { // such as p99.9 of too few deliveries: it is no cell at all
			return
		}
		t.Left++
		if !slices.Contains(s.left, d.Why) {
			s.left = append(s.left, d.Why)
		}
		return
	}
	cells, called := &t.Cells, &t.Called
	if t.Metric.Deterministic() || constant(a, b) {
		cells, called = &t.Fixed, &t.FixedCalled
	}
	*cells++
	if d.Word != stats.Same {
		*called++
		s.examples = append(s.examples, fmt.Sprintf("%s: %s %s, %s (p %.3f, the floor is %.1f %%)",
			what, t.Metric.Title, t.Metric.Format(a.Center), t.Metric.Format(b.Center), d.P, 100*d.Floor))
	}
}

// constant reports whether all values of two cells are the same.
func constant(a, b stats.Cell) bool {
	all := slices.Concat(a.Values, b.Values)
	return len(all) > 0 && slices.Min(all) == slices.Max(all)
}

// sum adds tallies up.
func sum(tallies []tally) (all tally) {
	for _, t := range tallies {
		all.Cells, all.Called, all.Left = all.Cells+t.Cells, all.Called+t.Called, all.Left+t.Left
		all.Fixed, all.FixedCalled = all.Fixed+t.Fixed, all.FixedCalled+t.FixedCalled
	}
	return all
}
