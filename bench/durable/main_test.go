package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/embedded"
	"pushlab/common/journal/journaltest"
	"pushlab/web"
)

// TestMain lets the test's own program stand in for those that are killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "-c":
		os.Exit(journaltest.RunProgram(os.Args[1:]))
	case len(os.Args) > 1 && os.Args[1] == "serve":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := serve(ctx, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// serve is pushlab serve with the flags that a node is given here.
func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	hubConfig, config := hub.Config{}, journal.Config{Logger: slog.Default()}
	webConfig := web.Config{}
	listen := flags.String("listen", "", "")
	place := flags.String("journal", "", "")
	flags.String("source", "", "")
	flags.String("log-level", "", "")
	flags.String("journal-bytes", "", "")
	flags.IntVar(&hubConfig.History, "history", 0, "")
	flags.DurationVar(&webConfig.Retry, "retry", 0, "")
	flags.DurationVar(&webConfig.Heartbeat, "heartbeat", 0, "")
	flags.IntVar(&config.Replicas, "journal-replicas", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config.MaxBytes = 256 << 20
	log, err := openLog(ctx, *place, config)
	if err != nil {
		return err
	}
	hubConfig.Log = log
	h := hub.New(hubConfig)
	server, err := web.NewServer(h, webConfig)
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	ready, failed := make(chan struct{}), make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { failed <- h.Follow(following, func() { close(ready) }) })
	defer running.Wait()
	defer stop()
	select {
	case <-ready:
	case err := <-failed:
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	return server.Run(ctx, l)
}

func openLog(ctx context.Context, place string, config journal.Config) (hub.Log, error) {
	if dir, ok := strings.CutPrefix(place, "file:"); ok {
		return embedded.Open(ctx, dir, embedded.Config{Config: config})
	}
	conn, err := journal.Connect(ctx, journal.Servers{URLs: place})
	if err != nil {
		return nil, err
	}
	return journal.Open(ctx, conn, config)
}

// newTest returns a run of those scenarios with the test's own program.
func newTest(t *testing.T, out io.Writer, rounds int, scenarios ...string) *durable {
	return &durable{pushlab: []string{os.Args[0]}, nats: []string{os.Args[0]}, scenarios: scenarios, rounds: rounds, rate: 100, dir: t.TempDir(), out: out}
}

// A short pass: what is killed comes back, and nothing is lost, repeated or out of order.
func TestDurable(t *testing.T) {
	for name, rounds := range map[string]int{"node": 1, "directory": 2, "leader": 1, "follower": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			d := newTest(t, &out, rounds, name)
			if err := d.run(t.Context()); err != nil {
				t.Errorf("%v\n%s\n%s", err, &out, logs(t, d.dir))
			}
			if want := "is that of one log"; !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in:\n%s", want, &out)
			}
			t.Log("\n" + out.String())
		})
	}
}

// logs returns the ends of what all servers said.
func logs(t *testing.T, dir string) string {
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "--- %s\n%s\n", filepath.Base(name), (&process{log: name}).said())
	}
	return b.String()
}

// Whatever goes wrong, no process is left.
func TestNothingIsLeft(t *testing.T) {
	t.Run("a program that does not start", func(t *testing.T) {
		d := newTest(t, io.Discard, 1, "node")
		d.pushlab = []string{os.Args[0], "serve", "--nonsense"}
		if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), "node1: it ended by itself") {
			t.Errorf("it does not say what is wrong: %v", err)
		}
		checkGone(t, d.dir)
	})
	t.Run("a run that is interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := newTest(t, writer(func(line string) {
			if strings.HasPrefix(line, "directory 1:") {
				cancel()
			}
		}), 1_000, "directory")
		if err := d.run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with: %v", err)
		}
		checkGone(t, d.dir)
	})
	t.Run("a scenario that is not there", func(t *testing.T) {
		if err := newTest(t, io.Discard, 1, "earthquake").run(t.Context()); err == nil {
			t.Error("it runs")
		}
	})
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) { w(string(p)); return len(p), nil }

// checkGone fails if a process runs that was told to use that folder.
func checkGone(t *testing.T, dir string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline") // none, where there is no such thing
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lines {
		command, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(command), dir) {
			t.Errorf("%s is left: %q", name, command)
		}
	}
}

// A process that has ended by itself is not taken for one that was killed.
func TestEndedByItself(t *testing.T) {
	p := newProcess(t.TempDir(), "node1", []string{os.Args[0], "serve", "--nonsense"}, func(context.Context) error { return errors.New("no") })
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	if err := p.await(t.Context()); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("it is not told what it said: %v", err)
	}
	if err := p.kill(); err == nil {
		t.Error("it can be killed")
	}
	if err := p.kill(); err != nil {
		t.Errorf("what does not run cannot be killed again: %v", err)
	}
}

func TestPauses(t *testing.T) {
	var p pauses
	p.note(time.Second)
	p.note(3 * time.Second)
	if p.take() != 3*time.Second || p.take() != 0 {
		t.Error("it is not the longest since the last time")
	}
	if d := []time.Duration{5, 1, 3}; middle(d) != 3 || most(d) != 5 || middle(nil)+most(nil) != 0 {
		t.Error("median or maximum is wrong")
	}
}
