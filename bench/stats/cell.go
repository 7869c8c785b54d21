package stats

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"

	"pushlab/bench/result"
)

// confidence is how sure an interval is to have the median, if there are rounds enough.
const confidence = 0.95

// Unknown is why a cell has no verdict whose metric nobody could tell, such as how often a server writes
// that does not count it.
const Unknown = "not known of this lane"

// A Cell is a metric of one lane in one case: what its rounds say together.
type Cell struct {
	Metric result.Metric `json:"metric"`
	// Values has one value per round, in order of the rounds. Rounds that must not be compared are
	// left out.
	Values []float64 `json:"values"`
	// Rounds is how many rounds were measured, with those that are left out.
	Rounds int `json:"rounds"`
	// Center is the median; of a fault it is the worst round.
	Center float64 `json:"center"`
	// Low and High are the interval that has the median with the probability Confidence: at least 95 %
	// from 6 values on. With fewer it is the range of all values, which are that much less sure: 5
	// give 94 %, 3 give 75 %, 1 gives nothing. Where the nature is Exact or Fault it is the range too.
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
	// Why says why there is no verdict; "" if there can be one.
	Why string `json:"why,omitempty"`
}

// Measured reports whether there is a value at all.
func (c Cell) Measured() bool { return len(c.Values) > 0 }

// Margin returns how far the interval reaches from the center, as a share of it: the ± of a report.
func (c Cell) Margin() float64 {
	if c.Center == 0 {
		return 0
	}
	return max(c.High-c.Center, c.Center-c.Low) / math.Abs(c.Center)
}

// CellOf returns a metric of a lane. There is no verdict, though there may be values, if a round
// failed: whoever loses events has fewer to deliver, and would gain by that. Of a fault there is.
func CellOf(o result.Outcome, lane result.Lane, metric result.Metric) Cell {
	info := metric.Info()
	c := Cell{Metric: metric}
	var failed, invalid int
	var reason string
	measurements := o.Of(lane)
	slices.SortStableFunc(measurements, func(a, b result.Measurement) int { return a.Round - b.Round })
	for _, m := range measurements {
		c.Rounds++
		if v, ok := info.Of(m); ok {
			c.Values = append(c.Values, v)
		}
		switch v := m.Verdict; {
		case len(v.Failed) > 0:
			if failed++; failed == 1 {
				reason = v.Failed[0]
			}
		case len(v.Invalid) > 0:
			if invalid++; failed+invalid == 1 {
				reason = v.Invalid[0]
			}
		case len(v.Tail) > 0 && info.Nature == result.Tail:
			if invalid++; failed+invalid == 1 {
				reason = v.Tail[0]
			}
		}
	}
	switch {
	case failed > 0 && info.Nature != result.Fault:
		c.Why = fmt.Sprintf("failed in %d of %d rounds: %s", failed, c.Rounds, reason)
	case c.Measured():
	case c.Rounds == 0:
		c.Why = "the lane was not measured"
	case failed+invalid > 0:
		c.Why = fmt.Sprintf("not valid in %d of %d rounds: %s", failed+invalid, c.Rounds, reason)
	default:
		c.Why = Unknown
	}
	c.summarize(info)
	return c
}

// summarize computes the center and the interval.
func (c *Cell) summarize(info result.MetricInfo) {
	var i Interval
	switch info.Nature {
	case result.Fault:
		i = RangeOf(c.Values)
		i.Center = i.High
	case result.Exact:
		i = RangeOf(c.Values)
	default:
		i = IntervalOf(c.Values)
	}
	c.Center, c.Low, c.High, c.Confidence = i.Center, i.Low, i.High, i.Confidence
}

// sample copies values for benchmath, which sorts what it is given.
func sample(values []float64) *benchmath.Sample {
	return benchmath.NewSample(slices.Clone(values), &benchmath.Thresholds{CompareAlpha: alpha})
}
