package bench

import (
	"math"
	"time"

	"pushlab/bench/result"
)

// What lanes take beside the times that their case has, on two cores that have nothing else to do.
const (
	startTime   = 600 * time.Millisecond // to start a server and end it, and to wait for counters and acknowledgements
	connectTime = 200 * time.Microsecond // for each subscriber
	searchEnd   = 400_000                // deliveries per second at which a search has surely ended
)

// Plan returns how long the cases will take, about: the longest warm-ups are counted, but no time for events
// that do not come. It fails as Run does, if a target is not known.
func (o Options) Plan(cases []result.Case) (total time.Duration, err error) {
	for _, c := range cases {
		if c.Computed {
			continue
		}
		lanes, err := o.lanes(c)
		if err != nil {
			return 0, err
		}
		total += time.Duration(len(lanes)*c.Rounds) * laneTime(c)
	}
	return total, nil
}

// laneTime is how long a lane takes in a round.
func laneTime(c result.Case) time.Duration {
	connecting := time.Duration(c.Subscribers) * connectTime
	once := startTime + connecting + max(c.WarmUp, c.MaxWarmUp) + c.Measure
	switch c.Kind {
	case result.Storm:
		return once + connecting + time.Second
	case result.Capacity:
		// It doubles until a rate fails, and then halves the distance until it is small. Each rate that fails is
		// tried twice, and its events take long to come.
		end := min(searchEnd/float64(c.Subscribers), result.MaxRate)
		doublings := math.Ceil(max(1, math.Log2(end/c.Rate)))
		good := doublings + 2 + float64(c.Confirm+len(c.Curve))
		const failing = 4
		return time.Duration(good*float64(once)) + failing*(once+c.Drain/2)
	default:
		return once
	}
}

// Plan returns how long the profile will take, about.
func (p Profile) Plan() (time.Duration, error) {
	var o Options
	known := map[string]bool{}
	cases := p.Cases()
	for _, c := range cases {
		for _, name := range c.Targets {
			if known[name] {
				continue
			}
			known[name] = true
			target, err := NewTarget(name, nil, nil)
			if err != nil {
				return 0, err
			}
			o.Targets = append(o.Targets, target)
		}
	}
	return o.Plan(cases)
}
