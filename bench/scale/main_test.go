package main

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"pushlab/bench/scale/cost"
	"pushlab/bench/scale/tree"
)

const document = "../../docs/scale.md"

func read(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The tables in the document are what is computed now.
func TestDocument(t *testing.T) {
	text := read(t)
	if _, inside, _, ok := results.cut(text); !ok || inside != "\n"+tellAll()+"\n" {
		t.Errorf("%s is stale: run make scale, and read what it says of the tables", document)
	}
	var effects strings.Builder
	tellSensitivity(&effects, tree.Default(), tree.Answers(seed)[:1]) // all of them take seconds
	if _, inside, _, ok := sensitive.cut(text); !ok || !strings.Contains(inside, effects.String()) {
		t.Errorf("%s is stale: run make scale", document)
	}
	if _, _, _, ok := measured.cut(text); !ok {
		t.Errorf("%s has no place for what nodes cost", document)
	}
}

// The words of the document say what the numbers say.
func TestWords(t *testing.T) {
	text := strings.Join(strings.Fields(read(t)), " ")
	plan := func(in tree.Inputs, changes map[string]float64) *tree.Tree {
		for name, v := range changes {
			if err := in.Set(name, v); err != nil {
				t.Fatal(err)
			}
		}
		p, err := tree.Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	topics := plan(tree.Default(), nil)
	sum, axes := topics.Totals(), tree.Axes()
	mirrors, crowd, ring := plan(tree.Default(), map[string]float64{"mirrors": 2}), plan(tree.Default(), map[string]float64{"crowd": 100_000}), plan(tree.Default(), map[string]float64{"history": 300_000})
	wall, _ := tree.Wall(mirrors.In, axes[2])
	lost, larger := topics.RegionLoss(seed), ring.RegionLoss(seed)
	proxied := 0.0
	for _, d := range plan(tree.Feed(), nil).Delays(seed) {
		if d.Region == "europe" && d.Tier == "proxy" {
			proxied = d.P50
		}
	}
	for _, want := range []string{
		"it takes " + count(sum.Machines()) + " machines: " + count(sum.Nodes) + " nodes, " + count(sum.Proxies) + " proxies and " + count(sum.Brokers) + " servers",
		"they keep " + count(sum.Busy.Proxies) + " cores busy, nodes " + count(sum.Busy.Nodes) + ".",
		"the CPU of the proxies, at " + number(topics.FirstBreak(axes[0])) + " times as many.",
		"can give to the nodes, at " + number(topics.FirstBreak(axes[2])) + " times as many events.",
		"connected again after " + number(lost.All) + " s",
		"with " + number(topics.In.History/topics.In.Rate) + " s of events in a ring",
		"takes until " + number(lost.Caught) + " s.",
		"moves it to " + number(wall.Times) + " times as many events, for " + count(mirrors.Totals().Machines()) + " machines.",
		"(`-set crowd=100000`: " + number(crowd.FirstBreak(axes[2])) + " times, with " + count(crowd.Totals().Machines()) + " machines)",
		"holds " + number(ring.In.History/ring.In.Rate) + " s: then all have caught up after " + number(larger.Caught) + " s, and no mirror is read",
		"after " + number(1e3*proxied) + " ms in the median",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", document, want)
		}
	}
	if first := topics.Breaks(axes[0])[0]; first.Tier != "proxy" || first.Resource != "CPU" || topics.FirstBreak(axes[1]) != topics.FirstBreak(axes[0]) && math.Abs(topics.FirstBreak(axes[1])/topics.FirstBreak(axes[0])-1) > 0.01 {
		t.Errorf("it breaks elsewhere first: %+v", first)
	}
	if first := topics.Breaks(axes[2])[0]; first.Tier != "mirror" || first.Resource != "deliveries" || larger.Past > 0 || lost.Past != lost.Clients {
		t.Errorf("%+v; %d and %d of %d read from a mirror", first, larger.Past, lost.Past, lost.Clients)
	}
}

// Codes: 0 is done, 1 that the tree does not hold or the measurement failed, 2 that it was asked for what there is not.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "428 machines"},
		{"-scenario feed", 0, "machines: "},
		{"-inputs", 0, "| `crowd` |"},
		{"-set crowd=100000", 0, "278 machines"},
		{"-help", 0, "-sensitivity"},
		{"-set tail_us=1e6", 1, "more machines do not help"},
		{"-set deliveries=1000", 1, "does not hold: deliveries of the mirror"},
		{"-scenario none", 2, "topics and feed"},
		{"-set crowds=1", 2, "no input"},
		{"-set crowd", 2, "NAME=NUMBER"},
		{"-set crowd=-1", 2, "above 0"},
		{"-write x -inputs", 2, "without other flags"},
		{"-nothing", 2, "-nothing"},
		{"more", 2, "not understood"},
		{"measure -nodes 99", 2, "from 1 to 16"},
		{"measure -load 10", 2, "SUBSCRIBERSxRATE"},
		{"measure -load 100000x100", 2, "at most 200000 deliveries"},
		{"measure -journal a -nats b", 2, "both given"},
		{"measure -transport pigeon", 2, "no transport"},
		{"measure -program /nowhere/pushlab", 1, "/nowhere/pushlab"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, want %d, saying %q:\n%.2000s", c.args, code, c.code, c.says, &out)
		}
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.00552: "0.00552", 2.3149: "2.31", 12.5: "12.5", 99.96: "100", 1234567: "1,234,567", math.Inf(1): "∞"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// A measurement is written between its marks, and nowhere else.
func TestWriteInto(t *testing.T) {
	path := t.TempDir() + "/doc.md"
	if err := os.WriteFile(path, []byte("a\n"+measured.begin+"old\n"+measured.end+"z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeInto(path, measured, "new"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "a\n"+measured.begin+"\nnew\n"+measured.end+"z\n" {
		t.Errorf("it is %q", text)
	}
	if err := writeInto(path, results, "new"); err == nil {
		t.Error("there is no place for it")
	}
}

// What nodes cost has a row for each lane that was measured.
func TestTellNodes(t *testing.T) {
	c := cost.Config{Nodes: 1, Rounds: 1, NATS: "nats-server", Loads: []cost.Load{{Subscribers: 10, Rate: 1}}}
	text := tellNodes(t.Context(), c, []cost.Measurement{
		{Load: c.Loads[0], Lane: cost.Lane{Nodes: 1}, Delivery: 5, First: 50},
		{Load: c.Loads[0], Lane: cost.Lane{Nodes: 1, Journal: true}, Delivery: 6, First: 60, Broker: 20},
	}, time.Time{}, 0)
	for _, want := range []string{"| 10 subscribers, 1 events/s | 1 apart | 5 (5..5) | 1 (1..1) | – |", "| 1 | 6 (6..6) | 1.2 (1.2..1.2) | 1.2 (1.2..1.2) | 60 (60..60) | – | 20 (20..20) |"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %q:\n%s", want, text)
		}
	}
}
