package bench

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/report"
	"pushlab/bench/result"
)

// storming is a small storm: 20 events to 4 subscribers that were away.
func storming(transports ...string) result.Case {
	s := small(transports...)
	s.Kind, s.Rate, s.Measure, s.Drain = result.Storm, 100, 200*time.Millisecond, 2*time.Second
	return s
}

// Everybody comes back with a cursor and gets what was missed.
func TestStormInVirtualTime(t *testing.T) {
	for _, transport := range result.Transports() {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				found, m := measured(t, t.Context(), storming(transport), inMemory(t, nil))
				if found.Failed() || m.Delivered != 80 || m.Duplicated != 0 || m.Reordered != 0 || m.Gaps != 0 {
					t.Errorf("%+v", m)
				}
				if m.CatchUp == nil || m.CatchUp.Count != 4 || m.CatchUp.Max > 10*time.Millisecond {
					t.Errorf("catching up: %+v", m.CatchUp)
				}
			})
		})
	}
}

// A server that does not resume loses events, one that resumes too early repeats some, and one that
// takes its time is slow.
func TestStormCatchesWrongResuming(t *testing.T) {
	for name, c := range map[string]struct {
		after func(after string) string // what the server makes of the cursor
		delay time.Duration
		want  func(result.Measurement) bool
	}{
		"not at all": {func(string) string { return "" }, 0, func(m result.Measurement) bool {
			return m.Lost == 80 && strings.Contains(m.Error, "not everybody caught up")
		}},
		"too early": {func(after string) string { return strings.TrimSuffix(after, "50") + "45" }, 0, func(m result.Measurement) bool {
			return m.WarmUpFaults == 4*5 && m.Lost == 0
		}},
		"with a gap": {func(string) string { return "aaaaaaaa-1" }, 0, func(m result.Measurement) bool { return m.Gaps == 4 }},
		"late": {func(after string) string { return after }, 300 * time.Millisecond, func(m result.Measurement) bool {
			return m.Lost == 0 && m.Verdict.Comparable() && m.CatchUp.Max >= 300*time.Millisecond && m.CatchUp.Max < 310*time.Millisecond
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, m := measured(t, t.Context(), storming("sse"), inMemory(t, func(f *fixture) {
					inner := *f
					f.mux = http.NewServeMux()
					f.mux.Handle("/", inner.mux)
					f.mux.HandleFunc("/sse", func(w http.ResponseWriter, r *http.Request) {
						query := r.URL.Query()
						if after := query.Get("after"); after != "" {
							time.Sleep(c.delay)
							query.Set("after", c.after(after))
						}
						if query.Get("after") == "" {
							query.Del("after")
						}
						r.URL.RawQuery = query.Encode()
						f.transports["sse"].ServeHTTP(w, r)
					})
				}))
				if !c.want(m) {
					t.Errorf("%+v", m)
				}
			})
		})
	}
}

// In virtual time a server has no limit, so the search ends where it may; with one, it is found.
func TestCapacityInVirtualTime(t *testing.T) {
	for name, c := range map[string]struct {
		each     time.Duration // that a batch takes
		from, to float64       // deliveries per second
	}{
		"a limit of 100 events/s": {10 * time.Millisecond, 360, 440},
		"below the first rate":    {60 * time.Millisecond, 60, 70},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := small("sse")
				s.Kind, s.Limit, s.Measure, s.Drain = result.Capacity, 200*time.Millisecond, 5*time.Second, 20*time.Second
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) {
						time.Sleep(c.each)
						send(frame)
					})}
				}))
				if m.Search == nil || m.Search.Deliveries < c.from || m.Search.Deliveries > c.to || m.Search.Bottleneck != "neither" || m.Target != "pushlab" {
					t.Errorf("%+v", m.Search)
				}
				if found.Failed() || m.Delivery.P99 > s.Limit {
					t.Errorf("failed %v: %+v", found.Failed(), m)
				}
				o := found.Outcomes[0]
				if v := o.Summaries[0].Value; v.Median != m.Search.Deliveries || v.Rounds != 1 {
					t.Errorf("the summary is %+v", o.Summaries)
				}
			})
		})
	}
}

// What was found is confirmed, and measured around; a server that tires is found out by that.
func TestCapacityIsConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		tires    bool
		from, to float64
	}{
		"as found": {false, 360, 440},
		"tiring":   {true, 200, 360},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := small("sse")
				s.Kind, s.Limit, s.Measure, s.Drain = result.Capacity, 200*time.Millisecond, 5*time.Second, 20*time.Second
				s.Confirm, s.Curve = 3, []float64{0.5, 1.2, 0.25}
				servers := 0
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					each := 10 * time.Millisecond
					if servers++; c.tires && servers > 8 {
						each = 13 * time.Millisecond
					}
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) {
						time.Sleep(each)
						send(frame)
					})}
				}))
				search := m.Search
				if found.Failed() || !m.Verdict.Comparable() || search.Confirmed != 3 || search.Deliveries < c.from || search.Deliveries > c.to {
					t.Fatalf("%+v", m)
				}
				var confirming []result.Probe
				for _, p := range search.Probes {
					if p.Confirms {
						confirming = append(confirming, p)
					}
				}
				if tried := len(confirming); tried < 3 || (tried > 3) != c.tires || confirming[tried-1].Rate*4 != search.Deliveries {
					t.Errorf("confirmed by %+v", confirming)
				}
				if len(search.Curve) != 4 || search.Curve[2].Rate*4 != search.Deliveries || search.Curve[0].Rate*4 > search.Curve[2].Rate*1.01 || search.Curve[3].Problem == "" {
					t.Errorf("the curve is %+v", search.Curve)
				}
			})
		})
	}
}

// A backlog that grows shows before deliveries are too late.
func TestBacklogThatGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small("sse")
		s.Kind, s.Limit, s.Measure, s.Drain, s.Rate = result.Capacity, 2*time.Second, 5*time.Second, 20*time.Second, 120
		_, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(_ uint64, frame []byte, send func([]byte)) {
				time.Sleep(10 * time.Millisecond)
				send(frame)
			})}
		}))
		first := m.Search.Probes[0]
		if !strings.Contains(first.Problem, "backlog grew") || first.BacklogSlope < 70 || first.BacklogSlope > 90 || first.P99 > s.Limit {
			t.Errorf("120 events/s of 100, to 4 subscribers: %+v", first)
		}
	})
}

func TestTrend(t *testing.T) {
	for name, c := range map[string]struct {
		of       func(i int) int
		from, to float64
		grows    bool
	}{
		"none":    {func(int) int { return 7 }, -1e-9, 1e-9, false},
		"growing": {func(i int) int { return 10 * i }, 99.9, 100.1, true},
		"falling": {func(i int) int { return -10 * i }, -100.1, -99.9, false},
		"noise":   {func(i int) int { return i * 7919 % 1000 }, -100, 100, false},
	} {
		l := newTrend(50)
		for i := range 50 {
			l.add(time.Duration(i)*100*time.Millisecond, c.of(i))
		}
		m := result.Measurement{}
		m.BacklogSlope, m.BacklogError = l.slope()
		grows := m.BacklogGrows(result.Case{Rate: 100, Subscribers: 10, Measure: 5 * time.Second}, 5*time.Millisecond)
		if m.BacklogSlope < c.from || m.BacklogSlope > c.to || grows != c.grows {
			t.Errorf("%s: %v, error %v, grows %v", name, m.BacklogSlope, m.BacklogError, grows)
		}
	}
}

func TestCapacityOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small("sse")
		s.Kind, s.Limit = result.Capacity, time.Second
		options := inMemory(t, func(f *fixture) { f.transports["sse"] = counted{http.NotFoundHandler()} })
		found, m := measured(t, t.Context(), s, options)
		if !found.Failed() || m.Search == nil || m.Search.Deliveries != 0 || len(m.Search.Probes) < 2 {
			t.Errorf("%+v", m)
		}
	})
}

func TestIdleInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small(result.Transports()...)
		s.Kind, s.Subscribers, s.Measure = result.Idle, 8, time.Minute
		found, err := Run(t.Context(), []result.Case{s}, inMemory(t, nil))
		if err != nil || found.Failed() || len(found.Outcomes[0].Measurements) != 4 {
			t.Fatalf("%v; %+v", err, found)
		}
		for _, m := range found.Outcomes[0].Measurements {
			if m.Memory == nil || m.Memory.Connections != 8 || m.Window < time.Minute || m.BytesDown == 0 || m.WarmUpFaults != 0 || m.IdleBytes() <= 0 {
				t.Errorf("%+v", m)
			}
			var steps []int
			for _, step := range m.Memory.Steps {
				steps = append(steps, step.Connections)
			}
			if !slices.Equal(steps, []int{0, 2, 4, 8}) || m.Memory.Collected {
				t.Errorf("steps %v: %+v", steps, m.Memory)
			}
			// A poll is asked again when it has waited, and that is not idle.
			least := map[string]int64{"longpoll": 8 * 2 * 70, "websocket": 8 * 2 * 6}[m.Transport] // polls, and pongs
			if m.BytesUp < least || least == 0 && m.BytesUp > 0 {
				t.Errorf("%s: %d bytes up", m.Transport, m.BytesUp)
			}
		}
	})
}

// What is wrong with the few events of an idle case is a fault as everywhere, at each step.
func TestIdleCatchesWrongDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		tamper tamperFunc
		faults int64
	}{
		"lost in the first step": {func(seq uint64, frame []byte, send func([]byte)) {
			if seq != 2 {
				send(frame)
			}
		}, 2},
		"lost in the second": {func(seq uint64, frame []byte, send func([]byte)) {
			if seq != 5 {
				send(frame)
			}
		}, 4},
		"repeated in the last": {func(seq uint64, frame []byte, send func([]byte)) {
			send(frame)
			if seq == 9 {
				send(frame)
			}
		}, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := small("sse")
				s.Kind, s.Subscribers = result.Idle, 8
				found, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
					f.transports["sse"] = &tampering{hub: f.hub, tamper: always(c.tamper)}
				}))
				if !found.Failed() || m.WarmUpFaults != c.faults {
					t.Errorf("%d faults, want %d: %+v", m.WarmUpFaults, c.faults, m)
				}
			})
		})
	}
}

// A server that can be asked to collect its garbage is.
func TestIdleAsksForACollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := small("sse")
		s.Kind = result.Idle
		_, m := measured(t, t.Context(), s, inMemory(t, func(f *fixture) {
			f.mux.HandleFunc("/debug/pprof/heap", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("gc") == "1" {
					asked++
				}
				w.Header().Set("Content-Type", "application/octet-stream")
			})
		}))
		if m.Memory == nil || !m.Memory.Collected || asked != 5 {
			t.Errorf("asked %d times: %+v", asked, m.Memory)
		}
	})
}

// On sockets, with the memory of this process.
func TestIdleAndStormOnSockets(t *testing.T) {
	t.Parallel() // it mostly waits
	idle := small("websocket")
	idle.Kind, idle.Rate, idle.WarmUp, idle.Measure = result.Idle, 100, 40*time.Millisecond, 50*time.Millisecond
	storm := storming(result.Transports()...)
	storm.Rate, storm.WarmUp, storm.Subscribers, storm.Drain = 500, 10*time.Millisecond, 50, 10*time.Second
	found, err := Run(t.Context(), []result.Case{idle, storm}, references(t))
	if err != nil || len(found.Outcomes) != 2 {
		t.Fatalf("%v; %+v", err, found)
	}
	for _, m := range slices.Concat(found.Outcomes[0].Measurements, found.Outcomes[1].Measurements) {
		if len(m.Verdict.Failed) > 0 {
			t.Errorf("%s: %q", m.Transport, m.Verdict.Failed)
		}
	}
	if m := found.Outcomes[0].Measurements[0]; m.Memory == nil || m.Memory.Empty.Resident < 1<<20 || m.Memory.Full.Resident < 1<<20 {
		t.Errorf("%+v", m)
	}
	for _, m := range found.Outcomes[1].Measurements {
		if m.Delivered != 50*100 || m.CatchUp.Count != 50 || m.CatchUp.Max <= 0 {
			t.Errorf("%s: %+v", m.Transport, m)
		}
	}
	var b bytes.Buffer
	if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "KiB/connection") || !strings.Contains(b.String(), "the last has all") {
		t.Errorf("%v; a table is missing:\n%s", err, &b)
	}
}
