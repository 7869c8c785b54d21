package peers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a server and returns its URL. When the test ends, the server must.
func start(t *testing.T, serve func(context.Context, io.Writer) error) (url string) {
	t.Helper()
	output, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, out) }()
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

// dial opens a WebSocket that the test's end closes.
func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// messages subscribes by WebSocket and returns what waits for the next event.
func messages(t *testing.T, url string) (next func() string) {
	t.Helper()
	conn := dial(t, url+"/websocket")
	return func() string {
		_, data, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
}

// events subscribes by Server-Sent Events and returns what waits for the next event's data.
func events(t *testing.T, url, last string) (next func() string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("the answer should be an event stream, not %s, %q", res.Status, got)
	}
	lines := bufio.NewScanner(res.Body)
	return func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatal("the stream ended:", lines.Err())
		return ""
	}
}

// publish publishes events from to to, less one, by WebSocket.
func publish(t *testing.T, publisher *websocket.Conn, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := publisher.WriteMessage(websocket.TextMessage, event(i)); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := publisher.ReadMessage(); err != nil || string(answer) != "ok" {
			t.Fatalf("event %d should be answered by ok, not %q, %v", i, answer, err)
		}
	}
}

func event(i int) []byte { return fmt.Appendf(nil, `{"n":%d}`, i) }

// expect waits for events from to to, less one.
func expect(t *testing.T, next func() string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if got, want := next(), string(event(i)); got != want {
			t.Fatalf("the next event should be %s, not %s", want, got)
		}
	}
}

// testFanOut publishes to three subscribers, who must get all of it in order.
func testFanOut(t *testing.T, url string, subscribe func() func() string) {
	t.Helper()
	subscribers := []func() string{subscribe(), subscribe(), subscribe()}
	publish(t, dial(t, url+"/publish"), 0, 100)
	res, err := http.Post(url+"/publish", "application/json", strings.NewReader(string(event(100))))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("a POST should be answered by 204, not %s", res.Status)
	}
	for _, next := range subscribers {
		expect(t, next, 0, 101)
	}
}
