package stats

import (
	"maps"
	"math"
	"slices"

	"pushlab/bench/result"
)

// beyond is how much further runs are apart than the thirds of one. In simulations, 1 calls too many runs
// different that are the same, and 2 misses a tenth of what is different by 15 %.
const beyond = 1.5

// A Noise is what a metric differs by though nothing is different, as shares of its value. It comes from
// the lane that is measured twice in each round: x is the first's value, y the second's, which is the
// same server once more. A single such pair of lanes is one throw of the dice, so there are several
// estimates, each a median, which one spoiled round does not move; the largest counts.
//
//   - Apart: by how much the medians of all x and of all y differ. That is what a comparison of two lanes
//     would have said, and it has what is peculiar to a place in the round.
//   - Typical: by how much x and y differ in the median round. The medians of a run may be together
//     by luck; then this says what luck it took. It does not shrink with the number of rounds, so it
//     is on the safe side.
//   - Drift: what the machine did meanwhile. In each round it is as fast as its lanes say together: each
//     lane's value as a multiple of the lane's median, and of these the median. Drift is by how much the first,
//     second and last third of the rounds differ at most, times 1.5: runs are further apart than the thirds
//     of one. Lanes of the same rounds all had it, so it counts between runs only. It takes 4 rounds.
//
// A comparison of two runs adds a fourth, if they have servers to compare with (the floor, for one):
//
//   - Shift: by how much these differ between the runs, in the median of their lanes. They are the same in both, so it is
//     the machine that is not. It counts for all lanes but theirs; if it is more than a quarter, these have no verdict.
//
// Two values differ by the share by which the larger is above the smaller, so that it does not
// matter which of them comes first.
type Noise struct {
	Apart   float64 `json:"apart"`
	Typical float64 `json:"typical"`
	Drift   float64 `json:"drift"`
	Shift   float64 `json:"shift"`
	// Lane is the lane that was measured twice, Rounds how many rounds have both values. Without any
	// only the drift is known.
	Lane   result.Lane `json:"lane"`
	Rounds int         `json:"rounds"`
}

// Known reports whether a lane was measured twice.
func (n Noise) Known() bool { return n.Rounds > 0 }

// Within is the noise between lanes of the same run.
func (n Noise) Within() float64 { return max(n.Apart, n.Typical) }

// Between is the noise between runs.
func (n Noise) Between() float64 { return max(n.Apart, n.Typical, n.Drift, n.Shift) }

// NoiseOf returns the noise of a metric in a case. Deterministic ones have none.
func NoiseOf(o result.Outcome, metric result.Metric) (n Noise) {
	info := metric.Info()
	if info.Deterministic() {
		return Noise{}
	}
	first, second := map[int]float64{}, map[int]float64{}
	for _, m := range o.Measurements {
		if v, ok := info.Of(m); ok && m.Again && v > 0 {
			second[m.Round] = v
			n.Lane = m.Lane
		}
	}
	n.Lane.Again = false
	for _, m := range o.Measurements {
		if v, ok := info.Of(m); ok && m.Lane == n.Lane && v > 0 {
			first[m.Round] = v
		}
	}
	var rounds []int
	for round := range first {
		if second[round] > 0 {
			rounds = append(rounds, round)
		}
	}
	slices.Sort(rounds)
	var xs, ys, apart []float64
	for _, round := range rounds {
		xs, ys = append(xs, first[round]), append(ys, second[round])
		apart = append(apart, differ(first[round], second[round]))
	}
	n.Drift = drift(o, info)
	if n.Rounds = len(rounds); n.Rounds > 0 {
		n.Apart, n.Typical = differ(median(xs), median(ys)), median(apart)
	}
	return n
}

// drift is the noise's Drift.
func drift(o result.Outcome, info result.MetricInfo) float64 {
	lanes := map[result.Lane][]float64{}
	for _, m := range o.Measurements {
		if v, ok := info.Of(m); ok && v > 0 {
			lanes[m.Lane] = append(lanes[m.Lane], v)
		}
	}
	rounds := map[int][]float64{}
	for _, m := range o.Measurements {
		if v, ok := info.Of(m); ok && v > 0 {
			rounds[m.Round] = append(rounds[m.Round], v/median(lanes[m.Lane]))
		}
	}
	var machine []float64
	for _, round := range slices.Sorted(maps.Keys(rounds)) {
		machine = append(machine, median(rounds[round]))
	}
	n := len(machine)
	if n < 4 {
		return 0
	}
	parts := []float64{median(machine[:n/3]), median(machine[n/3 : n-n/3]), median(machine[n-n/3:])}
	return beyond * differ(slices.Min(parts), slices.Max(parts))
}

// NoiseIn returns the noise of a metric in a case, or, if the case did not measure it, the largest in
// a case of the same kind.
func NoiseIn(r result.Result, o result.Outcome, metric result.Metric) Noise {
	n := NoiseOf(o, metric)
	if n.Known() {
		return n
	}
	for _, other := range r.Outcomes {
		if other.Case.Kind != o.Case.Kind {
			continue
		}
		of := NoiseOf(other, metric)
		if of.Drift = max(of.Drift, n.Drift); of.Known() && (!n.Known() || of.Between() > n.Between()) {
			n = of
		}
	}
	return n
}

// isReference reports whether a target is a server to compare with, which is the same in all runs; the hub alone is
// that of the program.
func isReference(target string) bool {
	return result.IsYardstick(target) && target != result.NullName
}

// shift returns by how much the references among the rows differ between two runs.
func shift(rows []Row) float64 {
	var shifts []float64
	for _, row := range rows {
		if isReference(row.Lane.Target) && !row.Metric.Info().Deterministic() && row.Old.Center > 0 && row.New.Center > 0 {
			shifts = append(shifts, differ(row.Old.Center, row.New.Center))
		}
	}
	return median(shifts)
}

// differ returns the share by which the larger of two values is above the smaller.
func differ(a, b float64) float64 {
	if a == b {
		return 0
	}
	if min(a, b) <= 0 {
		return math.Inf(1)
	}
	return max(a, b)/min(a, b) - 1
}

func median(values []float64) float64 { return Spread(values).Median }
