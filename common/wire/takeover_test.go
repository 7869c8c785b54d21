package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// A plainWriter is a response writer that can do nothing but write.
type plainWriter struct {
	mu     sync.Mutex
	header http.Header
	b      bytes.Buffer
}

func (w *plainWriter) Header() http.Header { return w.header }
func (w *plainWriter) WriteHeader(int)     {}
func (w *plainWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *plainWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// A flushWriter can also flush, but knows no deadlines, as that of httptest.
type flushWriter struct{ *plainWriter }

func (flushWriter) Flush() {}

// A lostWriter has a connection that somebody else took over.
type lostWriter struct{ flushWriter }

func (lostWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrHijacked
}

// A brokenWriter tells of an error only when it flushes.
type brokenWriter struct{ *plainWriter }

func (brokenWriter) FlushError() error { return errors.New("broken") }

// A discreetWrapper flushes what is below it, and keeps the error to itself.
type discreetWrapper struct{ wrapper }

func (w discreetWrapper) Flush() { http.NewResponseController(w.ResponseWriter).Flush() }

// TestWriters: streams are served by whatever writes and flushes; what cannot flush is no way for a
// stream, and must not end like one.
func TestWriters(t *testing.T) {
	plain := func() *plainWriter { return &plainWriter{header: http.Header{}} }
	for _, c := range []struct {
		name   string
		w      http.ResponseWriter
		serves bool
	}{
		{"flushes, and knows no deadlines", flushWriter{plain()}, true},
		{"flushes, and was taken over", lostWriter{flushWriter{plain()}}, true},
		{"flushes, behind a wrapper", wrapper{flushWriter{plain()}}, true},
		{"flushes, behind a wrapper that flushes", discreetWrapper{wrapper{flushWriter{plain()}}}, true},
		{"cannot flush", plain(), false},
		{"cannot flush, behind a wrapper", wrapper{plain()}, false},
		{"is broken", brokenWriter{plain()}, false},
		{"is broken, behind a wrapper", wrapper{brokenWriter{plain()}}, false},
		{"is broken, behind a wrapper that keeps it to itself", discreetWrapper{wrapper{brokenWriter{plain()}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, nil, wire.Protocol{HTTP: true}, wire.Config{})
				ctx, leave := context.WithCancel(context.Background())
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				if err != nil {
					t.Fatal(err)
				}
				panicked := make(chan any)
				go func() {
					defer func() { panicked <- recover() }()
					f.streams.ServeHTTP(c.w, r, f.hub.Subscribe(nil, hub.Start{}), []byte(preface))
				}()
				synctest.Wait()
				f.publish("a", 1)
				synctest.Wait()
				leave()
				if p := <-panicked; c.serves != (p == nil) || p != nil && p != http.ErrAbortHandler {
					t.Errorf("ServeHTTP panicked with %v", p)
				}
				reason := wire.Failed
				if c.serves {
					reason = wire.Left
				}
				if f.ended(reason) != 1 {
					t.Errorf("it is not counted as %s: %s", reason, f.logged())
				}
				inner := c.w
				for {
					u, ok := inner.(interface{ Unwrap() http.ResponseWriter })
					if !ok {
						break
					}
					inner = u.Unwrap()
				}
				written := inner.(interface{ String() string }).String()
				if c.serves && (!strings.HasPrefix(written, preface+`{"id":`) || strings.Count(written, "\n") != 3) {
					t.Errorf("it wrote %q", written)
				}
			})
		})
	}
}

// A stuckWriter has a peer that accepts nothing any more. When a write deadline is set it lets
// somebody else in first, as the scheduler may.
type stuckWriter struct {
	flushWriter
	letIn func()

	mu      sync.Mutex
	stuck   bool
	expired chan struct{} // closed when the deadline is over
}

func (w *stuckWriter) SetWriteDeadline(deadline time.Time) error {
	w.mu.Lock()
	letIn := w.letIn
	if w.stuck {
		w.letIn = nil
	}
	first := w.stuck && letIn != nil
	w.mu.Unlock()
	if first {
		letIn()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	expired := make(chan struct{})
	w.expired = expired
	if !deadline.IsZero() {
		time.AfterFunc(time.Until(deadline), func() { close(expired) })
	}
	return nil
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	stuck, expired := w.stuck, w.expired
	w.mu.Unlock()
	if stuck {
		<-expired
		return 0, os.ErrDeadlineExceeded
	}
	return w.flushWriter.Write(p)
}

// TestAbortedJustThen: a write that sets its deadline just when the stream is cut off must not undo
// that.
func TestAbortedJustThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nil, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: 10 * time.Second})
		shut := make(chan error, 1)
		w := &stuckWriter{flushWriter: flushWriter{&plainWriter{header: http.Header{}}}}
		w.letIn = func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			go func() { shut <- f.streams.Shutdown(ctx) }()
			time.Sleep(time.Nanosecond) // until it waits
		}
		go func() {
			defer func() { recover() }()
			r, _ := http.NewRequest(http.MethodGet, "/", nil)
			f.streams.ServeHTTP(w, r, f.hub.Subscribe(nil, hub.Start{}), nil)
		}()
		synctest.Wait()
		w.mu.Lock()
		w.stuck = true
		w.mu.Unlock()
		begin := time.Now()
		f.publish("a", 1)
		<-shut
		if took := time.Since(begin); took > time.Second {
			t.Errorf("to cut it off took %v", took)
		}
		if f.ended(wire.Aborted) != 1 {
			t.Errorf("it is not counted as aborted: %s", f.logged())
		}
	})
}

// TestGaps: a gap is in the same write as what is retained, and says how many were lost where that
// is known.
func TestGaps(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
		f.publish("a", 10_010) // the hub holds 10,000
		p := f.get("after=" + f.id(3).String())
		p.want("$open:3")
		gap, err := event.ParseGap(p.next())
		if err != nil || gap.After != f.id(3).String() || gap.Missed == nil || *gap.Missed != 7 {
			t.Errorf("the gap is %+v, %v; want 7 missed after 3", gap, err)
		}
		p.want("a:11 a:12")
		p.Close()
		synctest.Wait()
		if n := f.streams.Counters().Gaps.Load(); n != 1 {
			t.Errorf("%d gaps were counted", n)
		}
	})
}

// TestUse: a stream in another encoding than its transport's own; control events too.
func TestUse(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{Heartbeat: time.Minute})
		loud := f.hub.Encoding("loud", func(dst []byte, e event.Event) []byte { return append(append(dst, '!'), appendLine(nil, e)...) })
		_, plain := f.accept(nil, nil)
		_, other := f.acceptUsing(loud, nil, nil)
		plain.want("head $open:0")
		if line := other.line(); line != "head\n" {
			t.Errorf("it begins with %q", line)
		}
		f.publish("a", 1)
		synctest.Wait()
		time.Sleep(time.Minute)
		f.hub.Close()
		plain.want("a:1 $beat:1 $bye:1")
		for _, want := range []string{event.OpenTopic, `"a"`, event.BeatTopic, event.ByeTopic} {
			if line := other.line(); !strings.HasPrefix(line, `!{"id":`) || !strings.Contains(line, want) {
				t.Errorf("got %q, want %s in the other encoding", line, want)
			}
		}
		if rest, err := other.rest(); rest != trailer || err != nil {
			t.Errorf("it ends with %q, %v", rest, err)
		}
	})
}
