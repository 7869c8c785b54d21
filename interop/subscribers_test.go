package interop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// A foreign is a client that is not ours, which resumes when its connection breaks: an EventSource
// by itself, the others by a loop in their script.
type foreign struct {
	name string
	path string
	end  string // what it sees when the server leaves
	// polls: it has no connection to keep alive, and no control events but gaps.
	polls bool
	// givesUp: when to reconnect fails before the head of the answer has come, it does not try
	// again. It should (WHATWG HTML, section 9.2.2); so its connections break later than that.
	givesUp bool
	start   func(t *testing.T, p *proxy, after string, more ...string) *process
}

var foreigners = []foreign{
	{
		name: "eventsource", path: "/sse", end: "lost", // an EventSource calls the end of the stream so
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return node(t, "clients/eventsource.mjs", "eventsource", p.url("http", "/sse?after="+after))
		},
	},
	{
		name: "undici EventSource", path: "/sse", givesUp: true, end: "lost",
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return node(t, "clients/eventsource.mjs", "undici", p.url("http", "/sse?after="+after))
		},
	},
	{
		name: "undici fetch httpstream", path: "/httpstream", end: "end",
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return node(t, "clients/httpstream.mjs", p.url("http", "/httpstream"), after)
		},
	},
	{
		name: "undici fetch longpoll", path: "/longpoll", end: "end", polls: true,
		start: func(t *testing.T, p *proxy, after string, more ...string) *process {
			return node(t, "clients/longpoll.mjs", append([]string{p.url("http", "/longpoll"), after}, more...)...)
		},
	},
	{
		name: "ws", path: "/websocket", end: "close",
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return node(t, "clients/websocket.mjs", "ws", "again", p.url("ws", "/websocket"), after)
		},
	},
	{
		name: "undici WebSocket", path: "/websocket", end: "close",
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return node(t, "clients/websocket.mjs", "undici", "again", p.url("ws", "/websocket"), after)
		},
	},
	{
		name: "python websockets", path: "/websocket", end: "close",
		start: func(t *testing.T, p *proxy, after string, _ ...string) *process {
			return python(t, "clients/websocket.py", "again", p.url("ws", "/websocket"), after)
		},
	},
}

// A subscriber is such a client at work.
type subscriber struct {
	*process
	foreign
	pending []event.Event
	ledger  client.Ledger
	other   []line // what it saw beside events
}

func (f foreign) subscribe(t *testing.T, p *proxy, after event.ID, more ...string) *subscriber {
	t.Helper()
	return &subscriber{process: f.start(t, p, after.String(), more...), foreign: f, ledger: client.Ledger{Last: after}}
}

// event returns the next event, control events included.
func (s *subscriber) event() event.Event {
	s.t.Helper()
	for len(s.pending) == 0 {
		switch l := s.next(); l.See {
		case "event":
			e := exactEnvelope(s.t, l.Data)
			if s.path == "/sse" && (l.Cursor != e.ID.String() || l.Type != "message" && l.Type != e.Topic || (l.Type == "message") == e.Control()) {
				s.t.Errorf("%s gave %.200s the id %q and the type %q", s.name(), l.Data, l.Cursor, l.Type)
			}
			s.pending = append(s.pending, e)
		case "answer":
			s.other = append(s.other, l)
			var answer struct{ Events []json.RawMessage }
			if err := json.Unmarshal([]byte(l.Data), &answer); l.Data != "" && err != nil {
				s.t.Fatalf("%s: %.200q: %v", s.name(), l.Data, err)
			}
			for _, text := range answer.Events {
				s.pending = append(s.pending, exactEnvelope(s.t, string(text)))
			}
		default:
			s.other = append(s.other, l)
		}
	}
	e := s.pending[0]
	s.pending = s.pending[1:]
	s.ledger.Observe(e)
	return e
}

// topic returns the next event of that topic, and skips control events before it.
func (s *subscriber) topic(topic string) event.Event {
	s.t.Helper()
	for {
		e := s.event()
		switch {
		case e.Topic == topic:
			return e
		case !e.Control() || e.Topic == event.GapTopic:
			s.t.Fatalf("%s got %.200s, want an event of %s", s.name(), e.Envelope(), topic)
		}
	}
}

func (s *subscriber) name() string { return s.foreign.name }

// complete checks that nothing was lost, repeated or out of order.
func (s *subscriber) complete(events uint64) {
	s.t.Helper()
	if l := s.ledger; l.Events != events || l.Lost != 0 || l.Repeated != 0 || l.Gaps != 0 {
		s.t.Errorf("%s, of %d events: %+v", s.name(), events, l)
	}
}

// TestSubscribers has every foreign client read our server.
func TestSubscribers(t *testing.T) {
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			t.Run("resume", f.resume)
			t.Run("gap", f.gap)
			t.Run("quiet", f.quiet)
			t.Run("damage", f.damage)
			t.Run("goodbye", f.goodbye)
		})
	}
}

// resume breaks the connection again and again, wherever that may be in an event or in the head of
// the response: each event comes once, and in order.
func (f foreign) resume(t *testing.T) {
	const events, ahead = 400, 20
	s := serve(t, hub.Config{}, web.Config{Retry: 10 * time.Millisecond})
	p := newProxy(t, s.address)
	rng := rand.New(rand.NewPCG(1, 2))
	budget := 2000 // the first time, so that an EventSource learns how soon to come back
	p.limit(func() int {
		defer func() { budget = rng.IntN(4000) }()
		if f.givesUp {
			budget += 500
		}
		return budget
	})
	sub := f.subscribe(t, p, s.head())
	published := 0
	for seen := range events {
		for ; published < min(events, seen+ahead); published++ {
			s.publish("count", fmt.Sprintf(`{"n":%d}`, published+1))
		}
		if e := sub.topic("count"); string(e.Data) != fmt.Sprintf(`{"n":%d}`, seen+1) {
			t.Fatalf("%s, after %d events", e.Envelope(), seen)
		}
	}
	sub.complete(events)
	if n := len(p.requests()); n < 5 {
		t.Errorf("only %d connections: there was little to resume", n)
	}
}

// gap has the log lose what the client has missed.
func (f foreign) gap(t *testing.T) {
	s := serve(t, hub.Config{History: 5}, web.Config{Retry: 10 * time.Millisecond})
	p := newProxy(t, s.address)
	sub := f.subscribe(t, p, s.head())
	last := s.publish("count", "1")
	sub.topic("count")
	p.to("")
	p.cut()
	for range 20 {
		s.publish("count", "2")
	}
	p.to(s.address)
	gap, err := event.ParseGap(sub.topic(event.GapTopic))
	if err != nil || gap.After != last.String() || gap.Missed == nil || *gap.Missed != 15 {
		t.Errorf("gap after %s: %+v, %v", last, gap, err)
	}
	for range 5 {
		sub.topic("count")
	}
	if sub.ledger.Last != s.head() || sub.ledger.Lost != 0 || sub.ledger.Repeated != 0 {
		t.Errorf("%+v", sub.ledger)
	}
}

// quiet has nothing happen for a few heartbeats: the connection stays, which for a WebSocket means
// that the client has answered the pings.
func (f foreign) quiet(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Heartbeat: 300 * time.Millisecond})
	p := newProxy(t, s.address)
	sub := f.subscribe(t, p, s.head(), "1") // poll for a second
	if f.polls {
		if l := sub.expect("answer"); l.Code != 204 || l.Applied != "wait=1" || l.Data != "" {
			t.Errorf("the answer to a quiet poll was %+v", l)
		}
	} else {
		for range 3 {
			if e := sub.topic(event.BeatTopic); e.ID != s.head() {
				t.Errorf("%s, want the cursor %s", e.Envelope(), s.head())
			}
		}
	}
	s.publish("count", "1")
	sub.topic("count")
	sub.complete(1)
	if n := len(p.requests()); n != 1 && !f.polls {
		t.Errorf("%d connections, want one that stays", n)
	}
}

// damage publishes what is easily damaged.
func (f foreign) damage(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	p := newProxy(t, s.address)
	sub := f.subscribe(t, p, s.head())
	for _, data := range content {
		s.publish("count", data)
		if e := sub.topic("count"); string(e.Data) != data {
			t.Errorf("got %d bytes, %.100q, of %d bytes, %.100q", len(e.Data), e.Data, len(data), data)
		}
	}
	sub.complete(uint64(len(content)))
}

// goodbye has the server leave, and another one with another log come in its place.
func (f foreign) goodbye(t *testing.T) {
	config := web.Config{Retry: 20 * time.Millisecond}
	s := serve(t, hub.Config{}, config)
	p := newProxy(t, s.address)
	sub := f.subscribe(t, p, s.head())
	last := s.publish("count", "1")
	sub.topic("count")
	if f.polls {
		s.polling(1 + len(sub.other)) // each answer stands there
	}
	p.to("")
	s.stop()
	if !f.polls {
		if bye := sub.topic(event.ByeTopic); bye.ID != last {
			t.Errorf("%s, want the cursor %s", bye.Envelope(), last)
		}
	}
	end := sub.until(f.end)
	if f.end == "close" && (end.Code != 1001 || end.Clean != nil && !*end.Clean) {
		t.Errorf("closed by %+v, want 1001 and clean", end)
	}

	s = serve(t, hub.Config{}, config)
	for range 3 {
		s.publish("count", "2")
	}
	p.to(s.address)
	gap, err := event.ParseGap(sub.topic(event.GapTopic))
	if err != nil || gap.After != last.String() || gap.Missed != nil {
		t.Errorf("gap after %s: %+v, %v", last, gap, err)
	}
	for range 3 {
		sub.topic("count")
	}
	if sub.ledger.Last != s.head() {
		t.Errorf("%+v, want all up to %s", sub.ledger, s.head())
	}
}
