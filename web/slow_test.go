package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// stalled opens a raw subscription and never reads from it.
func (s *service) stalled(transport string) net.Conn {
	s.t.Helper()
	u, _ := url.Parse(s.url)
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	header := http.Header{}
	if transport == "websocket" {
		header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
			"Sec-WebSocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-WebSocket-Version": {"13"}}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "GET /%s HTTP/1.1\r\nHost: localhost\r\n", transport)
	header.Write(&b)
	if _, err := io.WriteString(c, b.String()+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// TestStalledReaders measures, in turn without and with subscribers that do not read, how long an
// event takes from Publish to another subscriber, and what memory the server holds.
func TestStalledReaders(t *testing.T) {
	const stalledEach, blocks, perBlock = 5, 6, 400
	data, _ := event.Text(strings.Repeat("x", 4<<10))
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serve(t, hub.Config{HistoryBytes: 8 << 20}, web.Config{WriteDeadline: time.Hour, Drain: 10 * time.Millisecond})
			healthy := s.dial(transport, client.Options{})
			defer healthy.Close()
			next := func() event.Event {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				for {
					e, err := healthy.Next(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if !e.Control() {
						return e
					}
				}
			}
			// roundTrips returns the median of a block.
			roundTrips := func() time.Duration {
				var times []time.Duration
				for range perBlock {
					begin := time.Now()
					id, err := s.hub.Publish(context.Background(), "a", data)
					if err != nil {
						t.Fatal(err)
					}
					if e := next(); e.ID != id {
						t.Fatalf("got %s, want %s", e.ID, id)
					}
					times = append(times, time.Since(begin))
				}
				slices.Sort(times)
				return times[len(times)/2]
			}
			roundTrips() // warm up, and fill the log
			roundTrips()
			heapBefore := heap()

			var without, with []time.Duration
			for range blocks {
				without = append(without, roundTrips())
				var conns []net.Conn
				for range stalledEach {
					conns = append(conns, s.stalled(transport))
				}
				with = append(with, roundTrips())
				for _, c := range conns {
					c.Close()
				}
			}
			slices.Sort(without)
			slices.Sort(with)
			a, b := without[blocks/2], with[blocks/2]
			grown := heap() - heapBefore
			t.Logf("median without %v, with %d stalled readers %v (×%.2f); heap grew by %d KiB", a, stalledEach, b, float64(b)/float64(a), grown>>10)
			// The medians of blocks differ by a third here even without any stalled reader; a
			// server that waits for a stalled one would not deliver at all.
			if b > 2*a {
				t.Errorf("an event takes %v with stalled readers, %v without", b, a)
			}
			if grown > 4<<20 {
				t.Errorf("the heap grew by %d bytes for subscribers that do not read", grown)
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestLappedReader stops reading while two thousand events of 10 KB go by, more than sockets hold, and goes on: with a
// history of one thousand it gets a gap, and what was missed and what was got add up.
func TestLappedReader(t *testing.T) {
	const events, history = 2000, 1000
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			s := serve(t, hub.Config{History: history}, web.Config{WriteDeadline: time.Hour})
			c := s.dial(transport, client.Options{})
			defer c.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if e, err := c.Next(ctx); err != nil || e.Topic != event.OpenTopic {
				t.Fatal(e, err)
			}
			ledger := client.Ledger{Last: s.hub.State().Head}
			pad := `"` + strings.Repeat("x", 10_000) + `"`
			for range events {
				s.publish("a", pad)
			}
			for ledger.Last.Seq < events {
				e, err := c.Next(ctx)
				if err != nil {
					t.Fatal(err)
				}
				ledger.Observe(e)
			}
			if ledger.Gaps == 0 || ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Events+ledger.Missed != events {
				t.Errorf("of %d events: %+v", events, ledger)
			}
			if state := s.hub.State(); state.Events != history {
				t.Errorf("the log holds %d events", state.Events)
			}
		})
	}
}
