package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pushlab/bench/result"
)

const (
	down = result.Metric("bytes_down_per_event")
	p99  = result.Metric("delivery_p99_ms")
	lost = result.Metric("lost")
)

// cell is one of a metric with these values.
func cell(metric result.Metric, values ...float64) Cell {
	c := Cell{Metric: metric, Values: values, Rounds: len(values)}
	c.summarize(metric.Info())
	return c
}

// upTo returns 1, 2, ... n, times a factor.
func upTo(n int, factor float64) (values []float64) {
	for i := range n {
		values = append(values, float64(i+1)*factor)
	}
	return values
}

// Intervals are by hand, from the binomial distribution with p = 1/2.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		cell                          Cell
		center, low, high, confidence float64
	}{
		{cell(result.CPUPerEvent, 7), 7, 7, 7, 0},
		{cell(result.CPUPerEvent, 9, 7), 8, 7, 9, 0.5},
		{cell(result.CPUPerEvent, upTo(5, 1)...), 3, 1, 5, 1 - 2./32},
		{cell(result.CPUPerEvent, upTo(6, 1)...), 3.5, 1, 6, 1 - 2./64},
		{cell(result.CPUPerEvent, upTo(10, 1)...), 5.5, 2, 9, 1 - 2*11./1024},
		{cell(down, upTo(10, 1)...), 5.5, 1, 10, 1 - 2./1024},
		{cell(lost, 0, 3, 0), 3, 0, 3, 0.75},
	} {
		if g := c.cell; g.Center != c.center || g.Low != c.low || g.High != c.high || math.Abs(g.Confidence-c.confidence) > 1e-12 {
			t.Errorf("%+v; want center %v, %v to %v with %v", g, c.center, c.low, c.high, c.confidence)
		}
	}
	if m := cell(result.CPUPerEvent, 8, 10, 13).Margin(); math.Abs(m-0.3) > 1e-12 {
		t.Errorf("the margin is %v", m)
	}
}

func TestDifference(t *testing.T) {
	const cpu, rate = result.CPUPerEvent, result.DeliveriesPerSecond
	failed := cell(cpu, upTo(10, 1)...)
	failed.Why = "failed"
	for name, c := range map[string]struct {
		a, b    Cell
		noise   float64
		p       float64
		word    Word
		opinion Opinion
		tooFew  bool
	}{
		"three are too few":        {cell(cpu, 1, 2, 3), cell(cpu, 10, 20, 30), 0, 0.1, None, "", true},
		"three and four too":       {cell(cpu, 1, 2, 3), cell(cpu, 10, 20, 30, 40), 0, 2. / 35, None, "", true},
		"three and five are not":   {cell(cpu, 1, 2, 3), cell(cpu, 10, 20, 30, 40, 50), 0, 2. / 56, More, Worsened, false},
		"one is too few":           {cell(cpu, 1), cell(cpu, 1), 0, 1, None, "", true},
		"four":                     {cell(cpu, 1, 2, 3, 4), cell(cpu, 10, 20, 30, 40), 0, 2. / 70, More, Worsened, false},
		"less":                     {cell(cpu, 10, 20, 30, 40), cell(cpu, 1, 2, 3, 4), 0, 2. / 70, Less, Improved, false},
		"more is better":           {cell(rate, 1, 2, 3, 4), cell(rate, 10, 20, 30, 40), 0, 2. / 70, More, Improved, false},
		"by chance":                {cell(cpu, 1, 3, 5, 7), cell(cpu, 2, 4, 6, 8), 0, 48. / 70, Same, "", false},
		"within the noise":         {cell(cpu, 100, 101, 102, 103), cell(cpu, 110, 111, 112, 113), 0.1, 2. / 70, Same, "", false},
		"beyond the noise":         {cell(cpu, 100, 101, 102, 103), cell(cpu, 113, 114, 115, 116), 0.1, 2. / 70, More, Worsened, false},
		"certain, but small":       {cell(cpu, 100, 100.1, 100.2, 100.3), cell(cpu, 102, 102.1, 102.2, 102.3), 0, 2. / 70, Same, "", false},
		"equal bytes":              {cell(down, 202), cell(down, 202), 0, 1, Same, "", false},
		"more bytes":               {cell(down, 202), cell(down, 210), 0, 1, More, Worsened, false},
		"bytes know no noise":      {cell(down, 202, 203), cell(down, 192, 191), 0.5, 1, Less, Improved, false},
		"a few more bytes":         {cell(down, 202), cell(down, 204), 0, 1, Same, "", false},
		"bytes within their range": {cell(down, 200, 200, 230), cell(down, 220, 220, 220), 0, 1, Same, "", false},
		"from no bytes":            {cell(down, 0), cell(down, 2), 0, 1, More, Worsened, false},
		"a loss in one round":      {cell(lost, 0, 0, 0), cell(lost, 0, 1, 0), 0, 1, More, Worsened, false},
		"no loss":                  {cell(lost, 0, 0, 0), cell(lost, 0), 0, 1, Same, "", false},
		"failed":                   {failed, cell(cpu, upTo(10, 1)...), 0, 1, None, "", false},
	} {
		d := Test(c.a, c.b, c.noise)
		if math.Abs(d.P-c.p) > 1e-9 || d.Word != c.word || d.Opinion != c.opinion || d.TooFew != c.tooFew || (d.Why != "") != (c.word == None) {
			t.Errorf("%s: %+v; want p %v, %q %q", name, d, c.p, c.word, c.opinion)
		}
	}
	d := Test(cell(result.CPUPerEvent, 80, 90, 110, 120), cell(result.CPUPerEvent, 120, 130, 120, 130), 0.01)
	if d.Delta != 25 || d.Share != 0.25 || d.Floor != 0.03 {
		t.Errorf("%+v", d)
	}
	if enough() != 4 {
		t.Errorf("%d rounds are enough", enough())
	}
}

// values are what rounds may have been measured to have.
func values() *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 {
		return float64(rapid.IntRange(900, 1100).Draw(t, "value")) / 10
	}), 1, 12)
}

func TestDifferenceIsSymmetric(t *testing.T) {
	opposite := map[Word]Word{Less: More, More: Less, Same: Same, None: None}
	rapid.Check(t, func(t *rapid.T) {
		metric := rapid.SampledFrom([]result.Metric{result.CPUPerEvent, p99, down, lost, result.DeliveriesPerSecond}).Draw(t, "metric")
		a, b := cell(metric, values().Draw(t, "a")...), cell(metric, values().Draw(t, "b")...)
		noise := rapid.Float64Range(0, 0.1).Draw(t, "noise")
		there, back := Test(a, b, noise), Test(b, a, noise)
		if there.Word != opposite[back.Word] || math.Abs(there.P-back.P) > 1e-9 || there.Delta != -back.Delta || there.TooFew != back.TooFew {
			t.Fatalf("there %+v, back %+v", there, back)
		}
		if self := Test(a, a, noise); self.Word != Same && !self.TooFew {
			t.Fatalf("with itself: %+v", self)
		}
	})
}

func TestOrderOfRoundsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := values().Draw(t, "a"), values().Draw(t, "b")
		want := Test(cell(p99, a...), cell(p99, b...), 0)
		if got := Test(cell(p99, rapid.Permutation(a).Draw(t, "another a")...), cell(p99, rapid.Permutation(b).Draw(t, "another b")...), 0); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

// Nor does the order of measurements in the file: noise and cells go by the number of the round.
func TestOrderOfMeasurementsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		o := simulate(random, 6, 0.05, 0.02, map[result.Lane]float64{sse: 100, websocket: 110, again: 100})
		other := o
		other.Measurements = rapid.Permutation(o.Measurements).Draw(t, "measurements")
		if a, b := NoiseOf(o, p99), NoiseOf(other, p99); a != b {
			t.Fatalf("the noise is %+v and %+v", a, b)
		}
		if a, b := CellOf(o, sse, p99), CellOf(other, sse, p99); !slices.Equal(a.Values, b.Values) || a.Center != b.Center {
			t.Fatalf("the cells are %+v and %+v", a, b)
		}
	})
}
