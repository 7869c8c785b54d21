package result

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// smokeCase is the case of the smoke profile.
func smokeCase() Case {
	return Case{
		Name: "smoke", Kind: FanOut, Targets: []string{"pushlab"}, Transports: Transports(), Rounds: 1,
		Subscribers: 200, Rate: 25, Size: 128, WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
	}
}

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
	s := smokeCase()
	r := Result{
		Schema: Schema, Started: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), Elapsed: 26 * time.Second, Seed: 1,
		Environment: Environment{
			OS: "linux", Arch: "amd64", Kernel: "6.18.44", CPU: "Some CPU @ 3 GHz", Cores: 2, GOMAXPROCS: 2, GoVersion: "go1.26.8",
			Governor: "performance", ClockSource: "tsc", LocalPorts: "32768 60999", TCPSend: "4096 16384 4194304",
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
	// What package stats makes of them: only what may be compared counts.
	for _, transport := range s.Transports {
		summary := Summary{Lane: Lane{Target: "pushlab", Transport: transport}, Metric: CPUPerEvent}
		if transport == "longpoll" || transport == "sse" {
			summary.Value = Spread{Median: 12.04, Min: 12.04, Max: 12.04, Rounds: 1}
		}
		o.Summaries = append(o.Summaries, summary)
	}
	r.Outcomes = []Outcome{o}
	const us = time.Microsecond
	r.Conditions = &Conditions{
		Steal: 0.021, LoadBefore: 0.25, LoadAfter: 0.5,
		NoiseBefore: Latency{Count: 1000, P50: 60 * us, P90: 70 * us, P99: 110 * us, P999: 190 * us, Max: 210 * us, Mean: 62 * us, HDR: "HISTFAAC"},
		NoiseAfter:  Latency{Count: 1000, P50: 60 * us, P90: 70 * us, P99: 120 * us, P999: 180 * us, Max: 900 * us, Mean: 63 * us, HDR: "HISTFAAD"},
	}
	r.Flags = r.Conditions.Flags(r.Environment.Cores)
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
	got, err := Read(path)
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
		"unpacking it":     "\x1f\x8b\x08 and then nothing that could be unpacked",
	} {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error is %v; it should say %q", err, name)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "nothing")); err == nil {
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
