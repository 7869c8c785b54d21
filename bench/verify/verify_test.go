package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
	"pushlab/bench/verify/second"
	"pushlab/sse"
)

// shortly returns a verifier and a case that takes half a second. Neither has a core of its own: nothing that is noisy
// is judged, and the tests run side by side.
func shortly(t *testing.T) (*verifier, result.Case) {
	v, err := newVerifier(os.Args[0], io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	v.pin = nil
	return v, result.Case{
		Name: "short", Kind: result.FanOut, Targets: []string{targetName, twinName}, Transports: []string{sse.Name}, Again: true, Rounds: 1,
		Subscribers: 6, Rate: 100, Size: 128, WarmUp: 50 * time.Millisecond, Measure: 200 * time.Millisecond, Drain: 10 * time.Second,
	}
}

func TestBothCountEveryDelivery(t *testing.T) {
	for _, transport := range result.Transports() {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			v, point := shortly(t)
			point.Targets, point.Again, point.Transports = []string{targetName}, false, []string{transport}
			c, err := v.count(t.Context(), []result.Case{point}, 1)
			if err != nil {
				t.Fatal(err)
			}
			one := c.all[0]
			if len(one.harness.Verdict.Failed) > 0 {
				t.Error("the harness:", one.harness.Verdict.Failed)
			}
			if want := point.Events() * point.Subscribers; int(one.harness.Delivered) != want || one.second.Delivered != want {
				t.Errorf("the harness counts %d deliveries, the second client %d; there were %d", one.harness.Delivered, one.second.Delivered, want)
			}
			if one.second.P50 <= 0 || one.second.P99 < one.second.P50 {
				t.Errorf("the second client has a p50 of %v, a p99 of %v", one.second.P50, one.second.P99)
			}
			if a := c.agreements()[0]; !a.exactly {
				t.Errorf("%s: %s, which is not called exact", a.what, a.detail())
			}
		})
	}
}

func TestSameIsComparedTwice(t *testing.T) {
	t.Parallel()
	v, point := shortly(t)
	s, err := v.compareSame(t.Context(), []result.Case{point})
	if err != nil {
		t.Fatal(err)
	}
	for where, tallies := range map[string][]tally{"within": s.within, "between": s.between} {
		if all := sum(tallies); all.Fixed < 3 || all.FixedCalled > 0 || all.Cells > 0 {
			t.Errorf("%s: of one round of noisy values nothing can be said, and bytes and faults are equal; found %+v, %s", where, all, s.examples)
		}
	}
	r := report{same: s, counts: counts{cases: []result.Case{point}}}
	path := filepath.Join(t.TempDir(), "document.md")
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"of yesterday\n"+endMark+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.writeInto(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "before\n"+beginMark) || !strings.HasSuffix(got, endMark+"after\n") || strings.Count(got, "| criterion |") != 1 || strings.Contains(got, "yesterday") {
		t.Errorf("the document is now\n%s", got)
	}
}

// made returns an outcome in which the twin takes so many times the CPU of the target.
func made(twin float64) result.Outcome {
	o := result.Outcome{Case: result.Case{Kind: result.FanOut, Targets: []string{targetName, twinName}, Transports: []string{sse.Name}, Rounds: 6, Again: true}}
	for round := 1; round <= o.Case.Rounds; round++ {
		for _, l := range []struct {
			lane result.Lane
			cpu  float64
		}{
			{result.Lane{Target: targetName, Transport: sse.Name}, 1000},
			{result.Lane{Target: targetName, Transport: sse.Name, Again: true}, 1010},
			{result.Lane{Target: twinName, Transport: sse.Name}, 1000 * twin},
		} {
			cpu := time.Duration(l.cpu + float64(round*7%5))
			o.Measurements = append(o.Measurements, result.Measurement{Lane: l.lane, Round: round, Delivered: 1, Expected: 1, ServerCPU: cpu * time.Microsecond})
		}
	}
	return o
}

func TestWhatDiffersIsTallied(t *testing.T) {
	for twin, want := range map[float64]int{1: 0, 2: 1} {
		var s sameness
		tallied := tally{Metric: result.CPUPerEvent.Info()}
		s.compareWithin(&tallied, made(twin))
		if tallied.Cells != 1 || tallied.Called != want || len(s.examples) != want {
			t.Errorf("a twin that takes %g times as much: %+v %s", twin, tallied, s.examples)
		}
	}
}

// finding returns a report in which all criteria are met.
func finding() report {
	many := []tally{{Metric: result.CPUPerEvent.Info(), Cells: fewestCells, Called: fewestCells / 20, Fixed: 1}}
	r := report{same: sameness{within: many, between: many, control: tally{Cells: 10, Called: 9}}}
	r.counts.cases, r.counts.rounds = []result.Case{{Transports: []string{sse.Name}}}, fewestRounds
	for range fewestRounds {
		m := result.Measurement{Delivered: 1000, Expected: 1000, ServerCPU: time.Millisecond, Delivery: result.Latency{P99: 105 * time.Microsecond}}
		r.counts.all = append(r.counts.all, counted{sse.Name, m, second.Count{Delivered: 1000, P50: 50 * time.Microsecond, P99: 100 * time.Microsecond}, time.Millisecond})
	}
	return r
}

func TestExitCode(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*report)
		want   int
	}{
		"all is met":                {func(*report) {}, 0},
		"noisy, and yet all is met": {func(r *report) { r.same.noise.flagged = 1 }, 0},
		"too many called":           {func(r *report) { r.same.between = []tally{{Cells: 200, Called: 11, Fixed: 1}} }, 1},
		"too many called, noisy": {func(r *report) {
			r.same.between, r.counts.noise.flagged = []tally{{Cells: 200, Called: 11, Fixed: 1}}, 1
		}, 2},
		"disturbed":                 {func(r *report) { r.same.within, r.same.noise = nil, noise{measurements: 10, disturbed: 2} }, 2},
		"too few cells":             {func(r *report) { r.same.within = []tally{{Cells: 199, Fixed: 1}} }, 1},
		"exact ones differ":         {func(r *report) { r.same.within = []tally{{Cells: 200, Fixed: 9, FixedCalled: 1}} }, 1},
		"a difference is missed":    {func(r *report) { r.same.control = tally{Cells: 10, Called: 8} }, 1},
		"p99 is 20 % more":          {func(r *report) { each(r, func(c *counted) { c.harness.Delivery.P99 = 120 * time.Microsecond }) }, 1},
		"CPU is 20 % less":          {func(r *report) { each(r, func(c *counted) { c.harness.ServerCPU = 800 * time.Microsecond }) }, 1},
		"one delivery is missing":   {func(r *report) { r.counts.all[0].second.Delivered-- }, 1},
		"the second client is late": {func(r *report) { each(r, func(c *counted) { c.second.Late = 2 * time.Millisecond }) }, 1},
	} {
		r := finding()
		test.change(&r)
		if got := r.exitCode(); got != test.want {
			t.Errorf("%s: the exit code is %d, want %d\n%+v", what, got, test.want, r.criteria())
		}
	}
}

func each(r *report, change func(*counted)) {
	for i := range r.counts.all {
		change(&r.counts.all[i])
	}
}

// TestStandardPlan holds the plan to what the criteria need.
func TestStandardPlan(t *testing.T) {
	p := standard()
	noisy := 0
	for _, info := range result.Metrics() {
		if _, known := info.Of(result.Measurement{}); !info.Aside && info.MeasuredIn(result.FanOut) && !info.Deterministic() && !known {
			noisy++
		}
	}
	const fixed = 2 // p99.9, of which there are too few deliveries, and events per write, which is 1
	if within := 2 * len(p.same) * len(result.Transports()) * (noisy - fixed); within < fewestCells {
		t.Errorf("within two runs there are %d cells, of %d that are needed", within, fewestCells)
	}
	for _, c := range append(p.same, p.count...) {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	rounds := stats.Cell{Values: make([]float64, p.same[0].Rounds)}
	if stats.Test(rounds, rounds, 0).TooFew {
		t.Errorf("%d rounds are too few to call anything different", p.same[0].Rounds)
	}
}
