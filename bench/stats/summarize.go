package stats

import (
	"slices"

	"pushlab/bench/result"
)

// Spread summarizes values, in any order; of none, it is zero.
func Spread(values []float64) result.Spread {
	if len(values) == 0 {
		return result.Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return result.Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: n}
}

// MetricOf returns what a kind of case is about.
func MetricOf(kind result.Kind) result.Metric {
	switch kind {
	case result.Idle:
		return result.MemoryPerConnection
	case result.Capacity:
		return result.DeliveriesPerSecond
	case result.Storm:
		return result.CatchUpTime
	case result.Slow:
		return result.DeliveryTail
	case result.Echo:
		return result.RoundTrip
	default:
		return result.CPUPerEvent
	}
}

// Summarize puts the rounds together: in the order of the case, the floor and the like behind
// what they are compared with.
func Summarize(o result.Outcome) []result.Summary {
	c := o.Case
	values := map[result.Lane]map[int]float64{} // by round
	for _, m := range o.Measurements {
		if v, ok := MetricOf(c.Kind).Of(m); ok {
			if values[m.Lane] == nil {
				values[m.Lane] = map[int]float64{}
			}
			values[m.Lane][m.Round] = v
		}
	}
	var summaries []result.Summary
	for _, lane := range allLanes(o) {
		all := []float64{}
		for _, v := range values[lane] {
			all = append(all, v)
		}
		summary := result.Summary{Lane: lane, Metric: MetricOf(c.Kind), Value: Spread(all)}
		for _, other := range c.Targets {
			to := result.Lane{Target: other, Transport: lane.Transport, Variant: lane.Variant}
			if other == result.NullName { // it stands beside every transport
				to.Transport = result.NullName
			}
			if to == lane {
				continue
			}
			ratios := []float64{}
			for round, v := range values[lane] {
				if by, ok := values[to][round]; ok {
					ratios = append(ratios, v/by)
				}
			}
			if len(ratios) > 0 {
				summary.Ratios = append(summary.Ratios, result.Ratio{To: other, Spread: Spread(ratios)})
			}
		}
		summaries = append(summaries, summary)
	}
	return summaries
}
