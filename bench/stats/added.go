package stats

import (
	"slices"
	"time"

	"pushlab/bench/result"
)

// Added tells what each variant adds to the latencies of the same target and transport without one: of each round the
// difference, and of these the spread. Rounds in which one of the two must not be compared are left out.
func Added(o result.Outcome) []result.Addition {
	var lanes []result.Lane
	for _, m := range o.Measurements {
		if m.Variant != "" && m.Delivery.Count > 0 && !slices.Contains(lanes, m.Lane) {
			lanes = append(lanes, m.Lane)
		}
	}
	var additions []result.Addition
	for _, lane := range lanes {
		direct := result.Lane{Target: lane.Target, Transport: lane.Transport}
		var p50, p99 []float64
		for _, m := range o.Of(lane) {
			for _, d := range o.Of(direct) {
				if m.Round != d.Round {
					continue
				}
				if m.Verdict.Comparable() && d.Verdict.Comparable() {
					p50 = append(p50, milliseconds(m.Delivery.P50-d.Delivery.P50))
				}
				if m.Verdict.TailComparable() && d.Verdict.TailComparable() {
					p99 = append(p99, milliseconds(m.Delivery.P99-d.Delivery.P99))
				}
			}
		}
		if len(p50) > 0 {
			additions = append(additions, result.Addition{Lane: lane, P50: Spread(p50), P99: Spread(p99)})
		}
	}
	slices.SortFunc(additions, func(a, b result.Addition) int {
		return slices.Index(o.Case.Variants, a.Variant) - slices.Index(o.Case.Variants, b.Variant)
	})
	return additions
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
