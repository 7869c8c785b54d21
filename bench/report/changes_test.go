package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// exampleChanges compares exampleTwo.
func exampleChanges() stats.Comparison { return stats.Compare(exampleTwo()) }

// exampleTwo are two results whose comparison has a row of every kind: less, more, the same, by chance, too few rounds, failed,
// measured once, equal and different bytes, faults, and lanes and cases that only one has.
func exampleTwo() (a, b result.Result) {
	at := func(target, transport string, round int, us, bytes int64) result.Measurement {
		cpu := time.Duration(us) * time.Microsecond
		return result.Measurement{
			Lane: result.Lane{Target: target, Transport: transport}, Round: round, Expected: 1000, Delivered: 1000, ServerCPU: 1000 * cpu, BytesDown: 1000 * bytes,
			Delivery: result.Latency{Count: 1000, P50: 100 * cpu, P99: 150 * cpu, P999: 200 * cpu}, PublishDelay: result.Latency{P99: 50 * time.Microsecond},
		}
	}
	c := result.Case{
		ID: "S1", Name: "fanout", Kind: result.FanOut, Targets: []string{"floor", "pushlab"}, Transports: []string{"longpoll", "sse", "websocket"}, Rounds: 6, Again: true,
		Subscribers: 1000, Rate: 10, Size: 128, WarmUp: 2 * time.Second, Measure: 10 * time.Second,
	}
	old, new := result.Outcome{Case: c}, result.Outcome{Case: c}
	for i := range int64(6) {
		round := int(i) + 1
		again := at("floor", "sse", round, 50+(i*7)%4, 100)
		again.Again = true
		for _, o := range []*result.Outcome{&old, &new} {
			o.Measurements = append(o.Measurements, at("floor", "sse", round, 50+(i*5)%4, 100), again)
		}
		old.Measurements = append(old.Measurements, at("pushlab", "sse", round, 100+i, 202), at("pushlab", "longpoll", round, 200+i, 431), at("floor", "websocket", round, 40, 90))
		websocket, longpoll := at("pushlab", "websocket", round, 90+i, 198), at("pushlab", "longpoll", round, 230+i, 400)
		old.Measurements = append(old.Measurements, websocket)
		if round == 3 {
			websocket.Lost, websocket.Verdict.Failed = 7, []string{"deliveries lost: 7 of 1000"}
		}
		new.Measurements = append(new.Measurements, at("pushlab", "sse", round, 80+i, 202), longpoll, websocket)
	}
	few := c
	few.Name, few.Rounds, few.Again, few.Targets, few.Transports = "quick", 1, false, []string{"pushlab"}, []string{"sse"}
	fewOld, fewNew := at("pushlab", "sse", 1, 100, 202), at("pushlab", "sse", 1, 140, 215)
	fewNew.Verdict.Tail = []string{"the load was late now and then"}
	alone := few
	alone.Name = "before"
	environment := result.Environment{OS: "linux", Arch: "amd64", Kernel: "6.18.44", CPU: "Some CPU @ 3 GHz", Cores: 2, Revision: "e1bcb0f"}
	a = result.Result{Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Environment: environment, Outcomes: []result.Outcome{
		old, {Case: few, Measurements: []result.Measurement{fewOld}}, {Case: alone, Measurements: []result.Measurement{fewOld}},
	}}
	environment.Kernel, environment.Revision, environment.Modified = "6.18.45", "5d2c1a0", true
	b = result.Result{Started: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Environment: environment, Interrupted: true, Outcomes: []result.Outcome{
		new, {Case: few, Measurements: []result.Measurement{fewNew}},
	}}
	return a, b
}

func TestChanges(t *testing.T) {
	var b bytes.Buffer
	if err := (Changes{Comparison: exampleChanges()}).Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "changes.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 141 || strings.HasSuffix(line, " \n") || strings.Contains(line, "\x1b") {
			t.Errorf("a line is too long, ends with spaces, or has colors: %q", line)
		}
	}
}

// Colors change nothing but the colors.
func TestChangesWithColors(t *testing.T) {
	var plain, colored bytes.Buffer
	if err := (Changes{Comparison: exampleChanges()}).Write(&plain); err != nil {
		t.Fatal(err)
	}
	if err := (Changes{Comparison: exampleChanges(), Color: true}).Write(&colored); err != nil {
		t.Fatal(err)
	}
	text := colored.String()
	for _, code := range []string{"31", "32", "33", "0"} {
		if !strings.Contains(text, "\x1b["+code+"m") {
			t.Errorf("the color %s is not used", code)
		}
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	if text != plain.String() {
		t.Errorf("the text differs:\n%s", text)
	}
}

// Of some metrics nothing else is shown; and one that nobody measured is said to be not known.
func TestChangesOfSomeMetrics(t *testing.T) {
	var b bytes.Buffer
	if err := (Changes{Comparison: exampleChanges(), Metrics: []result.Metric{result.CPUPerEvent, "events_per_write"}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"server CPU per event, us  floor sse", "noise: cpu ", "events per write "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "bytes down") {
		t.Errorf("bytes are shown:\n%s", &b)
	}
}
