package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pushlab/bench/doctor"
)

func TestBenchDoctor(t *testing.T) {
	t.Parallel() // it mostly waits
	// In processes of their own, since it moves all threads between the cores.
	text := start(t, nil, "bench", "doctor")
	if code := text.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if first := text.line(); !strings.HasPrefix(first, "ok      server ") {
		t.Errorf("it begins with %q", first)
	}
	p := start(t, nil, "bench", "doctor", "--json")
	if code := p.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	var all strings.Builder
	for line := range p.lines {
		all.WriteString(line + "\n")
	}
	var found doctor.Report
	if err := json.Unmarshal([]byte(all.String()), &found); err != nil || found.Subscribers == 0 || len(found.Checks) < 15 {
		t.Errorf("%v:\n%s", err, &all)
	}
}
