package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/bench/plan"
	"pushlab/bench/result"
)

// measured is a result that was measured.
var measured = filepath.Join("..", "..", "bench", "plan", "testdata", "measured.json")

// planned runs pushlab plan, and returns what it printed.
func planned(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	p := start(t, nil, append([]string{"plan"}, args...)...)
	code = p.exit()
	var all strings.Builder
	for line := range p.lines {
		all.WriteString(line + "\n")
	}
	return code, all.String(), p.stderr.String()
}

func TestPlan(t *testing.T) {
	demand := []string{measured, "--clients", "1e5", "--rate", "0.5", "--size", "200", "--reconnects", "2", "--memory", "16GiB", "--bandwidth", "10Gbit/s"}
	code, out, errors := planned(t, demand...)
	if code != exitDone || errors != "" {
		t.Fatalf("exit code %d, %s", code, errors)
	}
	for _, want := range []string{
		"100,000 clients of pushlab", "\nlongpoll ", "\nhttpstream ", "\nsse ", "\nwebsocket ", "What decides", "by round-trip time", "bytes, sse", "\n  100ms ",
		"memory of a machine", "16 GiB", "--memory\n", "default of --rtt", "extrapolated x ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	code, out, errors = planned(t, append(demand, "--json")...)
	var p plan.Plan
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != exitDone || p.Schema != plan.Schema || len(p.Lanes) != 4 || p.Demand.Machine.Memory != 16<<30 {
		t.Errorf("exit code %d, %v, %s%+v", code, err, errors, p)
	}
}

// Two results of one machine are as good as one; a folder is as good as its file.
func TestPlanOfSeveral(t *testing.T) {
	found, err := result.Read(measured)
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for i := range 2 {
		half := found
		if half.Outcomes = found.Outcomes[:8]; i == 1 {
			half.Outcomes = found.Outcomes[8:]
		}
		folder := t.TempDir()
		if _, err := half.Write(folder); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	demand := []string{"--clients", "1000", "--rate", "1", "--size", "64"}
	_, want, _ := planned(t, append(demand, measured)...)
	if code, got, errors := planned(t, append(demand, folders...)...); code != exitDone || got != want {
		t.Errorf("exit code %d, %s, printed\n%s\nwant\n%s", code, errors, got, want)
	}
}

func TestPlanCheck(t *testing.T) {
	// The machine was busy when that was measured: CPU cannot be predicted within the limit, and that is told.
	code, out, errors := planned(t, measured, "--check")
	if code != exitFailed || !strings.Contains(errors, "off by more than 15 %") || !strings.Contains(out, "\nOK bytes: ") || !strings.Contains(out, "\nOK memory: ") {
		t.Errorf("exit code %d, %s, printed\n%s", code, errors, out)
	}
	code, out, _ = planned(t, measured, "--check", "--json")
	var c plan.Check
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != exitFailed || len(c.Quantities) != 3 {
		t.Errorf("exit code %d, %v, %+v", code, err, c)
	}
}

func TestPlanUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"Name a result":          {},
		"no such file":           {"nothing", "--clients", "1", "--rate", "1", "--size", "1"},
		"is no result":           {"plan_test.go", "--clients", "1", "--rate", "1", "--size", "1"},
		"0 clients":              {measured},
		"0 events/s":             {measured, "--clients", "1"},
		"no whole number":        {measured, "--clients", "1.5"},
		"is no size":             {measured, "--memory", "much"},
		"the units are Tbit/s":   {measured, "--bandwidth", "8GiB"},
		"the share of a machine": {measured, "--clients", "1", "--rate", "1", "--size", "1", "--headroom", "60"},
	} {
		if code, _, errors := planned(t, args...); code != exitUsage || !strings.Contains(errors, want) {
			t.Errorf("%q: exit code %d, %s; want %q", args, code, errors, want)
		}
	}
	if code, _, errors := planned(t, measured, "--clients", "1", "--rate", "1", "--size", "1", "--target", "pigeon"); code != exitFailed || !strings.Contains(errors, "nothing to plan with") {
		t.Errorf("exit code %d, %s", code, errors)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]float64{"1Gbit/s": 1e9, "1.5 Gbit/s": 1.5e9, "100Mbit/s": 1e8, "100": 100} {
		var v float64
		flag := unitValue{&v, bandwidthUnits}
		if err := flag.Set(text); err != nil || v != want {
			t.Errorf("%q is %v, %v; want %v", text, v, err, want)
		}
	}
	for want, v := range map[string]float64{"8Gbit/s": 8e9, "1500Mbit/s": 1.5e9, "0.5bit/s": 0.5} {
		if got := (&unitValue{&v, bandwidthUnits}).String(); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
	for _, text := range []string{"", "Gbit/s", "-1Gbit/s", "NaN", "Infbit/s", "8GiB"} {
		var v float64
		if err := (&unitValue{&v, bandwidthUnits}).Set(text); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
}
