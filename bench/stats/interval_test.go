package stats

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIntervals(t *testing.T) {
	for name, c := range map[string]struct {
		got, want Interval
	}{
		"nothing":                {IntervalOf(nil), Interval{}},
		"one round":              {IntervalOf([]float64{7}), Interval{7, 7, 7, 0, 1}},
		"few rounds":             {IntervalOf([]float64{3, 1, 2}), Interval{2, 1, 3, 0.75, 3}},
		"six rounds":             {IntervalOf([]float64{6, 5, 4, 3, 2, 1}), Interval{3.5, 1, 6, 0.96875, 6}},
		"the extremes are left":  {IntervalOf([]float64{1, 2, 3, 4, 5, 6, 7, 8, 90}), Interval{5, 2, 8, 0.9609375, 9}},
		"the extremes are there": {RangeOf([]float64{1, 2, 3, 4, 5, 6, 7, 8, 90}), Interval{5, 1, 90, 0.99609375, 9}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: what was expected (-) and came (+):\n%s", name, diff)
		}
	}
}

// A side is told if the interval is clear of the threshold, and its center beyond it by more than the noise.
func TestSidesOfAThreshold(t *testing.T) {
	for name, c := range map[string]struct {
		i            Interval
		noise        float64
		above, below bool
	}{
		"nothing":                 {Interval{}, 0, false, false},
		"above":                   {Interval{3, 2.5, 4, 0.95, 6}, 0.1, true, false},
		"below":                   {Interval{1, 0.9, 1.5, 0.95, 6}, 0.1, false, true},
		"on both sides":           {Interval{3, 1.9, 4, 0.95, 6}, 0, false, false},
		"above, but for noise":    {Interval{2.2, 2.1, 2.3, 0.95, 6}, 0.2, false, false},
		"below, but for noise":    {Interval{1.8, 1.7, 1.9, 0.95, 6}, 0.2, false, false},
		"just at the threshold":   {Interval{2, 2, 2, 0.95, 6}, 0, false, false},
		"one round, if it counts": {Interval{3, 3, 3, 0, 1}, 0, true, false},
	} {
		if above, below := c.i.Above(2, c.noise), c.i.Below(2, c.noise); above != c.above || below != c.below {
			t.Errorf("%s: above is %v, below %v", name, above, below)
		}
	}
	if n := RoundsToDecide(); n != 5 {
		t.Errorf("it takes %d rounds: 2^-5 is the first below 0.05", n)
	}
}
