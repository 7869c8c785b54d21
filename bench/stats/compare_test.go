package stats

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pushlab/bench/result"
)

// Cases belong together by their parameters, however often and however many lanes were measured.
func TestCompare(t *testing.T) {
	before := outcome(map[result.Lane][]float64{sse: {100, 101, 102, 103, 104}, websocket: {50, 50, 50, 50, 50}})
	after := outcome(map[result.Lane][]float64{sse: {200, 201, 202, 203, 204, 205}, again: {200, 201, 202, 203, 204, 205}})
	after.Case.Rounds, after.Case.Drain, after.Case.ID, after.Case.Transports = 6, time.Second, "S9", []string{"sse"}
	larger, other := before, before
	larger.Case.Subscribers, other.Case.Name = 1000, "other"
	c := Compare(resultOf(before, larger), resultOf(other, after))
	if len(c.Cases) != 1 || len(c.Environment) != 0 {
		t.Fatalf("%+v", c)
	}
	var rows []string
	for _, row := range c.Cases[0].Rows {
		if row.Lane != sse {
			t.Errorf("%s is in both?", row.Lane.Name())
		}
		if row.Old.Measured() {
			rows = append(rows, fmt.Sprintf("%s %s %s", row.Metric.Info().Short(), row.Word, row.Opinion))
		}
	}
	if diff := cmp.Diff([]string{"p50 more worse", "p99 more worse", "cpu more worse", "down more worse", "up ~ ", "lost ~ ", "dup ~ ", "reordered ~ "}, rows); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
	if old, new := fmt.Sprint(c.OnlyOld), fmt.Sprint(c.OnlyNew); old != "[fanout, 100 subscribers, 10/s, 128 B: pushlab websocket fanout, 1000 subscribers, 10/s, 128 B]" ||
		new != "[other, 100 subscribers, 10/s, 128 B]" {
		t.Errorf("only old %s, only new %s", old, new)
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}

// A case that a result has twice is compared twice.
func TestCompareTwice(t *testing.T) {
	one, two := outcome(map[result.Lane][]float64{sse: {100}}), outcome(map[result.Lane][]float64{sse: {200}})
	c := Compare(resultOf(one, two), resultOf(one, two, one))
	if len(c.Cases) != 2 || len(c.OnlyNew) != 1 || c.Cases[1].Rows[0].Old.Center != 0.2 || c.Cases[1].Rows[0].Delta != 0 {
		t.Errorf("%+v", c)
	}
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	old, new := resultOf(), resultOf()
	new.Environment = result.Environment{OS: "linux", Kernel: "6.19", Cores: 4, GOMAXPROCS: 1, GOGC: "off", GoVersion: "go1.27", OpenFiles: "1/2", Revision: "other", LoadAverage: 3}
	new.Pin = &result.Pin{Server: 0, Load: 1}
	want := []EnvironmentDifference{
		{"kernel", "6.18", "6.19"}, {"CPU", "Some CPU", "not known"}, {"cores", "2", "4"}, {"cores of server and load", "any", "0,1"}, {"GOMAXPROCS", "0", "1"},
		{"GOGC", "default", "off"}, {"Go", "not known", "go1.27"}, {"open files", "not known", "1/2"},
	}
	if diff := cmp.Diff(want, Compare(old, new).Environment); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
}

// The noise is the larger of both; where a case has none, that of its like counts.
func TestCompareTakesTheNoiseFromWhereItIs(t *testing.T) {
	quiet := outcome(map[result.Lane][]float64{sse: {100, 100, 100}, again: {101, 101, 101}})
	loud := outcome(map[result.Lane][]float64{sse: {100, 100, 100}, again: {120, 120, 120}})
	loud.Case.Subscribers = 200
	none := outcome(map[result.Lane][]float64{sse: {100, 100, 100}})
	of := func(old, new result.Result) []float64 {
		var noise []float64
		for _, c := range Compare(old, new).Cases {
			for _, m := range c.Metrics {
				if m.Metric == result.CPUPerEvent {
					noise = append(noise, float64(int(m.Noise.Between()*1000+0.5))/1000)
				}
			}
		}
		return noise
	}
	if diff := cmp.Diff([]float64{0.01}, of(resultOf(quiet), resultOf(none))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.2}, of(resultOf(none, loud), resultOf(quiet))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0}, of(resultOf(none), resultOf(none))); diff != "" {
		t.Error(diff)
	}
}

// If the floor is slower too, it is the machine; the floor itself is told to be slower. If it is much slower, nothing can be told of the rest.
func TestCompareKnowsTheMachineByItsReferences(t *testing.T) {
	run := func(floor, pushlab float64) result.Result {
		o := outcome(nil)
		o.Case.Targets = []string{"floor", "pushlab"}
		for round := range 5 {
			o.Measurements = append(o.Measurements, measured(result.Lane{Target: "floor", Transport: "sse"}, round+1, floor+float64(round)/10), measured(sse, round+1, pushlab+float64(round)/10))
		}
		return resultOf(o)
	}
	for _, c := range []struct {
		floor, pushlab float64
		want           string
	}{{110, 110, "more ~ "}, {110, 130, "more more "}, {100, 110, "~ more "}, {124, 200, "more more "}, {127, 200, "more ? "}, {50, 300, "less ? "}} {
		said := ""
		for _, row := range Compare(run(100, 100), run(c.floor, c.pushlab)).Cases[0].Rows {
			if row.Metric == p99 {
				said += string(row.Word) + " "
			}
		}
		if said != c.want {
			t.Errorf("floor and pushlab at %v and %v: %q, not %q", c.floor, c.pushlab, said, c.want)
		}
	}
}

func TestCompareIsSymmetric(t *testing.T) {
	opposite := map[Word]Word{Less: More, More: Less, Same: Same, None: None}
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		level := rapid.Float64Range(80, 120).Draw(t, "level")
		old := resultOf(simulate(random, rapid.IntRange(1, 10).Draw(t, "rounds"), 0.03, 0.01, map[result.Lane]float64{sse: 100, websocket: 100, again: 100}))
		new := resultOf(simulate(random, rapid.IntRange(1, 10).Draw(t, "rounds"), 0.03, 0.01, map[result.Lane]float64{sse: level, websocket: 100, again: level}))
		there, back := Compare(old, new).Cases[0].Rows, Compare(new, old).Cases[0].Rows
		for i := range there {
			if there[i].Word != opposite[back[i].Word] || there[i].P != back[i].P || there[i].Delta != -back[i].Delta || there[i].Floor != back[i].Floor {
				t.Fatalf("there %+v, back %+v", there[i], back[i])
			}
		}
	})
}
