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

// laneTime is how long a lane takes in a round, about: the longest warm-up is counted, but no time for events that do not
// come.
func laneTime(c result.Case) time.Duration {
	if c.Computed {
		return 0
	}
	connecting := time.Duration(c.Subscribers) * connectTime
	once := startTime + connecting + max(c.WarmUp, c.MaxWarmUp) + c.Measure
	switch {
	case c.Kind == result.Storm && c.Manner == result.Restart:
		return once + connecting + downtime + startTime + c.Jitter
	case c.Kind == result.Storm:
		return once + connecting + c.Jitter + time.Second
	case c.Kind == result.Echo:
		return once + connecting // to post
	case c.Kind == result.Slow:
		return once + 2*time.Second // until the slow ones have what there is
	case c.Kind == result.Capacity:
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

// Estimate returns how long the profile takes, about. It fails if a target is not known.
func (p Profile) Estimate() (total time.Duration, err error) {
	var o Options
	known := map[string]bool{}
	for _, c := range p.Cases() {
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
		lanes, _, err := o.lanes(c)
		if err != nil {
			return 0, err
		}
		total += time.Duration(len(lanes)*c.Rounds) * laneTime(c)
	}
	return total + 2*noiseTime, nil
}
