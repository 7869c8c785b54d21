package stats

import (
	"slices"
	"time"

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

// Value returns a measurement's metric, in the unit that its name says. It is not ok if the metric
// is not known, or must not be compared.
func Value(m result.Measurement, metric result.Metric) (v float64, ok bool) {
	if !m.Verdict.Comparable() {
		return 0, false
	}
	switch {
	case metric == result.CPUPerEvent:
		v = float64(m.ServerCPUPerEvent()) / float64(time.Microsecond)
	case metric == result.MemoryPerConnection && m.Memory != nil:
		v = m.Memory.ResidentPerConnection() / 1024
	case metric == result.DeliveriesPerSecond && m.Search != nil:
		v = m.Search.Deliveries
	case metric == result.DeliveryTail && m.Verdict.TailComparable():
		v = float64(m.Delivery.P99) / float64(time.Millisecond)
	case metric == result.RoundTrip:
		v = float64(m.Delivery.P50) / float64(time.Microsecond)
	case metric == result.CatchUpTime && m.CatchUp != nil:
		v = float64(m.CatchUp.Max) / float64(time.Millisecond)
	}
	return v, v > 0
}

// Summarize puts the rounds together: in the order of the case, the floor and the like behind
// what they are compared with.
func Summarize(o result.Outcome) []result.Summary {
	c := o.Case
	var lanes []result.Lane
	for _, target := range c.Targets {
		for _, transport := range c.TransportsOf(target) {
			for _, variant := range c.LaneVariants() {
				once := result.Lane{Target: target, Transport: transport, Variant: variant}
				again := once
				again.Again = true
				lanes = append(lanes, once, again)
			}
		}
	}
	values := map[result.Lane]map[int]float64{} // by round
	found := map[result.Lane]bool{}
	for _, m := range o.Measurements {
		found[m.Lane] = true
		if v, ok := Value(m, MetricOf(c.Kind)); ok {
			if values[m.Lane] == nil {
				values[m.Lane] = map[int]float64{}
			}
			values[m.Lane][m.Round] = v
		}
	}
	var summaries []result.Summary
	for _, lane := range lanes {
		if !found[lane] {
			continue
		}
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
