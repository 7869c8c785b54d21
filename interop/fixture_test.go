package interop

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// A service is our server on a real socket, without any source: tests publish the events.
type service struct {
	t       *testing.T
	hub     *hub.Hub
	address string
	stop    func() // drains it
}

// serve starts a server, which is drained when the test ends, if it was not before.
func serve(t *testing.T, hubConfig hub.Config, config web.Config) *service {
	t.Helper()
	h := hub.New(hubConfig)
	server, err := web.NewServer(h, config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	s := &service{t: t, hub: h, address: l.Addr().String()}
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// publish publishes a JSON value, and returns the event's id.
func (s *service) publish(topic, data string) event.ID {
	s.t.Helper()
	id, err := s.hub.Publish(context.Background(), topic, []byte(data))
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// polling waits until that many polls were asked, of which the last one waits.
func (s *service) polling(polls int) {
	s.t.Helper()
	want := fmt.Sprintf("pushlab_streams_opened_total{transport=\"longpoll\"} %d\n", polls)
	until(s.t, "a poll waits", func() bool { return strings.Contains(s.get("/metrics"), want) })
}

func (s *service) get(path string) string {
	s.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get("http://" + s.address + path)
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

// until waits for something to become true.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// head is the cursor of somebody who has seen everything.
func (s *service) head() event.ID { return s.hub.State().Head }

// exactEnvelope parses an envelope, which must have arrived as it was sent, byte for byte.
func exactEnvelope(t *testing.T, text string) event.Event {
	t.Helper()
	e, err := event.ParseEnvelope([]byte(text))
	if err != nil || string(e.Envelope()) != text {
		t.Fatalf("got %.200q: %v", text, err)
	}
	return e
}

// content is data that is easily damaged on its way.
var content = []string{
	`null`,
	// Line separators and a byte order mark, as they are and escaped; half of a surrogate pair,
	// which JSON allows as an escape only; what looks like fields of an event stream.
	"\"\ufeff{\u2028\u2029\u0085\u00a0} \\u2028\\r\\n\\u0000\\ud800 \\ndata: \\n\\nid: 0\"",
	// Characters of one to four bytes, which the pieces of a large event are bound to split.
	`"` + strings.Repeat("a\u00e9\u20ac\U0001f680", 1<<20/10+1) + `"`,
	`{"":[` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,1e400,-0.0]}`,
}
