package machine

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// play starts this test program as a server that behaves in that way.
func play(t *testing.T, ctx context.Context, how string, grace time.Duration) (*Server, error) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return StartServer(ctx, ServerConfig{
		Command: []string{program, "play-server", how}, Patience: 10 * time.Second, Grace: grace,
	})
}

// wantGone checks that the process has ended and was waited for.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
}

func TestServerProcess(t *testing.T) {
	t.Setenv("PUSHLAB_SOURCE", "host") // the server fails if it gets it
	s, err := play(t, t.Context(), "works", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if s.URL != "http://127.0.0.1:4321" || s.PID == 0 {
		t.Errorf("the server is %+v", s)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	wantGone(t, s.PID)
}

func TestServerThatDoesNotLeaveIsKilled(t *testing.T) {
	s, err := play(t, t.Context(), "does not leave", 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the error is %v", err)
	}
	wantGone(t, s.PID)
}

func TestServerThatDoesNotStart(t *testing.T) {
	if _, err := play(t, t.Context(), "dies at once", 10*time.Second); err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no port is free") {
		t.Errorf("the error does not say what happened: %v", err)
	}
	if _, err := StartServer(t.Context(), ServerConfig{Command: []string{"/does/not/exist"}}); err == nil {
		t.Error("a program that does not exist was started")
	}
	if _, err := StartServer(t.Context(), ServerConfig{}); err == nil {
		t.Error("nothing was started, and that went well")
	}
}

func TestServerThatSaysNothing(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := ServerConfig{Command: []string{program, "play-server", "says nothing"}, Patience: 50 * time.Millisecond}
	if _, err := StartServer(t.Context(), config); err == nil || !strings.Contains(err.Error(), "no http URL") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := play(t, ctx, "says nothing", 10*time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

// Whose address is known need not print one, and what it prints is not taken for it.
func TestServerAtAKnownAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	url := "http://" + listener.Addr().String()
	for range 20 { // it prints sooner or later than somebody has looked whether it listens
		s, err := StartServer(t.Context(), ServerConfig{Command: []string{"sh", "-c", "echo http://127.0.0.1:1 && exec sleep 60"}, URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if s.URL != url || len(s.Said) != 0 {
			t.Errorf("the server is %+v", s)
		}
	}
}

// A Go program tells when it collects garbage, and what it says beside that is not lost.
func TestServerCollections(t *testing.T) {
	t.Setenv("GODEBUG", "madvdontneed=1") // stays
	before := time.Now()
	s, err := play(t, t.Context(), "collects", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(s.Said, " "), "GODEBUG=madvdontneed=1,gctrace=1") {
		t.Errorf("it was told %q", s.Said)
	}
	if err := s.Close(); err != nil { // then all that it said has come
		t.Fatal(err)
	}
	after := time.Now()
	if times := s.Collections(before, after); len(times) == 0 {
		t.Error("no collection")
	}
	if times := s.Collections(after, after.Add(time.Hour)); len(times) > 0 {
		t.Errorf("collections at %v, when it is gone", times)
	}
	if times := new(Server).Collections(before, after); times != nil {
		t.Errorf("collections of nobody at %v", times)
	}
}

func TestTraceOfCollections(t *testing.T) {
	var r traceReader
	before := time.Now()
	for _, piece := range []string{
		"warning: a", " word\ngc 1 @0.012s 2%: 0.026+0.39+0.10 ms clock, 4 MB goal, 2 P\n",
		"gc 2 @0.", "5s 3%: 0.1+0.2+0.3 ms clock, 2 P\ngc 3 @1s 3%: 0.1+0.2+0.3 ms clock, 2 P (forced)\nlast", " words",
	} {
		if n, err := r.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if n := len(r.between(before, time.Now())); n != 2 {
		t.Errorf("%d collections", n)
	}
	if got := r.text(); got != "warning: a word\nlast words" {
		t.Errorf("the rest is %q", got)
	}
}

func TestServerThatDiesLater(t *testing.T) {
	s, err := play(t, t.Context(), "dies later", 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Read(make([]byte, 1)) // until it is gone
	if err := s.Close(); err != nil && !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("the error is %v", err)
	}
	wantGone(t, s.PID)
}

func TestAddressFinder(t *testing.T) {
	for name, pieces := range map[string][]string{
		"one line":       {"pushlab: listening on http://127.0.0.1:80\n"},
		"in pieces":      {"pushlab: listening on ht", "tp://127.0.0", ".1:80", "\nmore"},
		"second line":    {"hello\nlistening on http://127.0.0.1:80/\nhttp://127.0.0.1:81\n"},
		"after too much": {strings.Repeat("x", 3*maxLine), "\n http://127.0.0.1:80.\n"},
	} {
		f := &addressFinder{found: make(chan string, 1)}
		for _, piece := range pieces {
			if n, err := f.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Errorf("%s: %d of %d bytes were taken, %v", name, n, len(piece), err)
			}
		}
		select {
		case url := <-f.found:
			if url != "http://127.0.0.1:80" {
				t.Errorf("%s: found %q", name, url)
			}
		default:
			t.Errorf("%s: nothing was found", name)
		}
	}
	f := &addressFinder{found: make(chan string, 1)}
	f.Write([]byte("http://127.0.0.1:80")) // which may go on
	if len(f.found) != 0 {
		t.Error("an address was taken before its line was complete")
	}
}

func TestTail(t *testing.T) {
	var tail tail
	if got := tail.text(); got != "(nothing)" {
		t.Errorf("an empty tail says %q", got)
	}
	tail.Write([]byte(strings.Repeat("x", maxLine)))
	tail.Write([]byte("the end\n"))
	if got := tail.text(); len(got) > maxLine || !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes are kept, the last are %q", len(got), got[len(got)-10:])
	}
}
