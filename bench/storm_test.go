package bench

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
)

// restarting are options for servers in memory that can be restarted. Prepare may change each, of which the
// second is the restarted one. One that keeps its log is the same before and after.
func restarting(t *testing.T, keeps bool, prepare func(which int, f *fixture)) Options {
	options := inMemory(t, nil)
	var server *memhttp.Server
	var f *fixture
	which := 0
	start := func(context.Context, string) (*machine.Server, error) {
		if which++; f == nil || !keeps {
			f = newFixture(t, hub.Config{})
		} else {
			f.hub.Reopen()
		}
		if prepare != nil {
			prepare(which, f)
		}
		mine, of := memhttp.NewServer(t, f.mux), f
		server = mine
		return &machine.Server{URL: memhttp.URL, Stop: func() error {
			of.hub.Close()
			synctest.Wait() // everybody has read the goodbye
			return mine.HTTP.Close()
		}}, nil
	}
	target := PushlabTarget("pushlab", start)
	target.restart = func(ctx context.Context, transport, _ string) (*machine.Server, error) { return start(ctx, transport) }
	options.Targets = []Target{target}
	options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return server.Dial(ctx, network, address)
	}
	return options
}

// restarted is a storm of 40 events to 4 subscribers, 20 before a restart and 20 after it.
func restarted(transport string) result.Case {
	c := storming(transport)
	c.Manner, c.Measure = result.Restart, 400*time.Millisecond
	return c
}

// A server that has lost its log tells of a gap, and what came since is delivered.
func TestStormRestart(t *testing.T) {
	for _, transport := range result.Transports() {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), restarted(transport), restarting(t, false, nil))
				s := m.Recovery
				if found.Failed() || !m.Verdict.Comparable() || m.Delivered != 160 || m.Published != 40 || m.Acknowledged != 40 || m.Duplicated != 0 || m.Reordered != 0 {
					t.Fatalf("%+v", m)
				}
				if m.Gaps != 4 || s.Returned != 4 || s.Goodbyes != 4 || s.Down != 2*time.Second || s.Silent != 0 || s.Replayed < 4*10 {
					t.Errorf("%d gaps; %+v", m.Gaps, s)
				}
				if notes := strings.Join(m.Verdict.Notes, "\n"); !strings.Contains(notes, "gaps announced: 4; the server came back without its log") {
					t.Errorf("notes: %s", notes)
				}
				if n := len(s.Timeline.Points); n < 20 || n > 25 || s.Timeline.Points[n-1].Connected != 4 || s.Timeline.Points[10].Connected != 0 {
					t.Errorf("%+v", s.Timeline)
				}
				gaps := 0
				for _, p := range s.Timeline.Points {
					gaps += p.Gaps
				}
				if gaps != 4 {
					t.Errorf("%d gaps in the timeline", gaps)
				}
			})
		})
	}
}

// A server that keeps its log has no gap to tell of.
func TestStormRestartWithALogThatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		found, m := measured(t, t.Context(), restarted("sse"), restarting(t, true, nil))
		if found.Failed() || m.Delivered != 160 || m.Gaps != 0 || m.Recovery.Returned != 4 || m.Duplicated != 0 {
			t.Errorf("%+v", m)
		}
	})
}

// A server that begins anew without a word loses events silently, and so fails.
func TestStormRestartCatchesSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		found, m := measured(t, t.Context(), restarted("sse"), restarting(t, false, func(which int, f *fixture) {
			if which == 2 {
				forgetful(f, func(string) string { return "" })
			}
		}))
		if !found.Failed() || m.Recovery.Silent < 4*10 || m.Lost != m.Recovery.Silent || m.Gaps != 0 || !strings.Contains(strings.Join(m.Verdict.Failed, "\n"), "deliveries lost") {
			t.Errorf("%+v\n%+v", m, m.Recovery)
		}
	})
}

// forgetful has the server take another cursor for the one that it is given by SSE.
func forgetful(f *fixture, change func(after string) string) {
	inner := f.mux
	f.mux = http.NewServeMux()
	f.mux.Handle("/", inner)
	f.mux.HandleFunc("/sse", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if after := query.Get("after"); after != "" {
			if after = change(after); after == "" {
				query.Del("after")
			} else {
				query.Set("after", after)
			}
			r.URL.RawQuery = query.Encode()
		}
		f.transports["sse"].ServeHTTP(w, r)
	})
}

// rollingCase is a storm of 40 events, 20 ms apart, in which 6 of 8 subscribers go one after the other.
func rollingCase(transport string) result.Case {
	c := storming(transport)
	c.Manner, c.Subscribers, c.Bystanders, c.PerSecond, c.Rate, c.Measure = result.Rolling, 8, 2, 10, 50, 800*time.Millisecond
	return c
}

func TestStormRolling(t *testing.T) {
	for _, transport := range result.Transports() {
		for _, variant := range []string{"", result.Jitter} {
			t.Run(transport+variant, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := rollingCase(transport)
					c.Variants, c.Jitter = []string{variant}, 300*time.Millisecond
					found, m := measured(t, t.Context(), c, inMemory(t, nil))
					if found.Failed() || !m.Verdict.Comparable() || m.Delivered != 8*40 || m.Gaps != 0 || m.Duplicated != 0 {
						t.Fatalf("%+v", m)
					}
					s := m.Recovery
					if s.Returned != 6 || s.Bystanders.Count < 2*39 || s.Bystanders.Max != 0 || s.Silent != 0 || m.CatchUp.Count != 6 {
						t.Errorf("%+v", s)
					}
					connects := 0
					for _, p := range s.Timeline.Points {
						connects += p.Connects
					}
					if connects != 6 || s.Timeline.Width != 100*time.Millisecond {
						t.Errorf("%d connects: %+v", connects, s.Timeline)
					}
					if jitter := s.All > 20*time.Millisecond; jitter != (variant != "") || s.All > 320*time.Millisecond || s.Half > s.Most || s.Most > s.All {
						t.Errorf("back after %v, %v, %v", s.Half, s.Most, s.All)
					}
				})
			})
		}
	}
}

// With bystanders events go on while the others come back.
func TestStormDropWithBystanders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := storming("websocket")
		c.Bystanders, c.Measure = 1, 400*time.Millisecond
		found, m := measured(t, t.Context(), c, inMemory(t, nil))
		s := m.Recovery
		if found.Failed() || m.Delivered != 160 || s.Returned != 3 || s.Calm == nil || s.Calm.Count < 15 || s.Calm.Count+s.Bystanders.Count != 40 {
			t.Errorf("%+v\n%+v", m, s)
		}
	})
}

// What a server does wrong while some come back is seen, also by those who stayed.
func TestStormCatchesWrongDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		tamper func() tamperFunc              // nil: it sends what is to be sent
		delay  func(seq uint64) time.Duration // before an event; nil: none
		want   func(result.Measurement) bool
		failed bool
	}{
		"one in a hundred lost": {func() tamperFunc {
			return func(seq uint64, frame []byte, send func([]byte)) {
				if seq%100 != 50 {
					send(frame)
				}
			}
		}, nil, func(m result.Measurement) bool { return m.Lost == m.Recovery.Silent && m.Lost > 0 }, true},
		"repeated": {func() tamperFunc {
			return func(seq uint64, frame []byte, send func([]byte)) {
				send(frame)
				if seq == 30 {
					send(frame)
				}
			}
		}, nil, func(m result.Measurement) bool { return m.Duplicated > 0 && m.Lost == 0 }, true},
		"reordered": {func() tamperFunc {
			var held []byte
			return func(seq uint64, frame []byte, send func([]byte)) {
				if seq == 30 {
					held = frame
					return
				}
				send(frame)
				if held != nil {
					send(held)
					held = nil
				}
			}
		}, nil, func(m result.Measurement) bool { return m.Reordered > 0 && m.Lost == 0 }, true},
		"late": {nil, func(uint64) time.Duration { return 50 * time.Millisecond }, func(m result.Measurement) bool {
			return m.Recovery.Bystanders.P50 == 50*time.Millisecond && m.Recovery.Bystanders.Max == 50*time.Millisecond
		}, false},
		"stalled once": {nil, func(seq uint64) time.Duration {
			if seq == 50 {
				return 300 * time.Millisecond
			}
			return 0
		}, func(m result.Measurement) bool { // 15 events fell due meanwhile, each is late by the rest of it
			b := m.Recovery.Bystanders
			return b.P50 == 0 && b.Max >= 295*time.Millisecond && b.P99 >= 275*time.Millisecond
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := rollingCase("sse")
				s.WarmUp, s.PerSecond, s.Measure = 20*time.Millisecond, 2, 3*time.Second
				if name == "late" { // nothing waits for what was late before
					s.Rate = 10
				}
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					tamper := c.tamper
					if tamper == nil {
						tamper = always(func(seq uint64, frame []byte, send func([]byte)) {
							time.Sleep(c.delay(seq))
							send(frame)
						})
					}
					f.transports["sse"] = &tampering{hub: f.hub, tamper: tamper}
				}))
				if !c.want(m) || found.Failed() != c.failed {
					t.Errorf("failed %v: %+v\n%+v", found.Failed(), m, m.Recovery)
				}
			})
		})
	}
}

// Who cannot connect tries again, and that is told.
func TestStormTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, nil)
		dial, dials := options.DialContext, atomic.Int64{}
		options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if n := dials.Add(1); n > 6 && n <= 9 { // counters, publisher and 4 subscribers have connected
				return nil, errors.New("connection refused")
			}
			return dial(ctx, network, address)
		}
		found, m := measured(t, t.Context(), storming("sse"), options)
		if found.Failed() || m.Recovery.Returned != 4 || m.Recovery.Refusals != 3 || m.Recovery.Half != 100*time.Millisecond || m.Recovery.All != 100*time.Millisecond {
			t.Errorf("%+v\n%+v", m, m.Recovery)
		}
		if !strings.Contains(strings.Join(m.Verdict.Notes, "\n"), "failed and were made again: 3") {
			t.Errorf("%+v", m.Verdict)
		}
	})
}

// A real process is ended, and another takes its port.
func TestStormRestartOfAProcess(t *testing.T) { // not parallel: others measure this process and its children
	program := filepath.Join(t.TempDir(), "pushlab")
	if out, err := exec.Command("go", "build", "-o", program, "pushlab/cmd/pushlab").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	target, err := NewTarget(program, nil, []string{"--drain", "300ms"})
	if err != nil {
		t.Fatal(err)
	}
	c := restarted("websocket")
	c.Targets, c.Transports, c.Subscribers, c.Drain = []string{target.Name}, []string{"longpoll", "websocket"}, 40, 10*time.Second
	c.Variants, c.Jitter = []string{result.Jitter}, 200*time.Millisecond
	found, err := Run(t.Context(), []result.Case{c}, Options{Targets: []Target{target}, noise: 10 * time.Millisecond, downtime: 200 * time.Millisecond})
	if err != nil || found.Failed() {
		t.Fatalf("%v; %+v", err, found.Outcomes)
	}
	for _, m := range found.Outcomes[0].Measurements {
		s := m.Recovery
		if m.Delivered != 40*40 || m.Gaps != 40 || s.Returned != 40 || s.Down < 200*time.Millisecond || m.PeakResident < 1<<20 || s.Goodbyes != 40 {
			t.Errorf("%s: %+v\n%+v", m.Transport, m, s)
		}
	}
	var b bytes.Buffer
	if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "websocket jitter") || !strings.Contains(b.String(), "peak MiB") {
		t.Errorf("%v:\n%s", err, &b)
	}
}
