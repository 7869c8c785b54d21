package cost

import (
	"slices"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A Row is what the rounds say of a lane under a load.
type Row struct {
	Load Load
	Lane Lane
	// Delivery, First, Others, Broker, P50, P99 and Busy are those of the measurements.
	Delivery, First, Others, Broker, P50, P99, Busy result.Spread
	// Times is the ratio of Delivery to that of one node alone, TimesApart to that of as many that are apart, each within a round.
	Times, TimesApart result.Spread
	// TimesBroker is the ratio of Broker to that with one node; it is empty without a broker.
	TimesBroker result.Spread
}

// Summarize returns a row for each load and lane, in the order in which they were first measured.
func Summarize(c Config, all []Measurement) (rows []Row) {
	lanes := c.withDefaults().lanes()
	for _, l := range c.Loads {
		of := func(lane Lane, round int) (m Measurement, ok bool) {
			i := slices.IndexFunc(all, func(m Measurement) bool { return m.Load == l && m.Lane == lane && m.Round == round })
			if i < 0 {
				return m, false
			}
			return all[i], true
		}
		for _, lane := range lanes {
			r := Row{Load: l, Lane: lane}
			spread := func(value func(m Measurement) float64) result.Spread {
				return ratios(all, of, lane, lane, func(m, _ Measurement) float64 { return value(m) })
			}
			r.Delivery = spread(func(m Measurement) float64 { return m.Delivery })
			r.First, r.Others = spread(func(m Measurement) float64 { return m.First }), spread(func(m Measurement) float64 { return m.Others })
			r.Broker, r.Busy = spread(func(m Measurement) float64 { return m.Broker }), spread(func(m Measurement) float64 { return m.Busy })
			r.P50, r.P99 = spread(func(m Measurement) float64 { return m.P50 }), spread(func(m Measurement) float64 { return m.P99 })
			r.Times = ratios(all, of, lane, lanes[0], func(m, first Measurement) float64 { return m.Delivery / first.Delivery })
			r.TimesApart = ratios(all, of, lane, Lane{lane.Nodes, false}, func(m, apart Measurement) float64 { return m.Delivery / apart.Delivery })
			if one := (Lane{1, true}); lane.Journal && r.Broker.Median > 0 {
				r.TimesBroker = ratios(all, of, lane, one, func(m, first Measurement) float64 { return m.Broker / first.Broker })
			}
			if r.Delivery.Rounds > 0 {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// ratios compares a lane with another, round by round, where there are both.
func ratios(all []Measurement, of func(Lane, int) (Measurement, bool), lane, other Lane, value func(m, other Measurement) float64) result.Spread {
	var values []float64
	for round := range len(all) {
		m, ok := of(lane, round)
		to, also := of(other, round)
		if ok && also {
			values = append(values, value(m, to))
		}
	}
	return stats.Spread(values)
}
