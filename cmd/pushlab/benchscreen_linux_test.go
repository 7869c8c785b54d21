package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pushlab/bench/result"
)

// A terminal is the one end of a pseudo-terminal; a program has the other.
type terminal struct {
	t     *testing.T
	ptmx  *os.File
	shown lockedBuffer
	read  chan struct{} // closed when the other end is
}

// onTerminal starts pushlab with a terminal of that size as its standard input and error. Its standard output is a pipe.
func onTerminal(t *testing.T, width, height uint16, env []string, args ...string) (*terminal, *exec.Cmd, *bytes.Buffer) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ptmx.Close() })
	n, err := unix.IoctlGetInt(int(ptmx.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ptmx.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(ptmx.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height})
	}
	if err != nil {
		t.Fatal(err)
	}
	pts, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pts.Close()
	var stdout bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pts, &stdout, pts
	cmd.Env = append(append(os.Environ(), "RUN_AS_PUSHLAB=1", "TERM=xterm", "CI=", "NO_COLOR="), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that Ctrl-C is a signal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, ptmx: ptmx, read: make(chan struct{})}
	go func() {
		defer close(term.read)
		p := make([]byte, 4096)
		for {
			n, err := ptmx.Read(p)
			term.shown.Write(p[:n])
			if err != nil {
				return // EIO: the other end is closed
			}
		}
	}()
	return term, cmd, &stdout
}

// wait waits until something is shown.
func (term *terminal) wait(what string) {
	term.t.Helper()
	for limit := time.Now().Add(20 * time.Second); !strings.Contains(term.shown.String(), what); {
		if time.Now().After(limit) {
			term.t.Fatalf("%q is not shown: %q", what, term.shown.String())
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestBenchOnATerminal(t *testing.T) {
	t.Parallel() // it mostly waits
	for name, c := range map[string]struct {
		env   []string
		color bool
		live  bool
	}{
		"in color": {nil, true, true},
		"NO_COLOR": {[]string{"NO_COLOR=1"}, false, true},
		"CI":       {[]string{"CI=true"}, false, false},
		"dumb":     {[]string{"TERM=dumb"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term, cmd, stdout := onTerminal(t, 100, 30, c.env, "bench", "run", "--subscribers", "5", "--rate", "50",
				"--warm-up", "50ms", "--duration", "700ms", "--transport", "sse")
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, stdout)
			}
			<-term.read
			shown := term.shown.String()
			if live := strings.Contains(shown, hideCursor) && strings.Contains(shown, "▶"); live != c.live {
				t.Errorf("a table is shown: %v", live)
			}
			if color := strings.Contains(shown, "\x1b[1m"); color != c.color {
				t.Errorf("there are colors: %v", color)
			}
			if !c.live && (strings.Contains(shown, "\x1b") || !strings.Contains(shown, "smoke: sse: measuring")) {
				t.Errorf("the lines are %q", shown)
			}
			if strings.Count(shown, hideCursor) != strings.Count(shown, showCursor) || c.live && !strings.HasSuffix(shown, eraseBelow) {
				t.Errorf("the terminal is not as it was: %q", shown)
			}
			if strings.Contains(stdout.String(), "\x1b") || !strings.Contains(stdout.String(), "transport ") {
				t.Errorf("the report is\n%s", stdout)
			}
		})
	}
}

// Ctrl-C ends the run early, with all that it has.
func TestBenchIsInterrupted(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	term, cmd, stdout := onTerminal(t, 80, 24, nil, "bench", "run", "--subscribers", "5", "--rate", "50",
		"--warm-up", "50ms", "--duration", "1h", "--transport", "sse", "--out", dir)
	term.wait("measuring")
	for limit := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) { // until some events are out
		text, err := os.ReadFile(filepath.Join(dir, result.EventsFileName))
		if strings.Contains(string(text), `"phase":"measuring"`) {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("%v; nothing is measured: %s", err, text)
		}
	}
	if _, err := term.ptmx.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	<-term.read
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.HasSuffix(term.shown.String(), "pushlab: interrupted\r\n") {
		t.Errorf("%v; %q", err, term.shown.String())
	}
	if strings.Count(term.shown.String(), hideCursor) != strings.Count(term.shown.String(), showCursor) {
		t.Error("the cursor is hidden")
	}
	found, err := result.Read(filepath.Join(dir, result.FileName))
	if err != nil || !found.Interrupted || found.Outcomes[0].Measurements[0].Published == 0 {
		t.Errorf("%v; %+v", err, found)
	}
	if all := stdout.String(); !strings.Contains(all, "INTERRUPTED") || !strings.HasSuffix(all, "pushlab bench compare OLD "+filepath.Join(dir, result.FileName)+"\n") {
		t.Errorf("the report is\n%s", all)
	}
	text, err := os.ReadFile(filepath.Join(dir, result.EventsFileName))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var first, last result.Event
	for at, to := range map[int]*result.Event{0: &first, len(lines) - 1: &last} {
		if err := json.Unmarshal(lines[at], to); err != nil {
			t.Errorf("line %d: %v", at, err)
		}
	}
	if first.Kind != result.PlanKnown || last.Kind != result.RunEnds || len(lines) < 8 {
		t.Errorf("%d events, from %+v to %+v", len(lines), first, last)
	}
}

// A folder that cannot be written is found out before anything is measured.
func TestBenchOutCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := do(t, "", "bench", "run", "--out", filepath.Join(file, "folder"))
	if code != exitFailed || !strings.Contains(stderr, "--out") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
