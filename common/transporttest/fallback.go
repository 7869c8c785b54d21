package transporttest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/wire"
)

// routes are ways to a handler in memory. On all but the first two its connection cannot be taken over.
var routes = []route{
	{name: "plain HTTP/1.1"},
	{name: "TLS", tls: true},
	{name: "HTTP/2", tls: true, http2: true},
	{name: "middleware that unwraps", wrap: wrapping},
	{name: "a compressor", wrap: compressing, compress: true},
	{name: "a compressor behind middleware that unwraps", wrap: func(h http.Handler) http.Handler { return compressing(wrapping(h)) }, compress: true},
	{name: "a compressor over HTTP/2", wrap: compressing, compress: true, tls: true, http2: true},
}

// RunRoutes checks that a transport that streams HTTP responses does the same on every route, also
// where net/http keeps the connection. The decoder reads the transport's responses.
func RunRoutes(t *testing.T, tr Transport, decoder func() client.Decoder) {
	for _, c := range []struct {
		sentence string
		check    func(*testing.T, *routed)
	}{
		{"events come as they are published, and goodbye is the clean end", routeDelivers},
		{"a quiet stream gets a beat", routeBeats},
		{"a reader that accepts nothing is cut off without a clean end", routeStalls},
		{"a peer that leaves is noticed at once", routeLeaves},
		{"Shutdown cuts off what does not end, without a clean end", routeShutdown},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			for _, route := range routes {
				t.Run(route.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { c.check(t, startRoute(t, tr, route, decoder)) })
				})
			}
		})
	}
}

// A routed is a transport in service whose responses are read without its client.
type routed struct {
	*fixture
	decoder func() client.Decoder
}

func startRoute(t *testing.T, tr Transport, route route, decoder func() client.Decoder) *routed {
	tr.route = route
	return &routed{start(t, tr, hub.Config{}, Config{Heartbeat: 20 * time.Second, WriteDeadline: 10 * time.Second}), decoder}
}

// get opens a stream.
func (f *routed) get(query url.Values) *routedStream {
	f.t.Helper()
	response := f.ask(http.MethodGet, query.Encode(), f.Header)
	if response.StatusCode != http.StatusOK {
		f.t.Fatal(response.Status)
	}
	body := io.Reader(response.Body)
	if f.route.compress {
		body = &gunzip{from: response.Body}
	}
	return &routedStream{body: body, next: client.Reader(body, f.decoder()), leave: response.Body.Close}
}

type routedStream struct {
	body    io.Reader
	next    func() (client.Batch, error)
	pending []event.Event
	err     error // came with what is pending
	leave   func() error
}

// want reads events and compares their topics and sequence numbers, as conn.want does.
func (s *routedStream) want(t *testing.T, want string) {
	t.Helper()
	for range strings.Fields(want) {
		for len(s.pending) == 0 {
			if s.err != nil {
				t.Fatalf("instead of %s: %v", want, s.err)
			}
			var batch client.Batch
			batch, s.err = s.next()
			s.pending = batch.Events
		}
		first, rest, _ := strings.Cut(want, " ")
		if got := fmt.Sprintf("%s:%d", s.pending[0].Topic, s.pending[0].ID.Seq); got != first {
			t.Fatalf("got %s, want %s", got, first)
		}
		s.pending, want = s.pending[1:], rest
	}
}

// wantEnd reads the clean end.
func (s *routedStream) wantEnd(t *testing.T) {
	t.Helper()
	for s.err == nil && len(s.pending) == 0 {
		var batch client.Batch
		batch, s.err = s.next()
		s.pending = batch.Events
	}
	if len(s.pending) > 0 || s.err != io.EOF {
		t.Errorf("after the goodbye: %v, %v", s.pending, s.err)
	}
}

func routeDelivers(t *testing.T, f *routed) {
	s := f.get(nil)
	s.want(t, "$open:0")
	for i := range 20 {
		f.publish("a", 1)
		s.want(t, fmt.Sprintf("a:%d", i+1)) // each as it comes, not when some buffer is full
	}
	again := f.get(url.Values{"after": {f.id(18).String()}, "topic": {"a"}})
	again.want(t, "$open:18 a:19 a:20")
	foreign := f.get(url.Values{"after": {"bbbbbbbb-1"}, "topic": {"b"}})
	foreign.want(t, "$open:1 $gap:0")
	f.hub.Close()
	for _, s := range []*routedStream{s, again, foreign} {
		s.want(t, "$bye:20")
		s.wantEnd(t)
	}
	f.close()
	if n := f.handler.Counters().Ended[wire.Goodbye].Load(); n != 3 {
		t.Errorf("%d goodbyes were counted, want 3", n)
	}
}

func routeBeats(t *testing.T, f *routed) {
	s := f.get(url.Values{"topic": {"quiet"}})
	s.want(t, "$open:0")
	f.publish("loud", 7)
	begin := time.Now()
	s.want(t, "$beat:7 $beat:7")
	if quiet := time.Since(begin); quiet < 36*time.Second || quiet > 40*time.Second {
		t.Errorf("the second beat came after %v, want 36 to 40 s", quiet)
	}
}

func routeStalls(t *testing.T, f *routed) {
	begin := time.Now()
	stalled, healthy := f.get(nil), f.get(url.Values{"topic": {"b"}})
	healthy.want(t, "$open:0")
	f.publishLarge()
	f.wantStalled(begin)
	f.wantCut(stalled.body)
	f.publish("b", 1)
	healthy.want(t, "b:2")
}

func routeLeaves(t *testing.T, f *routed) {
	s := f.get(nil)
	s.want(t, "$open:0")
	synctest.Wait() // nothing is being written
	s.leave()
	synctest.Wait()
	if n, open := f.hub.State().Subscriptions, f.handler.Counters().Open.Load(); n != 0 || open != 0 {
		t.Errorf("%d subscriptions and %d streams are left", n, open)
	}
	if n := f.handler.Counters().Ended[wire.Left].Load(); n != 1 {
		t.Errorf("%d streams are counted as left", n)
	}
}

func routeShutdown(t *testing.T, f *routed) {
	idle, stalled := f.get(url.Values{"topic": {"b"}}), f.get(nil)
	idle.want(t, "$open:0")
	f.publishLarge()
	synctest.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	begin := time.Now()
	err := f.handler.(interface{ Shutdown(context.Context) error }).Shutdown(ctx)
	if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took != time.Second+f.route.farewell() {
		t.Errorf("Shutdown: %v after %v", err, took)
	}
	if n := f.handler.Counters().Ended[wire.Aborted].Load(); n != 2 {
		t.Errorf("%d streams were aborted, want both", n)
	}
	f.wantCut(idle.body)
	f.wantCut(stalled.body)
}

// wrapping is middleware that wraps the response writer and tells what is below, as echo does.
func wrapping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapper{w}, r) })
}

type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// compressing is middleware that transforms what is written, whatever Cache-Control says, and holds
// it back until it is flushed.
func compressing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z, err := gzip.NewWriterLevel(w, gzip.NoCompression) // that it holds back is what matters
		if err != nil {
			panic(err)
		}
		next.ServeHTTP(compressor{w, z}, r)
		z.Close() // not deferred: what was cut off must not get an end
	})
}

type compressor struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (c compressor) Write(p []byte) (int, error) { return c.z.Write(p) }
func (c compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }
func (c compressor) Flush() {
	c.z.Flush()
	c.ResponseWriter.(http.Flusher).Flush()
}

// gunzip decompresses. Unlike gzip.Reader it does not wait for the header before it is read.
type gunzip struct {
	from io.Reader
	z    *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(g.from)
		if err != nil {
			return 0, err
		}
		g.z = z
	}
	return g.z.Read(p)
}
