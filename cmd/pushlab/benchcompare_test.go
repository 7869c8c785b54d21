package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// benchResult writes a result into a folder of its own: of SSE, with as many rounds as there are numbers, which
// are microseconds of server CPU and of the p99.
func benchResult(t *testing.T, change func(*result.Result), us ...int64) string {
	t.Helper()
	o := result.Outcome{Case: result.Case{
		ID: "S1", Name: "fanout", Kind: result.FanOut, Targets: []string{"pushlab"}, Transports: []string{"sse"}, Rounds: len(us), Subscribers: 10, Rate: 10, Size: 128,
	}}
	for i, v := range us {
		cpu := time.Duration(v) * time.Microsecond
		o.Measurements = append(o.Measurements, result.Measurement{
			Lane: result.Lane{Target: "pushlab", Transport: "sse"}, Round: i + 1, Expected: 100, Delivered: 100, ServerCPU: 100 * cpu, BytesDown: 20_200,
			Delivery: result.Latency{Count: 100, P50: cpu, P99: cpu},
		})
	}
	r := result.Result{Schema: result.Schema, Environment: result.Environment{OS: "linux", Arch: "amd64", Kernel: "6.18", Cores: 2}, Outcomes: []result.Outcome{o}}
	if change != nil {
		change(&r)
	}
	path, err := r.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBenchCompare(t *testing.T) {
	t.Parallel()
	old := benchResult(t, nil, 100, 101, 102, 103, 104)
	slower := benchResult(t, nil, 120, 121, 122, 123, 124)
	elsewhere := benchResult(t, func(r *result.Result) { r.Environment.Kernel, r.Environment.Cores = "6.19", 4 }, 100, 101, 102, 103, 104)
	other := benchResult(t, func(r *result.Result) { r.Outcomes[0].Case.Name = "other" }, 100)
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		say  string // in what is written
	}{
		"files":                 {[]string{old, slower}, exitDone, "more, worse"},
		"folders":               {[]string{filepath.Dir(old), filepath.Dir(slower)}, exitDone, "more, worse"},
		"a page":                {[]string{old, slower, "--html", filepath.Join(t.TempDir(), "page", "changes.html")}, exitDone, "As a page: "},
		"no place for a page":   {[]string{old, slower, "--html", t.TempDir()}, exitFailed, ""},
		"one metric":            {[]string{old, slower, "--metric", "cpu"}, exitDone, "server CPU per event, us"},
		"a limit that holds":    {[]string{old, slower, "--fail-on", "p99>+30%,down>+0%"}, exitDone, "2 of 2 checks hold."},
		"a limit that does not": {[]string{old, slower, "--fail-on", "p99>+10%", "--fail-on", "down>+0%"}, exitFailed, "BROKEN p99>+10%: fanout, 10 subscribers, 10/s, 128 B: pushlab sse: 0.122 ms after 0.102 ms (+19.6 %)"},
		"better is no worse":    {[]string{slower, old, "--fail-on", "p99>+10%"}, exitDone, "less, better"},
		"not measured":          {[]string{old, slower, "--fail-on", "memory>+10%"}, exitFailed, "BROKEN memory>+10%: no case measured it"},
		"another environment":   {[]string{old, elsewhere}, exitUsage, "kernel was 6.18, is 6.19\n  cores was 2, is 4\nMeasure both again in the same one, or compare them with --force"},
		"by force":              {[]string{old, elsewhere, "--force"}, exitDone, "NOT THE SAME kernel was 6.18, is 6.19"},
		"nothing in common":     {[]string{old, other}, exitUsage, "no case in common"},
		"no such file":          {[]string{old, "nothing"}, exitUsage, "no such file"},
		"no result":             {[]string{broken, old}, exitUsage, "is no result"},
		"an empty folder":       {[]string{old, t.TempDir()}, exitUsage, "no such file"},
		"unknown metric":        {[]string{old, slower, "--metric", "pigeons"}, exitUsage, `unknown metric "pigeons"; use p50`},
		"unknown metric, limit": {[]string{old, slower, "--fail-on", "pigeons>+1%"}, exitUsage, `unknown metric "pigeons"; use p50`},
		"a bad unit":            {[]string{old, slower, "--fail-on", "p99>+1KiB"}, exitUsage, "use us, ms or s"},
		"no sign":               {[]string{old, slower, "--fail-on", "p99>10%"}, exitUsage, "has no sign"},
		"one result":            {[]string{old}, exitUsage, "accepts 2 arg(s)"},
	} {
		stdout, stderr, code := do(t, "", append([]string{"bench", "compare"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.say) {
			t.Errorf("%s: exit code %d, not %d; it should say %q:\n%s%s", name, code, c.code, c.say, stdout, stderr)
		}
	}
}

func TestBenchCheck(t *testing.T) {
	t.Parallel()
	fine := benchResult(t, nil, 1000, 9000, 2000)
	lossy := benchResult(t, func(r *result.Result) {
		m := &r.Outcomes[0].Measurements[1]
		m.Lost, m.Verdict.Failed = 1, []string{"deliveries lost: 1 of 100"}
	}, 1000, 1000, 1000)
	for name, c := range map[string]struct {
		args []string
		code int
		say  string
	}{
		"reached":          {[]string{fine, "--slo", "p99<3ms,loss=0", "--slo", "sse:cpu<=2ms"}, exitDone, "3 of 3 checks hold."},
		"a folder":         {[]string{filepath.Dir(fine), "--slo", "p99<3ms"}, exitDone, "1 of 1 checks hold."},
		"not reached":      {[]string{fine, "--slo", "p99<1500us,loss=0"}, exitFailed, "BROKEN p99<1500us: fanout, 10 subscribers, 10/s, 128 B: pushlab sse: 2.000 ms"},
		"lost":             {[]string{lossy, "--slo", "loss=0"}, exitFailed, "BROKEN loss=0"},
		"it failed anyway": {[]string{lossy, "--slo", "loss<2"}, exitFailed, "a transport failed"},
		"not measured":     {[]string{fine, "--slo", "rate>1"}, exitFailed, "BROKEN rate>1: no case measured it"},
		"nothing to check": {[]string{fine}, exitUsage, "give one with --slo"},
		"unknown metric":   {[]string{fine, "--slo", "pigeons<1"}, exitUsage, "unknown metric"},
		"a bad unit":       {[]string{fine, "--slo", "p99<50"}, exitUsage, "50 of what? Use us, ms or s"},
		"no such file":     {[]string{"nothing", "--slo", "loss=0"}, exitUsage, "no such file"},
	} {
		stdout, stderr, code := do(t, "", append([]string{"bench", "check"}, c.args...)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.say) {
			t.Errorf("%s: exit code %d, not %d; it should say %q:\n%s%s", name, code, c.code, c.say, stdout, stderr)
		}
	}
}

// A run tells at its end whether it reached its objectives; what they cannot be is told before it begins.
func TestBenchRunWithObjectives(t *testing.T) {
	t.Parallel() // it mostly waits
	run := []string{"bench", "run", "--subscribers", "5", "--rate", "50", "--warm-up", "50ms", "--duration", "200ms", "--transport", "sse", "--quiet"}
	for _, c := range []struct {
		slo  string
		code int
		say  string
	}{
		{"loss=0,dup=0", exitDone, "2 of 2 checks hold."},
		{"lost>0", exitFailed, "BROKEN lost>0: smoke, 5 subscribers, 50/s, 128 B: pushlab sse: 0"},
		{"loss=0%", exitUsage, "bench compare --fail-on"},
	} {
		p := start(t, nil, append(run, "--slo", c.slo)...)
		code := p.exit()
		var all strings.Builder
		for line := range p.lines {
			all.WriteString(line + "\n")
		}
		if code != c.code || !strings.Contains(all.String()+p.stderr.String(), c.say) {
			t.Errorf("%s: exit code %d, not %d; it should say %q:\n%s%s", c.slo, code, c.code, c.say, &all, p.stderr.String())
		}
	}
}
