package transporttest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// A route is a way to a handler. On all but the first its connection cannot be taken over.
type route struct {
	name     string
	wrap     func(http.Handler) http.Handler
	tls      bool
	http2    bool
	compress bool
}

var routes = []route{
	{name: "plain HTTP/1.1"},
	{name: "TLS", tls: true},
	{name: "HTTP/2", tls: true, http2: true},
	{name: "middleware that unwraps", wrap: wrapping},
	{name: "a compressor", wrap: compressing, compress: true},
	{name: "a compressor behind middleware that unwraps", wrap: func(h http.Handler) http.Handler { return compressing(wrapping(h)) }, compress: true},
	{name: "a compressor over HTTP/2", wrap: compressing, compress: true, tls: true, http2: true},
}

// farewell is how long the standard library goes on trying to tell a peer that accepts nothing that
// the connection is closed: net/http closes it as soon as a write fails, and crypto/tls gives that 5 s.
func (r route) farewell() time.Duration {
	if r.tls && !r.http2 {
		return 5 * time.Second
	}
	return 0
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

// A routed is a transport in service on a route.
type routed struct {
	*fixture
	route   route
	decoder func() client.Decoder
	http    *http.Client
	url     string
}

func startRoute(t *testing.T, tr Transport, route route, decoder func() client.Decoder) *routed {
	f := start(t, tr, hub.Config{}, Config{Heartbeat: 20 * time.Second, WriteDeadline: 10 * time.Second})
	var handler http.Handler = f.handler
	if route.wrap != nil {
		handler = route.wrap(handler)
	}
	mux := http.NewServeMux()
	mux.Handle(tr.Path, handler)
	conns := &listener{make(chan net.Conn), make(chan struct{})}
	server := httptest.NewUnstartedServer(mux)
	server.Listener.Close()
	server.Listener, server.EnableHTTP2 = conns, route.http2
	if route.tls {
		server.StartTLS()
	} else {
		server.Start()
	}
	httpClient := server.Client()
	transport := httpClient.Transport.(*http.Transport)
	transport.DialContext = conns.dial
	transport.DisableCompression = true // or it would decompress in silence, and read ahead
	t.Cleanup(func() {
		f.close()
		transport.CloseIdleConnections()
		server.Close()
	})
	return &routed{f, route, decoder, httpClient, server.URL + tr.Path}
}

// get opens a stream.
func (f *routed) get(query url.Values) *routedStream {
	f.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"?"+query.Encode(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header = f.Header.Clone()
	response, err := f.http.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		cancel()
		response.Body.Close()
	})
	if response.StatusCode != http.StatusOK || f.route.http2 != (response.ProtoMajor == 2) {
		f.t.Fatalf("%s over %s", response.Status, response.Proto)
	}
	body := io.Reader(response.Body)
	if f.route.compress {
		body = &gunzip{from: response.Body}
	}
	return &routedStream{body: body, next: client.Reader(body, f.decoder()), leave: cancel}
}

type routedStream struct {
	body    io.Reader
	next    func() (client.Batch, error)
	pending []event.Event
	err     error // came with what is pending
	leave   func()
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

// wantCut reads up to the end, which must not look like one.
func (s *routedStream) wantCut(t *testing.T) {
	t.Helper()
	b, err := io.ReadAll(s.body)
	if err == nil || strings.Contains(string(b), event.ByeTopic) {
		t.Errorf("the stream looks complete: …%q, %v", b[max(0, len(b)-80):], err)
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

// publishLarge publishes more than all the buffers on the way hold.
func (f *routed) publishLarge() {
	f.t.Helper()
	size := 1 << 20
	if f.route.http2 {
		size = 6 << 20 // a client of net/http takes 4 MiB before anybody reads
	}
	for ; size > 0; size -= 64 << 10 {
		if _, err := f.hub.Publish(context.Background(), "a", []byte(`"`+strings.Repeat("x", 64<<10)+`"`)); err != nil {
			f.t.Fatal(err)
		}
	}
}

func routeStalls(t *testing.T, f *routed) {
	stalled, healthy := f.get(nil), f.get(url.Values{"topic": {"b"}})
	healthy.want(t, "$open:0")
	f.publishLarge()
	synctest.Wait()
	counters := f.handler.Counters()
	ended := func() int64 { return counters.Ended[wire.Stalled].Load() + counters.Ended[wire.Failed].Load() }
	time.Sleep(9 * time.Second)
	synctest.Wait()
	if ended() != 0 {
		t.Fatal("the stalled reader was cut off too early")
	}
	time.Sleep(4*time.Second + f.route.farewell())
	synctest.Wait()
	if ended() != 1 {
		t.Fatal("the stalled reader was not cut off after 10 s, or soon after")
	}
	stalled.wantCut(t)
	f.publish("b", 1)
	healthy.want(t, fmt.Sprintf("b:%d", f.hub.State().Head.Seq))
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
	idle.wantCut(t)
	stalled.wantCut(t)
}

// A listener hands out connections in memory, as that of memhttp does: httptest wants one.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *listener) dial(ctx context.Context, network, address string) (net.Conn, error) {
	near, far := memhttp.Pipe(memhttp.BufferSize)
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

// Addr names an address for which httptest has a certificate.
func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

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
