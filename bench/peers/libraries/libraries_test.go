package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

// Without -race: nbio has the detector look away from its own functions, and so is reported for what
// other functions then seem to do.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreCurrent(), // nbio has an engine from the beginning, whether it is used or not
		// It waits for a second in case somebody subscribes again, and does not notice the node's end.
		goleak.IgnoreAnyFunction("github.com/centrifugal/centrifuge.(*Node).unsubscribeFromBrokerWhenEmpty.func1"),
	)
}

// connect is what a client of centrifuge says first.
const connect = `{"id":1,"connect":{}}`

func TestLibraries(t *testing.T) {
	cf := "/sse?cf_connect=" + url.QueryEscape(connect)
	for _, test := range []struct {
		name      string
		transport string
		args      []string
		subscribe func(t *testing.T, url string) subscriber
	}{
		{"go-sse", "sse", nil, stream("GET", "/sse", "")},
		{"gws", "websocket", nil, messages("/websocket", "")},
		{"nbio", "websocket", nil, messages("/websocket", "")},
		{"mercure", "sse", nil, stream("GET", "/.well-known/mercure?topic="+topic, "")},
		{"mercure", "sse, database", []string{filepath.Join(t.TempDir(), "mercure.db")}, stream("GET", "/.well-known/mercure?topic="+topic, "")},
		{"centrifuge", "websocket", nil, messages("/websocket", connect)},
		{"centrifuge", "sse", nil, stream("GET", cf, "")},
		{"centrifuge", "httpstream", nil, stream("POST", "/httpstream", connect)},
		{"centrifuge", "one-way websocket", nil, messages("/uni/websocket", "{}")},
		{"centrifuge", "one-way sse", nil, stream("GET", "/uni/sse", "")},
		{"centrifuge", "one-way httpstream", nil, stream("GET", "/uni/httpstream", "")},
	} {
		t.Run(test.name+" "+test.transport, func(t *testing.T) {
			url := start(t, append([]string{test.name}, test.args...))
			subscribers := []subscriber{test.subscribe(t, url), test.subscribe(t, url), test.subscribe(t, url)}
			publisher, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/publish", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer publisher.Close()
			for i := range 100 {
				if err := publisher.WriteMessage(websocket.TextMessage, event(i)); err != nil {
					t.Fatal(err)
				}
				if _, answer, err := publisher.ReadMessage(); err != nil || string(answer) != "ok" {
					t.Fatalf("event %d should be answered by ok, not %q, %v", i, answer, err)
				}
			}
			res, err := http.Post(url+"/publish", "application/json", bytes.NewReader(event(100)))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			defer http.DefaultClient.CloseIdleConnections()
			if res.StatusCode != http.StatusNoContent {
				t.Fatalf("a POST should be answered by 204, not %s", res.Status)
			}
			for _, s := range subscribers {
				for want := range 101 {
					if got := s.next(t); got != want {
						t.Fatalf("the next event should be %d, not %d", want, got)
					}
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	for name := range peers {
		var out bytes.Buffer
		if err := run(t.Context(), &out, []string{"version", name}); err != nil || !strings.HasPrefix(out.String(), modules[name]+" v") {
			t.Errorf("of %s it should tell the module and its version, not %q, %v", name, out.String(), err)
		}
	}
}

func TestUnknown(t *testing.T) {
	err := run(t.Context(), os.Stdout, []string{"socket.io"})
	if err == nil || !strings.Contains(err.Error(), "centrifuge, go-sse, gws, mercure, nbio") {
		t.Errorf("it should say which servers there are, not %v", err)
	}
}

func event(i int) []byte { return fmt.Appendf(nil, `{"n":%d,"pad":"x"}`, i) }

// start starts a server and returns its URL. When the test ends, the server must.
func start(t *testing.T, args []string) (url string) {
	t.Helper()
	output, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, out, args) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error("it should end without an error when its context does:", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("it should end when its context does")
		}
		output.Close()
		out.Close()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), ": listening on ")
	if !ok {
		t.Fatalf("it should say where it listens, not %q", line)
	}
	return url
}

// A subscriber returns one piece after the other of what it is sent: a line, or a message.
type subscriber func(t *testing.T) string

// next returns the number of the next event, in whatever envelope.
func (s subscriber) next(t *testing.T) int {
	t.Helper()
	for {
		_, number, ok := strings.Cut(s(t), `{"n":`)
		number, _, _ = strings.Cut(number, ",")
		if n, err := strconv.Atoi(number); ok && err == nil {
			return n
		}
	}
}

// stream subscribes by a request whose answer does not end. It returns when the server knows of it.
func stream(method, path, body string) func(t *testing.T, url string) subscriber {
	return func(t *testing.T, url string) subscriber {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		t.Cleanup(cancel)
		r, err := http.NewRequestWithContext(ctx, method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
		lines := bufio.NewScanner(res.Body)
		var s subscriber = func(t *testing.T) string {
			if !lines.Scan() {
				t.Fatal("the stream ended:", lines.Err())
			}
			return lines.Text()
		}
		if body != "" || strings.Contains(path, "cf_connect") || strings.HasPrefix(path, "/uni/") {
			for !strings.Contains(s(t), `"connect":`) {
			}
		}
		return s
	}
}

// messages subscribes by WebSocket, and by what it then says. It returns when the server knows of it.
func messages(path, greeting string) func(t *testing.T, url string) subscriber {
	return func(t *testing.T, url string) subscriber {
		conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if greeting != "" {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(greeting)); err != nil {
				t.Fatal(err)
			}
		}
		// More than one event may be in one message, one in each line.
		var rest string
		var s subscriber = func(t *testing.T) string {
			if rest == "" {
				_, data, err := conn.ReadMessage()
				if err != nil {
					t.Fatal(err)
				}
				rest = string(data)
			}
			var line string
			line, rest, _ = strings.Cut(rest, "\n")
			return line
		}
		s(t) // subscribed, or the answer to connect
		return s
	}
}
