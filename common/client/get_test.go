package client_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/memhttp"
)

const streamType = "application/x-ndjson"

// A counted server knows how many of its connections are open.
type counted struct {
	*memhttp.Server
	open   atomic.Int64
	closed chan struct{} // one for each that was closed
}

func serve(t *testing.T, handler http.HandlerFunc) *counted {
	s := &counted{Server: memhttp.NewServer(t, handler), closed: make(chan struct{}, 1000)}
	s.HTTP.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.open.Add(1)
		case http.StateClosed:
			s.open.Add(-1)
			s.closed <- struct{}{}
		}
	}
	return s
}

// get is client.Get from that server.
func (s *counted) get(ctx context.Context) (*http.Response, func() error, error) {
	return client.Get(ctx, memhttp.URL+"/stream", client.Options{DialContext: s.Dial}, streamType, nil)
}

// wantClosed checks, while the server is still there, that the client leaves no connection open.
func (s *counted) wantClosed(t *testing.T) {
	t.Helper()
	synctest.Wait()
	for s.open.Load() > 0 {
		select {
		case <-s.closed:
		case <-time.After(time.Minute):
			t.Fatalf("%d connections are still open", s.open.Load())
		}
	}
}

// wantStatus checks that the error is a StatusError, and returns it.
func wantStatus(t *testing.T, err error, status int) *client.StatusError {
	t.Helper()
	var refused *client.StatusError
	if !errors.As(err, &refused) {
		t.Fatalf("%v, want a StatusError", err)
	}
	if refused.Status != status {
		t.Errorf("status %d, want %d", refused.Status, status)
	}
	return refused
}

// flush sends what was written so far.
func flush(w http.ResponseWriter) { http.NewResponseController(w).Flush() }

func TestGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan struct{})
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			for name, want := range map[string]string{
				"Accept":          streamType,
				"Authorization":   "Bearer token",
				"Last-Event-Id":   "mfrggzdf-1",
				"X-Both":          "of the call",
				"Accept-Encoding": "identity",
				"Content-Length":  "",
			} {
				if got := strings.Join(r.Header.Values(name), " and "); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if got := r.Method + " " + r.RequestURI; got != "GET /stream?topic=a" {
				t.Errorf("request %q", got)
			}
			w.Header().Set("Content-Type", streamType+"; charset=utf-8")
			flush(w)
			for i := range 3 {
				time.Sleep(time.Second)
				fmt.Fprintln(w, i)
				flush(w)
			}
			<-r.Context().Done()
			close(left)
		})
		own := http.Header{"Authorization": {"Bearer token"}, "X-Both": {"of the options"}, "Accept": {"*/*"}}
		opts := client.Options{Header: own, DialContext: s.Dial}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		response, closeIt, err := client.Get(ctx, memhttp.URL+"/stream?topic=a", opts, streamType,
			http.Header{"Last-Event-ID": {"mfrggzdf-1"}, "X-Both": {"of the call"}})
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK || own.Get("X-Both") != "of the options" || own.Get("Accept") != "*/*" {
			t.Errorf("status %d; the options' header is now %v", response.StatusCode, own)
		}
		// The context ends after the first line, and the rest comes all the same.
		lines := bufio.NewScanner(response.Body)
		for i := range 3 {
			if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
				t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
			}
		}
		if ctx.Err() == nil {
			t.Error("the context has not ended; then this shows nothing")
		}
		if err := closeIt(); err != nil {
			t.Error(err)
		}
		<-left // Close is noticed at once, though neither side sends
		s.wantClosed(t)
	})
}

// What is asked by another method is asked so again where a redirect says that nothing else changes.
func TestGetMethodAndBody(t *testing.T) {
	const question = `{"stream":true}`
	asked := client.Options{Method: "POST", Body: []byte(question), Header: http.Header{"Content-Type": {"application/json"}}}
	const post, get = "POST application/json " + question, "GET  "
	for _, c := range []struct {
		name     string
		opts     client.Options
		redirect int
		want     []string
	}{
		{"the default", client.Options{}, 0, []string{get}},
		{"a POST", asked, 0, []string{post}},
		{"a POST without a body", client.Options{Method: "POST"}, 0, []string{"POST  "}},
		{"temporary redirect", asked, 307, []string{post, post}},
		{"permanent redirect", asked, 308, []string{post, post}},
		{"see other", asked, 303, []string{post, get}},
		{"found, by a POST", asked, 302, []string{post, get}}, // RFC 9110, section 15.4.3: for historical reasons
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					got = append(got, fmt.Sprintf("%s %s %s", r.Method, r.Header.Get("Content-Type"), body))
					if c.redirect != 0 && r.URL.Path == "/stream" {
						http.Redirect(w, r, "/elsewhere", c.redirect)
						return
					}
					w.Header().Set("Content-Type", streamType)
				})
				c.opts.DialContext = s.Dial
				for range 2 { // a reconnect sends all of it again
					got = nil
					_, closeIt, err := client.Get(t.Context(), memhttp.URL+"/stream", c.opts, streamType, nil)
					if err != nil {
						t.Fatal(err)
					}
					closeIt()
					if !slices.Equal(got, c.want) {
						t.Errorf("%q, want %q", got, c.want)
					}
				}
				s.wantClosed(t)
			})
		})
	}
}

// Close is what ends a read that waits.
func TestGetCloseEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", streamType)
			flush(w)
			<-r.Context().Done()
		})
		response, closeIt, err := s.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan error)
		go func() {
			_, err := response.Body.Read(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		if err := closeIt(); err != nil {
			t.Error(err)
		}
		if err := <-read; err == nil || err == io.EOF {
			t.Errorf("read: %v, want an error", err)
		}
		s.wantClosed(t)
	})
}

func TestGetContextEndsBeforeTheHeader(t *testing.T) {
	for _, c := range []struct {
		name string
		wait time.Duration // before the header
		end  func(context.Context) (context.Context, context.CancelFunc)
		want error
	}{
		{"deadline", time.Hour, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded},
		{"canceled", time.Hour, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, context.Canceled},
		{"before it began", 0, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(c.wait):
					case <-r.Context().Done():
					}
					w.Header().Set("Content-Type", streamType)
				})
				ctx, cancel := c.end(t.Context())
				defer cancel()
				start := time.Now()
				response, closeIt, err := s.get(ctx)
				if !errors.Is(err, c.want) || response != nil || closeIt != nil {
					t.Errorf("%v, want %v and nothing else", err, c.want)
				}
				if d := time.Since(start); d > time.Second {
					t.Errorf("it took %v", d)
				}
				s.wantClosed(t)
			})
		})
	}
}

func TestGetContextEndsWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := client.Options{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := client.Get(ctx, memhttp.URL, opts, streamType, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestGetRefused(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		status  int
		detail  string
		retry   time.Duration
	}{
		{"a problem", answerWith(400, "application/problem+json", `{"type":"about:blank","title":"Bad Request","status":400,"detail":"after is wrong"}`), 400, "after is wrong", 0},
		{"a problem with a parameter of the type", answerWith(400, "application/problem+json; charset=utf-8", `{"detail":"d"}`), 400, "d", 0},
		{"a problem without detail", answerWith(404, "application/problem+json", `{"status":404}`), 404, "", 0},
		{"a problem that is no JSON", answerWith(404, "application/problem+json", `oops`), 404, "", 0},
		{"a problem that never ends", answerWith(500, "application/problem+json", `{"detail":"`+long), 500, "", 0},
		{"text", answerWith(503, "text/plain; charset=utf-8", "try later\r\n\n", "Retry-After", "7"), 503, "try later", 7 * time.Second},
		{"a long text", answerWith(500, "text/plain", long), 500, long[:4<<10], 0},
		{"a page", answerWith(404, "text/html", "<p>not here"), 404, "", 0},
		{"no content", answerWith(204, "", ""), 204, "", 0},
		{"another success", answerWith(202, streamType, ""), 202, "", 0},
		{"another type", answerWith(200, "text/html", long), 200, `its content is "text/html", not application/x-ndjson: is this the right URL?`, 0},
		{"no type", answerWith(200, "", "x"), 200, `its content is "", not application/x-ndjson: is this the right URL?`, 0},
		{"a redirect to nowhere", answerWith(302, "text/plain", "there"), 0, "", 0},
		{"a redirect in a circle", answerWith(307, "text/plain", "there", "Location", "/again"), 0, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, c.handler)
				response, closeIt, err := s.get(t.Context())
				if response != nil || closeIt != nil {
					t.Error("there is something to close beside the error")
				}
				if c.status == 0 {
					if err == nil {
						t.Error("no error")
					}
				} else if e := wantStatus(t, err, c.status); e.Detail != c.detail || e.RetryAfter != c.retry {
					t.Errorf("detail %.100q, retry after %v; want %.100q, %v", e.Detail, e.RetryAfter, c.detail, c.retry)
				}
				s.wantClosed(t)
			})
		})
	}
}

// answerWith makes a handler that answers just that.
func answerWith(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil // net/http is not to guess one
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// A server that begins to say what is wrong, and does not go on, holds nobody up for longer than the
// context lasts.
func TestGetRefusedSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "because")
			flush(w)
			<-r.Context().Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := s.get(ctx)
		if err == nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		s.wantClosed(t)
	})
}

// A context that lasts, such as a program's, must not remember every connection that was made in it.
func TestGetLeavesTheContextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []http.HandlerFunc{answerWith(200, streamType, ""), answerWith(200, "text/html", ""), answerWith(404, "", ""), answerWith(302, "", "")}
		n := 0
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { answers[n](w, r) })
		ctx := &countingContext{Context: t.Context()}
		for n = range answers {
			_, closeIt, err := s.get(ctx)
			if err == nil {
				closeIt()
			}
			if got := ctx.waiting.Load(); got != 0 {
				t.Errorf("answer %d: %d functions still wait for the end of the context", n, got)
			}
		}
		if ctx.asked.Load() == 0 {
			t.Error("nothing waited for the end of the context; then this shows nothing")
		}
	})
}

// A countingContext counts the functions that wait for its end.
type countingContext struct {
	context.Context
	asked   atomic.Int64
	waiting atomic.Int64 // of those asked for
}

// Value hides that there is a context of the usual kind inside, which would be asked directly.
func (c *countingContext) Value(any) any { return nil }

// AfterFunc is what package context then calls.
func (c *countingContext) AfterFunc(f func()) (stop func() bool) {
	c.asked.Add(1)
	c.waiting.Add(1)
	stopIt := context.AfterFunc(c.Context, f)
	return func() bool {
		stopped := stopIt()
		if stopped {
			c.waiting.Add(-1)
		}
		return stopped
	}
}

// Who says how the server is reached, say through a Unix socket, is not sent to a proxy. TestMain
// has named one in the environment.
func TestGetOwnDialMeansNoProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != "/stream" || r.Host != "pushlab.example" {
				t.Errorf("request for %q at %q", r.RequestURI, r.Host)
			}
			w.Header().Set("Content-Type", streamType)
		})
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			if network != "tcp" || address != "pushlab.example:80" {
				t.Errorf("dials %s %s", network, address)
			}
			return s.Dial(ctx, network, address)
		}
		_, closeIt, err := client.Get(t.Context(), "http://pushlab.example/stream", client.Options{DialContext: dial}, streamType, nil)
		if err != nil {
			t.Fatal(err)
		}
		closeIt()
		s.wantClosed(t)
	})
}

func TestGetBadURL(t *testing.T) {
	for _, url := range []string{"", "http://local host/", "gopher://localhost/", "http://"} {
		if _, _, err := client.Get(t.Context(), url, client.Options{}, streamType, nil); err == nil {
			t.Errorf("%q: no error", url)
		}
	}
}

// What can never be sent is not tried again and again.
func TestGetBadRequest(t *testing.T) {
	for _, c := range []struct {
		url  string
		opts client.Options
	}{
		{"http://local host/", client.Options{}},
		{"http://localhost/", client.Options{Method: "GET /"}},
	} {
		_, _, err := client.Get(t.Context(), c.url, c.opts, streamType, nil)
		var permanent interface{ Permanent() bool }
		if !errors.As(err, &permanent) || !permanent.Permanent() {
			t.Errorf("%s: %v, want a permanent error", c.url, err)
		}
	}
}

func TestNewStatusErrorReadsABoundedPart(t *testing.T) {
	body := bytes.NewBufferString(strings.Repeat("x", 1<<20))
	e := client.NewStatusError(&http.Response{StatusCode: 500, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(body)})
	if read := 1<<20 - body.Len(); read > 4<<10 || len(e.Detail) > 4<<10 {
		t.Errorf("it read %d bytes and keeps %d", read, len(e.Detail))
	}
}
