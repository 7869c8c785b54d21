package interop

import (
	"context"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A dial is how one of our clients connects.
type dial func(ctx context.Context, url string, opts client.Options) (client.Conn, error)

func dialSSE(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
	return sse.Dial(ctx, url, opts)
}

func dialHTTPStream(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
	return httpstream.Dial(ctx, url, opts)
}

func dialLongPoll(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
	return longpoll.Dial(ctx, url, opts)
}

func dialWebSocket(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
	return websocket.Dial(ctx, url, opts)
}

// A server is a foreign one. What it sees of a request comes before the answer.
type server struct {
	*process
	url string
	ctx context.Context
}

func newServer(t *testing.T, p *process) *server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return &server{process: p, url: p.expect("listening").URL, ctx: ctx}
}

// read connects once and returns all events, as "topic data", where to resume, and why no more came.
func (s *server) read(d dial, path string, opts client.Options) (events []string, cursor string, end error) {
	s.t.Helper()
	c, err := d(s.ctx, s.url+path, opts)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	for {
		e, err := c.Next(s.ctx)
		if err != nil {
			return events, c.Cursor(), err
		}
		events = append(events, e.Topic+" "+string(e.Data))
	}
}

// follow returns a follower, which is closed in the end.
func (s *server) follow(d dial, path string, policy client.Policy) *client.Follower {
	f := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
		return d(ctx, s.url+path, client.Options{After: after})
	}, "", policy)
	s.t.Cleanup(func() { f.Close() })
	return f
}

// takes has the follower return these events, as "topic data".
func (s *server) takes(f *client.Follower, want ...string) {
	s.t.Helper()
	for _, w := range want {
		e, err := f.Next(s.ctx)
		if err != nil {
			s.t.Fatalf("%v, want %s", err, w)
		}
		if got := e.Topic + " " + string(e.Data); got != w {
			s.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

// quick reconnects at once.
var quick = client.Policy{MinBackoff: -1}

// TestForeignSignsOfLife has servers send no event for longer than a connection may be silent, but
// what shows that they are there: comments (WHATWG HTML, section 9.2.7 recommends them), empty
// lines, pings (RFC 6455, section 5.5.2).
func TestForeignSignsOfLife(t *testing.T) {
	for _, tt := range []struct {
		name, script, path string
		dial               dial
	}{
		{"comments", "servers/sse.mjs", "/comments", dialSSE},
		{"empty lines", "servers/envelopes.mjs", "/empty", dialHTTPStream},
		{"pings", "servers/websocket.mjs", "/pings", dialWebSocket},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, node(t, tt.script))
			f := s.follow(tt.dial, tt.path, client.Policy{MinBackoff: -1, Idle: time.Second, Attempts: 1})
			if e, err := f.Next(s.ctx); err != nil {
				t.Errorf("the connection was given up, though it was not silent: %v", err)
			} else if e.Control() {
				t.Errorf("got %s", e.Envelope())
			}
		})
	}
}
