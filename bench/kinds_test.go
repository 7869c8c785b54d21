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

func TestBottleneck(t *testing.T) {
	for want, p := range map[string]result.Probe{
		"server":  {ServerBusy: 0.97, LoadBusy: 0.5, ServerCore: 0.99, LoadCore: 0.6},
		"load":    {ServerBusy: 0.5, LoadBusy: 0.93, ServerCore: 0.6, LoadCore: 0.99},
		"both":    {ServerBusy: 0.95, LoadBusy: 0.95, ServerCore: 1, LoadCore: 1},
		"others":  {ServerBusy: 0.5, LoadBusy: 0.4, ServerCore: 1, LoadCore: 0.5},
		"neither": {ServerBusy: 0.5, LoadBusy: 0.4, ServerCore: 0.6, LoadCore: 0.5},
	} {
		if got := bottleneck(p); got != want {
			t.Errorf("%+v is called %q, not %q", p, got, want)
		}
	}
}

func TestIdleInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := small("sse", "websocket")
		s.Kind, s.Measure = result.Idle, time.Minute
		found, err := Run(t.Context(), []result.Case{s}, inMemory(t, nil))
		if err != nil || found.Failed() || len(found.Outcomes[0].Measurements) != 2 {
			t.Fatalf("%v; %+v", err, found)
		}
		for _, m := range found.Outcomes[0].Measurements {
			if m.Memory == nil || m.Memory.Connections != 4 || m.Window < time.Minute || m.BytesDown == 0 {
				t.Errorf("%+v", m)
			}
		}
	})
}

// On sockets, with the memory of this process.
func TestIdleAndStormOnSockets(t *testing.T) {
	t.Parallel() // it mostly waits
	idle := small("websocket")
	idle.Kind, idle.Rate, idle.WarmUp, idle.Measure = result.Idle, 100, 20*time.Millisecond, 50*time.Millisecond
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
