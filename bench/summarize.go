package bench

import (
	"slices"
	"time"
)

// spread summarizes values; of none, it is zero.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: n}
}

// metricOf returns what a kind of case is about.
func metricOf(kind Kind) Metric {
	switch kind {
	case Idle:
		return MemoryPerConnection
	case Capacity:
		return DeliveriesPerSecond
	case Storm:
		return CatchUpTime
	default:
		return CPUPerEvent
	}
}

// valueOf returns a measurement's metric, if it is known and may be compared.
func valueOf(m Measurement, metric Metric) (v float64, ok bool) {
	if !m.Verdict.Comparable() {
		return 0, false
	}
	switch {
	case metric == CPUPerEvent:
		v = float64(m.ServerCPUPerEvent()) / float64(time.Microsecond)
	case metric == MemoryPerConnection && m.Memory != nil:
		v = m.Memory.PerConnection(resident) / 1024
	case metric == DeliveriesPerSecond && m.Search != nil:
		v = m.Search.Deliveries
	case metric == CatchUpTime && m.CatchUp != nil:
		v = float64(m.CatchUp.Max) / float64(time.Millisecond)
	}
	return v, v > 0
}

func resident(r MemoryReading) int64 { return r.Resident }

// summarize puts the rounds together: in the order of the case, the floor and the like behind
// what they are compared with.
func summarize(o Outcome) []Summary {
	s := o.Case
	var lanes []Lane
	for _, target := range s.Targets {
		for _, transport := range s.Transports {
			for _, variant := range s.LaneVariants() {
				once := Lane{Target: target, Transport: transport, Variant: variant}
				again := once
				again.Again = true
				lanes = append(lanes, once, again)
			}
		}
	}
	values := map[Lane]map[int]float64{} // by round
	found := map[Lane]bool{}
	for _, m := range o.Measurements {
		found[m.Lane] = true
		if v, ok := valueOf(m, metricOf(s.Kind)); ok {
			if values[m.Lane] == nil {
				values[m.Lane] = map[int]float64{}
			}
			values[m.Lane][m.Round] = v
		}
	}
	var summaries []Summary
	for _, lane := range lanes {
		if !found[lane] {
			continue
		}
		all := []float64{}
		for _, v := range values[lane] {
			all = append(all, v)
		}
		summary := Summary{Lane: lane, Metric: metricOf(s.Kind), Value: spread(all)}
		for _, other := range s.Targets {
			to := Lane{Target: other, Transport: lane.Transport, Variant: lane.Variant}
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
				summary.Ratios = append(summary.Ratios, Ratio{To: other, Spread: spread(ratios)})
			}
		}
		summaries = append(summaries, summary)
	}
	return summaries
}
