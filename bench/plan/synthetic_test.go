package plan

import (
	"math/rand/v2"
	"time"

	"pushlab/bench/result"
)

// A truth is what a lane of a made-up result really costs.
type truth struct {
	event, write, perByte, publish, wake, idle, second, connect float64 // seconds of CPU
	framing, head, request, connectDown, connectUp              float64 // bytes
	base, each                                                  float64 // bytes of memory
	work, cooling                                               float64 // seconds
}

var truths = map[string]truth{
	"longpoll": {event: 1e-6, write: 25e-6, perByte: 2e-9, publish: 300e-6, wake: 20e-6, idle: 2e-6, second: 2e-3, connect: 100e-6,
		framing: 46, head: 257, request: 79, connectUp: 79, base: 24 << 20, each: 36 << 10, work: 4e-3, cooling: 0.05},
	"sse": {event: 1e-6, write: 3e-6, perByte: 2e-9, publish: 300e-6, wake: 4e-6, idle: 1e-6, second: 2e-3, connect: 60e-6,
		framing: 74, connectDown: 540, connectUp: 73, base: 24 << 20, each: 2 << 10, work: 0.2e-3, cooling: 0.05},
}

// synthetic makes up a result whose truth is known: measurements that differ from it by chance, by so much in the mean.
func synthetic(noise float64) result.Result {
	chance := rand.New(rand.NewPCG(1, 2))
	about := func(v float64) float64 { return v * (1 + noise*chance.NormFloat64()) }
	r := result.Result{Schema: result.Schema, Environment: result.Environment{CPU: "Made Up", Cores: 2}}
	transports := []string{"longpoll", "sse"}
	add := func(c result.Case, measure func(truth, float64) result.Measurement) {
		c.Targets, c.Transports, c.Rounds = []string{result.PushlabName}, transports, 2
		o := result.Outcome{Case: c}
		for round := range 2 {
			for _, transport := range transports {
				m := measure(truths[transport], float64(c.Subscribers))
				m.Lane, m.Round = result.Lane{Target: result.PushlabName, Transport: transport}, round+1
				o.Measurements = append(o.Measurements, m)
			}
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	reading := func(resident float64) result.MemoryReading { return result.MemoryReading{Resident: int64(resident)} }
	seconds := func(s float64) time.Duration { return time.Duration(s * 1e9) }
	fanOut := func(n int, rate float64, size int, rtt time.Duration) {
		c := result.Case{Name: "fanout", Kind: result.FanOut, Subscribers: n, Rate: rate, Size: size, RTT: rtt}
		add(c, func(t truth, n float64) result.Measurement {
			events := rate * 2
			deliveries := n * events
			writes := deliveries / max(1, rate*(rtt.Seconds()+about(t.work)))
			cpu := 2*t.second + 2*n*t.idle + events*t.publish + deliveries*(t.event+t.perByte*float64(size)) + writes*(t.write+t.wake/(1+writes/n/2*t.cooling))
			return result.Measurement{
				Published: int(events), Delivered: int64(deliveries), ServerDelivered: int64(deliveries), ServerWrites: int64(writes),
				Window: 2 * time.Second, ServerCPU: seconds(about(cpu)),
				BytesDown: int64(deliveries*(t.framing+float64(size)) + writes*t.head), BytesUp: int64(writes * t.request),
			}
		})
	}
	for _, n := range []int{100, 400, 800} {
		for _, rate := range []float64{10, 50} {
			for _, size := range []int{64, 4096} {
				fanOut(n, rate, size, 0)
			}
		}
	}
	transports = []string{"longpoll"}
	for _, rate := range []float64{10, 40, 80} {
		fanOut(400, rate, 64, 50*time.Millisecond)
	}
	transports = []string{"longpoll", "sse"}
	add(result.Case{Name: "storm", Kind: result.Storm, Subscribers: 500, Rate: 200, Size: 128, Measure: time.Second}, func(t truth, n float64) result.Measurement {
		cpu := t.second + 200*t.publish + n*(t.connect+t.write+200*(t.event+128*t.perByte))
		return result.Measurement{
			Published: 200, Delivered: int64(200 * n), ServerDelivered: int64(200 * n), ServerWrites: int64(n), Window: time.Second, ServerCPU: seconds(about(cpu)),
			BytesDown: int64(n * (200*(t.framing+128) + t.head + t.connectDown)), BytesUp: int64(n * (t.request + t.connectUp)),
		}
	})
	for _, n := range []int{10_000} {
		add(result.Case{Name: "idle", Kind: result.Idle, Subscribers: n, Rate: 1, Size: 128}, func(t truth, n float64) result.Measurement {
			return result.Measurement{
				Window: 20 * time.Second, ServerCPU: seconds(about(20 * (t.second + n*t.idle))),
				Memory: &result.Memory{
					Connections: int(n), Empty: reading(t.base * 0.9), Full: reading(1),
					Steps: []result.MemoryStep{
						{MemoryReading: reading(t.base * 0.9)}, {Connections: 2500, MemoryReading: reading(about(t.base + 2500*t.each))},
						{Connections: 5000, MemoryReading: reading(about(t.base + 5000*t.each))}, {Connections: 10_000, MemoryReading: reading(about(t.base + n*t.each))},
					},
				},
			}
		})
	}
	return r
}
