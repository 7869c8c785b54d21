package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/kernel"
	"pushlab/common/wire"
	"pushlab/httpstream"
	"pushlab/sse"
	"pushlab/web"
	"pushlab/websocket"
)

// TestIdleStreamsAreParked: with an engine a stream that waits has no goroutine, though it came through
// echo and all that stands before the transports, and has none again behind each event. Without an
// engine it has, or the test would show nothing. A learner beside them makes no difference: only his own connections
// are recorded, and one that is recorded could not be parked, since what wraps a socket has no descriptor of its own.
func TestIdleStreamsAreParked(t *testing.T) {
	for _, engine := range []struct {
		name string
		open func() (kernel.Kernel, error)
		demo bool
	}{
		{"write", kernel.Write, false},
		{"uring", kernel.Uring, false},
		{"goroutine", func() (kernel.Kernel, error) { return nil, nil }, false},
		{"write", kernel.Write, true},
	} {
		t.Run(fmt.Sprintf("engine=%s,demo=%v", engine.name, engine.demo), func(t *testing.T) {
			k, err := engine.open()
			if err != nil {
				t.Logf("this system does not offer it: %v", err)
				return
			}
			config := web.Config{Demo: engine.demo}
			if k != nil {
				if config.Engine, err = wire.NewEngine(k); err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := config.Engine.Close(); err != nil {
						t.Error(err)
					}
				}()
			}
			t.Run("server", func(t *testing.T) { idleStreams(t, config) }) // which ends before its engine
		})
	}
}

func idleStreams(t *testing.T, config web.Config) {
	s := serve(t, hub.Config{}, config)
	if body := s.get("/metrics"); !strings.Contains(body, fmt.Sprintf("pushlab_wire_info{engine=%q} 1\n", config.Engine.Name())) {
		t.Error("the metrics do not tell the engine")
	}
	if config.Demo {
		if response, body := s.request("POST", "/lab", nil, ""); response.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s", response.Status, body)
		}
		if body := s.get("/metrics"); !strings.Contains(body, "pushlab_labs_open 1\n") {
			t.Error("the metrics do not tell of the lab")
		}
	}
	http.DefaultClient.CloseIdleConnections()
	const each = 50
	before := runtime.NumGoroutine()
	var peers []*bufio.Reader
	for _, transport := range []string{httpstream.Name, sse.Name, websocket.Name} {
		for range each {
			peers = append(peers, s.raw(transport))
		}
	}
	counted := func() bool {
		goroutines := runtime.NumGoroutine() - before
		return config.Engine != nil && goroutines < 10 || config.Engine == nil && goroutines >= len(peers)
	}
	after(t, fmt.Sprintf("%d idle streams have as many goroutines as they should", len(peers)), counted)
	for range 3 {
		s.publish("a", `{}`)
		for _, p := range peers {
			readTo(t, p, `"topic":"a"`)
		}
		after(t, "they have again", counted)
	}
	s.hub.Close()
	for _, p := range peers {
		readTo(t, p, event.ByeTopic)
	}
}

// raw subscribes, and reads up to the open event. It takes no goroutine.
func (s *service) raw(transport string) *bufio.Reader {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	request := "GET /" + transport + " HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
	if transport == websocket.Name {
		request += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	readTo(s.t, r, event.OpenTopic)
	return r
}

// readTo reads up to some text.
func readTo(t testing.TB, r *bufio.Reader, text string) {
	t.Helper()
	var got []byte
	for !strings.HasSuffix(string(got), text) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatal(errors.Join(fmt.Errorf("after %q", got), err))
		}
		got = append(got, b)
	}
}

func (s *service) get(path string) string {
	s.t.Helper()
	response, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}
