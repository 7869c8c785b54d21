package stats

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/bench/result"
)

// is makes a spread.
func is(median, min, max float64, rounds int) result.Spread {
	return result.Spread{Median: median, Min: min, Max: max, Rounds: rounds}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   result.Spread
	}{
		{nil, result.Spread{}},
		{[]float64{3}, is(3, 3, 3, 1)},
		{[]float64{3, 1, 2}, is(2, 1, 3, 3)},
		{[]float64{4, 1, 2, 3}, is(2.5, 1, 4, 4)},
	} {
		if got := Spread(c.values); got != c.want {
			t.Errorf("%v gives %+v, not %+v", c.values, got, c.want)
		}
	}
}

// Ratios are of the same round, and of what may be compared.
func TestSummaries(t *testing.T) {
	c := result.Case{Kind: result.FanOut, Targets: []string{"floor", "pushlab"}, Transports: []string{"sse"}, Rounds: 3}
	o := result.Outcome{Case: c}
	for round, cpu := range [][2]time.Duration{{10, 20}, {20, 30}, {10, 90}} {
		for i, target := range c.Targets {
			m := result.Measurement{Lane: result.Lane{Target: target, Transport: "sse"}, Round: round + 1, Delivered: 1, ServerCPU: cpu[i] * time.Microsecond}
			if round == 2 && target == "floor" {
				m.Verdict.Failed = []string{"it lost something"}
			}
			o.Measurements = append(o.Measurements, m)
		}
	}
	got := Summarize(o)
	if len(got) != 2 || got[0].Target != "floor" || got[0].Value != is(15, 10, 20, 2) || got[1].Value != is(30, 20, 90, 3) {
		t.Errorf("%+v", got)
	}
	if r := got[1].RatioTo("floor"); r != is(1.75, 1.5, 2, 2) {
		t.Errorf("the ratio is %+v", r)
	}
}

// A ratio is of the same variant, since rounds are put together by it.
func TestSummariesOfVariants(t *testing.T) {
	c := result.Case{Kind: result.FanOut, Targets: []string{"floor", "pushlab"}, Transports: []string{"sse"}, Variants: []string{"", "nginx"}, Rounds: 1}
	o := result.Outcome{Case: c}
	for _, m := range []struct {
		lane result.Lane
		cpu  time.Duration
	}{
		{result.Lane{Target: "pushlab", Transport: "sse", Variant: "nginx"}, 40},
		{result.Lane{Target: "pushlab", Transport: "sse"}, 30},
		{result.Lane{Target: "floor", Transport: "sse"}, 10},
	} {
		o.Measurements = append(o.Measurements, result.Measurement{Lane: m.lane, Round: 1, Delivered: 1, ServerCPU: m.cpu * time.Microsecond})
	}
	got := map[string]float64{}
	var names []string
	for _, s := range Summarize(o) {
		names = append(names, s.Name())
		got[s.Name()] = s.RatioTo("floor").Median
	}
	want := []string{"floor sse", "pushlab sse", "pushlab sse nginx"}
	if diff := cmp.Diff(want, names); diff != "" || got["pushlab sse"] != 3 || got["pushlab sse nginx"] != 0 {
		t.Errorf("the ratios are %v; what was expected (-) and came (+):\n%s", got, diff)
	}
}

// The example that package result writes has the summaries that this package makes.
func TestSummariesOfTheExample(t *testing.T) {
	r, err := result.Read("../result/testdata/result.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Outcomes {
		if diff := cmp.Diff(o.Summaries, Summarize(o)); diff != "" {
			t.Errorf("what was expected (-) and came (+):\n%s", diff)
		}
	}
}
