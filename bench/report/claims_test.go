package report

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// A made is a run for a claim: measurements of lanes, whose numbers make the claim's own number v.
type made map[result.Lane]func(*result.Measurement)

// What measurements are given, for each of their 1000 deliveries.
func bytesEach(v float64) func(*result.Measurement) {
	return func(m *result.Measurement) { m.BytesDown = int64(1000 * v) }
}

func cpuEach(us float64) func(*result.Measurement) {
	return func(m *result.Measurement) { m.ServerCPU = time.Duration(1000 * us * float64(time.Microsecond)) }
}

func p50Of(ms float64) func(*result.Measurement) {
	return func(m *result.Measurement) { m.Delivery.P50 = time.Duration(ms * 1e6) }
}

func p99Of(ms float64) func(*result.Measurement) {
	return func(m *result.Measurement) { m.Delivery.P99 = time.Duration(ms * 1e6) }
}

func memoryEach(kib float64) func(*result.Measurement) {
	return func(m *result.Measurement) {
		m.Memory = &result.Memory{Connections: 100, Full: result.MemoryReading{Resident: int64(100 * 1024 * kib)}}
	}
}

func together(all ...func(*result.Measurement)) func(*result.Measurement) {
	return func(m *result.Measurement) {
		for _, set := range all {
			set(m)
		}
	}
}

func connecting(sockets, first, join float64) func(*result.Measurement) {
	return func(m *result.Measurement) {
		m.Connecting = &result.Arrivals{Connections: int(sockets), FirstAnswer: result.Latency{P50: time.Duration(first * 1e6)}}
		if join > 0 {
			m.Connecting.Joining = &result.Latency{P50: time.Duration(join * 1e6)}
		}
	}
}

// examples are, for each claim, a run whose number is v, and values of it.
var examples = map[string]struct {
	c                     result.Case // what differs from a plain fan-out
	of                    func(v float64) made
	holds, fails, between []float64
}{
	"C1": {of: func(v float64) made {
		return made{direct("longpoll"): bytesEach(100 + 40*v), direct("websocket"): bytesEach(140)}
	}, holds: []float64{600, 610}, fails: []float64{8, 9}, between: []float64{400, 600}},
	"C2": {of: func(v float64) made {
		return made{direct("sse"): bytesEach(200 * v), direct("websocket"): bytesEach(200)}
	}, holds: []float64{1.2, 1.21}, fails: []float64{1, 1.01}, between: []float64{0.9, 1.2}},
	"C3": {of: func(v float64) made {
		return made{direct("longpoll"): cpuEach(20 * v), direct("sse"): cpuEach(20)}
	}, holds: []float64{1.5, 1.6}, fails: []float64{0.9, 0.95}, between: []float64{0.9, 1.5}},
	"C4": {c: result.Case{RTT: 100 * time.Millisecond}, of: func(v float64) made {
		return made{direct("longpoll"): p99Of(55 + 50*(v-1)), direct("sse"): p99Of(55)}
	}, holds: []float64{2.9, 3.1}, fails: []float64{1, 1.1}, between: []float64{1.5, 3.1}},
	"C5": {c: result.Case{Kind: result.Idle}, of: func(v float64) made {
		return made{direct("sse"): memoryEach(10 * v), direct("websocket"): memoryEach(10)}
	}, holds: []float64{1.5, 1.6}, fails: []float64{0.7, 0.8}, between: []float64{0.9, 1.5}},
	"C6": {c: result.Case{Kind: result.Capacity}, of: func(v float64) made {
		at := func(rate float64) func(*result.Measurement) {
			return func(m *result.Measurement) { m.Search = &result.Search{Deliveries: rate} }
		}
		return made{direct("longpoll"): at(1000 * v), direct("sse"): at(1000)}
	}, holds: []float64{1.5, 2}, fails: []float64{0.5, 0.7}, between: []float64{0.5, 2}},
	"C7": {of: func(v float64) made {
		runs := made{direct("websocket"): bytesEach(200), with(direct("websocket"), "deflate"): bytesEach(100)}
		for _, t := range []string{"longpoll", "httpstream", "sse"} {
			runs[direct(t)], runs[with(direct(t), "nginx-gzip")] = bytesEach(400), bytesEach(100*v)
		}
		return runs
	}, holds: []float64{0.98, 1.05}, fails: []float64{1.5, 1.6}, between: []float64{1, 1.5}},
	"C8": {of: func(v float64) made {
		return made{
			with(direct("sse"), "tls"):  together(connecting(50*v, 2*v, 0), bytesEach(200*v)),
			with(direct("sse"), "h2-7"): together(connecting(50, 3, 2), bytesEach(200)),
		}
	}, holds: []float64{1.4, 1.5}, fails: []float64{0.8, 0.9}, between: []float64{0.8, 1.5}},
	"C9": {of: func(v float64) made {
		runs := made{}
		for _, t := range result.Transports() {
			more := v
			if t == "longpoll" {
				more = 1
			}
			held := func(m *result.Measurement) {
				if more > 1.1 { // nginx holds all back
					m.NotInTime, m.Verdict.Invalid = m.Expected, []string{"not delivered in time"}
				}
			}
			runs[direct(t)] = together(p50Of(1), cpuEach(20))
			runs[with(direct(t), "nginx")] = together(p50Of(2*more), cpuEach(40*more))
			runs[with(direct(t), "nginx-buffered")] = held
		}
		return runs
	}, holds: []float64{1.5, 1.6}, fails: []float64{0.8, 0.9}, between: []float64{0.8, 1.5}},
	"C10": {c: result.Case{Kind: result.Storm}, of: func(v float64) made {
		back := func(ms float64) func(*result.Measurement) {
			return func(m *result.Measurement) {
				m.CatchUp = &result.Latency{Count: 100, Max: time.Duration(ms * 1e6)}
			}
		}
		return made{direct("sse"): back(100 * v), direct("longpoll"): back(100)}
	}, holds: []float64{2, 3}, fails: []float64{0.5, 0.6}, between: []float64{0.5, 3}},
	"C11": {c: result.Case{Kind: result.Slow}, of: func(v float64) made {
		runs := made{}
		for _, t := range result.Transports() {
			runs[direct(t)] = p99Of(5)
			for _, variant := range []string{result.Slow10, result.Stuck1} {
				runs[with(direct(t), variant)] = p99Of(5 * v)
			}
		}
		return runs
	}, holds: []float64{2, 3}, fails: []float64{0.9, 1}, between: []float64{0.9, 2}},
	"C12": {of: func(v float64) made {
		runs := made{}
		for _, t := range result.Transports() {
			before, by := 2., v
			if t == "websocket" {
				before, by = 1, 1
			}
			runs[direct(t)] = together(bytesEach(200*before), cpuEach(20*before))
			runs[with(direct(t), "tls")] = together(bytesEach(200*by), cpuEach(20*by))
		}
		return runs
	}, holds: []float64{0.98, 1.03}, fails: []float64{1.5, 1.6}, between: []float64{1, 1.5}},
}

// outcomeOf is a case in which each round has one of the values, in turn.
func outcomeOf(c result.Case, rounds int, values []float64, of func(float64) made) result.Outcome {
	if c.Kind == "" {
		c.Kind = result.FanOut
	}
	if c.Rate == 0 {
		c.Rate = 10
	}
	if c.Size == 0 {
		c.Size = 100
	}
	c.Name, c.Targets, c.Transports, c.Rounds, c.Subscribers = "made", []string{"pushlab"}, result.Transports(), rounds, 100
	o := result.Outcome{Case: c}
	for i := range rounds {
		for lane, set := range of(values[i%len(values)]) {
			m := result.Measurement{Lane: lane, Round: i + 1, Expected: 1000, Delivered: 1000, Published: 10}
			set(&m)
			o.Measurements = append(o.Measurements, m)
		}
	}
	return o
}

// answerTo returns what a run says to a claim.
func answerTo(t *testing.T, id string, outcomes ...result.Outcome) answer {
	t.Helper()
	found, _ := answers(result.Result{Outcomes: outcomes})
	for _, a := range found {
		if a.id == id {
			return a
		}
	}
	return answer{verdict: notMeasured}
}

// Each claim can hold and not, cannot be told where rounds are on both sides, and rests on five rounds; one will do if the
// program decides its numbers.
func TestClaims(t *testing.T) {
	exact := []string{"C1", "C2", "C7"} // all of their questions
	for i, c := range claims() {
		if c.id != fmt.Sprintf("C%d", i+1) || c.source == "" {
			t.Fatalf("%+v is not claim %d of the register", c, i+1)
		}
		e := examples[c.id]
		few := unclear
		if slices.Contains(exact, c.id) {
			few = holds
		}
		for _, want := range []struct {
			about   string
			rounds  int
			values  []float64
			verdict string
		}{
			{"holds", 6, e.holds, holds}, {"five rounds", 5, e.holds, holds}, {"does not hold", 6, e.fails, doesNotHold}, {"noise", 8, e.between, unclear},
			{"too few rounds", 4, e.holds, few}, {"one round", 1, e.holds, few}, {"nothing", 0, nil, notMeasured},
		} {
			a := answerTo(t, c.id, outcomeOf(e.c, want.rounds, want.values, e.of))
			if a.verdict != want.verdict {
				t.Errorf("%s, %s: %q, want %q: %s", c.id, want.about, a.verdict, want.verdict, a.text)
			}
			if a.verdict != notMeasured && (!strings.HasPrefix(a.text, c.id+": “"+c.says+"” ("+c.source) || strings.Contains(a.text, "NaN")) {
				t.Errorf("%s, %s: %s", c.id, want.about, a.text)
			}
		}
	}
}

// The scenario that a claim names is one that there is, and it measures what the claim asks for.
func TestClaimsNameScenarios(t *testing.T) {
	for _, c := range claims() {
		text, err := os.ReadFile("../scenarios/" + c.scenario + ".toml")
		if err != nil {
			t.Errorf("%s: %v", c.id, err)
			continue
		}
		for lane := range examples[c.id].of(1) {
			if !strings.Contains(string(text), `"`+lane.Variant+`"`) && lane.Variant != "" {
				t.Errorf("%s: %s has no variant %s", c.id, c.scenario, lane.Variant)
			}
		}
		if kind := examples[c.id].c.Kind; kind != "" && !strings.Contains(string(text), fmt.Sprintf("kind = %q", kind)) {
			t.Errorf("%s: %s is not of the kind %s", c.id, c.scenario, kind)
		}
	}
}

// A number beyond the threshold says nothing if a lane differs from itself by as much.
func TestClaimsWithinTheNoise(t *testing.T) {
	e := examples["C3"]
	o := outcomeOf(e.c, 6, e.holds, e.of)
	for _, m := range o.Of(direct("sse")) {
		m.Again, m.ServerCPU = true, 2*m.ServerCPU
		o.Measurements = append(o.Measurements, m)
	}
	if a := answerTo(t, "C3", o); a.verdict != unclear {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
}

// A number may be too much for a claim as well: up to three transits are not ten.
func TestClaimsOfARange(t *testing.T) {
	e := examples["C4"]
	if a := answerTo(t, "C4", outcomeOf(e.c, 6, []float64{9, 10}, e.of)); a.verdict != doesNotHold {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
}

// What must not be compared answers nothing, and neither does another server.
func TestClaimsOfWhatMayNotBeCompared(t *testing.T) {
	for about, spoil := range map[string]func(*result.Measurement){
		"invalid":        func(m *result.Measurement) { m.Verdict.Invalid = []string{"late"} },
		"failed":         func(m *result.Measurement) { m.Verdict.Failed = []string{"lost"} },
		"another server": func(m *result.Measurement) { m.Target = "nchan" },
		"measured again": func(m *result.Measurement) { m.Again = true },
	} {
		for id, e := range examples {
			o := outcomeOf(e.c, 6, e.fails, e.of)
			for i := range o.Measurements {
				spoil(&o.Measurements[i])
			}
			if a := answerTo(t, id, o); a.verdict != notMeasured {
				t.Errorf("%s, %s: %s", id, about, a.text)
			}
		}
	}
}

// Who failed in one round is not asked in the others.
func TestClaimsOfWhoFailed(t *testing.T) {
	e := examples["C3"]
	o := outcomeOf(e.c, 6, e.holds, e.of)
	o.Measurements[0].Verdict.Failed = []string{"lost"}
	if a := answerTo(t, "C3", o); a.verdict != notMeasured {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
}

// Where there was no difference, none can vanish; but one may come.
func TestClaimsAboutNoDifference(t *testing.T) {
	o := outcomeOf(result.Case{}, 6, []float64{1}, func(float64) made {
		runs := made{}
		for _, l := range variantsOf([]result.Lane{direct("longpoll"), direct("websocket")}, "", "tls") {
			runs[l] = together(bytesEach(200), cpuEach(20))
		}
		return runs
	})
	if a := answerTo(t, "C12", o); a.verdict != unclear || !strings.HasSuffix(a.text, "; there is no difference without TLS either") {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
	o = outcomeOf(result.Case{}, 6, []float64{1}, func(float64) made {
		return made{direct("sse"): bytesEach(200), direct("websocket"): bytesEach(200), with(direct("sse"), "nginx-gzip"): bytesEach(50), with(direct("websocket"), "deflate"): bytesEach(100)}
	})
	if a := answerTo(t, "C7", o); a.verdict != doesNotHold {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
}

// Claims that depend on something say on what, and from where.
func TestBoundaries(t *testing.T) {
	type at struct {
		c result.Case
		v float64
	}
	const ms = time.Millisecond
	for _, test := range []struct {
		id    string
		cases []at
		want  string
	}{
		{"C3", []at{{result.Case{Rate: 1}, 1.5}, {result.Case{Rate: 10}, 1.3}, {result.Case{Rate: 100}, 0.8}}, "up to 10 events/s, not from 100 events/s"},
		{"C3", []at{{result.Case{Rate: 1}, 0.8}, {result.Case{Rate: 10}, 1.3}}, "from 10 events/s, not up to 1 events/s"},
		{"C3", []at{{result.Case{Size: 16}, 1.5}, {result.Case{Size: 4096}, 0.8}}, "up to 16 bytes of data, not from 4096 bytes of data"},
		{"C4", []at{{result.Case{Rate: 1, RTT: 100 * ms}, 1}, {result.Case{Rate: 100, RTT: 20 * ms}, 1.4}, {result.Case{Rate: 100, RTT: 100 * ms}, 3}, {result.Case{Rate: 10, RTT: 20 * ms}, 1}},
			"from 2 events per round trip, not up to 0.2 events per round trip"},
		{"C7", []at{{result.Case{Data: result.JSONData}, 1.5}, {result.Case{Data: result.RandomData}, 1.02}}, "with data of random; not with data of json"},
		{"C3", []at{
			{result.Case{Rate: 1, Size: 100}, 1.5}, {result.Case{Rate: 10, Size: 100}, 1.5}, {result.Case{Rate: 100, Size: 100}, 0.8},
			{result.Case{Rate: 1, Size: 900}, 1.5}, {result.Case{Rate: 10, Size: 900}, 0.8}, {result.Case{Rate: 100, Size: 900}, 0.8},
		}, "with 100 bytes of data up to 10 events/s, not from 100 events/s; with 900 bytes of data up to 1 events/s, not from 10 events/s"},
		{"C3", []at{{result.Case{Rate: 1}, 1.5}, {result.Case{Rate: 10}, 0.8}, {result.Case{Rate: 100}, 1.5}}, "at 1 events/s, 100 events/s; not at 10 events/s"},
		{"C3", []at{{result.Case{}, 1.5}, {result.Case{}, 0.8}}, "in made: 100 subscribers, 10 events/s, 100 bytes"},
	} {
		var outcomes []result.Outcome
		for _, at := range test.cases {
			outcomes = append(outcomes, outcomeOf(at.c, 6, []float64{at.v}, examples[test.id].of))
		}
		if a := answerTo(t, test.id, outcomes...); a.verdict != onlyWhen || !strings.HasSuffix(a.text, "; it holds "+test.want) {
			t.Errorf("%s: %s: %s\nwant %s", test.id, a.verdict, a.text, test.want)
		}
	}
}

// A claim with several parts says which of them hold.
func TestBoundaryBetweenParts(t *testing.T) {
	o := outcomeOf(result.Case{}, 6, []float64{1}, func(float64) made {
		return made{
			with(direct("sse"), "tls"):  together(connecting(350, 4, 0), bytesEach(200)),
			with(direct("sse"), "h2-7"): together(connecting(50, 3, 1), bytesEach(210)),
		}
	})
	const want = "; it holds for the number of sockets, the time to open the 7th stream; not for the bytes of an event"
	if a := answerTo(t, "C8", o); a.verdict != onlyWhen || !strings.HasSuffix(a.text, want) {
		t.Errorf("%s: %s", a.verdict, a.text)
	}
}

// All that a run says nothing to stands in one line, with what would.
func TestUnanswered(t *testing.T) {
	if found, _ := answers(result.Result{}); len(found) != 0 {
		t.Errorf("%+v is said of no case at all", found)
	}
	e := examples["C5"]
	found, _ := answers(result.Result{Outcomes: []result.Outcome{outcomeOf(e.c, 6, e.holds, e.of)}})
	const want = "by this run, or not so that it may be compared: C1 C2 C3 (c1-rates), C4 (c4-distance), C6 (c6-overload), C7 (c7-compression), C8 (c8-http2), C9 (c9-proxy), " +
		"C10 (c10-storm), C11 (c11-slow), C12 (c12-tls). A scenario answers (pushlab bench run --scenario c1-rates), all do with --profile claims"
	if len(found) != 2 || found[1].verdict != notMeasured || found[1].text != want {
		t.Errorf("%+v", found)
	}
}

// All verdicts, as they are printed.
func TestClaimsText(t *testing.T) {
	const ms = time.Millisecond
	var r result.Result
	add := func(id string, c result.Case, rounds int, values ...float64) {
		c.Kind = cmp.Or(c.Kind, examples[id].c.Kind)
		r.Outcomes = append(r.Outcomes, outcomeOf(c, rounds, values, examples[id].of))
	}
	add("C1", result.Case{Rate: 1}, 1, 8)
	add("C2", result.Case{}, 3, 1.15)
	add("C3", result.Case{Rate: 10}, 6, 1.4, 1.45, 1.5)
	add("C3", result.Case{Rate: 1000}, 6, 0.6, 0.61, 0.65)
	add("C4", result.Case{Rate: 1, RTT: 100 * ms}, 6, 1, 1.02)
	add("C4", result.Case{Rate: 100, RTT: 100 * ms}, 6, 2.9, 3.05)
	add("C5", result.Case{}, 9, 0.8, 1.1, 1.3)
	add("C6", result.Case{}, 4, 1.5)
	add("C7", result.Case{Data: result.JSONData}, 3, 2.5, 2.6)
	add("C7", result.Case{Data: result.RandomData}, 3, 1.03, 1.04)
	add("C8", result.Case{}, 6, 1.4, 1.45)
	add("C9", result.Case{Rate: 1000}, 6, 0.8, 0.85)
	add("C11", result.Case{}, 7, 4, 5, 6)
	add("C12", result.Case{Rate: 1000}, 5, 1.6, 1.7)
	var b bytes.Buffer
	if err := (Text{Result: r}).WriteClaims(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "claims.txt", b.Bytes())
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > width+1 {
			t.Errorf("a line is too long: %q", line)
		}
	}
}
