package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pushlab/bench/result"
)

// The figures are by hand.
func TestNoise(t *testing.T) {
	for name, c := range map[string]struct {
		first, second         []float64
		apart, typical, drift float64
		rounds                int
	}{
		"nothing twice":        {[]float64{1, 2}, nil, 0, 0, 0, 0},
		"no difference":        {[]float64{100, 110}, []float64{100, 110}, 0, 0, 0, 2},
		"one round":            {[]float64{100}, []float64{125}, 0.25, 0.25, 0, 1},
		"together by luck":     {[]float64{100, 110, 121}, []float64{110, 100, 110}, 0, 0.1, 0, 3},
		"one spoiled round":    {[]float64{100, 100, 100, 100, 100}, []float64{100, 100, 900, 100, 100}, 0, 0, 0, 5},
		"drift":                {[]float64{100, 100, 120, 120}, []float64{100, 100, 120, 120}, 0, 0, 0.3, 4},
		"apart":                {[]float64{100, 100, 100}, []float64{105, 105, 105}, 0.05, 0.05, 0, 3},
		"the other way around": {[]float64{105, 105, 105}, []float64{100, 100, 100}, 0.05, 0.05, 0, 3},
	} {
		n := NoiseOf(outcome(map[result.Lane][]float64{sse: c.first, again: c.second}), result.CPUPerEvent)
		is := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
		if !is(n.Apart, c.apart) || !is(n.Typical, c.typical) || !is(n.Drift, c.drift) || n.Rounds != c.rounds || n.Known() && n.Lane != sse {
			t.Errorf("%s: %+v", name, n)
		}
		if !is(n.Within(), max(c.apart, c.typical)) || !is(n.Between(), max(c.apart, c.typical, c.drift)) {
			t.Errorf("%s: within %v, between %v", name, n.Within(), n.Between())
		}
	}
}

// Rounds in which one of the two must not be compared say nothing.
func TestNoiseOfWhatMayBeCompared(t *testing.T) {
	o := outcome(map[result.Lane][]float64{sse: {100, 100}, again: {100, 300}})
	o.Measurements[3].Verdict.Invalid = []string{"late"}
	if n := NoiseOf(o, p99); n.Rounds != 1 || n.Within() != 0 {
		t.Errorf("%+v", n)
	}
}

// trials is how many runs are simulated; their seeds are fixed. So many tell once in 20 times from once in 12: what happens
// once in 12 times is found more than 20 times among 400 with a probability of 99 %.
const trials = 400

// What is the same is called different at most once in 20 times: two lanes of a run, and two runs.
func TestTheSameIsNotCalledDifferent(t *testing.T) {
	for _, c := range []struct {
		name         string
		noise, drift float64
		rounds       int
	}{
		{"quiet", 0.02, 0, 10}, {"noisy", 0.1, 0, 10}, {"drifting", 0.05, 0.02, 10}, {"drifting more", 0.05, 0.03, 10}, {"default", 0.05, 0.03, 5},
	} {
		within, between, runs := 0, 0, 0
		for seed := range uint64(trials) {
			random := rand.New(rand.NewPCG(seed, 1))
			same := map[result.Lane]float64{sse: 100, websocket: 100, again: 100}
			a := simulate(random, c.rounds, c.noise, c.drift, same)
			b := simulate(random, c.rounds, c.noise, c.drift, same)
			if Test(CellOf(a, sse, p99), CellOf(a, websocket, p99), NoiseOf(a, p99).Within()).Word != Same {
				within++
			}
			for _, row := range Compare(resultOf(a), resultOf(b)).Cases[0].Rows {
				if row.Metric == p99 && row.Lane == websocket {
					runs++
					if row.Word != Same {
						between++
					}
				}
			}
		}
		t.Logf("%s: of %d, %d lanes of a run and %d of two runs are called different", c.name, trials, within, between)
		if runs != trials || within > trials/20 || between > trials/20 {
			t.Errorf("%s: of %d, %d lanes of a run and %d of two runs are called different", c.name, runs, within, between)
		}
	}
}

// What is different by 15 % is found in more than 9 of 10 runs, with 10 rounds and 5 % of noise.
func TestWhatIsDifferentIsFound(t *testing.T) {
	within, between := 0, 0
	for seed := range uint64(trials) {
		random := rand.New(rand.NewPCG(seed, 2))
		a := simulate(random, 10, 0.05, 0, map[result.Lane]float64{sse: 100, websocket: 115, again: 100})
		b := simulate(random, 10, 0.05, 0, map[result.Lane]float64{sse: 115, websocket: 115, again: 115})
		if Test(CellOf(a, sse, p99), CellOf(a, websocket, p99), NoiseOf(a, p99).Within()).Word == More {
			within++
		}
		for _, row := range Compare(resultOf(a), resultOf(b)).Cases[0].Rows {
			if row.Metric == p99 && row.Lane == sse && row.Word == More && row.Opinion == Worsened {
				between++
			}
		}
	}
	t.Logf("of %d, %d lanes of a run and %d of two runs are called different", trials, within, between)
	if within <= trials*9/10 || between <= trials*9/10 {
		t.Errorf("of %d, only %d lanes of a run and %d of two runs are called different", trials, within, between)
	}
}
