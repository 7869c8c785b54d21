package stats

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/bench/result"
)

func TestRank(t *testing.T) {
	wide := []float64{100, 101, 102, 103, 104}
	for name, c := range map[string]struct {
		metric result.Metric
		values map[result.Lane][]float64
		sse    Standing
		web    Standing
	}{
		"far apart":         {p99, map[result.Lane][]float64{sse: wide, websocket: {200, 201, 202, 203, 204}}, Best, Behind},
		"the other is best": {p99, map[result.Lane][]float64{sse: {200, 201, 202, 203, 204}, websocket: wide}, Behind, Best},
		"not told apart":    {p99, map[result.Lane][]float64{sse: wide, websocket: {99, 101, 103, 105, 107}}, Best, Tie},
		"within the noise":  {p99, map[result.Lane][]float64{sse: wide, websocket: {120, 121, 122, 123, 124}, again: {130, 131, 132, 133, 134}}, Best, Tie},
		"too few":           {p99, map[result.Lane][]float64{sse: {1}, websocket: {2}}, Best, Tie},
		"bytes":             {down, map[result.Lane][]float64{sse: {200}, websocket: {100}}, Behind, Best},
		"equal bytes":       {down, map[result.Lane][]float64{sse: {200}, websocket: {200}}, Best, Tie},
	} {
		o := outcome(c.values)
		ranked := Rank(o, Lanes(o), c.metric)
		if len(ranked) != 2 || ranked[0].Standing != c.sse || ranked[1].Standing != c.web {
			t.Errorf("%s: %+v", name, ranked)
		}
		if few := slices.ContainsFunc(ranked, func(r Ranked) bool { return r.Against.TooFew }); few != (name == "too few") {
			t.Errorf("%s: too few rounds: %v", name, few)
		}
	}
}

// Who loses something is not best at anything, however few rounds it lost it in.
func TestRankOfWhatFailed(t *testing.T) {
	o := outcome(map[result.Lane][]float64{sse: {1, 1, 1, 1}, websocket: {5, 5, 5, 5}})
	o.Measurements[2].Lost, o.Measurements[2].Verdict.Failed = 1, []string{"deliveries lost: 1 of 1000"}
	ranked := Rank(o, Lanes(o), p99)
	if ranked[0].Standing != Unranked || ranked[0].Cell.Why != "failed in 1 of 4 rounds: deliveries lost: 1 of 1000" || ranked[1].Standing != Best {
		t.Errorf("%+v", ranked)
	}
	if ranked = Rank(o, Lanes(o), lost); ranked[0].Standing != Behind || ranked[0].Cell.Center != 1 || ranked[1].Standing != Best {
		t.Errorf("%+v", ranked)
	}
}

func TestWhyThereIsNoVerdict(t *testing.T) {
	o := outcome(map[result.Lane][]float64{sse: {1, 2}, websocket: {1}})
	o.Measurements[0].Verdict.Invalid = []string{"late"}
	o.Measurements[1].Verdict.Tail = []string{"late now and then"}
	for _, c := range []struct {
		lane   result.Lane
		metric result.Metric
		values int
		why    string
	}{
		{sse, p99, 0, "not valid in 2 of 2 rounds: late"},
		{sse, result.CPUPerEvent, 1, ""},
		{websocket, "events_per_write", 0, Unknown},
		{again, p99, 0, "the lane was not measured"},
	} {
		if got := CellOf(o, c.lane, c.metric); got.Why != c.why || len(got.Values) != c.values {
			t.Errorf("%s %s: %+v", c.lane.Name(), c.metric, got)
		}
	}
}

func TestMeasured(t *testing.T) {
	var names []string
	for _, i := range Measured(outcome(map[result.Lane][]float64{sse: {1}})) {
		names = append(names, i.Short())
	}
	if diff := cmp.Diff([]string{"p50", "p99", "cpu", "down", "up", "lost", "dup", "reordered"}, names); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
}
