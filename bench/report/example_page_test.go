package report

import (
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// examplePage is exampleRun with what only the page shows: what bytes are there for, how deliveries went over time, distance,
// something in between, the course of the storm, and a machine that was not quiet.
func examplePage(t *testing.T) result.Result {
	t.Helper()
	return copied(t, &examplePages, makeExamplePage)
}

func makeExamplePage(t *testing.T) result.Result {
	t.Helper()
	r := exampleRun(t)
	r.Conditions = &result.Conditions{Steal: 0.02, LoadBefore: 0.1, LoadAfter: 1.2,
		NoiseBefore: result.Latency{Count: 1000, P50: 50 * time.Microsecond, P999: 300 * time.Microsecond, Max: time.Millisecond}}
	r.Flags = r.Conditions.Flags(2)
	for _, o := range r.Outcomes {
		for i := range o.Measurements {
			complete(o.Case, &o.Measurements[i])
		}
	}
	near := r.Outcomes[0]
	for _, rtt := range []time.Duration{0, 20 * time.Millisecond} {
		for i, rate := range []float64{1, 100} {
			r.Outcomes = append(r.Outcomes, distant(near, rtt, rate, 1+i))
		}
	}
	return withNginx(r)
}

// complete enters what a measurement has beside the figures of exampleRun.
func complete(c result.Case, m *result.Measurement) {
	if m.BytesDown > 0 && (m.Transport != "websocket" || c.Rate != 10) { // as if that could not be told apart
		in := func(bytes float64) int64 { return int64(float64(m.Delivered) * bytes) }
		m.Bytes = result.Roles{RequestHeads: m.BytesUp, ResponseHeads: in(8), Framing: in(4)}
		m.Bytes.Payload = m.BytesDown + m.BytesUp - m.Bytes.Total()
	}
	for i := range m.Intervals {
		m.Intervals[i].Took = time.Second
	}
	if len(m.Intervals) > 0 {
		m.Collections = &result.Collections{Server: []time.Duration{time.Second, 4200 * time.Millisecond}, Load: []time.Duration{7 * time.Second}}
		if m.Transport == "sse" {
			m.Intervals[6].Away, m.Intervals[6].Missing, m.Intervals[6].Delivered = 3, 40, 0
		}
	}
	if m.Memory != nil {
		m.Memory.Full.Runtime, m.Memory.Full.SocketSlab = 5000*300, 5000*8_000
	}
	if m.CatchUp == nil {
		return
	}
	m.Recovery = &result.Recovery{Returned: 1000, Down: 300 * time.Millisecond, Timeline: result.Timeline{Width: 100 * time.Millisecond}}
	connected := 0
	for i, connects := range []int{0, 0, 0, 0, 650, 300, 50, 0} {
		connected += connects
		m.Recovery.Timeline.Points = append(m.Recovery.Timeline.Points, result.TimelinePoint{Connected: connected, Connects: connects, Gaps: i / 6 * 4})
	}
}

// distant is an outcome of one round, as if from farther away.
func distant(o result.Outcome, rtt time.Duration, rate float64, factor int) result.Outcome {
	far := result.Outcome{Case: o.Case}
	far.Case.Name, far.Case.RTT, far.Case.Rate, far.Case.Rounds, far.Case.Targets = "distance", rtt, rate, 1, []string{"pushlab"}
	for _, m := range o.Measurements {
		if m.Round != 2 || m.Target != "pushlab" {
			continue
		}
		m.Round, m.Intervals, m.Delivery.P50 = 1, nil, m.Delivery.P50*time.Duration(factor)+rtt/2
		m.ServerCPU /= time.Duration(factor)
		if rtt > 0 {
			m.Between = []result.Between{{Name: "delay", CPU: time.Second, Full: 8 << 20}}
		}
		far.Measurements = append(far.Measurements, m)
	}
	far.Summaries = stats.Summarize(far)
	return far
}

// withNginx appends a case in which nginx stands between, and other programs had the cores.
func withNginx(r result.Result) result.Result {
	o := result.Outcome{Case: r.Outcomes[1].Case}
	o.Case.Name, o.Case.Targets, o.Case.Variants, o.Case.Rounds = "nginx", []string{"pushlab"}, []string{"nginx"}, 2
	lane := result.Lane{Target: "pushlab", Transport: "sse", Variant: "nginx"}
	for _, m := range r.Outcomes[1].Of(result.Lane{Target: "pushlab", Transport: "sse"})[:2] {
		m.Lane, m.Intervals, m.Bottleneck = lane, nil, "others"
		m.Between = []result.Between{{Name: "nginx", Version: "1.26", CPU: time.Second, Empty: 4 << 20, Full: 9 << 20}}
		o.Measurements = append(o.Measurements, m)
	}
	o.Summaries = stats.Summarize(o)
	o.Added = []result.Addition{{Lane: lane, P50: result.Spread{Median: 0.31, Min: 0.3, Max: 0.33, Rounds: 2}, P99: result.Spread{Median: 1.5, Min: 1.1, Max: 1.9, Rounds: 2}}}
	o.LeftOut = []result.Omission{{Lane: result.Lane{Target: "pushlab", Transport: "websocket", Variant: "nginx-gzip"}, Reason: "nginx compresses nothing behind an upgrade"}}
	r.Outcomes = append(r.Outcomes, o)
	return r
}
