package probe

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/memhttp"
)

// answers returns a handler with always the same answer.
func answers(status int, content string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, content)
	}
}

// raw returns a handler that answers with just these bytes.
func raw(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		fmt.Fprint(conn, content)
		conn.Close()
	}
}

func TestLook(t *testing.T) {
	socket := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { newLab("").ServeHTTP(w, r) })
	for _, c := range []struct {
		url       string
		transport string // as told
		handler   http.Handler
		want      string // the transport, or part of the error
		guessed   string
		pushlab   bool
	}{
		{"http://h/live", "", answers(200, "", "Content-Type: text/event-stream; charset=utf-8"), SSE, "the content's type", false},
		{"http://h", "", answers(200, "", "Content-Type: text/event-stream"), SSE, "the content's type", false},
		{"http://h/live", "", answers(200, "", "Content-Type: application/x-ndjson", "Pushlab-Cursor: labepoch-1"), HTTPStream, "the content's type", true},
		{"http://h/live", "", answers(200, "", "Content-Type: application/jsonl"), HTTPStream, "the content's type", false},
		{"http://h/live", "", answers(200, `{"cursor":7,"events":[]}`, "Content-Type: application/json"), LongPoll, "the content, which is JSON with a cursor", false},
		{"http://h/live", "", answers(204, "", "Pushlab-Cursor: labepoch-1"), LongPoll, "the status 204, with a cursor", true},
		{"http://h/live", "", answers(426, "", "Upgrade: websocket"), "answered 426", "", false},
		{"http://h/websocket", "", socket, WebSocket, `the path, which ends with "websocket"`, true},
		{"ws://h/websocket", "", socket, WebSocket, "the scheme", true},
		{"http://h/live", "", socketAt("/live", socket), WebSocket, "the status 426", true},
		{"http://h/live", "", notFoundUnlessUpgraded(socket), WebSocket, "the answer to an opening handshake", true},
		{"http://h/ws", "", onlyForPages(socket), WebSocket, `the path, which ends with "ws"`, true},
		{"http://h/sse", "", answers(200, "", "Content-Type: text/plain"), SSE, `the path, which ends with "sse"`, false},
		{"http://h/live", SSE, answers(200, "", "Content-Type: text/plain"), SSE, "", false},
		{"http://h/live", "", answers(200, "hello", "Content-Type: text/html"), "say which transport", "", false},
		{"http://h/live", "", answers(200, `{"data":1}`, "Content-Type: application/json"), "say which transport", "", false},
		{"http://h/sse", "", answers(404, ""), "404 Not Found; is this the URL", "", false},
		{"http://h/sse", "", answers(204, ""), "204 No Content", "", false},
		{"http://h/websocket", "", answers(403, ""), "403 Forbidden", "", false},
		{"http://h/sse", "", answers(301, "", "Location: /events"), `sends you to "/events"`, "", false},
		{"http://h/sse", "", raw(""), "ended the connection instead of answering", "", false},
		{"http://h/sse", "", raw("HTTP/2 200 OK\r\n\r\n"), "not the status line of HTTP/1", "", false},
		{"http://h/sse", "", raw("220 smtp ready\r\n\r\n"), "not the status line of HTTP/1", "", false},
		{"http://h/sse", "", raw("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"), "malformed header field", "", false},
		{"http://h/sse", "", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxHead)), "more than", "", false},
		{"http://h/sse", "", raw("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: x\r\n", maxHead/6+1)), "more than", "", false},
		{"http://h/sse", "", raw("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), SSE, `the path, which ends with "sse"`, false},
		{"ftp://h/sse", "", answers(200, ""), "use http, https, ws or wss", "", false},
		{"localhost", "", answers(200, ""), "is no URL", "", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			server := memhttp.NewServer(t, c.handler)
			target, err := NewTarget(t.Context(), c.url, Options{Transport: c.transport, DialContext: server.Dial, Timeout: 5 * time.Second})
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: %v; want %s", c.url, err, c.want)
				}
				return
			}
			if target.Transport != c.want || target.Guessed != c.guessed || target.Pushlab != c.pushlab {
				t.Errorf("%s: %s from %s, Pushlab %t; want %s from %s", c.url, target.Transport, target.Guessed, target.Pushlab, c.want, c.guessed)
			}
		})
	}
}

// socketAt serves the lab's WebSocket at another path.
func socketAt(path string, l http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			r.URL.Path = "/websocket"
		}
		l.ServeHTTP(w, r)
	}
}

// onlyForPages refuses who has no origin.
func onlyForPages(l http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		r.URL.Path = "/websocket"
		l.ServeHTTP(w, r)
	}
}

// notFoundUnlessUpgraded is a server that tells nothing to a plain GET.
func notFoundUnlessUpgraded(l http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			http.NotFound(w, r)
			return
		}
		r.URL.Path = "/websocket"
		l.ServeHTTP(w, r)
	}
}

func TestNobodyThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := memhttp.NewServer(t, http.NotFoundHandler())
		server.HTTP.Close()
		options := Options{DialContext: server.Dial}
		if _, err := Conform(t.Context(), []string{memhttp.URL + "/sse"}, options); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	})
}

func TestHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer abc" {
				w.WriteHeader(http.StatusUnauthorized)
			} else if accept := r.Header.Values("Accept"); len(accept) != 1 || accept[0] != "text/event-stream" {
				w.WriteHeader(http.StatusNotAcceptable)
			}
		}))
		options := Options{DialContext: server.Dial, Header: http.Header{"Authorization": {"Bearer abc"}}}
		if _, err := NewTarget(t.Context(), memhttp.URL+"/sse", options); err != nil {
			t.Error(err)
		}
	})
}
