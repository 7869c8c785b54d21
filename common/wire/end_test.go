package wire_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// limited gives requests that time.
func limited(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// A stream whose request has a deadline says goodbye then: parked or not, with heartbeats or without, and where
// net/http writes.
func TestDeadlineOfTheRequest(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		for _, heartbeat := range []time.Duration{-1, 7 * time.Second} {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: heartbeat})
				f.server.HTTP.Handler = limited(f, time.Minute)
				begin := time.Now()
				p := f.get(query)
				p.want("$open:0")
				synctest.Wait()
				f.publish("a", 1)
				p.want("a:1")
				e := p.next()
				for e.Topic == event.BeatTopic {
					e = p.next()
				}
				if e.Topic != event.ByeTopic || e.ID != f.id(1) || time.Since(begin) != time.Minute {
					t.Errorf("%s after %v", e.Envelope(), time.Since(begin))
				}
				if rest, err := p.rest(); rest != "" || err != nil {
					t.Errorf("the body goes on with %q, %v", rest, err)
				}
				p.Close()
				synctest.Wait()
				if n := f.ended(wire.Goodbye); n != 1 {
					t.Errorf("%d streams ended with a goodbye", n)
				}
			})
		}
	}
}

// A stream that leaves before its time, and one whose time was over when it began.
func TestEndAt(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{})
		accept := func(end time.Duration) *peer {
			near, far := memhttp.Pipe(memhttp.BufferSize)
			t.Cleanup(func() { far.Close() })
			stream := f.streams.Accept(near, f.hub.Subscribe(nil, hub.Start{}), "memory")
			stream.EndAt(time.Now().Add(end))
			stream.Start([]byte("head\n"), reader{func() { io.Copy(io.Discard, near) }, func() {}})
			return &peer{Conn: far, t: t, lines: bufio.NewReader(far)}
		}
		p := accept(time.Hour)
		p.want("head $open:0")
		p.Close()
		synctest.Wait()
		if n := f.ended(wire.Left); n != 1 {
			t.Errorf("%d streams ended because their peer left", n)
		}
		time.Sleep(2 * time.Hour)

		p = accept(-time.Hour)
		p.want("head $open:0 $bye:0")
		if rest, err := p.rest(); rest != trailer || err != nil {
			t.Errorf("the end is %q, %v", rest, err)
		}
	})
}

// What waits for a slow reader is written first; what comes after the end is for the next connection.
func TestEndOfASlowReader(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: -1, WriteDeadline: time.Hour})
		f.server.HTTP.Handler = limited(f, time.Minute)
		p := f.get("")
		p.want("$open:0")
		synctest.Wait()
		f.publishData("a", `"`+strings.Repeat("x", 3*memhttp.BufferSize)+`"`)
		time.Sleep(2 * time.Minute)
		f.publish("b", 1)
		p.want("a:1")
		if e := p.next(); e.Topic != event.ByeTopic || e.ID != f.id(1) {
			t.Errorf("%s", e.Envelope())
		}
	})
}
