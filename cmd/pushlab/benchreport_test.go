package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pushlab/bench/result"
)

// example is a result, as package result writes it.
const example = "../../bench/result/testdata/result.json"

// Without more, all forms are written beside the values, and what is said of claims is printed before their names.
func TestBenchReport(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, result.FileName), text, 0o666); err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "bench", "report", dir)
	if code := p.exit(); code != exitDone {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	var lines []string
	for line := range p.lines {
		lines = append(lines, line)
	}
	if n := len(lines); n < 3 || !strings.HasPrefix(lines[0], "What is often said") || !strings.Contains(lines[n-1], filepath.Join(dir, "report.html")) {
		t.Errorf("it says %q", lines)
	}
	if got, want := namesIn(t, dir), []string{"report.html", "result.csv", "result.json", "result.md", "result.txt"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBenchReportOfSomeFormats(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "there")
	p := start(t, nil, "bench", "report", example, "--out", dir, "--format", "csv,md", "--format", "benchstat")
	if code := p.exit(); code != exitDone {
		t.Fatalf("exit code %d: %s", code, p.stderr.String())
	}
	if got, want := namesIn(t, dir), []string{"result.csv", "result.md", "result.txt"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBenchReportUsage(t *testing.T) {
	for _, args := range [][]string{{}, {example, "--format", "pdf"}} {
		p := start(t, nil, append([]string{"bench", "report"}, args...)...)
		if code := p.exit(); code != exitUsage {
			t.Errorf("%q: exit code %d, %s", args, code, p.stderr.String())
		}
	}
	p := start(t, nil, "bench", "report", t.TempDir())
	if code := p.exit(); code == exitDone || !strings.Contains(p.stderr.String(), result.FileName) {
		t.Errorf("a folder without a result: exit code %d, %s", code, p.stderr.String())
	}
}

func TestQuoted(t *testing.T) {
	for word, want := range map[string]string{"results/today": "results/today", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'"} {
		if got := quoted(word); got != want {
			t.Errorf("quoted(%q) = %s, want %s", word, got, want)
		}
	}
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What was run can be run again, but for who is named in addresses, and with which password.
func TestCommandLine(t *testing.T) {
	cmd := benchRunCommand(streams{})
	args := []string{"--target", "pushlab --heartbeat 5s", "--server-arg=--source=nats://me:secret@host/x", "--transport", "it's", "--rounds", "3"}
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	want := `run --rounds=3 --server-arg='--source=nats://***@host/x' --target='pushlab --heartbeat 5s' --transport='it'\''s'`
	if got := commandLine(cmd); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
