package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/bench/result"
	"pushlab/bench/targets"
)

// Every target that this program knows is measured for a moment, over every transport that it offers. What
// is missing is an error that says what to install; make deps does it.
func TestBenchRunMeasuresEveryTarget(t *testing.T) {
	t.Parallel() // it mostly waits
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("..", "..", "bench", "peers", "libraries"), "-o", filepath.Join(bin, "pushlab-libraries"), ".")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	path := "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
	for _, name := range targets.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrong := measureTarget(t, name, path)
			// Pushpin itself cancels a stream now and then if the machine is busy; its target file says how.
			for more := 3; more > 0 && name == "pushpin" && strings.Contains(wrong, "unexpected EOF"); more-- {
				t.Logf("once more, after%s", wrong)
				wrong = measureTarget(t, name, path)
			}
			if wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// measureTarget measures a target for a moment and says what is wrong with the result, or "".
func measureTarget(t *testing.T, name, path string) (wrong string) {
	t.Helper()
	out := t.TempDir()
	p := start(t, []string{path}, "bench", "run", "--target", name, "--subscribers", "20",
		"--rate", "50", "--warm-up", "100ms", "--duration", "200ms", "--quiet", "--out", out)
	p.exit() // what failed is told below
	found, err := result.Read(filepath.Join(out, result.FileName))
	if err != nil {
		t.Fatalf("%v: %s", err, p.stderr.String())
	}
	if len(found.Targets) != 1 || found.Targets[0].Name != name || found.Targets[0].Version == "" {
		wrong += fmt.Sprintf("\nthe targets are %+v", found.Targets)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if m.Error != "" || m.Delivered != 200 || m.Lost != 0 || m.Duplicated != 0 || m.Reordered != 0 || m.ServerCPU <= 0 {
			wrong += fmt.Sprintf("\n%s: delivered %d of 200, lost %d, duplicated %d, reordered %d, CPU %v; %s", m.Name(), m.Delivered, m.Lost, m.Duplicated, m.Reordered, m.ServerCPU, m.Error)
		}
	}
	return wrong
}

// A file by its path; and a target that is not here is told, or left out if that is wanted.
func TestBenchRunOfATargetFile(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.toml")
	text := "install = \"get it from the moon\"\ncommand = [\"pigeon\"]\n[publish]\nby = \"websocket\"\npath = \"/publish\"\n[transports.websocket]\npath = \"/websocket\"\n"
	run := func(text string, args ...string) (code int, said string) {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		p := start(t, nil, append([]string{"bench", "run", "--target", file, "--subscribers", "5", "--rate", "50", "--warm-up", "50ms", "--duration", "100ms"}, args...)...)
		code = p.exit()
		var all strings.Builder
		for line := range p.lines {
			all.WriteString(line + "\n")
		}
		return code, all.String() + p.stderr.String()
	}
	if code, said := run(text); code == exitDone || !strings.Contains(said, "there is no program pigeon") || !strings.Contains(said, "mine needs: get it from the moon") {
		t.Errorf("exit code %d; it does not say what to install:\n%s", code, said)
	}
	if code, said := run(text, "--installed"); code != exitUsage || !strings.Contains(said, "left out: there is no program pigeon") {
		t.Errorf("exit code %d; it does not say what is left out:\n%s", code, said)
	}
	if code, said := run("colour = 1\n" + text); code != exitUsage || !strings.Contains(said, "mine.toml:1: colour is unknown") {
		t.Errorf("exit code %d; it does not say what is wrong:\n%s", code, said)
	}
	hub := strings.Replace(text, `"pigeon"`, `"{pushlab}", "bench", "hub"`, 1)
	if code, said := run(hub); code != exitDone || !strings.Contains(said, "25/25") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	if code, said := run("name = \"floor\"\n"+hub, "--target", "floor"); code != exitUsage || !strings.Contains(said, `two targets are called "floor"`) {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
