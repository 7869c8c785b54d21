package report

import (
	"slices"
	"strings"
	"testing"
)

// An axis of time has a few places, which are whole numbers of something, and begins with the unit.
func TestMoments(t *testing.T) {
	for length, want := range map[span]string{
		5:   "0 s 1 2 3 4 5",
		1.3: "0 s 0.2 0.4 0.6 0.8 1 1.2",
		12:  "0 s 2 4 6 8 10 12",
		60:  "0 s 10 20 30 40 50 60",
	} {
		var texts []string
		for _, m := range length.moments() {
			texts = append(texts, m.Text)
		}
		if got := strings.Join(texts, " "); got != want {
			t.Errorf("%v s: %s, want %s", float64(length), got, want)
		}
	}
}

// A scale over many decades has powers of ten, one over few has more, and none has more than there is room for.
func TestDecades(t *testing.T) {
	for want, values := range map[string][]float64{
		"1 10":        {0.5, 40},
		"0.1 1 10":    {0.1, 30},
		"20 50":       {18, 60},
		"1 3":         {1, 4},
		"1 100":       {0.9, 950},
		"0.1 10 1000": {0.1, 900},
	} {
		low, high, tiers := decades(values)
		var texts []string
		for _, tier := range tiers {
			texts = append(texts, tier.Text)
		}
		if got := strings.Join(texts, " "); got != want || low >= values[0] || high <= values[1] {
			t.Errorf("%v: %s, from %v to %v; want %s", values, got, low, high, want)
		}
	}
}

// Marks that would lie upon each other are one.
func TestSparse(t *testing.T) {
	if got := span(10).sparse([]float64{-1, 0, 0.01, 0.02, 5, 9.9, 11}, 100); !slices.Equal(got, []float64{0, 5, 9.9}) {
		t.Errorf("%v", got)
	}
}
