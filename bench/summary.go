package bench

import (
	"slices"
	"time"
)

// A Summary is what the rounds say together about one lane.
type Summary struct {
	Lane
	// Metric is what Value is of; the case's kind decides it.
	Metric Metric `json:"metric"`
	// Value is what was found. Rounds whose measurement must not be compared are left out.
	Value Spread `json:"value"`
	// Ratios are Value divided by what another target had in the same round.
	Ratios []Ratio `json:"ratios,omitempty"`
}

// A Metric is what a kind of scenario is about.
type Metric string

// The metrics.
const (
	// CPUPerEvent is Measurement.ServerCPUPerEvent, in microseconds.
	CPUPerEvent Metric = "server_cpu_us_per_event"
	// MemoryPerConnection is the resident memory that a connection adds, in units of 1024 bytes.
	MemoryPerConnection Metric = "resident_kib_per_connection"
	// DeliveriesPerSecond is Search.Deliveries.
	DeliveriesPerSecond Metric = "deliveries_per_second"
	// CatchUpTime is how long the last subscriber took, in milliseconds.
	CatchUpTime Metric = "catch_up_ms"
)

// A Spread is a number that was measured in several rounds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Rounds is how many measurements it rests on.
	Rounds int `json:"rounds"`
}

// A Ratio compares two targets round by round: of each round one ratio, and of these the spread.
type Ratio struct {
	// To is the other's target, with the same transport and variant.
	To     string `json:"to"`
	Spread Spread `json:"ratio"`
}

// spread summarizes values; of none, it is zero.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: n}
}

// metric returns what a kind of scenario is about.
func (k Kind) metric() Metric {
	switch k {
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

// value returns a measurement's metric, if it is known and may be compared.
func (m Measurement) value(metric Metric) (v float64, ok bool) {
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
		if v, ok := m.value(s.Kind.metric()); ok {
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
		summary := Summary{Lane: lane, Metric: s.Kind.metric(), Value: spread(all)}
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

// ratio returns the ratio to another target; without rounds if there is none.
func (s Summary) ratio(to string) Spread {
	for _, r := range s.Ratios {
		if r.To == to {
			return r.Spread
		}
	}
	return Spread{}
}
