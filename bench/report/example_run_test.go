package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// exampleRun is a run that has something for every part of a report, the same each time: rates, several rounds and targets, idle
// connections, a storm, and a search.
func exampleRun(t *testing.T) result.Result {
	t.Helper()
	return copied(t, &exampleRuns, makeExampleRun)
}

// A keptRun is an example that was made, as JSON, since making one takes longer than reading it.
type keptRun struct {
	mu   sync.Mutex
	made []byte
}

var exampleRuns, examplePages keptRun

// copied returns an example of the test's own, to change as it likes.
func copied(t *testing.T, kept *keptRun, make func(*testing.T) result.Result) (r result.Result) {
	t.Helper()
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if kept.made == nil {
		made, err := json.Marshal(make(t))
		if err != nil {
			t.Fatal(err)
		}
		kept.made = made
	}
	if err := json.Unmarshal(kept.made, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func makeExampleRun(t *testing.T) result.Result {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	transports := result.Transports()
	slow := map[string]float64{"longpoll": 1.9, "httpstream": 1.05, "sse": 1.1, "websocket": 1}
	latency := func(n int, median float64) result.Latency {
		times := make([]time.Duration, n)
		for i := range times {
			times[i] = time.Duration(median * math.Exp(0.5*random.NormFloat64()) * 1e6)
			if i%400 == 399 {
				times[i] *= 8
			}
		}
		l, err := result.LatencyOf(times)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	r := exampleOf(t)
	r.Command = "pushlab bench run --profile=standard --out=results/today"
	r.Seed, r.Elapsed = 7, 20*time.Minute
	r.Outcomes = nil
	add := func(c result.Case, fill func(m *result.Measurement)) {
		o := result.Outcome{Case: c}
		for round := 1; round <= c.Rounds; round++ {
			for _, target := range c.Targets {
				for i, transport := range c.Transports {
					lanes := []result.Lane{{Target: target, Transport: transport}}
					if c.Again && i == 0 && target == c.Targets[0] {
						lanes = append(lanes, result.Lane{Target: target, Transport: transport, Again: true})
					}
					for _, lane := range lanes {
						m := result.Measurement{Lane: lane, Round: round, Planned: c.Events(), Published: c.Events(), Acknowledged: c.Events(), PublishRate: c.Rate, Window: c.Measure}
						m.Expected = int64(c.Events() * c.Subscribers)
						m.Delivered = m.Expected
						fill(&m)
						m.ServerDelivered = m.Delivered
						m.Verdict = m.Judge(c, 2)
						o.Measurements = append(o.Measurements, m)
					}
				}
			}
		}
		o.Summaries = stats.Summarize(o)
		r.Outcomes = append(r.Outcomes, o)
	}
	cost := func(m *result.Measurement, rate float64, median float64) {
		factor := slow[m.Transport] * (1 + 0.05*random.Float64())
		if m.Target == result.FloorName {
			factor *= 0.4
		}
		batch := 1 + rate/400 // how many events go out in one write
		heads := map[string]float64{"longpoll": 300, "httpstream": 12, "sse": 34, "websocket": 8}[m.Transport]
		if m.Transport == "longpoll" {
			batch = 1 + rate/30
			m.BytesUp = int64(float64(m.Delivered) * 79 / batch)
		}
		m.BytesDown = int64(float64(m.Delivered) * (128 + 38 + heads/batch))
		m.ServerWrites = int64(float64(m.Delivered) / batch)
		m.ServerCPU = time.Duration(float64(m.Delivered) * 1e3 * (4*factor + 9*factor/batch))
		m.LoadCPU = m.ServerCPU / 2
		m.Delivery = latency(12_000, median*factor)
		m.Delivery.Count = m.Delivered
		m.PublishDelay = latency(200, 0.02)
		m.PublishDelay.P90, m.PublishDelay.P99 = 100*time.Microsecond, 200*time.Microsecond
		for s := range 10 {
			scale := time.Duration(float64(time.Millisecond) * median * factor * (1 + 0.2*random.Float64()))
			m.Intervals = append(m.Intervals, result.Interval{At: time.Duration(s) * time.Second, Delivered: m.Delivered / 10, P50: scale, P99: 4 * scale, Max: time.Duration(9+s) * scale})
		}
	}
	for _, rate := range []float64{1, 10, 100, 1000} {
		add(result.Case{
			ID: "S4", Name: "rates", Kind: result.FanOut, Targets: []string{"floor", "pushlab"}, Transports: transports, Rounds: 3, Again: rate == 10,
			Subscribers: 100, Rate: rate, Size: 128, WarmUp: time.Second, Measure: 10 * time.Second,
		}, func(m *result.Measurement) {
			cost(m, rate, 0.8)
			switch {
			case rate == 100 && m.Transport == "sse" && m.Target == "pushlab":
				m.PublishDelay.P99 = 20 * time.Millisecond
			case rate == 1000 && m.Transport == "longpoll" && m.Round == 2:
				m.Delivered, m.Lost = m.Delivered-10, 10
			case rate == 1 && m.Transport == "websocket" && m.Round == 1:
				m.PublishRate = 0.5
			}
		})
	}
	add(result.Case{
		ID: "S2", Name: "idle", Kind: result.Idle, Targets: []string{"pushlab"}, Transports: transports, Rounds: 3, Subscribers: 5000, Rate: 1, Size: 128,
		Measure: 20 * time.Second,
	}, func(m *result.Measurement) {
		per := slow[m.Transport] * (1 + 0.02*random.Float64())
		m.Memory = &result.Memory{Connections: 5000,
			Empty: result.MemoryReading{Resident: 30 << 20, Heap: 8 << 20, Stack: 1 << 20, Goroutines: 12},
			Full: result.MemoryReading{Resident: 30<<20 + int64(5000*per*14_000), Heap: 8<<20 + int64(5000*per*6_000), Stack: 1<<20 + int64(5000*per*4_000),
				Goroutines: 5012}}
		m.ServerCPU = 40 * time.Millisecond
	})
	add(result.Case{
		ID: "S5", Name: "storm", Kind: result.Storm, Targets: []string{"pushlab"}, Transports: transports, Rounds: 3, Subscribers: 1000, Rate: 200, Size: 128,
		Measure: time.Second, Drain: 20 * time.Second,
	}, func(m *result.Measurement) {
		l := latency(1000, 120*slow[m.Transport])
		m.CatchUp = &l
		m.ServerCPU = time.Second
	})
	add(result.Case{
		ID: "S3", Name: "capacity", Kind: result.Capacity, Targets: []string{"pushlab", "nchan"}, Transports: transports, Rounds: 3, Subscribers: 1000, Rate: 50, Size: 128,
		Measure: 3 * time.Second, Limit: 100 * time.Millisecond,
	}, func(m *result.Measurement) {
		cost(m, 400, 10)
		m.Intervals = nil
		knee := 1600 / slow[m.Transport]
		if m.Target == result.NchanName {
			knee /= 2
		}
		m.Search = &result.Search{Bottleneck: "server"}
		for _, rate := range []float64{50, 100, 200, 400, 800, 1600} {
			p := result.Probe{Rate: rate, P99: time.Duration(4e6 / max(0.02, 1-rate/knee)), ServerBusy: min(1, rate/knee), LoadBusy: 0.5, EventsPerWrite: 1 + rate/400}
			if p.P99 > 100*time.Millisecond {
				p.Problem = "p99 of 200ms"
			} else {
				m.Search.Deliveries = rate * 1000
			}
			m.Search.Probes = append(m.Search.Probes, p)
		}
	})
	return r
}
