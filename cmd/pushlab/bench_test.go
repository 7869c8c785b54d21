package main

import (
	"path/filepath"
	"strings"
	"testing"

	"pushlab/bench"
	"pushlab/bench/machine"
	"pushlab/bench/result"
)

func TestBenchList(t *testing.T) {
	p := start(t, nil, "bench", "list")
	if code := p.exit(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	var all strings.Builder
	for line := range p.lines {
		all.WriteString(line + "\n")
	}
	for _, profile := range bench.Profiles() {
		if !strings.Contains(all.String(), "\n"+profile.Name+" ") && !strings.HasPrefix(all.String(), profile.Name+" ") {
			t.Errorf("%s is not listed:\n%s", profile.Name, &all)
		}
	}
	for _, v := range bench.Variants() {
		if !strings.Contains(all.String(), "\n"+v.Name+" ") || !strings.Contains(all.String(), v.About+"\n") {
			t.Errorf("the variant %s is not listed:\n%s", v.Name, &all)
		}
	}
}

// A server, the floor and the baseline are three processes of this program, pinned to one core.
func TestBenchRunBesideItsReferences(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := start(t, nil, "bench", "run", "--profile", "cost", "--subscribers", "20", "--rate", "200", "--warm-up", "50ms", "--duration", "200ms",
		"--rounds", "1", "--transport", "longpoll", "--server-arg", "--heartbeat=5s", "--out", dir)
	if code := p.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	var all strings.Builder
	for line := range p.lines {
		all.WriteString(line + "\n")
	}
	// How they compare is told if nothing else kept the machine busy.
	for _, row := range []string{"\nfloor longpoll ", "\nfloor longpoll again ", "\nbaseline longpoll ", "\npushlab longpoll "} {
		if !strings.Contains(all.String(), row) {
			t.Errorf("the report has no row %q:\n%s", row, &all)
		}
	}
	found, err := result.Read(filepath.Join(dir, result.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(found.Command, "pushlab bench run --") || !strings.Contains(found.Command, " --server-arg=--heartbeat=5s") {
		t.Errorf("the command is %q", found.Command)
	}
	if len(found.Outcomes) != 1 || len(found.Outcomes[0].Measurements) != 4 || (found.Pin != nil) != (len(machine.Cores()) > 1) {
		t.Errorf("%+v", found)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if m.Delivered != 800 || m.ServerCPU <= 0 {
			t.Errorf("%s: %+v", m.Target, m)
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--profile", "pigeon"}, {"--target", "pigeon"}, {"--pin", "x"}, {"--pin", "0"}, {"--variant", "pigeon"}, {"--variant", "tls", "--variant", "tls"}, {"--transport", "pigeon"}, {"--rounds", "-1"},
	} {
		p := start(t, nil, append([]string{"bench", "run"}, args...)...)
		if code := p.exit(); code != exitUsage || !strings.Contains(p.stderr.String(), "pushlab: ") {
			t.Errorf("%q: exit code %d, %s", args, code, p.stderr.String())
		}
	}
}

// The variants of a real server, each with what it takes: sockets, certificates, nginx, a proxy.
func TestBenchVariants(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	args := []string{"bench", "run", "--quiet", "--subscribers", "150", "--rate", "20", "--warm-up", "50ms", "--duration", "100ms", "--rtt", "4ms",
		"--transport", "sse", "--transport", "websocket", "--out", dir}
	variants := []string{"direct", "nginx", "nginx-unix", "nginx-gzip", "tls", "tls-resumed", "h2-50", "deflate"}
	for _, v := range variants {
		args = append(args, "--variant", v)
	}
	p := start(t, nil, args...)
	if code := p.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	found, err := result.Read(filepath.Join(dir, result.FileName))
	if err != nil {
		t.Fatal(err)
	}
	o := found.Outcomes[0]
	if len(o.Measurements) != 7+6 || len(o.LeftOut) != 3 {
		t.Errorf("%d measured, left out: %+v", len(o.Measurements), o.LeftOut)
	}
	for _, m := range o.Measurements {
		between := []string{"delay"}
		if strings.HasPrefix(m.Variant, "nginx") {
			between = append(between, "nginx")
		}
		for i, b := range m.Between {
			if b.Name != between[i] || b.CPU <= 0 || b.Full <= 0 || b.Empty <= 0 {
				t.Errorf("%s: between %+v", m.Name(), m.Between)
			}
		}
		if m.Delivered != 300 || m.Lost != 0 || len(m.Between) != len(between) {
			t.Errorf("%s: %+v", m.Name(), m)
		}
	}
}
