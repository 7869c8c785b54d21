package stats

import (
	"math"
	"math/rand/v2"
	"time"

	"pushlab/bench/result"
)

// sse, websocket and again are lanes.
var (
	sse       = result.Lane{Target: "pushlab", Transport: "sse"}
	websocket = result.Lane{Target: "pushlab", Transport: "websocket"}
	again     = result.Lane{Target: "pushlab", Transport: "sse", Again: true}
)

// fanOut is a case with them.
func fanOut() result.Case {
	return result.Case{
		ID: "S1", Name: "fanout", Kind: result.FanOut, Targets: []string{"pushlab"}, Transports: []string{"sse", "websocket"}, Rounds: 3, Again: true,
		Subscribers: 100, Rate: 10, Size: 128, WarmUp: time.Second, Measure: 10 * time.Second,
	}
}

// measured is a measurement whose server CPU, p50 and p99 are that number of microseconds, and which has as many
// bytes for each event.
func measured(lane result.Lane, round int, v float64) result.Measurement {
	const delivered = 1000
	cpu := time.Duration(math.Round(v * 1000))
	return result.Measurement{
		Lane: lane, Round: round, Expected: delivered, Delivered: delivered, ServerCPU: delivered * cpu, BytesDown: int64(math.Round(v * delivered)),
		Delivery: result.Latency{Count: delivered, P50: cpu, P99: cpu},
	}
}

// outcome has a value for each round of each lane.
func outcome(values map[result.Lane][]float64) result.Outcome {
	o := result.Outcome{Case: fanOut()}
	for _, lane := range []result.Lane{sse, websocket, again} {
		for i, v := range values[lane] {
			o.Measurements = append(o.Measurements, measured(lane, i+1, v))
		}
	}
	return o
}

// resultOf is a result with these outcomes.
func resultOf(outcomes ...result.Outcome) result.Result {
	return result.Result{Schema: result.Schema, Environment: result.Environment{OS: "linux", Kernel: "6.18", CPU: "Some CPU", Cores: 2}, Outcomes: outcomes}
}

// simulate makes an outcome as machines do: all lanes of a round share how fast the machine is just
// then, which drifts around a mean (by a standard deviation of drift, of which 3/4 stay from round to round), and
// each has noise of its own. Both are lognormal. Only the p99 is known, which saves time.
func simulate(random *rand.Rand, rounds int, noise, drift float64, levels map[result.Lane]float64) result.Outcome {
	const stays = 0.75
	values := map[result.Lane][]float64{}
	machine := drift * random.NormFloat64()
	for range rounds {
		for _, lane := range []result.Lane{sse, websocket, again} {
			if levels[lane] > 0 {
				values[lane] = append(values[lane], levels[lane]*math.Exp(machine+noise*random.NormFloat64()))
			}
		}
		machine = stays*machine + math.Sqrt(1-stays*stays)*drift*random.NormFloat64()
	}
	o := outcome(values)
	for i := range o.Measurements {
		o.Measurements[i].ServerCPU, o.Measurements[i].Delivery.P50 = 0, 0
	}
	return o
}
