package stats

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/bench/result"
)

// What is added is told of each round in which both may be compared; the tail, in which both tails may be.
func TestAdded(t *testing.T) {
	at := func(variant string, round int, p50, p99 time.Duration, v result.Verdict) result.Measurement {
		return result.Measurement{
			Lane: result.Lane{Target: "pushlab", Transport: "sse", Variant: variant}, Round: round, Verdict: v,
			Delivery: result.Latency{Count: 1, P50: p50 * time.Millisecond, P99: p99 * time.Millisecond},
		}
	}
	o := result.Outcome{Case: result.Case{Variants: []string{"", "tls", "nginx"}}, Measurements: []result.Measurement{
		at("nginx", 1, 3, 10, result.Verdict{}), at("", 1, 1, 4, result.Verdict{}), at("tls", 1, 2, 2, result.Verdict{}),
		at("", 2, 1, 1, result.Verdict{Tail: []string{"late"}}), at("nginx", 2, 5, 90, result.Verdict{}),
		at("", 3, 1, 1, result.Verdict{}), at("nginx", 3, 900, 900, result.Verdict{Invalid: []string{"late"}}),
	}}
	lane := func(variant string) result.Lane {
		return result.Lane{Target: "pushlab", Transport: "sse", Variant: variant}
	}
	want := []result.Addition{
		{Lane: lane("tls"), P50: result.Spread{Median: 1, Min: 1, Max: 1, Rounds: 1}, P99: result.Spread{Median: -2, Min: -2, Max: -2, Rounds: 1}},
		{Lane: lane("nginx"), P50: result.Spread{Median: 3, Min: 2, Max: 4, Rounds: 2}, P99: result.Spread{Median: 6, Min: 6, Max: 6, Rounds: 1}},
	}
	if diff := cmp.Diff(want, Added(o)); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
}
