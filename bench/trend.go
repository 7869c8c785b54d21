package bench

import (
	"math"
	"time"
)

// samples is about how often the backlog is looked at in a window.
const samples = 50

// A trend is a line through points: how the backlog grows, the deliveries that are due and have not come.
type trend struct {
	every               int // events, from one sample to the next
	n, x, y, xx, xy, yy float64
}

func newTrend(events int) *trend { return &trend{every: max(1, events/samples)} }

// add enters a point.
func (t *trend) add(at time.Duration, backlog int) {
	x, y := at.Seconds(), float64(backlog)
	t.n++
	t.x, t.y = t.x+x, t.y+y
	t.xx, t.xy, t.yy = t.xx+x*x, t.xy+x*y, t.yy+y*y
}

// slope returns how many deliveries the backlog grows in a second, and the standard error of that. Of few points
// there is none.
func (t *trend) slope() (slope, err float64) {
	if t.n < 5 {
		return 0, 0
	}
	sxx, sxy, syy := t.xx-t.x*t.x/t.n, t.xy-t.x*t.y/t.n, t.yy-t.y*t.y/t.n
	if sxx <= 0 {
		return 0, 0
	}
	slope = sxy / sxx
	return slope, math.Sqrt(max(0, syy-slope*sxy) / (t.n - 2) / sxx)
}
