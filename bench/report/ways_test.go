package report

import (
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// What a variant adds is told, and what was left out, with the reason.
func TestTextTellsOfVariants(t *testing.T) {
	lane := func(variant string) result.Lane {
		return result.Lane{Target: "pushlab", Transport: "sse", Variant: variant}
	}
	spread := result.Spread{Median: 0.5, Min: 0.25, Max: 1, Rounds: 3}
	var b strings.Builder
	err := Text{Result: result.Result{Outcomes: []result.Outcome{{
		Case:    result.Case{Kind: result.FanOut, Targets: []string{"pushlab"}, Rounds: 3},
		Added:   []result.Addition{{Lane: lane("nginx"), P50: spread, P99: spread}},
		LeftOut: []result.Omission{{Lane: lane("deflate"), Reason: "permessage-deflate is an extension of WebSocket"}},
	}}}}.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ADDED pushlab sse nginx: p50 0.50 (0.25..1.00 in 3 rounds) ms, p99 0.50 ",
		"LEFT OUT pushlab sse deflate: permessage-deflate is an extension of WebSocket\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &b)
		}
	}
}

// Cases that differ by the way or the data alone have different titles.
func TestTitleTellsOfTheWay(t *testing.T) {
	plain := result.Case{Name: "a", Kind: result.FanOut, Rounds: 1}
	other := plain
	other.RTT, other.Data = 20*time.Millisecond, result.RandomData
	if got, want := Title(other), Title(plain)+"; round trips are 20ms longer; random data"; got != want {
		t.Errorf("the title is %q, not %q", got, want)
	}
}
