package bench

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/common/hub"
)

// echoing is an echo of 30 events of each of 4 clients, behind 10 of warm-up.
func echoing(transports ...string) result.Case {
	c := small(transports...)
	c.Kind = result.Echo
	return c
}

// Each client gets its own events back, and nobody else does.
func TestEchoInVirtualTime(t *testing.T) {
	for _, transport := range result.Transports() {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), echoing(transport), inMemory(t, nil))
				if found.Failed() || !m.Verdict.Comparable() || m.Planned != 120 || m.Published != 120 || m.Acknowledged != 120 {
					t.Fatalf("%+v", m)
				}
				if m.Expected != 120 || m.Delivered != 120 || m.Delivery.Count != 120 || m.Delivery.Max != 0 || m.ServerDelivered != 120 || m.PublishRate != 80 {
					t.Errorf("%+v", m)
				}
				wantEchoBytes(t, m)
			})
		})
	}
}

// wantEchoBytes checks what the clients sent for 120 events of 128 bytes.
func wantEchoBytes(t *testing.T, m result.Measurement) {
	t.Helper()
	var up int
	for client := range 4 {
		topic := "bench." + string(rune('0'+client))
		post := len("POST /publish?topic=" + topic + " HTTP/1.1\r\nHost: localhost:80\r\nContent-Type: application/json\r\nContent-Length: 128\r\n\r\n")
		switch m.Transport {
		case "websocket":
			message := len(`{"op":"publish","ref":"10","topic":"` + topic + `","data":}`)
			up += 30 * (2 + 2 + 4 + message + 128) // a head, a longer length, a key
		case "longpoll":
			up += 30 * (post + 128 + len("GET /longpoll?topic="+topic+"&after=mfrggzdf-11 HTTP/1.1\r\nHost: localhost:80\r\n\r\n"))
		default:
			up += 30 * (post + 128)
		}
	}
	if m.Transport == "longpoll" { // a cursor may have two or three digits
		if m.BytesUp < int64(up) || m.BytesUp > int64(up)+120 {
			t.Errorf("%d bytes up, want %d or little more", m.BytesUp, up)
		}
	} else if m.BytesUp != int64(up) {
		t.Errorf("%d bytes up, want %d", m.BytesUp, up)
	}
	if m.BytesDown < 120*128 || m.BytesPerRoundTrip() != float64(m.BytesUp+m.BytesDown)/120 {
		t.Errorf("%d bytes down, %v for each round trip", m.BytesDown, m.BytesPerRoundTrip())
	}
}

// In a closed loop a client sends when its event has come back: a server that takes 10 ms gets 100 a second.
func TestEchoInAClosedLoop(t *testing.T) {
	for name, c := range map[string]struct {
		inFlight  int
		rate      float64
		published int
	}{
		"one":                   {1, 1000, 2 * 100},
		"as many as it may":     {1, 50, 2 * 50},
		"two, one answer at it": {2, 1000, 2 * 100},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := echoing("sse")
				s.Subscribers, s.Rate, s.InFlight, s.WarmUp, s.Measure = 2, c.rate, c.inFlight, 10*time.Millisecond, time.Second
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) {
						time.Sleep(10 * time.Millisecond)
						send(frame)
					})}
				}))
				if found.Failed() || !m.Verdict.Comparable() || m.Published < c.published-2 || m.Published > c.published+4 || m.Delivered != int64(m.Published) {
					t.Fatalf("published %d, want %d: %+v", m.Published, c.published, m)
				}
				if want := time.Duration(c.inFlight) * 10 * time.Millisecond; m.Delivery.P50 != want || m.Delivery.Max != want {
					t.Errorf("round trips take %v, at most %v; not %v", m.Delivery.P50, m.Delivery.Max, want)
				}
			})
		})
	}
}

// A server that stands still once for 300 ms is late with all that fell due meanwhile. A closed loop hardly sees it.
func TestEchoCountsWhatWasDue(t *testing.T) {
	for inFlight, late := range map[int]bool{0: true, 1: false} {
		synctest.Test(t, func(t *testing.T) {
			s := echoing("sse")
			s.Subscribers, s.Rate, s.Measure, s.InFlight = 1, 100, 10*time.Second, inFlight
			_, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
				f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
					if seq == 500 {
						time.Sleep(300 * time.Millisecond)
					}
					send(frame)
				})}
			}))
			d := m.Delivery
			if m.Lost != 0 || d.P50 != 0 || d.Max < 299*time.Millisecond || (d.P99 > 150*time.Millisecond) != late {
				t.Errorf("%d in flight: lost %d, %+v", inFlight, m.Lost, d)
			}
			// 30 events are late by 300, 290 … 10 ms.
			if late && d.Mean != 4650*time.Millisecond/1000 {
				t.Errorf("the mean is %v", d.Mean)
			}
		})
	}
}

func TestEchoCatchesWrongDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func() tamperFunc
		delay  time.Duration
		want   func(result.Measurement) bool
		says   string
	}{
		"one in a hundred lost": {always(func(seq uint64, frame []byte, send func([]byte)) {
			if seq%100 != 0 {
				send(frame)
			}
		}), 0, func(m result.Measurement) bool { return m.Lost == 1 && m.Delivered == 119 }, "deliveries lost: 1 of 120"},
		"repeated": {always(func(seq uint64, frame []byte, send func([]byte)) {
			send(frame)
			if seq == 100 {
				send(frame)
			}
		}), 0, func(m result.Measurement) bool { return m.Duplicated == 1 && m.Lost == 0 }, "duplicated: 1"},
		"reordered": {func() tamperFunc {
			var held []byte
			return func(seq uint64, frame []byte, send func([]byte)) {
				switch {
				case seq == 100:
					held = frame
				case held != nil:
					send(frame)
					send(held)
					held = nil
				default:
					send(frame)
				}
			}
		}, 0, func(m result.Measurement) bool { return m.Reordered == 1 && m.Lost == 0 }, "out of order: 1"},
		"late": {nil, 45 * time.Millisecond, func(m result.Measurement) bool {
			return m.Lost == 0 && m.Delivery.P50 == 45*time.Millisecond && m.Delivery.Max == 45*time.Millisecond
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), echoing("sse"), inMemory(t, func(f *fixture) {
					tamper := c.tamper
					if tamper == nil {
						tamper = always(func(_ uint64, frame []byte, send func([]byte)) {
							time.Sleep(c.delay)
							send(frame)
						})
					}
					f.transports["sse"] = &tampering{hub: f.hub, tamper: tamper}
				}))
				if all := strings.Join(m.Verdict.Failed, "\n"); !c.want(m) || found.Failed() != (c.says != "") || !strings.Contains(all, c.says) {
					t.Errorf("%q; %+v", all, m)
				}
			})
		})
	}
}

// misdirecting gives everybody the events of two clients.
type misdirecting struct{ *tampering }

func (m misdirecting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.URL.RawQuery = "topic=bench.0&topic=bench.1"
	m.tampering.ServeHTTP(w, r)
}

// Events that go to somebody else, or that are refused, are found.
func TestEchoCatchesWrongServers(t *testing.T) {
	for name, c := range map[string]struct {
		transport string
		prepare   func(*fixture)
		says      string
	}{
		"it sends what belongs to others": {"sse", func(f *fixture) {
			f.transports["sse"] = misdirecting{&tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) { send(frame) })}}
		}, "an event that the load did not publish"},
		"it takes no posts": {"httpstream", func(f *fixture) {
			inner := f.mux
			f.mux = http.NewServeMux()
			f.mux.Handle("/", inner)
			f.mux.Handle("/publish", http.NotFoundHandler())
		}, "posting: the server answered 404"},
		"it acknowledges, and that is all": {"longpoll", func(f *fixture) {
			inner := f.mux
			f.mux = http.NewServeMux()
			f.mux.Handle("/", inner)
			f.mux.HandleFunc("/publish", func(http.ResponseWriter, *http.Request) {})
		}, "deliveries lost: 120 of 120"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), echoing(c.transport), inMemory(t, c.prepare))
				if all := strings.Join(m.Verdict.Failed, "\n"); !found.Failed() || !strings.Contains(all, c.says) {
					t.Errorf("%q; %+v", all, m)
				}
			})
		})
	}
}

// On sockets, with many clients; and the report has them.
func TestEchoOnSockets(t *testing.T) {
	t.Parallel() // it mostly waits
	c := echoing(result.Transports()...)
	c.Subscribers, c.Rate, c.WarmUp, c.Measure, c.Drain = 20, 50, 100*time.Millisecond, 300*time.Millisecond, 10*time.Second
	closed := c
	closed.Name, closed.InFlight, closed.Transports = "closed", 1, []string{"websocket"}
	options := starting(func(context.Context) (*machine.Server, error) {
		server := httptest.NewServer(newFixture(t, hub.Config{}).mux)
		return &machine.Server{URL: server.URL, PID: os.Getpid(), Stop: func() error { server.Close(); return nil }}, nil
	})
	found, err := Run(t.Context(), []result.Case{c, closed}, options)
	if err != nil || found.Failed() {
		t.Fatalf("%v; %+v", err, found.Outcomes)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if m.Delivered != 300 || m.Acknowledged != 300 || m.Delivery.P50 <= 0 || m.BytesUp < 300*128 || m.BytesDown < 300*128 {
			t.Errorf("%+v", m)
		}
	}
	var b bytes.Buffer
	if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "round trip, p50 µs") || !strings.Contains(b.String(), "closed loop, 1 in flight") {
		t.Errorf("%v:\n%s", err, &b)
	}
}
