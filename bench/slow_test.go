package bench

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/sse"
)

// lagging is a case in which one of 4 subscribers reads slowly: 600 events of 128 bytes in 30 s.
func lagging(variant string, transports ...string) result.Case {
	c := small(transports...)
	c.Kind, c.Variants, c.Measure, c.Drain = result.Slow, []string{variant}, 30*time.Second, 5*time.Second
	return c
}

// remembering are options for servers in memory whose log has so many events.
func remembering(t *testing.T, history int, prepare func(*fixture)) Options {
	options := inMemory(t, nil)
	var server *memhttp.Server
	options.Targets = starting(func(context.Context) (*machine.Server, error) {
		f := newFixture(t, hub.Config{History: history})
		if prepare != nil {
			prepare(f)
		}
		server = memhttp.NewServer(t, f.mux)
		return &machine.Server{URL: memhttp.URL}, nil
	}).Targets
	options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return server.Dial(ctx, network, address)
	}
	return options
}

// Whatever the slow ones do, the others get all at once, and those are told of what they lose.
func TestSlowReadersInVirtualTime(t *testing.T) {
	for _, transport := range append(result.Transports(), result.NullName) {
		for _, variant := range []string{"", result.Slow1, result.Stuck1} {
			t.Run(transport+" "+variant, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, readers := lagging(variant, transport), 1
					if variant == "" {
						readers = 0
					}
					options := remembering(t, 100, nil)
					if transport == result.NullName {
						c.Targets = []string{result.NullName}
						options.Targets = []Target{nullTarget()}
					}
					found, m := measured(t, t.Context(), c, options)
					s := m.Laggards
					if found.Failed() || !m.Verdict.Comparable() || m.Delivered != int64(600*(4-readers)) || m.Expected != m.Delivered || m.Delivery.Max != 0 || m.Disconnected != 0 {
						t.Fatalf("%+v\n%+v", m, s)
					}
					if s.Readers != readers || s.Silent != 0 || s.Expected != int64(600*readers) || s.Lost != s.Expected-s.Delivered {
						t.Fatalf("%+v", s)
					}
					switch {
					case variant == "" && s.Lost != 0, variant == result.Stuck1 && s.Taken > 4<<10:
						t.Errorf("%+v", s)
					case variant != "" && transport != result.NullName && (s.Lost == 0 || s.Cut == 0 && s.Gaps == 0):
						t.Errorf("nobody was told of a loss: %+v", s)
					case variant == result.Slow1 && transport != result.NullName && s.Cut == 0 && (s.Taken < 20<<10 || s.Taken > 40<<10):
						t.Errorf("%d bytes were taken in 30 s", s.Taken)
					}
					if s.Cut > 0 && (s.CutAfter.P50 < 10*time.Second || s.CutAfter.P50 > 31*time.Second) {
						t.Errorf("cut off after %v", s.CutAfter.P50)
					}
				})
			})
		}
	}
}

// A laggardly server is SSE that has a queue for each subscriber, and a way to deal with those that do not read.
type laggardly struct {
	hub      *hub.Hub
	counters wire.Counters
	drop     bool          // what has no room is dropped, without a word
	turn     chan struct{} // whose it is to write, so that one waits for the other; nil: nobody does
}

func (h *laggardly) Counters() *wire.Counters { return &h.counters }

func (h *laggardly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sub := h.hub.Subscribe(r.URL.Query()["topic"], hub.Start{})
	defer sub.Close()
	h.counters.Open.Add(1)
	defer h.counters.Open.Add(-1)
	control := http.NewResponseController(w)
	queue := make(chan []byte, 10)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer close(queue)
	writing.Go(func() {
		for frame := range queue {
			if h.turn != nil {
				h.turn <- struct{}{}
			}
			w.Write(frame)
			control.Flush()
			if h.turn != nil {
				<-h.turn
			}
		}
	})
	queue <- sse.AppendFrame(nil, event.Open(sub.Start(), sub.Topics()))
	for {
		records, err := sub.Next(r.Context())
		if err != nil {
			return
		}
		for _, record := range records {
			frame := sse.AppendFrame(nil, record.Event)
			if !h.drop {
				queue <- frame
				continue
			}
			select {
			case queue <- frame:
			default: // and not a word of it
			}
		}
	}
}

func TestSlowReadersCatchWrongServers(t *testing.T) {
	for name, c := range map[string]struct {
		server *laggardly
		want   func(result.Measurement) bool
		says   string
	}{
		"it drops in silence": {&laggardly{drop: true}, func(m result.Measurement) bool {
			return m.Lost == 0 && m.Laggards.Silent > 100 && m.Laggards.Silent == m.Laggards.Lost
		}, "without being told"},
		"it waits for the slowest": {&laggardly{}, func(m result.Measurement) bool {
			return m.Lost == 0 && m.Laggards.Silent == 0 && m.Delivery.P99 > 10*time.Second
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), lagging(result.Stuck1, "sse"), remembering(t, 1000, func(f *fixture) {
					c.server.hub = f.hub
					if !c.server.drop {
						c.server.turn = make(chan struct{}, 1)
					}
					f.transports["sse"] = c.server
				}))
				if all := strings.Join(m.Verdict.Failed, "\n"); !c.want(m) || found.Failed() != (c.says != "") || !strings.Contains(all, c.says) {
					t.Errorf("%q: %+v\n%+v", all, m, m.Laggards)
				}
			})
		})
	}
}

// A fault in what slow readers get is one, and so is one in what the others get.
func TestSlowReadersCatchWrongDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func() tamperFunc
		says   []string
	}{
		"one in a hundred lost": {always(func(seq uint64, frame []byte, send func([]byte)) {
			if seq%100 != 50 {
				send(frame)
			}
		}), []string{"deliveries lost: 3 of 300", "slow readers lost 1 of 100 deliveries without being told"}},
		"repeated": {always(func(seq uint64, frame []byte, send func([]byte)) {
			send(frame)
			if seq == 50 {
				send(frame)
			}
		}), []string{"deliveries duplicated: 3", "slow readers duplicated: 1"}},
		"reordered": {func() tamperFunc {
			var held []byte
			return func(seq uint64, frame []byte, send func([]byte)) {
				switch seq {
				case 50:
					held = frame
				case 51:
					send(frame)
					send(held)
				default:
					send(frame)
				}
			}
		}, []string{"deliveries out of order: 3", "slow readers out of order: 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := lagging(result.Slow1, "sse")
				s.Measure, s.Drain = 5*time.Second, 30*time.Second
				found, m := measured(t, t.Context(), s, remembering(t, 1000, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: c.tamper}
				}))
				for _, says := range c.says {
					if all := strings.Join(m.Verdict.Failed, "\n"); !found.Failed() || !strings.Contains(all, says) {
						t.Errorf("%q does not say %q: %+v", all, says, m.Laggards)
					}
				}
			})
		})
	}
}

// A server that is late, or stands still once, is so for those who read quickly, whoever else there is.
func TestSlowReadersDoNotHideLateness(t *testing.T) {
	for name, c := range map[string]struct {
		delay func(seq uint64) time.Duration
		want  func(result.Latency) bool
	}{
		"late": {func(uint64) time.Duration { return 45 * time.Millisecond }, func(l result.Latency) bool {
			return l.P50 == 45*time.Millisecond && l.Max == 45*time.Millisecond
		}},
		"stalled once": {func(seq uint64) time.Duration {
			if seq == 50 {
				return 300 * time.Millisecond
			}
			return 0
		}, func(l result.Latency) bool { // 6 of 100 are late by 300, 250 … 50 ms
			return l.P50 == 0 && l.Max == 300*time.Millisecond && l.P99 >= 250*time.Millisecond && l.Mean == 10500*time.Microsecond
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := lagging(result.Slow1, "sse")
				s.Measure, s.Drain = 5*time.Second, 30*time.Second
				found, m := measured(t, t.Context(), s, remembering(t, 1000, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
						time.Sleep(c.delay(seq))
						send(frame)
					})}
				}))
				if found.Failed() || !c.want(m.Delivery) {
					t.Errorf("%+v\n%+v", m, m.Laggards)
				}
			})
		})
	}
}

// On sockets, a server whose buffers are small too cuts off who does not read, and the others get all.
func TestSlowReadersOnSockets(t *testing.T) {
	t.Parallel() // it mostly waits
	c := lagging(result.Stuck1, "sse", "longpoll")
	c.Variants = []string{result.Stuck1, result.Slow10}
	c.Subscribers, c.Size, c.Rate, c.WarmUp, c.Measure, c.Drain = 5, 4<<10, 50, 50*time.Millisecond, 2*time.Second, 20*time.Second
	options := starting(func(context.Context) (*machine.Server, error) {
		f := newFixture(t, hub.Config{})
		events := sse.New(f.hub, sse.Config{WriteDeadline: time.Second})
		f.transports["sse"] = events
		server := httptest.NewUnstartedServer(f.mux)
		server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			if err := c.(*net.TCPConn).SetWriteBuffer(8 << 10); err != nil {
				t.Error(err)
			}
			return ctx
		}
		server.Start()
		return &machine.Server{URL: server.URL, PID: os.Getpid(), Stop: func() error {
			f.hub.Close()
			server.Close()
			return events.Shutdown(context.Background())
		}}, nil
	})
	found, err := Run(t.Context(), []result.Case{c}, options)
	if err != nil || found.Failed() {
		t.Fatalf("%v; %+v", err, found.Outcomes)
	}
	for _, m := range found.Outcomes[0].Measurements {
		s := m.Laggards
		if m.Delivered != 4*100 || s.Silent != 0 || m.PeakResident == 0 {
			t.Errorf("%s: %+v\n%+v", m.Name(), m, s)
		}
		if m.Transport == "sse" && (s.Lost == 0 || s.Cut != 1 || s.CutAfter.Max < time.Second) {
			t.Errorf("%s: it was not cut off: %+v", m.Name(), s)
		}
		if slow := m.Variant == result.Slow10; s.Taken > 64<<10 || !slow && s.Taken > 0 || slow && s.Taken < 512 {
			t.Errorf("%s: %d bytes were taken", m.Name(), s.Taken)
		}
	}
	var b bytes.Buffer
	if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "others' p99, ms") || !strings.Contains(b.String(), "sse stuck-1%") {
		t.Errorf("%v:\n%s", err, &b)
	}
}
