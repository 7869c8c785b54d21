package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// evenly is a result like that which was measured, but on a machine on which the same costs the same each time.
func evenly(t *testing.T) result.Result {
	t.Helper()
	r, err := result.Read(measured)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Outcomes {
		for i := range o.Measurements {
			m := &o.Measurements[i]
			m.SoftirqCPU = 0
			m.ServerCPU = m.Window/1000 + time.Duration(m.Published)*200*time.Microsecond + time.Duration(m.ServerWrites)*5*time.Microsecond
			if o.Case.Kind == result.Idle {
				m.ServerCPU = m.Window / 1000
			}
		}
	}
	return r
}

func TestPlanCheck(t *testing.T) {
	check := func(r result.Result) (code int, out, errors string) {
		t.Helper()
		folder := t.TempDir()
		if _, err := r.Write(folder); err != nil {
			t.Fatal(err)
		}
		return planned(t, folder, "--check")
	}
	r := evenly(t)
	if code, out, errors := check(r); code != exitDone || errors != "" || !strings.Contains(out, "\nOK CPU: ") || !strings.Contains(out, "\nOK memory: ") {
		t.Errorf("a model that holds: exit code %d, %s, printed\n%s", code, errors, out)
	}
	for i := range r.Outcomes[3].Measurements {
		r.Outcomes[3].Measurements[i].ServerCPU *= 2
	}
	if code, out, errors := check(r); code != exitFailed || !strings.Contains(errors, "are off by more than 15 %") || !strings.Contains(out, "  OFF") || !strings.Contains(out, "\nOK bytes: ") {
		t.Errorf("a case that costs twice as much: exit code %d, %s, printed\n%s", code, errors, out)
	}
	r = evenly(t)
	r.Outcomes = slices.DeleteFunc(r.Outcomes, func(o result.Outcome) bool { return o.Case.Kind == result.Idle })
	if code, out, errors := check(r); code != exitFailed || !strings.Contains(errors, "not all can be checked: longpoll: memory") || !strings.Contains(errors, plan.Measure) {
		t.Errorf("no memory: exit code %d, %s, printed\n%s", code, errors, out)
	}

	// The machine was busy when that was measured: CPU cannot be predicted within the limit, and that is told.
	code, out, errors := planned(t, measured, "--check", "--json")
	var c plan.Check
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != exitFailed || len(c.Quantities) != 3 || !strings.Contains(errors, "more --rounds") {
		t.Errorf("exit code %d, %s, %v, %+v", code, errors, err, c)
	}
}

func TestPlanUsage(t *testing.T) {
	for want, args := range map[string][]string{
		"Name a result":          {},
		"no such file":           {"nothing", "--clients", "1", "--rate", "1", "--size", "1"},
		"is no result":           {"plan_test.go", "--clients", "1", "--rate", "1", "--size", "1"},
		"0 clients":              {measured},
		"0 events/s":             {measured, "--clients", "1"},
		"such as 20/s, 1/m":      {measured, "--clients", "1", "--rate", "often", "--size", "1"},
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
	for text, want := range map[string]float64{"12": 12, "12/h": 12, "1/m": 60, "1/5m": 12, " 0.5 / s": 1800, "0": 0} {
		var v float64
		if err := (&frequencyValue{&v, time.Hour}).Set(text); err != nil || v != want {
			t.Errorf("%q is %v an hour, %v; want %v", text, v, err, want)
		}
	}
	for _, text := range []string{"", "1/", "1/0s", "-1/s", "1/-1s", "NaN", "Inf/s", "/s", "1/fortnight"} {
		var v float64
		if err := (&frequencyValue{&v, time.Hour}).Set(text); err == nil {
			t.Errorf("%q is %v", text, v)
		}
	}
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
