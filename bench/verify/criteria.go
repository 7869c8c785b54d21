package main

import (
	"fmt"
	"math"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// The criteria.
const (
	fewestCells   = 200  // on each side: within a run, and between two
	mostCalled    = 0.05 // of them
	fewestControl = 0.9  // of what differs must be called different
	tolerance     = 0.1  // between two counts
	fewestRounds  = 5    // that a ratio rests on
)

// A criterion is one of them, and what came of it.
type criterion struct {
	What   string
	Met    bool
	Detail string
}

// criteria judges everything.
func (r report) criteria() (all []criterion) {
	add := func(what string, met bool, detail string, args ...any) {
		all = append(all, criterion{what, met, fmt.Sprintf(detail, args...)})
	}
	for _, side := range []struct {
		where string
		sum   tally
	}{{"within a run", sum(r.same.within)}, {"between two runs", sum(r.same.between)}} {
		t := side.sum
		add(fmt.Sprintf("the same is called different in at most %.0f %% of at least %d cells, %s", 100*mostCalled, fewestCells, side.where),
			t.Cells >= fewestCells && float64(t.Called) <= mostCalled*float64(t.Cells),
			"%d of %d: %s; %d had no verdict", t.Called, t.Cells, percent(t.Called, t.Cells), t.Left)
		add("what the program decides is never called different, "+side.where, t.Fixed > 0 && t.FixedCalled == 0, "%d of %d", t.FixedCalled, t.Fixed)
	}
	c := r.same.control
	add(fmt.Sprintf("what differs is called different in at least %.0f %%", 100*fewestControl),
		c.Cells > 0 && float64(c.Called) >= fewestControl*float64(c.Cells), "%d of %d: %s", c.Called, c.Cells, percent(c.Called, c.Cells))
	for _, a := range r.counts.agreements() {
		met := a.exactly
		if a.unit != "" {
			met = a.ratios.Rounds >= fewestRounds && math.Abs(a.ratios.Median-1) <= tolerance
		}
		add(a.what+": both counts agree", met, "%s", a.detail())
	}
	return all
}

// An agreement is how far both counts agree in a figure of a transport.
type agreement struct {
	what, unit      string
	harness, second result.Spread
	// ratios are the harness's figures divided by the second client's, each of a round.
	ratios  result.Spread
	exactly bool // it is a number of deliveries, and all are equal
}

func (a agreement) detail() string {
	if a.unit == "" {
		return fmt.Sprintf("%.0f and %.0f in each of %d rounds", a.harness.Median, a.second.Median, a.ratios.Rounds)
	}
	return fmt.Sprintf("%.2f (%.2f..%.2f) of %d rounds", a.ratios.Median, a.ratios.Min, a.ratios.Max, a.ratios.Rounds)
}

// figures are what both count: how the harness, and how the second client came by it. One that is not ok, because the load
// was late, is left out with its round.
var figures = []struct {
	name, unit string
	harness    func(result.Measurement) (float64, bool)
	second     func(counted) (float64, bool)
}{
	{"deliveries", "",
		func(m result.Measurement) (float64, bool) { return float64(m.Delivered), true },
		func(c counted) (float64, bool) { return float64(c.second.Delivered), true }},
	{"p99", "ms",
		func(m result.Measurement) (float64, bool) { return result.DeliveryTail.Of(m) },
		func(c counted) (float64, bool) {
			return milliseconds(c.second.P99), c.second.Late <= max(time.Millisecond, c.second.P50/10) // as the harness has it
		}},
	{"CPU per delivery", "µs",
		// Without ksoftirqd, which is no part of the process.
		func(m result.Measurement) (float64, bool) {
			return perDelivery(m.ServerCPU, int(m.Delivered)), m.Verdict.Comparable() && m.ServerCPU > 0
		},
		func(c counted) (float64, bool) { return perDelivery(c.cpu, c.second.Delivered), c.cpu > 0 }},
}

// agreements compares both counts, by figure and transport.
func (c counts) agreements() (all []agreement) {
	for _, f := range figures {
		for _, transport := range c.transports() {
			var xs, ys, ratios []float64
			equal := 0
			for _, one := range c.all {
				x, known := f.harness(one.harness)
				y, too := f.second(one)
				if one.transport != transport || !known || !too || y == 0 {
					continue
				}
				xs, ys, ratios = append(xs, x), append(ys, y), append(ratios, x/y)
				if x == y {
					equal++
				}
			}
			a := agreement{what: transport + ": " + f.name, unit: f.unit, harness: stats.Spread(xs), second: stats.Spread(ys), ratios: stats.Spread(ratios)}
			a.exactly = f.unit == "" && equal == c.rounds
			all = append(all, a)
		}
	}
	return all
}

func perDelivery(cpu time.Duration, deliveries int) float64 {
	if deliveries == 0 {
		return 0
	}
	return float64(cpu.Nanoseconds()) / 1000 / float64(deliveries)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func percent(some, all int) string {
	if all == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(some)/float64(all))
}
