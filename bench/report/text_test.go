package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// exampleOf reads the example that package result writes: a transport of every kind.
func exampleOf(t *testing.T) result.Result {
	t.Helper()
	r, err := result.Read("../result/testdata/result.json")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := (Text{Result: exampleOf(t)}).Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 141 || strings.HasSuffix(line, " \n") || strings.Contains(line, "\x1b") {
			t.Errorf("a line is too long, ends with spaces, or has colors: %q", line)
		}
	}
}

// Colors change nothing but the colors.
func TestTextWithColors(t *testing.T) {
	var plain, colored bytes.Buffer
	if err := (Text{Result: exampleOf(t)}).Write(&plain); err != nil {
		t.Fatal(err)
	}
	if err := (Text{Result: exampleOf(t), Color: true}).Write(&colored); err != nil {
		t.Fatal(err)
	}
	text := colored.String()
	for _, code := range []string{"31", "32", "33", "36", "0"} {
		if !strings.Contains(text, "\x1b["+code+"m") {
			t.Errorf("the color %s is not used", code)
		}
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	if text != plain.String() {
		t.Errorf("the text differs:\n%s", text)
	}
}

func TestTextOfAnInterruptedRun(t *testing.T) {
	r := exampleOf(t)
	o := &r.Outcomes[0]
	r.Interrupted, o.Measurements, r.Environment.CPU = true, o.Measurements[:1], ""
	o.Measurements[0].ServerCPU, o.Measurements[0].LoadCPU, o.Measurements[0].OtherCPU = 0, 0, 0
	var b bytes.Buffer
	if err := (Text{Result: r}).Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "interrupted.txt", b.Bytes())
}

// Ratios and faults are told in words.
func TestTextTellsRatios(t *testing.T) {
	o := exampleOf(t).Outcomes[0]
	o.Case.Targets, o.Case.Rounds = []string{"floor", "pushlab"}, 3
	lane := result.Lane{Target: "pushlab", Transport: "sse"}
	o.Summaries = []result.Summary{{
		Lane: lane, Metric: result.CPUPerEvent, Value: result.Spread{Median: 30, Min: 20, Max: 90, Rounds: 3},
		Ratios: []result.Ratio{{To: "floor", Spread: result.Spread{Median: 1.75, Min: 1.5, Max: 2, Rounds: 2}}},
	}}
	again := o.Summaries[0]
	again.Variant, again.Again = "nginx", true
	again.Ratios = []result.Ratio{{To: "pushlab", Spread: result.Spread{Median: 1, Min: 0.9, Max: 1.1, Rounds: 3}}}
	o.Summaries = append(o.Summaries, again)
	o.Measurements = []result.Measurement{{Lane: result.Lane{Target: "floor", Transport: "sse"}, Round: 3, Verdict: result.Verdict{Failed: []string{"it lost something"}}}}
	var b bytes.Buffer
	if err := (Text{Result: result.Result{Outcomes: []result.Outcome{o}}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"RATIO pushlab sse costs 1.75 (1.50..2.00 in 2 rounds) times the floor\n",
		"RATIO pushlab sse nginx against itself: 1.00 (0.90..1.10 in 3 rounds), which is the noise\n",
		"FAILED floor sse in round 3: it lost something\n",
		"\npushlab sse nginx again ",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("the report does not say %q:\n%s", line, &b)
		}
	}
}

// What is known about the wire, the payload and the way to a capacity is told in tables of their own.
func TestTextTellsMore(t *testing.T) {
	r := exampleOf(t)
	o := r.Outcomes[0]
	o.Case.Data, o.Case.Verifies = result.BinaryData, true
	m := &o.Measurements[0]
	m.Bytes = result.Roles{RequestHeads: m.BytesUp, ResponseHeads: 5_000_000, Framing: 775_000, Payload: 5_000_000}
	m.Segments = &result.Segments{In: 50_000, Out: 25_000, DataIn: 25_000, DataOut: 25_000}
	m.DataBytes, m.Receivers = 3_200_000, &result.Receivers{First: result.Latency{P50: 1e6}, Last: result.Latency{P50: 3e6}, Spread: result.Latency{P50: 2e6}}
	m.Predicted = &result.Prediction{ServerCPU: 14_000, Bytes: 511, Segments: 3}
	limit := o
	limit.Case.Kind, limit.Case.Verifies, limit.Case.Limit = result.Capacity, false, 50*time.Millisecond
	limit.Measurements = slices.Clone(o.Measurements)
	for i := range limit.Measurements {
		limit.Measurements[i].Search = &result.Search{Curve: []result.Probe{{Rate: 500, P99: 2e6}, {Rate: 1000, P99: 60e6, BacklogSlope: 7}}}
	}
	var b bytes.Buffer
	r.Outcomes = []result.Outcome{o, limit}
	if err := (Text{Result: r}).Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "more.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 150 || strings.HasSuffix(line, " \n") {
			t.Errorf("a line is too long, or ends with spaces: %q", line)
		}
	}
}

// How costs grow is said of each scenario by itself, and not across them.
func TestTextTellsGrowth(t *testing.T) {
	var r result.Result
	for _, c := range []result.Case{
		{Name: "fanout", Subscribers: 10}, {Name: "payload", Subscribers: 5, Data: result.JSONData}, {Name: "payload", Subscribers: 9, Data: result.TextData},
		{Name: "fanout", Subscribers: 1000}, {Name: "fanout", Subscribers: 5000, Computed: true},
	} {
		c.Kind, c.Targets = result.FanOut, []string{"floor", "pushlab"}
		s := result.Summary{Lane: result.Lane{Target: "pushlab", Transport: "sse"}, Value: result.Spread{Median: float64(c.Subscribers), Rounds: 1}}
		r.Outcomes = append(r.Outcomes, result.Outcome{Case: c, Summaries: []result.Summary{s}})
	}
	want := []string{"fanout: from 10 to 1000 subscribers an event's cost grows by a factor of", "pushlab sse 100.00 (10.0 µs to 1000.0 µs)"}
	if got := growth(r); !slices.Equal(got, want) {
		t.Errorf("it says %q", got)
	}
}
