package transporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
)

// RunClient checks what all clients promise, against servers that are not as they should be.
func RunClient(t *testing.T, tr Transport) {
	for _, c := range []struct {
		sentence string
		check    func(*testing.T, Transport)
	}{
		{"an answer that is no stream is a StatusError", statusErrors},
		{"Dial's context bounds the handshake", dialBounded},
		{"Dial's context does not end the stream", dialOnly},
		{"a server that cannot be reached is an error", unreachable},
		{"a malformed URL is an error", badURL},
		{"Next's context bounds one wait, and harms nothing", nextBounded},
		{"Close ends a Next that waits", closeEndsNext},
		{"Close may be called twice, and Next fails after it", closeTwice},
		{"an event larger than MaxEvent fails the connection", tooLarge},
		{"the options' header fields are sent", sendsHeader},
		{"a stream that is cut off does not end with io.EOF", cutOff},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.check(t, tr) })
		})
	}
}

func statusErrors(t *testing.T, tr Transport) {
	for _, c := range []struct {
		name      string
		answer    http.HandlerFunc
		want      client.StatusError
		permanent bool
	}{
		{"404 in words", http.NotFound, client.StatusError{Status: 404, Detail: "404 page not found"}, true},
		{"503 with a problem and Retry-After", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(503)
			io.WriteString(w, `{"detail":"come back later"}`)
		}, client.StatusError{Status: 503, Detail: "come back later", RetryAfter: 7 * time.Second}, false},
		{"429", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(429)
		}, client.StatusError{Status: 429}, false},
		{"200 of another type", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<h1>It works!</h1>")
		}, client.StatusError{Status: 200}, true},
	} {
		server := memhttp.NewServer(t, c.answer)
		conn, err := tr.Dial(context.Background(), memhttp.URL+tr.Path, client.Options{DialContext: server.Dial})
		var got *client.StatusError
		if !errors.As(err, &got) {
			t.Errorf("%s: %v, %v", c.name, conn, err)
			continue
		}
		if c.want.Status == 200 { // which detail says so is the transport's matter
			c.want.Detail = got.Detail
		}
		if diff := cmp.Diff(&c.want, got); diff != "" || got.Permanent() != c.permanent {
			t.Errorf("%s: %v (permanent: %v)\n%s", c.name, err, got.Permanent(), diff)
		}
		if !strings.HasPrefix(err.Error(), tr.Path[1:]+": ") {
			t.Errorf("%s: the error %q does not say whose it is", c.name, err)
		}
	}
}

// silent is a server that accepts connections and never answers.
func silent(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := memhttp.Pipe(memhttp.BufferSize)
		t.Cleanup(func() { far.Close() })
		return near, nil
	}
}

func dialBounded(t *testing.T, tr Transport) {
	begin := time.Now()
	deadline, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := tr.Dial(deadline, memhttp.URL+tr.Path, client.Options{DialContext: silent(t)})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
		t.Errorf("%v after %v, want DeadlineExceeded after 1 s", err, time.Since(begin))
	}

	begin = time.Now()
	canceled, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Second, cancel)
	_, err = tr.Dial(canceled, memhttp.URL+tr.Path, client.Options{DialContext: silent(t)})
	if !errors.Is(err, context.Canceled) || time.Since(begin) != time.Second {
		t.Errorf("%v after %v, want Canceled after 1 s", err, time.Since(begin))
	}

	if _, err = tr.Dial(canceled, memhttp.URL+tr.Path, client.Options{DialContext: silent(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled at once", err)
	}
}

func dialOnly(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := tr.Dial(ctx, f.url, client.Options{DialContext: f.connect})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	time.Sleep(5 * time.Second) // less than a heartbeat: a WebSocket client that is not read answers no ping
	f.publish("a", 1)
	for e := (&conn{c, t}).next(); e.Topic != "a"; e = (&conn{c, t}).next() {
	}
}

func unreachable(t *testing.T, tr Transport) {
	refused := errors.New("refused")
	_, err := tr.Dial(context.Background(), memhttp.URL+tr.Path, client.Options{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused },
	})
	if !errors.Is(err, refused) {
		t.Errorf("%v, want what DialContext said", err)
	}
	_, err = tr.Dial(context.Background(), memhttp.URL+tr.Path, client.Options{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := memhttp.Pipe(memhttp.BufferSize)
			return near, far.Close()
		},
	})
	if err == nil {
		t.Error("no error from a server that hangs up")
	}
}

func badURL(t *testing.T, tr Transport) {
	for _, u := range []string{"http://[::1", "%zz", "gopher://localhost/"} {
		if _, err := tr.Dial(context.Background(), u, client.Options{DialContext: silent(t)}); err == nil {
			t.Errorf("no error from %q", u)
		}
	}
}

func nextBounded(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{Heartbeat: time.Hour})
	c := f.dial(client.Options{})
	c.want("$open:0")
	for range 3 {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if e, err := c.Next(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Fatalf("%s %v after %v", e.Envelope(), err, time.Since(begin))
		}
		cancel()
	}
	f.publish("a", 2)
	c.want("a:1 a:2")
}

func closeEndsNext(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	c := f.dial(client.Options{})
	c.want("$open:0")
	failed := make(chan error)
	go func() {
		_, err := c.Next(context.Background())
		failed <- err
	}()
	synctest.Wait()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-failed; !errors.Is(err, client.ErrClosed) {
		t.Errorf("Next: %v, want ErrClosed", err)
	}
	synctest.Wait()
	if n := f.hub.State().Subscriptions; n != 0 {
		t.Errorf("the server still has %d subscriptions", n)
	}
}

func closeTwice(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	c := f.dial(client.Options{})
	c.want("$open:0")
	c.Close()
	if err := c.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	if e, err := c.Next(context.Background()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Next after Close: %s, %v", e.Envelope(), err)
	}
	if got := c.Cursor(); got != f.id(0).String() {
		t.Errorf("the cursor after Close is %q", got)
	}
}

func tooLarge(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	c := f.dial(client.Options{MaxEvent: 10_000})
	c.want("$open:0")
	f.publishBytes("a", 9_000)
	c.want("a:1")
	f.publishBytes("a", 11_000)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := c.Next(ctx)
	if err == nil || errors.Is(err, io.EOF) || ctx.Err() != nil {
		t.Fatalf("got %.80s…, %v", e.Envelope(), err)
	}
	if c.Cursor() != f.id(1).String() {
		t.Errorf("the cursor is %s, want that before the event", c.Cursor())
	}
}

func sendsHeader(t *testing.T, tr Transport) {
	var got http.Header
	var query url.Values
	server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, query = r.Header, r.URL.Query()
		http.NotFound(w, r)
	}))
	tr.Dial(context.Background(), memhttp.URL+tr.Path+"?a=b", client.Options{
		Topics:      []string{"x", "y"},
		Header:      http.Header{"Authorization": {"Bearer token"}, "X-Twice": {"1", "2"}},
		DialContext: server.Dial,
	})
	if got.Get("Authorization") != "Bearer token" || fmt.Sprint(got["X-Twice"]) != "[1 2]" {
		t.Errorf("the request has %v", got)
	}
	if diff := cmp.Diff(url.Values{"a": {"b"}, "topic": {"x", "y"}}, query); diff != "" {
		t.Errorf("the query (-want +got):\n%s", diff)
	}
}

func cutOff(t *testing.T, tr Transport) {
	// The connection breaks behind the byte number n of what the server sends, for all n.
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 3)
	for n := 0; ; n++ {
		cut := false
		c, err := f.Dial(context.Background(), f.url, client.Options{
			After: f.id(0).String(),
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := f.connect(ctx, network, address)
				return &endingConn{c, n, &cut}, err
			},
		})
		dialed := err == nil
		var last event.Event
		for err == nil {
			if last, err = c.Next(context.Background()); last.ID.Seq == 3 && !last.Control() {
				break
			}
		}
		if dialed {
			c.Close()
		}
		synctest.Wait()
		if err == nil {
			break // it was all there
		}
		if errors.Is(err, io.EOF) && dialed || !cut {
			t.Fatalf("cut off behind %d bytes and %s: %v", n, last.Envelope(), err)
		}
	}
}

// An endingConn ends like a connection that was closed in order, after it has read so many bytes.
type endingConn struct {
	net.Conn
	left int
	cut  *bool
}

func (c *endingConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		*c.cut = true
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
