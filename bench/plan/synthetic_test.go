package plan

import (
	"math/rand/v2"
	"time"

	"pushlab/bench/result"
)

// A truth is what a lane of a made-up result really costs.
type truth struct {
	event, write, perByte, publish, active, idle, second, connect float64 // seconds of CPU
	framing, head, request, connectDown, connectUp                float64 // bytes
	base, each                                                    float64 // bytes of memory
	work                                                          float64 // seconds
}

var truths = map[string]truth{
	"longpoll": {event: 1e-6, write: 25e-6, perByte: 2e-9, publish: 300e-6, active: 100e-6, idle: 2e-6, second: 2e-3, connect: 100e-6,
		framing: 46, head: 257, request: 79, connectUp: 79, base: 24 << 20, each: 36 << 10, work: 4e-3},
	"sse": {event: 1e-6, write: 3e-6, perByte: 2e-9, publish: 300e-6, active: 20e-6, idle: 1e-6, second: 2e-3, connect: 60e-6,
		framing: 74, connectDown: 540, connectUp: 73, base: 24 << 20, each: 2 << 10, work: 0.2e-3},
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
	seconds := func(s float64) time.Duration { return time.Duration(s * 1e9) }
	for _, n := range []int{100, 400, 800} {
		for _, rate := range []float64{10, 50} {
			for _, size := range []int{64, 4096} {
				c := result.Case{Name: "fanout", Kind: result.FanOut, Subscribers: n, Rate: rate, Size: size}
				add(c, func(t truth, n float64) result.Measurement {
					events := rate * 2
					deliveries := n * events
					writes := deliveries / (1 + rate*about(t.work))
					cpu := 2*t.second + 2*n*t.idle + events*t.publish + 2*n*t.active + deliveries*(t.event+t.perByte*float64(size)) + writes*t.write
					return result.Measurement{
						Published: int(events), Delivered: int64(deliveries), ServerDelivered: int64(deliveries), ServerWrites: int64(writes),
						Window: 2 * time.Second, ServerCPU: seconds(about(cpu)),
						BytesDown: int64(deliveries*(t.framing+float64(size)) + writes*t.head), BytesUp: int64(writes * t.request),
					}
				})
			}
		}
	}
	add(result.Case{Name: "storm", Kind: result.Storm, Subscribers: 500, Rate: 200, Size: 128, Measure: time.Second}, func(t truth, n float64) result.Measurement {
		cpu := t.second + 200*t.publish + n*(t.connect+t.write+200*(t.event+128*t.perByte))
		return result.Measurement{
			Published: 200, Delivered: int64(200 * n), ServerDelivered: int64(200 * n), ServerWrites: int64(n), Window: time.Second, ServerCPU: seconds(about(cpu)),
			BytesDown: int64(n * (200*(t.framing+128) + t.head + t.connectDown)), BytesUp: int64(n * (t.request + t.connectUp)),
		}
	})
	for _, n := range []int{2000, 5000, 10_000} {
		add(result.Case{Name: "idle", Kind: result.Idle, Subscribers: n, Rate: 1, Size: 128}, func(t truth, n float64) result.Measurement {
			return result.Measurement{
				Window: 20 * time.Second, ServerCPU: seconds(about(20 * (t.second + n*t.idle))),
				Memory: &result.Memory{Connections: int(n), Empty: result.MemoryReading{Resident: int64(t.base * 0.9)}, Full: result.MemoryReading{Resident: int64(about(t.base + n*t.each))}},
			}
		})
	}
	return r
}
