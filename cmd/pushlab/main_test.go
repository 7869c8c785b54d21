package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushlab/common/journal/journaltest"
)

// TestMain lets the test's own program stand in for pushlab, for who attacks it, or for a NATS server, so that the tests run it as a
// process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-c" && os.Getenv("RUN_AS_CLUSTER") != "" {
		os.Exit(journaltest.RunProgram(os.Args[1:]))
	}
	if os.Getenv("RUN_AS_PUSHLAB") != "" {
		main()
	}
	if name := os.Getenv("RUN_AS_ATTACKER"); name != "" {
		os.Exit(attackAs(name))
	}
	os.Exit(m.Run())
}

// A process is a pushlab that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of its standard output
	stderr lockedBuffer
	ended  chan struct{}
	err    error  // once ended is closed
	url    string // of a server, if the test has set it
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start starts pushlab. It is killed when the test ends, if it has not ended before.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), env...)
	return startCommand(t, cmd)
}

// startCommand starts a command that becomes pushlab, with the environment that it has.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, lines: make(chan string, 100_000), ended: make(chan struct{})}
	p.cmd.Env = append(p.cmd.Env, "RUN_AS_PUSHLAB=1")
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
		close(p.lines)
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() // it has ended, as a rule
		<-p.ended
		if strings.Contains(p.stderr.String(), "WARNING: DATA RACE") {
			t.Error("the process has a data race")
		}
		if t.Failed() && p.stderr.String() != "" {
			t.Logf("%s wrote:\n%s", strings.Join(cmd.Args, " "), p.stderr.String())
		}
	})
	return p
}

// line returns the next line of the standard output.
func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("pushlab ended: %s", p.stderr.String())
		}
		return line
	case <-time.After(20 * time.Second):
		p.t.Fatal("no line came")
	}
	panic("unreachable")
}

// exit waits for the process to end and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.t.Fatal("pushlab does not end")
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return 0
	case errors.As(p.err, &exit):
		return exit.ExitCode()
	}
	p.t.Fatal(p.err)
	return -1
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// startServer starts pushlab serve on a free port and returns its URL, too.
func startServer(t *testing.T, args ...string) (*process, string) {
	t.Helper()
	p := start(t, nil, append([]string{"serve", "--listen", "localhost:0"}, args...)...)
	url, ok := strings.CutPrefix(p.line(), "pushlab: listening on ")
	if !ok {
		t.Fatal("the server does not say where it listens")
	}
	return p, url
}

// do runs a command to its end, in this process, and returns its output and exit code.
func do(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	code = run(ctx, args, streams{strings.NewReader(stdin), &out, &err})
	return out.String(), err.String(), code
}
