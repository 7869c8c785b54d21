package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A transport is a way to subscribe.
type transport struct {
	name string
	dial func(ctx context.Context, url string, opts client.Options) (client.Conn, error)
}

var transports = []transport{
	{"longpoll", dialer(longpoll.Dial)},
	{"httpstream", dialer(httpstream.Dial)},
	{"sse", dialer(sse.Dial)},
	{"websocket", dialer(websocket.Dial)},
}

func dialer[C client.Conn](dial func(context.Context, string, client.Options) (C, error)) func(context.Context, string, client.Options) (client.Conn, error) {
	return func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		c, err := dial(ctx, url, opts)
		if err != nil {
			return nil, err // and no Conn, not even one that is nil
		}
		return c, nil
	}
}

// A delivery is what a subscriber was given: an event, or a gap, which has no content.
type delivery struct {
	id      event.ID
	content string
	at      time.Duration // by the clock of the history
}

// A subscriber keeps a subscription over all that happens, and remembers what it was given.
type subscriber struct {
	name   string
	topics []string // nil is all
	base   time.Time
	follow func(ctx context.Context, s *subscriber) error

	mu     sync.Mutex
	got    []delivery
	last   event.ID
	ledger client.Ledger // of who has all topics
	at     time.Time     // of the latest delivery
	waited pauses
}

// note remembers what came.
func (s *subscriber) note(e event.Event) {
	if e.Control() && e.Topic != event.GapTopic {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.at.IsZero() {
		s.waited.note(now.Sub(s.at))
	}
	s.at, s.last = now, e.ID
	s.ledger.Observe(e)
	d := delivery{id: e.ID, at: now.Sub(s.base)}
	if !e.Control() {
		d.content = content(e.Topic, e.Data)
	}
	s.got = append(s.got, d)
}

// await waits until the subscriber was given the latest events of its topics; those of topic "" are everybody's.
func (s *subscriber) await(ctx context.Context, latest map[string]event.ID) error {
	want := uint64(0)
	for topic, id := range latest {
		if topic == "" || s.topics == nil || slices.Contains(s.topics, topic) {
			want = max(want, id.Seq)
		}
	}
	for {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if last.Seq >= want {
			return nil
		}
		if pause(ctx, lookEvery) != nil {
			return fmt.Errorf("%s was not given %d, and stays at %s", s.name, want, last)
		}
	}
}

// idle is after what time without a sign of life a subscriber gives a connection up: some heartbeats.
const idle = 8 * time.Second

// policy has clients come back soon, so that there are many rounds in an hour.
var policy = client.Policy{MinBackoff: 50 * time.Millisecond, MaxBackoff: 500 * time.Millisecond, Idle: idle}

// follower returns a subscriber that uses one transport, by client.Follow, on a node until that is gone, and then on the next.
func follower(t transport, urls []string, node int, topics []string, start event.ID, base time.Time) *subscriber {
	s := &subscriber{name: fmt.Sprintf("%s %d", t.name, node+1), topics: topics, base: base, last: start, ledger: client.Ledger{Last: start}}
	if topics != nil {
		s.name += " of " + topics[0]
	}
	s.follow = func(ctx context.Context, s *subscriber) error {
		f := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
			conn, err := t.dial(ctx, urls[node]+"/"+t.name, client.Options{After: after, Topics: topics})
			if err != nil {
				node = (node + 1) % len(urls)
			}
			return conn, err
		}, start.String(), policy)
		defer f.Close()
		for {
			e, err := f.Next(ctx)
			if err != nil {
				return err
			}
			s.note(e)
		}
	}
	return s
}

// rover returns a subscriber that changes its transport and its node all the time, in mid-stream, with the same cursor.
func rover(name string, urls []string, start event.ID, base time.Time, switches *atomic.Int64) *subscriber {
	s := &subscriber{name: name, base: base, last: start, ledger: client.Ledger{Last: start}}
	s.follow = func(ctx context.Context, s *subscriber) error {
		cursor := start.String()
		for ctx.Err() == nil {
			t, node := transports[rand.N(len(transports))], rand.N(len(urls))
			// It stays for so many events, but not for long.
			staying, leave := context.WithTimeout(ctx, 50*time.Millisecond+rand.N(400*time.Millisecond))
			conn, err := t.dial(ctx, urls[node]+"/"+t.name, client.Options{After: cursor})
			if err == nil {
				switches.Add(1)
				cursor, err = s.visit(staying, conn, 1+rand.N(40), cursor)
			}
			leave()
			if permanent := new(client.StatusError); errors.As(err, &permanent) && permanent.Permanent() {
				return err
			}
			if err != nil {
				pause(ctx, 20*time.Millisecond)
			}
		}
		return ctx.Err()
	}
	return s
}

// visit takes some events from a connection, and returns where to go on.
func (s *subscriber) visit(ctx context.Context, conn client.Conn, events int, cursor string) (string, error) {
	defer conn.Close()
	for range events {
		e, err := conn.Next(ctx)
		if err != nil && ctx.Err() != nil {
			break
		}
		if err != nil {
			return cursorOf(conn, cursor), err
		}
		s.note(e)
	}
	return cursorOf(conn, cursor), nil
}

// cursorOf returns where to resume behind what a connection has given; it knows of no place if it gave nothing.
func cursorOf(conn client.Conn, before string) string {
	if c := conn.Cursor(); c != "" {
		return c
	}
	return before
}

// A roundRobin is a proxy that sends each request to the next node.
type roundRobin struct {
	*httptest.Server
	requests atomic.Uint64
}

func newRoundRobin(urls []string) *roundRobin {
	p := new(roundRobin)
	var targets []*url.URL
	for _, u := range urls {
		target, err := url.Parse(u)
		if err != nil {
			panic(err) // it is ours
		}
		targets = append(targets, target)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(targets[p.requests.Add(1)%uint64(len(targets))]) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     discard,
	}
	p.Server = httptest.NewServer(proxy)
	return p
}
