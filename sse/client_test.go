package sse_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/sse"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }

// TestForeignServer: the client reads any server's stream, whose events are no envelopes and whose
// ids are no cursors of ours, and resumes it.
func TestForeignServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got http.Header
		blocks := make(chan string)
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			for block := range blocks {
				io.WriteString(w, block)
				w.(http.Flusher).Flush()
			}
		}))
		opts := client.Options{After: "#7 <é>", DialContext: server.Dial}
		go func() { blocks <- ": welcome\n\n" }() // some servers send no header without
		conn, err := sse.Dial(context.Background(), memhttp.URL+"/feed?a=b", opts)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "Last-Event-Id": {"#7 <é>"}}
		for name := range want {
			if diff := cmp.Diff(want[name], got[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if conn.Cursor() != "#7 <é>" {
			t.Errorf("the cursor is %q before anything came", conn.Cursor())
		}
		for _, c := range []struct {
			block  string
			want   event.Event
			cursor string
		}{
			{"data: hello\n\n", message("message", `"hello"`), "#7 <é>"},
			{"id: #8\nevent: price\ndata: {\"eur\":\ndata: 1}\n\n", message("price", `{"eur":1}`), "#8"},
			{"retry: 10\nid: 9\r\n\r\nid: ten\r\nevent: on sale\ndata: x\r\n\r\n", message("message", `"x"`), "ten"},
			{"id: mfrggzdf-1\ndata: {\"id\":\"mfrggzdf-2\",\"topic\":\"a\",\"data\":3}\n\n",
				event.Event{ID: transporttest.ID(2), Topic: "a", Data: []byte("3")}, "mfrggzdf-1"},
		} {
			blocks <- c.block
			e, err := conn.Next(context.Background())
			if diff := cmp.Diff(c.want, e); err != nil || diff != "" {
				t.Fatalf("%q: %v (-want +got):\n%s", c.block, err, diff)
			}
			// Nothing more comes. A foreign event carries no cursor; what was read with it does.
			over, cancel := context.WithTimeout(context.Background(), time.Second)
			conn.Next(over)
			cancel()
			if conn.Cursor() != c.cursor {
				t.Errorf("%q: the cursor is %q, want %q", c.block, conn.Cursor(), c.cursor)
			}
		}
		close(blocks)
		if e, err := conn.Next(context.Background()); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v, %v", e, err)
		}
	})
}

// TestConnection is WHATWG HTML, sections 9.2.2 to 9.2.4, for a client.
func TestConnection(t *testing.T) {
	// script answers each request in turn, the last one again and again, and keeps what was asked.
	type script struct {
		answers []func(http.ResponseWriter)
		headers []http.Header
		bodies  []string // with their methods
		at      []time.Duration
	}
	stream := func(blocks string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream;charset=utf-8")
			io.WriteString(w, blocks)
		}
	}
	status := func(code int, contentType, location string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(code)
		}
	}
	start := func(t *testing.T, s *script) client.Options {
		begin := time.Now()
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := len(s.headers)
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			s.headers, s.bodies, s.at = append(s.headers, r.Header.Clone()), append(s.bodies, r.Method+" "+string(body)), append(s.at, time.Since(begin))
			s.answers[min(n, len(s.answers)-1)](w)
		}))
		return client.Options{DialContext: server.Dial}
	}
	follow := func(opts client.Options) *client.Follower {
		return client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
			opts.After = after
			return sse.Dial(ctx, memhttp.URL, opts)
		}, "", client.Policy{})
	}
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}

	run("SSE-20 the request accepts an event stream, and no cached answer", func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){stream(": hello\n\n")}}
		conn, err := sse.Dial(context.Background(), memhttp.URL, start(t, s))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if h := s.headers[0]; h.Get("Accept") != "text/event-stream" || h.Get("Cache-Control") != "no-cache" || h.Values("Last-Event-ID") != nil {
			t.Errorf("asked with %v", h)
		}
	})
	run("SSE-21 another status or type is the end, and a redirect is followed", func(t *testing.T) {
		for _, answer := range []func(http.ResponseWriter){
			status(204, "", ""), status(404, "text/plain", ""), status(200, "text/plain", ""), status(200, "", ""), status(201, "text/event-stream", ""),
		} {
			s := &script{answers: []func(http.ResponseWriter){answer}}
			_, err := follow(start(t, s)).Next(context.Background())
			var refused *client.StatusError
			if !errors.As(err, &refused) || !refused.Permanent() || len(s.headers) != 1 {
				t.Errorf("%v after %d requests", err, len(s.headers))
			}
		}
		// Also when it comes back: this is how a server tells a client to stop.
		s := &script{answers: []func(http.ResponseWriter){stream("data: 1\n\n"), status(204, "", "")}}
		f := follow(start(t, s))
		if e, err := f.Next(context.Background()); err != nil || string(e.Data) != "1" {
			t.Errorf("%s, %v", e.Data, err)
		}
		if e, err := f.Next(context.Background()); err == nil || len(s.headers) != 2 {
			t.Errorf("%s, %v after %d requests", e.Data, err, len(s.headers))
		}
		for _, code := range []int{301, 302, 303, 307, 308} {
			s := &script{answers: []func(http.ResponseWriter){status(code, "", "/elsewhere"), stream("data: 1\n\n")}}
			f := follow(start(t, s))
			if e, err := f.Next(context.Background()); err != nil || string(e.Data) != "1" {
				t.Errorf("%d: %s, %v", code, e.Data, err)
			}
			f.Close()
		}
	})
	run("SSE-22, SSE-23 a stream that ends is asked for again, with the last event ID if there is one", func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){
			stream("data: 1\n\n"), stream("id: é\t\u00857\ndata: 2\n\n"), stream("data: 3\n\nid\ndata: 4\n\n"), stream("data: 5\n\n"),
		}}
		f := follow(start(t, s))
		defer f.Close()
		for _, want := range []string{"1", "2", "3", "4", "5"} {
			if e, err := f.Next(context.Background()); err != nil || string(e.Data) != want {
				t.Fatalf("%s, %v; want %s", e.Data, err, want)
			}
		}
		var ids []string
		for _, h := range s.headers[:4] {
			ids = append(ids, strings.Join(h.Values("Last-Event-ID"), "|"))
		}
		if diff := cmp.Diff([]string{"", "", "é\t\u00857", ""}, ids); diff != "" {
			t.Errorf("the last event IDs (-want +got):\n%s", diff)
		}
	})
	run("SSE-12, SSE-23 the reconnection time is waited, and survives a reconnect", func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){
			stream("retry: 10000\n\ndata: 1\n\n"), stream("data: 2\n\n"), stream("data: 3\n\nretry: 60000\n"), stream("data: 4\n\n"),
		}}
		f := follow(start(t, s))
		defer f.Close()
		for _, want := range []string{"1", "2", "3", "4"} {
			if e, err := f.Next(context.Background()); err != nil || string(e.Data) != want {
				t.Fatalf("%s, %v; want %s", e.Data, err, want)
			}
		}
		for i, want := range []time.Duration{10 * time.Second, 10 * time.Second, time.Minute} {
			if got := s.at[i+1] - s.at[i]; got < want || got > want+want/4 {
				t.Errorf("reconnect %d came after %v, want %v and up to a quarter more", i+1, got, want)
			}
		}
	})
	run("a POST is sent again with its body", func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){status(307, "", "/elsewhere"), stream("id: 7\ndata: 1\n\n")}}
		opts := start(t, s)
		opts.Method, opts.Body, opts.Header = "POST", []byte(`{"stream":true}`), http.Header{"Content-Type": {"application/json"}}
		f := follow(opts)
		defer f.Close()
		for range 2 {
			if e, err := f.Next(context.Background()); err != nil || string(e.Data) != "1" {
				t.Fatalf("%s, %v", e.Data, err)
			}
		}
		for i, body := range s.bodies[:3] {
			if body != `POST {"stream":true}` || s.headers[i].Get("Content-Type") != "application/json" {
				t.Errorf("request %d: %s, %v", i+1, body, s.headers[i])
			}
		}
		if got := s.headers[2].Get("Last-Event-ID"); got != "7" {
			t.Errorf("it resumes from %q", got)
		}
	})
	run("SSE-25 nothing comes after Close", func(t *testing.T) {
		s := &script{answers: []func(http.ResponseWriter){stream("data: 1\n\ndata: 2\n\n")}}
		conn, err := sse.Dial(context.Background(), memhttp.URL, start(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Next(context.Background()); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if e, err := conn.Next(context.Background()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("after Close came %s, %v", e.Data, err)
		}
		f := follow(start(t, s))
		f.Next(context.Background())
		f.Close()
		if e, err := f.Next(context.Background()); err == nil {
			t.Errorf("after Close came %s", e.Data)
		}
	})
}
