package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

// fineMeasurement is one without any fault, in the smoke profile.
func fineMeasurement(transport string) Measurement {
	const us = time.Microsecond
	return Measurement{
		Lane: Lane{Target: "pushlab", Transport: transport}, Round: 1, Planned: 125, Published: 125, Acknowledged: 125, PublishRate: 25.0004,
		PublishDelay: Latency{Count: 125, P50: 90 * us, P90: 110 * us, P99: 240 * us, P999: 260 * us, Max: 260 * us, Mean: 95 * us, HDR: "HISTFAAA"},
		Expected:     25_000, Delivered: 25_000,
		Delivery: Latency{Count: 25_000, P50: 1420 * us, P90: 2510 * us, P99: 2910 * us, P999: 3300 * us, Max: 4180 * us, Mean: 1500 * us, HDR: "HISTFAAB"},
		Window:   5 * time.Second, ServerDelivered: 25_000, ServerWrites: 24_900, ServerBytes: 5_061_200,
		BytesDown: 5_061_200, ServerCPU: 301 * time.Millisecond, LoadCPU: 325 * time.Millisecond, OtherCPU: 40 * time.Millisecond,
	}
}

// exampleResult has a transport of every kind: fine, fine with a note, not valid, and failed.
func exampleResult() Result {
	s := Profiles()[0].Cases()[0]
	r := Result{
		Schema: Schema, Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Elapsed: 26 * time.Second, Seed: 1,
		Environment: Environment{
			OS: "linux", Arch: "amd64", Kernel: "6.18.44", CPU: "Some CPU @ 3 GHz", Cores: 2, GOMAXPROCS: 2, GoVersion: "go1.26.8",
			OpenFiles: "1024/20000", Revision: "e1bcb0f", Modified: true, LoadAverage: 0.25,
		},
	}
	o := Outcome{Case: s}
	for _, transport := range s.Transports {
		m := fineMeasurement(transport)
		switch transport {
		case "longpoll":
			m.BytesDown, m.BytesUp, m.OtherCPU = 10_775_000, 1_975_000, 3*time.Second
		case "httpstream":
			m.PublishDelay.P90, m.PublishDelay.P99, m.PublishDelay.P999, m.PublishDelay.Max = 11*time.Millisecond, 12*time.Millisecond, 12*time.Millisecond, 12*time.Millisecond
		case "sse":
			m.PublishDelay.P99, m.PublishDelay.P999, m.PublishDelay.Max = 2*time.Millisecond, 3*time.Millisecond, 3*time.Millisecond
		case "websocket":
			m.Delivered, m.Lost, m.Reordered, m.Gaps = 24_990, 10, 3, 2
		}
		m.Verdict = m.Judge(s, 2)
		o.Measurements = append(o.Measurements, m)
	}
	o.Summaries = summarize(o)
	r.Outcomes = []Outcome{o}
	return r
}

func TestResultFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	want := exampleResult()
	path, err := want.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "result.json", text)
	got, err := ReadResult(path)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v; what was written (-) and read (+):\n%s", err, diff)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the folder has %v, %v; one file was expected", files, err)
	}
}

func TestReadResultRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"pushlab.bench/99": `{"schema":"pushlab.bench/99"}`,
		"is no result":     `[]`,
	} {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadResult(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error is %v; it should say %q", err, name)
		}
	}
	if _, err := ReadResult(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestResultThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := exampleResult().Write(file); err == nil {
		t.Error("a result was written into a file")
	}
}

func TestLatency(t *testing.T) {
	var times []time.Duration
	for i := range 1000 {
		times = append(times, time.Duration(1000-i)*time.Millisecond)
	}
	l, err := newLatency(times)
	if err != nil {
		t.Fatal(err)
	}
	if l.Count != 1000 || l.Max != time.Second || l.Mean != 500500*time.Microsecond {
		t.Errorf("count %d, max %v, mean %v", l.Count, l.Max, l.Mean)
	}
	for got, want := range map[time.Duration]time.Duration{
		l.P50: 500 * time.Millisecond, l.P90: 900 * time.Millisecond, l.P99: 990 * time.Millisecond, l.P999: 999 * time.Millisecond,
	} {
		if off := (got - want).Abs(); off > want/1000 {
			t.Errorf("a percentile is %v, not %v to three digits", got, want)
		}
	}
	h, err := hdrhistogram.Decode([]byte(l.HDR))
	if err != nil {
		t.Fatal(err)
	}
	if h.TotalCount() != 1000 || h.ValueAtPercentile(50) != l.P50.Microseconds() {
		t.Errorf("the encoded histogram has %d values and the median %d µs", h.TotalCount(), h.ValueAtPercentile(50))
	}
}

func TestLatencyOfNothingAndOfTooMuch(t *testing.T) {
	l, err := newLatency(nil)
	if err != nil || l.Count != 0 || l.P99 != 0 || l.Max != 0 {
		t.Errorf("no times: %+v, %v", l, err)
	}
	l, err = newLatency([]time.Duration{0, 3 * time.Nanosecond, time.Hour})
	if err != nil || l.Count != 3 || l.Max != time.Hour || l.P99 < longest || l.P50 != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestVerdict(t *testing.T) {
	s := Profiles()[0].Cases()[0]
	for name, c := range map[string]struct {
		change                       func(*Measurement)
		failed, invalid, notes, tail string // "" if there is none
	}{
		"fine":              {func(m *Measurement) {}, "", "", "", ""},
		"lost":              {func(m *Measurement) { m.Lost = 1 }, "deliveries lost: 1 of 25000", "", "", ""},
		"duplicated":        {func(m *Measurement) { m.Duplicated = 1 }, "deliveries duplicated: 1", "", "", ""},
		"reordered":         {func(m *Measurement) { m.Reordered = 1 }, "deliveries out of order: 1", "", "", ""},
		"gaps":              {func(m *Measurement) { m.Gaps = 1 }, "gaps announced: 1", "", "", ""},
		"warm-up":           {func(m *Measurement) { m.WarmUpFaults = 1 }, "deliveries of the warm-up", "", "", ""},
		"an error":          {func(m *Measurement) { m.Error = "no server" }, "no server", "", "", ""},
		"not measured":      {func(m *Measurement) { *m = Measurement{Planned: 125, Error: "no server"} }, "no server", "0 of 125 events published", "", ""},
		"interrupted":       {func(m *Measurement) { m.Published, m.Acknowledged = 50, 50 }, "", "50 of 125 events published", "", ""},
		"refused":           {func(m *Measurement) { m.Acknowledged = 124 }, "", "125 events published, but 124 acknowledged", "", ""},
		"slow":              {func(m *Measurement) { m.PublishRate = 24.7 }, "", "24.7 of 25 events/s", "", ""},
		"just quick enough": {func(m *Measurement) { m.PublishRate = 24.75 }, "", "", "", ""},
		"late": {func(m *Measurement) {
			m.PublishDelay.P90, m.PublishDelay.P99 = 1100*time.Microsecond, 1200*time.Microsecond
		}, "", "p90 of 1.1ms", "", ""},
		"late now and then":  {func(m *Measurement) { m.PublishDelay.P99 = 1100 * time.Microsecond }, "", "", "", "p99 of 1.1ms, the limit is 1ms"},
		"late, but not much": {func(m *Measurement) { m.PublishDelay.P99 = time.Millisecond }, "", "", "", ""},
		"late, but little of it": {func(m *Measurement) {
			m.PublishDelay.P99, m.Delivery.P50 = 2*time.Millisecond, 20*time.Millisecond
		}, "", "", "", ""},
		"counts that differ": {func(m *Measurement) { m.ServerDelivered++ }, "", "the server counts 25001", "", ""},
		"near the limit":     {func(m *Measurement) { m.ServerCPU = 9 * time.Second }, "", "", "kept 1.86 of 2 cores busy", ""},
		"others":             {func(m *Measurement) { m.OtherCPU = 2 * time.Second }, "", "", "other programs kept 0.40 of 2 cores busy", ""},
		"few":                {func(m *Measurement) { m.Delivery.Count = 9_999 }, "", "", "p99 rests on fewer than 100", ""},
		"CPU not known":      {func(m *Measurement) { m.ServerCPU, m.LoadCPU, m.OtherCPU = 0, 0, 0 }, "", "", "", ""},
	} {
		m := fineMeasurement("sse")
		c.change(&m)
		v := m.Judge(s, 2)
		for _, kind := range []struct {
			name string
			got  []string
			want string
		}{{"failed", v.Failed, c.failed}, {"invalid", v.Invalid, c.invalid}, {"notes", v.Notes, c.notes}, {"tail", v.Tail, c.tail}} {
			if len(kind.got) > 0 != (kind.want != "") || kind.want != "" && !slices.ContainsFunc(kind.got, func(s string) bool { return strings.Contains(s, kind.want) }) {
				t.Errorf("%s: %s are %q, want %q", name, kind.name, kind.got, kind.want)
			}
		}
		if want := c.failed == "" && c.invalid == ""; v.Comparable() != want {
			t.Errorf("%s: comparable is %v", name, !want)
		}
		if want := v.Comparable() && c.tail == ""; v.TailComparable() != want {
			t.Errorf("%s: the tail is comparable: %v", name, !want)
		}
		if failed := (Result{Outcomes: []Outcome{{Measurements: []Measurement{fineMeasurement("sse"), {Verdict: v}}}}}).Failed(); failed != (c.failed != "") {
			t.Errorf("%s: the result has failed: %v", name, failed)
		}
	}
}

func TestReport(t *testing.T) {
	var b bytes.Buffer
	if err := (Text{Result: exampleResult()}).Write(&b); err != nil {
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
func TestReportWithColors(t *testing.T) {
	var plain, colored bytes.Buffer
	if err := (Text{Result: exampleResult()}).Write(&plain); err != nil {
		t.Fatal(err)
	}
	if err := (Text{Result: exampleResult(), Color: true}).Write(&colored); err != nil {
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

func TestReportOfAnInterruptedRun(t *testing.T) {
	r := exampleResult()
	o := &r.Outcomes[0]
	r.Interrupted, o.Measurements, r.Environment.CPU = true, o.Measurements[:1], ""
	o.Measurements[0].ServerCPU, o.Measurements[0].LoadCPU, o.Measurements[0].OtherCPU = 0, 0, 0
	var b bytes.Buffer
	if err := (Text{Result: r}).Write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "interrupted.txt", b.Bytes())
}
