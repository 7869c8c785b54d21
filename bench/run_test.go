package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/sse"
)

// small is a case of 30 events to 4 subscribers, behind 10 of warm-up.
func small(transports ...string) result.Case {
	return result.Case{
		Name: "small", Kind: result.FanOut, Targets: []string{"pushlab"}, Transports: transports, Rounds: 1, Subscribers: 4, Rate: 20, Size: 128,
		WarmUp: 500 * time.Millisecond, Measure: 1500 * time.Millisecond, Drain: time.Second,
	}
}

// starting are options for a target whose servers are started in that way.
func starting(start func(context.Context) (*machine.Server, error)) Options {
	return Options{
		Targets: []Target{PushlabTarget("pushlab", func(ctx context.Context, _ string) (*machine.Server, error) { return start(ctx) })},
		noise:   10 * time.Millisecond,
	}
}

// inMemory are options for servers in memory, in virtual time. Prepare may change each server.
func inMemory(t *testing.T, prepare func(*fixture)) Options {
	var server *memhttp.Server
	options := starting(func(context.Context) (*machine.Server, error) {
		f := newFixture(t, hub.Config{})
		if prepare != nil {
			prepare(f)
		}
		server = memhttp.NewServer(t, f.mux)
		return &machine.Server{URL: memhttp.URL}, nil
	})
	options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return server.Dial(ctx, network, address)
	}
	options.sleep = time.Sleep
	return options
}

// measured runs a case that measures one transport.
func measured(t *testing.T, ctx context.Context, s result.Case, options Options) (result.Result, result.Measurement) {
	t.Helper()
	found, err := Run(ctx, []result.Case{s}, options)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Outcomes) != 1 || len(found.Outcomes[0].Measurements) != 1 {
		t.Fatalf("%+v has not one measurement", found.Outcomes)
	}
	return found, found.Outcomes[0].Measurements[0]
}

// In virtual time everything is exact: no event takes any time, and every byte can be told.
func TestRunInVirtualTime(t *testing.T) {
	for _, transport := range result.Transports() {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), small(transport), inMemory(t, nil))
				if found.Failed() || found.Interrupted || !m.Verdict.Comparable() {
					t.Errorf("the verdict is %+v", m.Verdict)
				}
				if m.Planned != 30 || m.Published != 30 || m.Acknowledged != 30 {
					t.Errorf("planned %d, published %d, acknowledged %d; want 30", m.Planned, m.Published, m.Acknowledged)
				}
				if m.Expected != 120 || m.Delivered != 120 || m.Delivery.Count != 120 || m.ServerDelivered != 120 {
					t.Errorf("expected %d, delivered %d with %d latencies, by the server's account %d; want 120",
						m.Expected, m.Delivered, m.Delivery.Count, m.ServerDelivered)
				}
				if m.Lost != 0 || m.Duplicated != 0 || m.Reordered != 0 || m.Gaps != 0 || m.Disconnected != 0 || m.WarmUpFaults != 0 {
					t.Errorf("something is wrong: %+v", m)
				}
				if m.PublishRate != 20 || m.PublishDelay.Max != 0 || m.Delivery.Max != 0 || m.EventsPerWrite() != 1 {
					t.Errorf("rate %v, delay %v, latency %v, %v events per write; want 20, 0s, 0s, 1",
						m.PublishRate, m.PublishDelay.Max, m.Delivery.Max, m.EventsPerWrite())
				}
				wantBytes(t, m)
			})
		})
	}
}

// wantBytes checks the bytes of small: events 11 to 40 of the log to 4 subscribers.
func wantBytes(t *testing.T, m result.Measurement) {
	t.Helper()
	switch m.Transport {
	case "httpstream", "sse":
		// The server counts the same bytes where they leave.
		if m.BytesDown != m.ServerBytes || m.BytesUp != 0 {
			t.Errorf("%d bytes down, %d up; the server counts %d", m.BytesDown, m.BytesUp, m.ServerBytes)
		}
	case "websocket":
		// Here the server's bytes have the acknowledgements to the publisher too:
		// a frame's head of 2 bytes, op, ref and id, whose epoch has 8 characters.
		acks := int64(30 * (2 + len(`{"op":"ack","ref":"10","id":"mfrggzdf-11"}`)))
		if m.BytesDown != m.ServerBytes-acks || m.BytesUp != 0 {
			t.Errorf("%d bytes down, %d up; the server counts %d, of which %d are acknowledgements", m.BytesDown, m.BytesUp, m.ServerBytes, acks)
		}
	case "longpoll":
		poll := len("GET /longpoll?topic=bench&after=mfrggzdf-11 HTTP/1.1\r\nHost: localhost:80\r\n\r\n")
		if m.BytesUp != int64(120*poll) || m.BytesDown <= m.ServerBytes {
			t.Errorf("%d bytes up, want %d; %d down, of which %d are contents", m.BytesUp, 120*poll, m.BytesDown, m.ServerBytes)
		}
	}
}

// On real sockets, with the CPU time of this process.
func TestRunOnSockets(t *testing.T) {
	t.Parallel() // it mostly waits
	s := small(result.Transports()...)
	s.Rate, s.WarmUp, s.Measure = 100, 100*time.Millisecond, 300*time.Millisecond
	var progress []result.Event
	options := starting(func(context.Context) (*machine.Server, error) {
		server := httptest.NewServer(newFixture(t, hub.Config{}).mux)
		return &machine.Server{URL: server.URL, PID: os.Getpid(), Stop: func() error { server.Close(); return nil }}, nil
	})
	options.Progress = func(e result.Event) { progress = append(progress, e) }
	found, err := Run(t.Context(), []result.Case{s}, options)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Outcomes) != 1 || len(found.Outcomes[0].Measurements) != 4 || found.Failed() || found.Schema != result.Schema || found.Elapsed <= 0 {
		for _, m := range found.Outcomes[0].Measurements {
			t.Errorf("%s: %+v", m.Transport, m.Verdict)
		}
		t.FailNow()
	}
	for _, m := range found.Outcomes[0].Measurements {
		if m.Delivered != 120 || m.Lost != 0 || m.Duplicated != 0 || m.Reordered != 0 || m.ServerDelivered != 120 {
			t.Errorf("%s: the counts are not right: %+v", m.Transport, m)
		}
		if m.Delivery.P50 <= 0 || m.Delivery.P50 > m.Delivery.P99 || m.Delivery.P99 > m.Delivery.Max || m.BytesDownPerEvent() < 128 {
			t.Errorf("%s: these cannot be: %+v", m.Transport, m)
		}
		if m.Window < 290*time.Millisecond || m.ServerCPUPerEvent() <= 0 || m.LoadCores() <= 0 {
			t.Errorf("%s: window %v, CPU %v per event, load %v cores", m.Transport, m.Window, m.ServerCPUPerEvent(), m.LoadCores())
		}
		if !slices.ContainsFunc(progress, func(e result.Event) bool {
			return e.Kind == result.PhaseBegins && *e.Lane == m.Lane && e.Phase.Name == result.Measuring && e.Phase.Events == 30
		}) {
			t.Errorf("%s: it was not told that it was measured: %+v", m.Transport, progress)
		}
	}
}

// A tampering is an SSE server that delivers wrongly. For each subscriber tamper makes a function
// that is given each event's frame, and sends what it likes.
type tampering struct {
	hub      *hub.Hub
	counters wire.Counters
	tamper   func() tamperFunc
}

type tamperFunc = func(seq uint64, frame []byte, send func([]byte))

// always is a tampering that remembers nothing.
func always(tamper tamperFunc) func() tamperFunc { return func() tamperFunc { return tamper } }

func (h *tampering) Counters() *wire.Counters { return &h.counters }

func (h *tampering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := hub.Start{}
	if after := r.URL.Query().Get("after"); after != "" {
		start = hub.AfterText(after)
	}
	sub := h.hub.Subscribe(r.URL.Query()["topic"], start)
	defer sub.Close()
	h.counters.Open.Add(1)
	defer h.counters.Open.Add(-1)
	control := http.NewResponseController(w)
	send := func(frame []byte) {
		w.Write(frame)
		control.Flush()
	}
	send(sse.AppendFrame(nil, event.Open(sub.Start(), sub.Topics())))
	tamper := h.tamper()
	for {
		records, err := sub.Next(r.Context())
		if err != nil {
			return
		}
		for _, record := range records {
			h.counters.Delivered.Add(1)
			h.counters.Writes.Add(1)
			tamper(record.ID.Seq, sse.AppendFrame(nil, record.Event), send)
		}
	}
}

func TestRunCatchesWrongDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func() tamperFunc
		want   func(result.Measurement) bool
		says   string
	}{
		"a lost event": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq != 20 {
					send(frame)
				}
			}),
			func(m result.Measurement) bool { return m.Lost == 4 && m.Delivered == 116 },
			"deliveries lost: 4 of 120",
		},
		"a duplicated event": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				send(frame)
				if seq == 20 {
					send(frame)
				}
			}),
			func(m result.Measurement) bool { return m.Duplicated == 4 && m.Lost == 0 && m.Delivered == 120 },
			"deliveries duplicated: 4",
		},
		"the last event duplicated": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				send(frame)
				if seq == 40 {
					send(frame)
				}
			}),
			func(m result.Measurement) bool { return m.Duplicated == 4 && m.Lost == 0 && m.Delivered == 120 },
			"deliveries duplicated: 4",
		},
		"events out of order": {
			func() tamperFunc {
				var held []byte
				return func(seq uint64, frame []byte, send func([]byte)) {
					switch seq {
					case 20:
						held = frame
					case 21:
						send(frame)
						send(held)
					default:
						send(frame)
					}
				}
			},
			func(m result.Measurement) bool { return m.Reordered == 4 && m.Lost == 0 && m.Delivered == 120 },
			"deliveries out of order: 4",
		},
		"an announced gap": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq == 20 {
					frame = sse.AppendFrame(nil, event.NewGap(event.ID{Epoch: "mfrggzdf", Seq: seq}, event.Gap{After: "x"}))
				}
				send(frame)
			}),
			func(m result.Measurement) bool { return m.Lost == 4 && m.Gaps == 4 },
			"gaps announced: 4",
		},
		"a fault in the warm-up": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq != 5 {
					send(frame)
				}
			}),
			func(m result.Measurement) bool { return m.WarmUpFaults == 4 && m.Lost == 0 && m.Delivered == 120 },
			"or out of order: 4",
		},
		"an event from nowhere": {
			always(func(seq uint64, frame []byte, send func([]byte)) {
				send(frame)
				if seq == 20 {
					send(sse.AppendFrame(nil, event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 100}, Topic: load.Topic, Data: []byte(`{"n":99,"due":0,"pad":"x"}`)}))
				}
			}),
			func(m result.Measurement) bool { return m.Disconnected == 4 },
			"number 99",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), small("sse"), inMemory(t, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: c.tamper}
				}))
				if !c.want(m) || !found.Failed() || m.Verdict.Comparable() {
					t.Errorf("%+v", m)
				}
				if all := strings.Join(m.Verdict.Failed, "\n"); !strings.Contains(all, c.says) {
					t.Errorf("the verdict should say %q:\n%s", c.says, all)
				}
			})
		})
	}
}

// A server that writes late makes latencies, not lost events; and the median counts from the time
// when events were due.
func TestRunCountsFromWhenEventsWereDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, m := measured(t, t.Context(), small("sse"), inMemory(t, func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq == 20 {
					time.Sleep(200 * time.Millisecond) // four more events fall due, and wait
				}
				send(frame)
			})}
		}))
		// The stall spoils event 20 by 200 ms, and those behind it by 150, 100 and 50.
		if m.Lost != 0 || m.Delivery.Max != 200*time.Millisecond || m.Delivery.P50 != 0 {
			t.Errorf("lost %d, latency %+v", m.Lost, m.Delivery)
		}
		if want := (200 + 150 + 100 + 50) * time.Millisecond * 4 / 120; m.Delivery.Mean != want {
			t.Errorf("the mean latency is %v, not %v", m.Delivery.Mean, want)
		}
	})
}

// The warm-up goes on until deliveries take equally long, or for as long as it may.
func TestWarmUpByCriterion(t *testing.T) {
	for name, c := range map[string]struct {
		delay    func(seq uint64) time.Duration
		from, to time.Duration // that the warm-up takes
		unsteady bool
	}{
		"steady at once":   {func(uint64) time.Duration { return 0 }, 3300 * time.Millisecond, 4 * time.Second, false},
		"steady after 5 s": {func(seq uint64) time.Duration { return time.Millisecond * time.Duration(max(2, 30-int(seq/4))) }, 8 * time.Second, 11 * time.Second, false},
		"never steady": {func(seq uint64) time.Duration { return time.Millisecond * time.Duration(2+20*((seq+9)/20%2)) },
			18 * time.Second, 21 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := small("sse")
				s.MaxWarmUp = 20 * time.Second
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
						time.Sleep(c.delay(seq))
						send(frame)
					})}
				}))
				if m.Unsteady != c.unsteady || m.WarmUp < c.from || m.WarmUp > c.to {
					t.Errorf("unsteady %v after %v", m.Unsteady, m.WarmUp)
				}
				if found.Failed() || !m.Verdict.Comparable() || m.Delivered != 120 || m.WarmUpFaults != 0 {
					t.Errorf("%+v", m)
				}
				if told := strings.Contains(strings.Join(m.Verdict.Notes, "\n"), "equally long"); told != c.unsteady {
					t.Errorf("the notes are %q", m.Verdict.Notes)
				}
			})
		})
	}
}

func TestRunThatIsLateIsNotValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, nil)
		options.sleep = func(d time.Duration) { time.Sleep(d + 3*time.Millisecond) }
		found, m := measured(t, t.Context(), small("sse"), options)
		if m.PublishDelay.P50 != 3*time.Millisecond || m.Delivery.P50 != 3*time.Millisecond {
			t.Errorf("publish delay %v, latency %v; both should be 3ms", m.PublishDelay.P50, m.Delivery.P50)
		}
		if found.Failed() || len(m.Verdict.Invalid) != 1 || !strings.Contains(m.Verdict.Invalid[0], "late") {
			t.Errorf("the verdict is %+v", m.Verdict)
		}
	})
}

// slowConn takes a while for every write.
type slowConn struct {
	net.Conn
	delay time.Duration
}

func (c slowConn) Write(p []byte) (int, error) {
	<-time.After(c.delay) // in virtual time
	return c.Conn.Write(p)
}

func TestRunThatMissesItsRateIsNotValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, nil)
		dial, first := options.DialContext, true
		options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if first && err == nil { // the publisher's, which is the first
				first, conn = false, slowConn{conn, 60 * time.Millisecond}
			}
			return conn, err
		}
		_, m := measured(t, t.Context(), small("httpstream"), options)
		if m.Published != 30 || m.Lost != 0 || m.PublishRate > 17 {
			t.Errorf("published %d, lost %d, %v events/s; want 30, 0 and about 16.7", m.Published, m.Lost, m.PublishRate)
		}
		if !strings.Contains(strings.Join(m.Verdict.Invalid, "\n"), "missed its own rate") {
			t.Errorf("the verdict is %+v", m.Verdict)
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		after     time.Duration
		published int
	}{
		"in the warm-up":         {200 * time.Millisecond, 0},
		"in the middle":          {1100 * time.Millisecond, 10},
		"with events on the way": {1100 * time.Millisecond, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.after)
				defer cancel()
				found, m := measured(t, ctx, small("sse", "websocket"), inMemory(t, func(f *fixture) {
					if strings.HasPrefix(name, "with") {
						f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) {
							time.Sleep(49 * time.Millisecond)
							send(frame)
						})}
					}
				}))
				if !found.Interrupted || found.Failed() || m.Verdict.Comparable() {
					t.Errorf("interrupted %v, verdict %+v", found.Interrupted, m.Verdict)
				}
				if m.Published < c.published || m.Published > c.published+3 || m.Lost != 0 || m.Delivered != int64(4*m.Published) {
					t.Errorf("published %d, want about %d; delivered %d, lost %d", m.Published, c.published, m.Delivered, m.Lost)
				}
			})
		})
	}
}

func TestRunWhenTheServerFails(t *testing.T) {
	broken := errors.New("no port is free")
	for name, c := range map[string]struct {
		prepare func(*fixture)
		start   func(context.Context) (*machine.Server, error)
		says    string
	}{
		"to start": {nil, func(context.Context) (*machine.Server, error) { return nil, broken }, "no port is free"},
		"to have an address": {nil, func(context.Context) (*machine.Server, error) { return &machine.Server{URL: "somewhere"}, nil },
			"no address of a server"},
		"to count": {func(f *fixture) {
			f.mux = http.NewServeMux()
			f.mux.Handle("/", f.transports["sse"])
			f.mux.Handle("/websocket", f.transports["websocket"])
		},
			nil, "metrics"},
		"to serve": {func(f *fixture) { f.transports["sse"] = counted{http.NotFoundHandler()} }, nil, "404"},
		"to count open streams": {func(f *fixture) {
			f.transports["sse"] = counted{f.transports["sse"]}
		}, nil, "the server counts 0 open sse streams"},
		"to go on": {func(f *fixture) {
			var n atomic.Int64
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if send(frame); seq == 20 && n.Add(1) == 1 {
					panic(http.ErrAbortHandler)
				}
			})}
		}, nil, "1 of 4 subscribers lost their connection"},
		"all its subscribers": {func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if send(frame); seq == 20 {
					panic(http.ErrAbortHandler)
				}
			})}
		}, nil, "all subscribers have lost their connection"},
		"and says goodbye": {func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if send(frame); seq == 20 {
					send(sse.AppendFrame(nil, event.Bye(event.ID{Epoch: "mfrggzdf", Seq: 20}, time.Second)))
				}
			})}
		}, nil, "goodbye"},
		"the publisher": {func(f *fixture) { f.transports["websocket"] = counted{http.NotFoundHandler()} }, nil,
			"the publisher could not connect"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := inMemory(t, c.prepare)
				if c.start != nil {
					options.Targets = starting(c.start).Targets
				}
				found, m := measured(t, t.Context(), small("sse"), options)
				if !found.Failed() || !strings.Contains(m.Error, c.says) {
					t.Errorf("failed %v; the error should say %q:\n%s", found.Failed(), c.says, m.Error)
				}
			})
		})
	}
}

// counted is a handler that counts nothing.
type counted struct{ http.Handler }

func (counted) Counters() *wire.Counters { return new(wire.Counters) }

// A log that refuses events refuses the publisher, and the run says so.
func TestRunWhenEventsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, nil)
		var server *memhttp.Server
		options.Targets = starting(func(context.Context) (*machine.Server, error) {
			server = memhttp.NewServer(t, newFixture(t, hub.Config{HistoryBytes: 100}).mux)
			return &machine.Server{URL: memhttp.URL}, nil
		}).Targets
		options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return server.Dial(ctx, network, address)
		}
		_, m := measured(t, t.Context(), small("sse"), options)
		if !strings.Contains(m.Error, "the server refuses an event") {
			t.Errorf("the error is %q", m.Error)
		}
	})
}

func TestRunRefusesANonsenseCase(t *testing.T) {
	if _, err := Run(t.Context(), []result.Case{{}}, Options{}); err == nil {
		t.Error("an empty case was run")
	}
}

// The server's end is part of the error, before what follows from it.
func TestRunTellsThatTheServerBrokeDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, nil)
		start := options.Targets[0].Start
		options.Targets[0].Start = func(ctx context.Context, transport string) (*machine.Server, error) {
			s, err := start(ctx, transport)
			s.Stop = func() error {
				return errors.New("bench: the server ended by itself (exit status 2); it said: out of memory")
			}
			return s, err
		}
		_, m := measured(t, t.Context(), small("sse"), options)
		if !strings.HasPrefix(m.Error, "the server ended by itself (exit status 2)") {
			t.Errorf("the error is %q", m.Error)
		}
	})
}

func TestEnoughFiles(t *testing.T) {
	for limit, enough := range map[string]bool{"1024/4096": true, "300/4096": false, "unlimited/unlimited": true, "": true} {
		if err := enoughFiles(limit, 500); (err == nil) != enough {
			t.Errorf("%q for 500 subscribers: %v", limit, err)
		}
	}
}
