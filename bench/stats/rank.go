package stats

import (
	"pushlab/bench/result"
)

// A Standing is how a lane does in a metric beside the others of its case.
type Standing string

// The standings.
const (
	// Best has the best center.
	Best Standing = "best"
	// Tie cannot be told from the best, or not by so few rounds; Ranked.Against says which.
	Tie Standing = "~"
	// Behind is worse than the best.
	Behind Standing = "behind"
	// Unranked has no value that may be compared; Ranked.Cell.Why says why.
	Unranked Standing = "?"
)

// A Ranked is a lane among others.
type Ranked struct {
	Lane     result.Lane `json:"lane"`
	Cell     Cell        `json:"cell"`
	Standing Standing    `json:"standing"`
	// Against compares it with the best; of the best itself it is empty.
	Against Difference `json:"against"`
}

// Rank tells for a metric which of the lanes are best, and which tie with it, in the order of the
// lanes. Each lane is compared with the best alone, and no correction is made for how many there are.
// All lanes of a case were measured in the same rounds, so that the machine's drift is in all of them.
func Rank(o result.Outcome, lanes []result.Lane, metric result.Metric) []Ranked {
	info, noise := metric.Info(), NoiseOf(o, metric).Within()
	ranked := make([]Ranked, len(lanes))
	best := -1
	for i, lane := range lanes {
		ranked[i] = Ranked{Lane: lane, Cell: CellOf(o, lane, metric), Standing: Unranked}
		c := ranked[i].Cell
		if c.Why != "" {
			continue
		}
		if best < 0 || c.Center != ranked[best].Cell.Center && (c.Center < ranked[best].Cell.Center) == (info.Better == result.Lower) {
			best = i
		}
	}
	for i := range ranked {
		r := &ranked[i]
		switch {
		case r.Cell.Why != "":
			continue
		case i == best:
			r.Standing = Best
			continue
		}
		r.Against = Test(ranked[best].Cell, r.Cell, noise)
		r.Standing = Tie
		if r.Against.Opinion == Worsened {
			r.Standing = Behind
		}
	}
	return ranked
}

// Lanes returns what a case measured, in the order of the case, without what was measured again.
func Lanes(o result.Outcome) (lanes []result.Lane) {
	for _, lane := range allLanes(o) {
		if !lane.Again {
			lanes = append(lanes, lane)
		}
	}
	return lanes
}

// allLanes returns what a case measured, in the order of the case.
func allLanes(o result.Outcome) (lanes []result.Lane) {
	found := map[result.Lane]bool{}
	for _, m := range o.Measurements {
		found[m.Lane] = true
	}
	add := func(lane result.Lane) {
		if found[lane] {
			lanes = append(lanes, lane)
			delete(found, lane)
		}
	}
	for _, target := range o.Case.Targets {
		for _, transport := range o.Case.TransportsOf(target) {
			for _, variant := range o.Case.LaneVariants() {
				add(result.Lane{Target: target, Transport: transport, Variant: variant})
				add(result.Lane{Target: target, Transport: transport, Variant: variant, Again: true})
			}
		}
	}
	for _, m := range o.Measurements { // what the case does not name
		add(m.Lane)
	}
	return lanes
}

// Measured returns the metrics that at least one of a case's measurements has, in the order of the table.
func Measured(o result.Outcome) (metrics []result.MetricInfo) {
	for _, info := range result.Metrics() {
		if info.Aside || !info.MeasuredIn(o.Case.Kind) {
			continue
		}
		for _, m := range o.Measurements {
			if _, ok := info.Of(m); ok {
				metrics = append(metrics, info)
				break
			}
		}
	}
	return metrics
}
