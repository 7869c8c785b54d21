package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

func TestPublish(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	sub := s.hub.Subscribe(nil, hub.Start{})
	defer sub.Close()
	for _, c := range []struct {
		query, contentType, body, topic, data string
	}{
		{"", "application/json", ` {"a" : [1, "é"]} `, "message", `{"a":[1,"é"]}`},
		{"?topic=chat.room-1", "application/json; charset=utf-8", `null`, "chat.room-1", `null`},
		{"", "text/plain", "a \"quoted\"\nline", "message", `"a \"quoted\"\nline"`},
		{"", "text/html; charset=UTF-8", "<b>&</b>", "message", `"<b>&</b>"`},
		{"", "text/plain", "", "message", `""`},
	} {
		response, body := s.request("POST", "/publish"+c.query, http.Header{"Content-Type": {c.contentType}}, c.body)
		var created struct{ ID string }
		if err := json.Unmarshal(body, &created); err != nil || response.StatusCode != 201 {
			t.Fatalf("%+v: %s %s", c, response.Status, body)
		}
		records, err := sub.Poll()
		if err != nil || len(records) != 1 {
			t.Fatalf("%+v: %d events, %v", c, len(records), err)
		}
		if r := records[0]; r.ID.String() != created.ID || r.Topic != c.topic || string(r.Data) != c.data {
			t.Errorf("%+v: got %s for %s", c, r.Envelope(), created.ID)
		}
	}
}

func TestHealthAndVersion(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Version: map[string]string{"version": "v1"}})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/version": "{\"version\":\"v1\"}\n"} {
		if response, body := s.request("GET", path, nil, ""); response.StatusCode != 200 || string(body) != want {
			t.Errorf("%s: %s %q", path, response.Status, body)
		}
		if response, body := s.request("HEAD", path, nil, ""); response.StatusCode != 200 || len(body) > 0 {
			t.Errorf("HEAD %s: %s %q", path, response.Status, body)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := serve(t, hub.Config{History: 5}, web.Config{})
	for range 8 {
		s.publish("a", "1")
	}
	for _, transport := range transports {
		c := s.dial(transport, client.Options{After: event.ID{Epoch: s.hub.State().Head.Epoch, Seq: 1}.String()})
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for range 7 { // $open, $gap, five events
			if _, err := c.Next(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	wanted := []string{"pushlab_events_published_total 8", "pushlab_log_events 5", "pushlab_subscriptions 4", "go_goroutines"}
	for _, transport := range transports {
		opened := "1"
		if transport == "longpoll" {
			opened = "2" // the poll that brought the events, and the one that waits
		}
		wanted = append(wanted,
			`pushlab_streams_open{transport="`+transport+`"} 1`,
			`pushlab_streams_opened_total{transport="`+transport+`"} `+opened,
			`pushlab_events_delivered_total{transport="`+transport+`"} 5`,
			`pushlab_writes_total{transport="`+transport+`"} 1`,
			`pushlab_gaps_total{transport="`+transport+`"} 1`,
			`pushlab_bytes_total{transport="`+transport+`"} `,
		)
	}
	for _, want := range wanted {
		// What was written is counted after it was written.
		after(t, "there is "+want, func() bool {
			_, body := s.request("GET", "/metrics", nil, "")
			return strings.Contains(string(body), want)
		})
	}
}

func TestPage(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	response, body := s.request("GET", "/", nil, "")
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") || len(body) == 0 {
		t.Fatalf("%s %v", response.Status, response.Header)
	}
	// CORS-06: connect-src is what default-src says.
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"} {
		if !strings.Contains(response.Header.Get(name), want) {
			t.Errorf("%s is %q", name, response.Header.Get(name))
		}
	}
}

// TestHTTP2: HTTP-05. Over HTTP/2 no answer has a field that is about a connection.
func TestHTTP2(t *testing.T) {
	h := hub.New(hub.Config{})
	handler, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	get := func(path string, status int) {
		t.Helper()
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != status {
			t.Errorf("%s: %s %s, want %d over HTTP/2", path, response.Proto, response.Status, status)
		}
		for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
			if values := response.Header.Values(name); len(values) > 0 {
				t.Errorf("%s: %s is %q", path, name, values)
			}
		}
	}
	get("/longpoll?wait=0", 204)
	get("/httpstream", 200)
	get("/sse", 200)
	get("/websocket", 400)
	h.Close()
	get("/longpoll", 204) // over HTTP/1.1 this answer would end its connection
}

// TestDrain closes a server with subscribers of all kinds: readiness ends first, everybody is told
// goodbye (SSE-38, WS-12), nobody is refused.
func TestDrain(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Retry: time.Second})
	s.publish("a", "1")
	var leaving sync.WaitGroup
	for i := range 40 {
		transport := transports[i%4]
		c := s.dial(transport, client.Options{})
		leaving.Go(func() {
			defer c.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			var last event.Event
			for {
				e, err := c.Next(ctx)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Errorf("%s: %v", transport, err)
					return
				}
				last = e
			}
			if last.Topic != event.ByeTopic || last.ID.Seq != 1 {
				t.Errorf("%s: the last event is %s, want a goodbye at 1", transport, last.Envelope())
			}
		})
	}
	// A poll that is answered just before would find nobody to ask again.
	after(t, "all polls wait", func() bool { return s.hub.State().Subscriptions == 40 })
	begin := time.Now()
	if err := s.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	leaving.Wait()
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("draining took %v", d)
	}
}

// TestDrainIsReadinessFirst looks at the server between the two.
func TestDrainIsReadinessFirst(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Drain: 5 * time.Second})
	hold := s.stalled("websocket") // takes its goodbye, and does not answer: it holds the drain up
	defer hold.Close()
	if _, err := hold.Read(make([]byte, 1)); err != nil { // the stream is open
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	after(t, "the hub is closed", func() bool { return s.hub.State().Closed })
	if response, body := s.request("GET", "/readyz", nil, ""); response.StatusCode != 503 {
		t.Errorf("/readyz: %s %s", response.Status, body)
	}
	if response, body := s.request("POST", "/publish", jsonType(), "1"); response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("/publish: %s %s", response.Status, body)
	}
	response, body := s.request("GET", "/sse", nil, "")
	if response.StatusCode != 200 || !strings.Contains(string(body), "event: $bye") {
		t.Errorf("a subscriber that comes late: %s %s", response.Status, body)
	}
	response, _ = s.request("GET", "/longpoll", nil, "")
	if response.StatusCode != 204 || response.Header.Get("Retry-After") == "" {
		t.Errorf("a poll that comes late: %s %v", response.Status, response.Header)
	}
	hold.Close()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestEchoIsOffByDefault: an endpoint that sends back what it is sent is for those who ask for it.
func TestEchoIsOffByDefault(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	if response, body := s.request("GET", "/websocket/echo", nil, ""); response.StatusCode != 404 {
		t.Errorf("%s %s", response.Status, body)
	}
	s = serve(t, hub.Config{}, web.Config{Echo: true})
	if response, body := s.request("GET", "/websocket/echo", nil, ""); response.StatusCode != 426 {
		t.Errorf("with echo: %s %s", response.Status, body)
	}
}
