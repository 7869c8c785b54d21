package source

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	gopsload "github.com/shirou/gopsutil/v4/load"
)

// fakeHost runs a host source for as many intervals as there are readings after the first one, and
// returns what it published, its log, and what Run returned.
func fakeHost(t *testing.T, readings ...reading) (got []string, logged string, err error) {
	synctest.Test(t, func(t *testing.T) {
		log, text := logTo()
		rec := &recorder{t: t}
		next := 0
		h := host{interval: 2 * time.Second, log: log, read: func(context.Context) reading {
			r := readings[next]
			r.at = time.Now()
			next++
			return r
		}}
		stop := start(t, named{name: "host", run: h.run}, rec.publish)
		<-time.After(time.Duration(len(readings))*h.interval - time.Second)
		err = stop()
		logged = text.String()
		for _, e := range rec.take() {
			if e.topic != "host" {
				t.Errorf("topic %q, want host", e.topic)
			}
			got = append(got, e.data)
		}
	})
	return got, logged, err
}

func TestHost(t *testing.T) {
	first := reading{
		cpu:     &cpuTime{busy: 10, total: 100},
		memory:  &memory{used: 3, total: 8},
		load:    &gopsload.AvgStat{Load1: 1, Load5: 2, Load15: 3},
		network: map[string]traffic{"eth0": {1000, 2000}, "eth1": {5000, 5000}},
	}
	second := reading{
		cpu:    &cpuTime{busy: 12, total: 116},
		memory: &memory{used: 4, total: 8},
		load:   &gopsload.AvgStat{Load1: 0.123, Load5: 0.456, Load15: 0},
		// eth1 began anew, eth2 is new: neither has a rate yet.
		network: map[string]traffic{"eth0": {1100, 2401}, "eth1": {10, 6000}, "eth2": {700, 700}},
	}
	got, logged, err := fakeHost(t, first, second)
	want := []string{`{"cpu_percent":12.5,"memory_used_bytes":4,"memory_total_bytes":8,` +
		`"load1":0.12,"load5":0.46,"load15":0,"received_bytes_per_second":50,"sent_bytes_per_second":201}`}
	if diff := cmp.Diff(want, got); diff != "" || logged != "" || err != nil {
		t.Errorf("logged %q, ended with %v (-want +got):\n%s", logged, err, diff)
	}
}

// What cannot be read is left out, never zero, and told once.
func TestHostLeavesOut(t *testing.T) {
	gone := map[string]error{"cpu": errors.New("no such counter")}
	r := func(r reading) reading { r.problems = gone; return r }
	got, logged, err := fakeHost(t,
		r(reading{memory: &memory{1, 8}, network: map[string]traffic{}}),
		r(reading{memory: &memory{2, 8}}),
		r(reading{}),
		r(reading{network: map[string]traffic{"eth0": {1, 1}}}),
		r(reading{network: map[string]traffic{"eth0": {21, 41}}}),
	)
	want := []string{
		`{"memory_used_bytes":2,"memory_total_bytes":8}`,
		`{"received_bytes_per_second":10,"sent_bytes_per_second":20}`,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ended with %v (-want +got):\n%s", err, diff)
	}
	if n := strings.Count(logged, "no such counter"); n != 1 {
		t.Errorf("told %d times, want once: %s", n, logged)
	}
}

func TestHostCPUBounds(t *testing.T) {
	got, _, _ := fakeHost(t,
		reading{cpu: &cpuTime{busy: 10, total: 20}},
		reading{cpu: &cpuTime{busy: 9, total: 21}},
		reading{cpu: &cpuTime{busy: 12, total: 22}},
		reading{cpu: &cpuTime{busy: 13, total: 22}}, // too soon to tell
	)
	if diff := cmp.Diff([]string{`{"cpu_percent":0}`, `{"cpu_percent":100}`}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHostWithoutMetrics(t *testing.T) {
	_, _, err := fakeHost(t, reading{})
	if err == nil || !strings.Contains(err.Error(), "leave the source host out") {
		t.Errorf("Run = %v, want an error that says what to do", err)
	}
}

// The real counters: on the systems we test on, each of them is there.
func TestReadSystem(t *testing.T) {
	r := readSystem(t.Context())
	if runtime.GOOS != "windows" && len(r.problems) > 0 {
		t.Error(r.problems)
	}
	if r.memory == nil || r.memory.used > r.memory.total {
		t.Errorf("memory %+v", r.memory)
	}
	later := r
	later.at = r.at.Add(time.Second)
	later.cpu = &cpuTime{busy: r.cpu.busy + 1, total: r.cpu.total + 4}
	data, err := json.Marshal(later.since(r))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{`"cpu_percent":25`, `"memory_used_bytes":`, `"received_bytes_per_second":0`} {
		if !strings.Contains(string(data), member) {
			t.Errorf("%s has no %s", data, member)
		}
	}
	t.Logf("%s", data)
}
