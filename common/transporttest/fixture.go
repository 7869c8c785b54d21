package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
)

// A fixture is a transport in service.
type fixture struct {
	Transport
	t       *testing.T
	hub     *hub.Hub
	handler Handler
	server  *memhttp.Server
}

func start(t *testing.T, tr Transport, hubConfig hub.Config, config Config) *fixture {
	h := hub.New(hubConfig)
	handler := tr.New(h, config)
	mux := http.NewServeMux()
	mux.Handle(tr.Path, handler)
	f := &fixture{tr, t, h, handler, memhttp.NewServer(t, mux)}
	t.Cleanup(f.close) // before the server, whose cleanup was registered earlier
	return f
}

// close ends the fixture and checks that nothing is left of it.
func (f *fixture) close() {
	f.hub.Close()
	if s, ok := f.handler.(interface{ Shutdown(context.Context) error }); ok {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			f.t.Errorf("the streams did not end: %v", err)
		}
	}
	if n := f.handler.Counters().Open.Load(); n != 0 && !f.Polls {
		f.t.Errorf("%d streams are still counted as open", n)
	}
}

func (f *fixture) publish(topic string, n int) {
	f.t.Helper()
	for range n {
		if _, err := f.hub.Publish(context.Background(), topic, fmt.Appendf(nil, `{"n":%d}`, f.hub.State().Head.Seq+1)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// id returns the ID with that sequence number.
func (f *fixture) id(seq uint64) event.ID {
	return event.ID{Epoch: f.hub.State().Head.Epoch, Seq: seq}
}

func (f *fixture) dial(opts client.Options) *conn {
	f.t.Helper()
	opts.DialContext = f.server.Dial
	c, err := f.Dial(context.Background(), memhttp.URL+f.Path, opts)
	if err != nil {
		f.t.Fatalf("Dial: %v", err)
	}
	f.t.Cleanup(func() { c.Close() })
	return &conn{c, f.t}
}

// conn is a client's connection in a test.
type conn struct {
	client.Conn
	t *testing.T
}

func (c *conn) next() event.Event {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	e, err := c.Next(ctx)
	if err != nil {
		c.t.Fatalf("Next: %v", err)
	}
	return e
}

// want reads events and compares their topics and sequence numbers: "$open:0 a:1 b:2".
func (c *conn) want(want string) {
	c.t.Helper()
	var got []string
	for range strings.Fields(want) {
		e := c.next()
		got = append(got, fmt.Sprintf("%s:%d", e.Topic, e.ID.Seq))
	}
	if s := strings.Join(got, " "); s != want {
		c.t.Fatalf("got %s, want %s", s, want)
	}
}

// wantEnd reads the end of a subscription after its goodbye.
func (c *conn) wantEnd() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if e, err := c.Next(ctx); !errors.Is(err, io.EOF) {
		c.t.Errorf("after the goodbye: %v %v, want io.EOF", e, err)
	}
}

// wantGap reads a gap and checks what it says. A negative missed means that it must not say.
func (c *conn) wantGap(after string, resume event.ID, missed int) {
	c.t.Helper()
	e := c.next()
	gap, err := event.ParseGap(e)
	if e.Topic != event.GapTopic || err != nil {
		c.t.Fatalf("got %s, want a gap", e.Envelope())
	}
	if gap.After != after || e.ID != resume {
		c.t.Errorf("got %s, want a gap after %q that leads to %s", e.Envelope(), after, resume)
	}
	if missed < 0 && gap.Missed != nil || missed >= 0 && (gap.Missed == nil || *gap.Missed != uint64(missed)) {
		c.t.Errorf("got %s, want %d missed", e.Envelope(), missed)
	}
}

// do sends a raw request.
func (f *fixture) do(method string, query url.Values, header http.Header) (*http.Response, string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, memhttp.URL+f.Path+"?"+query.Encode(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	c := f.server.Client()
	defer c.CloseIdleConnections()
	response, err := c.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode < 400 && method != http.MethodHead {
		return response, "" // a stream; its header is all that is wanted
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response, string(body)
}

// rawRequest is a request to subscribe, as bytes.
func (f *fixture) rawRequest(query string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s?%s HTTP/1.1\r\nHost: localhost\r\n", f.Path, query)
	f.Header.Write(&b)
	b.WriteString("\r\n")
	return b.String()
}
