package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	for _, name := range bench.ScenarioNames() {
		if !strings.Contains(all.String(), "\n"+name+" ") {
			t.Errorf("the scenario %s is not listed:\n%s", name, &all)
		}
	}
	if !strings.Contains(all.String(), "; about 29 s\n") {
		t.Errorf("it is not said how long smoke takes:\n%s", &all)
	}
}

// A scenario of one's own begins as a copy.
func TestBenchRunOfAFile(t *testing.T) {
	t.Parallel() // it mostly waits
	p := start(t, nil, "bench", "list", "--file", "smoke")
	if code := p.exit(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	var text strings.Builder
	for line := range p.lines {
		text.WriteString(line + "\n")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.toml")
	mine := strings.NewReplacer("200", "40", `"1s"`, `"50ms"`, `"5s"`, `"200ms"`).Replace(text.String()) + "transports = [\"sse\"]\n"
	if err := os.WriteFile(file, []byte(mine), 0o666); err != nil {
		t.Fatal(err)
	}
	p = start(t, nil, "bench", "run", "--scenario", file, "--scale", "0.5", "--out", dir)
	if code := p.exit(); code != exitDone {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	if said := p.stderr.String(); !strings.Contains(said, "1 measurements in 1 cases, about 0:03\n") {
		t.Errorf("it begins with %.100q", said)
	}
	found, err := result.Read(filepath.Join(dir, result.FileName))
	if err != nil || len(found.Outcomes) != 1 || found.Outcomes[0].Case.Subscribers != 20 || found.Outcomes[0].Case.Name != "mine" {
		t.Errorf("%v: %+v", err, found)
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
		{"--scenario", "pigeon"}, {"--scenario", "./none.toml"}, {"--scenario", "smoke", "--profile", "quick"}, {"--scenario", "smoke", "--scale", "1000"},
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

// A flag for the number of subscribers leaves one number of each scenario, with all that belongs to it.
func TestBenchSubscribers(t *testing.T) {
	for _, c := range []struct {
		scenarios   []string
		subscribers int
		cases       int
		rate        float64 // of the first
	}{
		{[]string{"cost"}, 5000, 1, 4},
		{[]string{"cost"}, 20, 1, 10},
		{[]string{"s4-sweep"}, 100, 8, 1}, // idle, four rates, one that verifies, two that are computed
		{[]string{"s6-payload", "s1-fanout"}, 3, 16, 20},
	} {
		o := benchOptions{scenarios: c.scenarios, scale: 1, subscribers: c.subscribers}
		p, err := o.chosen()
		if err != nil {
			t.Fatal(err)
		}
		cases, err := o.cases(p)
		if err != nil || len(cases) != c.cases || cases[0].Rate != c.rate {
			t.Fatalf("%q: %v, %d cases: %+v", c.scenarios, err, len(cases), cases)
		}
		for _, one := range cases {
			if one.Subscribers != c.subscribers {
				t.Errorf("%+v", one)
			}
		}
	}
	o := benchOptions{scenarios: []string{"s4-sweep"}, scale: 1, measure: time.Second}
	p, err := o.chosen()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.cases(p); err != nil {
		t.Errorf("a shorter sweep: %v", err)
	}
}
