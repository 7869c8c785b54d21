package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pushlab/bench/result"
)

// someDemand is for 100,000 clients.
func someDemand() Demand {
	d := Defaults()
	d.Clients, d.Rate, d.Size, d.Reconnects = 100_000, 20, 200, 2
	d.Given = []string{"clients", "rate", "size", "reconnects"}
	return d
}

func mustMake(t *testing.T, r result.Result, d Demand) Plan {
	t.Helper()
	p, err := Make(r, result.PushlabName, "", d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// The plan for a result whose truth is known agrees with that truth, though the measurements are noisy.
func TestPlanOfAKnownTruth(t *testing.T) {
	d := someDemand()
	p := mustMake(t, synthetic(0.03), d)
	for _, lane := range p.Lanes {
		is := truths[lane.Transport]
		cycle := is.work
		if lane.Transport == "longpoll" {
			cycle += d.RTT.Seconds()
		}
		k := d.Rate*cycle + math.Exp(-d.Rate*cycle)
		n, rate, size := float64(d.Clients), d.Rate, float64(d.Size)
		client := rate*(is.event+size*is.perByte+(is.write+is.wake/(1+rate/k*is.cooling))/k) + is.idle + d.Reconnects/3600*is.connect
		cores := n*client + float64(lane.Machines)*(is.second+rate*is.publish)
		memory := n*(is.each+4096) + float64(lane.Machines)*is.base
		if !near(lane.EventsPerWrite, k, 0.02) || !near(lane.Cores, cores, 0.1) || !near(lane.Memory, memory, 0.05) {
			t.Errorf("%s: %.3g events/write, %.3g cores, %.4g bytes; in truth %.3g, %.3g, %.4g", lane.Transport, lane.EventsPerWrite, lane.Cores, lane.Memory, k, cores, memory)
		}
		writes := rate / k
		down, up := writes*(k*(is.framing+size)+is.head), 0.0
		segmentsDown, segmentsUp := writes*segments(down/writes), writes
		if lane.Transport == "longpoll" {
			up = writes * (is.request + 500)
			segmentsDown += writes
		}
		connects := d.Reconnects / 3600
		down += connects*is.connectDown + 66*(segmentsDown+3*connects)
		up += connects*(is.connectUp+500) + 66*(segmentsUp+4*connects)
		if !near(lane.Out, 8*n*down, 0.01) || !near(lane.In, 8*n*up, 0.01) {
			t.Errorf("%s: out %.4g, in %.4g; in truth %.4g, %.4g", lane.Transport, lane.Out, lane.In, 8*n*down, 8*n*up)
		}
		if hour := float64(lane.Machines)*0.10 + lane.Out/8*3600/1e9*0.08; !near(lane.Hour, hour, 1e-9) || !near(lane.Month, 730*hour, 1e-9) {
			t.Errorf("%s: %v an hour, %v a month; want %v an hour", lane.Transport, lane.Hour, lane.Month, hour)
		}
	}
}

func TestCheckOfAKnownTruth(t *testing.T) {
	r := synthetic(0.03)
	c := CheckResult(r, result.PushlabName, "")
	if !c.Good() || len(c.Quantities) != 4 || len(c.Rows) != 2*(12+13+3)+3*3 {
		t.Errorf("good: %v, %d rows, %+v", c.Good(), len(c.Rows), c.Quantities)
	}
	// One case that costs twice what the others say.
	for i := range r.Outcomes[5].Measurements {
		r.Outcomes[5].Measurements[i].ServerCPU *= 2
	}
	c = CheckResult(r, result.PushlabName, "")
	if c.Good() || c.Quantities[0].Good || !c.Quantities[1].Good || !c.Quantities[2].Good {
		t.Errorf("a case with twice the CPU is found good: %+v", c.Quantities)
	}
	if (Check{}).Good() {
		t.Error("a check of nothing is good")
	}
}

// Where a break-even is told, both cost the same; and on its other side they do not.
func TestBreakEven(t *testing.T) {
	r, d := synthetic(0), someDemand()
	p := mustMake(t, r, d)
	cost := func(transport, in string, rate float64) float64 {
		lane := result.Lane{Target: result.PushlabName, Transport: transport}
		m, at := fitModel(lane, pointsOf(r, lane)), d
		at.Rate = rate
		if in == "CPU" {
			return m.client(at).CPU
		}
		return m.client(at).link(at)
	}
	for _, b := range p.BreakEven {
		if b.In == "machines" {
			at := d
			at.Clients = 1e9 // so that rounding up to whole machines is nothing
			at.Rate = b.Rate * 0.8
			low := mustMake(t, r, at)
			at.Rate = b.Rate * 1.3
			high := mustMake(t, r, at)
			i := slices.IndexFunc(p.Lanes, func(l Lane) bool { return l.Transport == b.Of })
			if low.Lanes[i].Decides != "memory" || high.Lanes[i].Decides == "memory" {
				t.Errorf("%s: %s decides below, %s above", b, low.Lanes[i].Decides, high.Lanes[i].Decides)
			}
			continue
		}
		if b.Rate == 0 || !near(cost(b.Of, b.In, b.Rate), cost(b.Than, b.In, b.Rate), 0.05) || cost(b.Of, b.In, b.Rate/2) <= cost(b.Than, b.In, b.Rate/2) {
			t.Errorf("%s; there they cost %g and %g", b, cost(b.Of, b.In, b.Rate), cost(b.Than, b.In, b.Rate))
		}
		if !near(b.RateRTT, b.Rate*0.05, 1e-9) {
			t.Errorf("%s: rate x RTT is %v", b, b.RateRTT)
		}
		for i, turn := range b.Line {
			d.RTT = turn.RTT
			if turn.Rate == 0 || !near(cost(b.Of, b.In, turn.Rate), cost(b.Than, b.In, turn.Rate), 0.05) || !near(turn.RateRTT, turn.Rate*turn.RTT.Seconds(), 1e-9) {
				t.Errorf("RTT %v: %s; there they cost %g and %g", turn.RTT, turn, cost(b.Of, b.In, turn.Rate), cost(b.Than, b.In, turn.Rate))
			}
			if i > 0 && turn.Rate >= b.Line[i-1].Rate {
				t.Errorf("%s in %s: farther away, %v, it breaks even at more: %s", b.Of, b.In, turn.RTT, turn)
			}
		}
		if d.RTT = someDemand().RTT; len(b.Line) != 5 || !slices.ContainsFunc(b.Line, func(turn Turn) bool { return turn.RTT == d.RTT && turn.Rate == b.Rate }) {
			t.Errorf("the line of %s has %v", b, b.Line)
		}
	}
	if len(p.BreakEven) != 4 {
		t.Errorf("%d break-evens, want bytes, CPU, and two of machines", len(p.BreakEven))
	}
}

// A client at a distance of 50 ms polls, and the events that come meanwhile share the next answer. This plays it, event by event.
func TestEventsShareAnAnswer(t *testing.T) {
	const cycle = 0.05
	chance := rand.New(rand.NewPCG(3, 4))
	m := model{longPoll: true, work: cycle - 0.04}
	for _, rate := range []float64{1, 10, 20, 35, 60, 200} {
		play := func(next func() float64) float64 {
			events, answers, due, asked := 0, 0, next(), 0.0
			for events < 20_000 {
				at := max(asked, due) // the poll waits for an event, or they wait for the poll
				for ; due <= at; due += next() {
					events++
				}
				answers++
				asked = at + cycle
			}
			return float64(events) / float64(answers)
		}
		if k := play(func() float64 { return chance.ExpFloat64() / rate }); !near(m.perWriteAt(rate, 40*time.Millisecond), k, 0.03) {
			t.Errorf("%v events/s by chance: %v in an answer, want %v", rate, m.perWriteAt(rate, 40*time.Millisecond), k)
		}
		if k := play(func() float64 { return 1 / rate }); !near(m.perWriteInStep(rate, 40*time.Millisecond), k, 0.03) {
			t.Errorf("%v events/s in step: %v in an answer, want %v", rate, m.perWriteInStep(rate, 40*time.Millisecond), k)
		}
	}
}

// What is told of a prediction beside its error excuses nothing.
func TestCheckRow(t *testing.T) {
	for name, c := range map[string]struct {
		row          CheckRow
		good, unsure bool
	}{
		"near":                        {CheckRow{Error: -0.149, Predicted: 85.1, Low: 99, High: 101, Rounds: 5}, true, false},
		"off":                         {CheckRow{Error: 0.16, Predicted: 116, Low: 99, High: 100, Rounds: 5}, false, false},
		"off, but the rounds are too": {CheckRow{Error: 0.3, Predicted: 130, Low: 80, High: 115, Rounds: 5}, false, true},
		"off, of one round":           {CheckRow{Error: 0.3, Predicted: 130, Low: 100, High: 100, Rounds: 1}, false, true},
	} {
		check := Check{Rows: []CheckRow{c.row}}
		check.Rows[0].Quantity = "CPU"
		check.sum()
		if c.row.Good() != c.good || check.Good() != c.good || (check.Why() == "") != c.good || !c.good && c.row.Unsure() != c.unsure {
			t.Errorf("%s: good: %v, of all %v, unsure: %v, %q", name, c.row.Good(), check.Good(), c.row.Unsure(), check.Why())
		}
	}
	// The smallest and the largest number of idle connections are beyond the others; so is who is farthest away.
	var beyond []string
	for _, row := range CheckResult(synthetic(0.03), result.PushlabName, "").Rows {
		for _, b := range row.Beyond {
			beyond = append(beyond, row.Transport+" "+row.Quantity+" "+b)
		}
	}
	for _, want := range []string{"sse memory clients / 2", "sse memory clients x 2", "longpoll events/write rate x RTT x 2"} {
		if !slices.Contains(beyond, want) {
			t.Errorf("beyond the others are %q, want %q too", beyond, want)
		}
	}
}

func only(r result.Result, is func(result.Case) bool) result.Result {
	r.Outcomes = slices.DeleteFunc(slices.Clone(r.Outcomes), func(o result.Outcome) bool { return !is(o.Case) })
	return r
}

// What was not measured is named, with the command that would; and the rest is planned.
func TestWhatIsMissing(t *testing.T) {
	all := synthetic(0.01)
	for name, c := range map[string]struct {
		result  result.Result
		missing []string
		say     []string
	}{
		"no idle connections": {only(all, func(c result.Case) bool { return c.Kind != result.Idle }), []string{"memory"},
			[]string{"longpoll, sse: memory was not measured", "what connections cost that wait was not measured", Measure}},
		"no events": {only(all, func(c result.Case) bool { return c.Kind == result.Idle }), []string{"CPU", "bandwidth"},
			[]string{"CPU was not measured", "bandwidth was not measured", "what connecting costs was not measured", Measure}},
		"one case": {only(all, func(c result.Case) bool { return c.Subscribers == 400 && c.Rate == 10 && c.Size == 64 && c.RTT == 0 }), []string{"memory"},
			[]string{"one size was measured", "20 events/s, for CPU: extrapolated x 2 from 10", "longpoll: heads could not be told", "longpoll: polls were not measured from afar", Measure}},
		"all": {all, nil, []string{"extrapolated x ", "from 800", "not counted: TLS"}},
	} {
		p := mustMake(t, c.result, someDemand())
		for _, lane := range p.Lanes {
			if !slices.Equal(lane.Missing, c.missing) || lane.Machines < 1 {
				t.Errorf("%s: %s: missing are %q, want %q; %d machines", name, lane.Transport, lane.Missing, c.missing, lane.Machines)
			}
		}
		warnings := strings.Join(append(append(p.Lacks, p.Warnings...), p.Measure), "\n")
		if name == "all" && (len(p.Lacks) > 0 || p.Measure != "") {
			t.Errorf("the result lacks %q", p.Lacks)
		}
		for _, say := range c.say {
			if !strings.Contains(warnings, say) {
				t.Errorf("%s: no warning has %q:\n%s", name, say, warnings)
			}
		}
	}
	for name, r := range map[string]result.Result{"no outcome": {}, "another target": all} {
		if _, err := Make(r, "pigeon", "", someDemand()); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v, want ErrNothing", name, err)
		}
	}
	if c := CheckResult(only(all, func(c result.Case) bool { return c.Kind == result.Storm }), result.PushlabName, ""); c.Good() || len(c.Unchecked) != 2*3 {
		t.Errorf("one case was checked: %+v", c)
	}
}

// Measurements that failed count for nothing; those that must not be compared count for CPU only if there are no others.
func TestVerdictsCount(t *testing.T) {
	r := synthetic(0)
	want := mustMake(t, r, someDemand())
	worse := only(r, func(result.Case) bool { return true })
	for i, o := range worse.Outcomes {
		worse.Outcomes[i].Measurements = slices.Clone(o.Measurements)
		for _, m := range o.Measurements {
			m.Verdict.Failed, m.ServerCPU = []string{"deliveries lost"}, 9*m.ServerCPU
			worse.Outcomes[i].Measurements = append(worse.Outcomes[i].Measurements, m)
			m.Verdict.Failed, m.Verdict.Invalid = nil, []string{"the load was late"}
			worse.Outcomes[i].Measurements = append(worse.Outcomes[i].Measurements, m, m)
		}
	}
	got := mustMake(t, worse, someDemand())
	if !strings.Contains(strings.Join(got.Lacks, "\n"), "most measurements of CPU must not be compared") {
		t.Errorf("two thirds must not be compared, and the result lacks %q", got.Lacks)
	}
	for i, lane := range got.Lanes {
		if !near(lane.Cores, want.Lanes[i].Cores, 1e-6) {
			t.Errorf("%s: %v cores, want %v", lane.Transport, lane.Cores, want.Lanes[i].Cores)
		}
	}
	for i := range worse.Outcomes {
		worse.Outcomes[i].Measurements = slices.DeleteFunc(worse.Outcomes[i].Measurements, func(m result.Measurement) bool { return m.Verdict.Comparable() })
	}
	got = mustMake(t, worse, someDemand())
	if !near(got.Lanes[1].Cores, 9*want.Lanes[1].Cores, 0.1) || !strings.Contains(strings.Join(got.Lacks, "\n"), "must not be compared") {
		t.Errorf("%v cores, the result lacks %q", got.Lanes[1].Cores, got.Lacks)
	}
}

// What the rates of a search tell about CPU is used as well.
func TestProbesCount(t *testing.T) {
	var r result.Result
	m := result.Measurement{Lane: result.Lane{Target: result.PushlabName, Transport: "longpoll"}, Search: &result.Search{}}
	for _, rate := range []float64{5, 20, 50, 100, 400, 1000} {
		k := 1 + rate*0.05
		m.Search.Probes = append(m.Search.Probes, result.Probe{Rate: rate, ServerBusy: 1000 * rate * (1e-6 + 25e-6/k), EventsPerWrite: k})
	}
	m.Search.Probes = append(m.Search.Probes, result.Probe{Rate: 4000, Problem: "late", ServerBusy: 9, EventsPerWrite: 1})
	r.Outcomes = append(r.Outcomes, result.Outcome{
		Case:         result.Case{Kind: result.Capacity, Subscribers: 1000, Rate: 50, Size: 64},
		Measurements: []result.Measurement{m},
	})
	lane := result.Lane{Target: result.PushlabName, Transport: "longpoll"}
	fitted := fitModel(lane, pointsOf(r, lane))
	if !fitted.split || !near(fitted.cpu[perWrite], 25e-6, 0.15) {
		t.Errorf("CPU per write is %v, told apart: %v", fitted.cpu[perWrite], fitted.split)
	}
}

// Whatever part of a result there is, and whatever is asked: a plan has only numbers.
func TestAnyPartOfAResult(t *testing.T) {
	all := synthetic(0.1)
	rapid.Check(t, func(t *rapid.T) {
		part := result.Result{}
		for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(all.Outcomes)-1), 0, 5, rapid.ID).Draw(t, "outcomes") {
			part.Outcomes = append(part.Outcomes, all.Outcomes[i])
		}
		d := Defaults()
		d.Clients = rapid.IntRange(1, 1e9).Draw(t, "clients")
		d.Rate = math.Pow(10, rapid.Float64Range(-9, 9).Draw(t, "log of rate"))
		d.Size = rapid.IntRange(1, 1e7).Draw(t, "size")
		d.RTT = time.Duration(rapid.IntRange(0, 1e10).Draw(t, "RTT"))
		d.SocketBytes = rapid.IntRange(0, 1e4).Draw(t, "socket")
		d.Reconnects = rapid.Float64Range(0, 1e6).Draw(t, "reconnects")
		p, err := Make(part, result.PushlabName, "", d)
		if err != nil {
			return
		}
		var text bytes.Buffer
		if _, err := json.Marshal(p); err != nil {
			t.Error(err)
		}
		if err := p.Text(&text); err != nil || strings.Contains(text.String(), "NaN") || strings.Contains(text.String(), "Inf") {
			t.Errorf("error %v, text\n%s", err, &text)
		}
		for _, lane := range p.Lanes {
			if lane.Machines < 1 || lane.ClientsEach < 1 || lane.Decides == "" {
				t.Errorf("%+v", lane)
			}
		}
	})
}

// Whoever fits on one machine gets one, whatever the numbers are.
func TestOneMachine(t *testing.T) {
	lane := result.Lane{Target: result.PushlabName, Transport: "sse"}
	m, d := fitModel(lane, pointsOf(synthetic(0.03), lane)), someDemand()
	for n := 1; n <= 600; n++ {
		d.Clients = n
		if a, err := m.answer(d); err != nil || a.Machines != 1 {
			t.Fatalf("%d clients, who keep %.3g cores busy, get %d machines with %v, error %v", n, a.Cores, a.Machines, d.Machine.Cores, err)
		}
	}
}

func TestMachineThatIsTooSmall(t *testing.T) {
	d := someDemand()
	d.Machine.Memory = 30 << 20
	if _, err := Make(synthetic(0), result.PushlabName, "", d); err == nil || !strings.Contains(err.Error(), "too little memory") {
		t.Errorf("error %v", err)
	}
}

func TestValidate(t *testing.T) {
	if err := someDemand().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Demand){
		"clients":    func(d *Demand) { d.Clients = 0 },
		"rate":       func(d *Demand) { d.Rate = math.NaN() },
		"size":       func(d *Demand) { d.Size = 0 },
		"reconnects": func(d *Demand) { d.Reconnects = -1 },
		"RTT":        func(d *Demand) { d.RTT = -1 },
		"heartbeat":  func(d *Demand) { d.Heartbeat = 0 },
		"headroom":   func(d *Demand) { d.Headroom = 1.1 },
		"machine":    func(d *Demand) { d.Machine.Cores = 0 },
		"prices":     func(d *Demand) { d.PriceGB = math.Inf(1) },
	} {
		d := someDemand()
		change(&d)
		if err := d.Validate(); err == nil {
			t.Errorf("%s: it is valid", name)
		} else if _, made := Make(synthetic(0), result.PushlabName, "", d); made == nil {
			t.Errorf("%s: a plan was made", name)
		}
	}
}

func TestMerge(t *testing.T) {
	a, b := synthetic(0), synthetic(0)
	both, err := Merge(a, b)
	if err != nil || len(both.Outcomes) != 2*len(a.Outcomes) {
		t.Errorf("%d outcomes, error %v", len(both.Outcomes), err)
	}
	// The same cases again are no other cases: a check that left out half of one would know the answer.
	if one, two := CheckResult(a, result.PushlabName, ""), CheckResult(both, result.PushlabName, ""); len(one.Rows) != len(two.Rows) {
		t.Errorf("%d predictions of two equal results, and %d of one", len(two.Rows), len(one.Rows))
	}
	b.Environment.CPU = "Another"
	if _, err := Merge(a, b); err == nil {
		t.Error("results of two machines were put together")
	}
	if _, err := Merge(); err == nil {
		t.Error("no results were put together")
	}
}

func TestGolden(t *testing.T) {
	p := mustMake(t, synthetic(0.03), someDemand())
	var text, check bytes.Buffer
	if err := p.Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.txt", text.Bytes())
	encoded, err := json.Marshal(p)
	var again Plan
	if err := errors.Join(err, json.Unmarshal(encoded, &again)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("in JSON the plan is another:\n%s", diff)
	}
	if err := CheckResult(synthetic(0.03), result.PushlabName, "").Text(&check); err != nil {
		t.Fatal(err)
	}
	golden(t, "check.txt", check.Bytes())
}

// A result that was measured, on a machine that was busy otherwise: bytes and memory can be predicted, and so can
// CPU in the median.
func TestCheckOfARealResult(t *testing.T) {
	r, err := result.Read(filepath.Join("testdata", "measured.json"))
	if err != nil {
		t.Fatal(err)
	}
	c := CheckResult(r, result.PushlabName, "")
	var text bytes.Buffer
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	golden(t, "measured.txt", text.Bytes())
	if len(c.Quantities) != 3 || !c.Quantities[1].Good || !c.Quantities[2].Good || c.Quantities[0].Median > MaxError {
		t.Errorf("%+v", c.Quantities)
	}
	d := someDemand()
	d.Heartbeat = 25 * time.Second
	if p := mustMake(t, r, d); len(p.Lanes) != 4 || p.Lanes[0].Missing != nil {
		t.Errorf("%+v", p.Lanes)
	}
}

// golden compares with a file in testdata, which UPDATE=1 writes anew.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what came; if that is right, run the test with UPDATE=1:\n%s", path, got)
	}
}

// What the model has no columns for does not change it.
func TestOtherKindsAreLeftOut(t *testing.T) {
	r := synthetic(0)
	lane := result.Lane{Target: result.PushlabName, Transport: "sse"}
	before := len(pointsOf(r, lane))
	for _, c := range []result.Case{
		{Kind: result.Echo}, {Kind: result.Slow}, {Kind: result.FanOut, Computed: true}, {Kind: result.Storm, Manner: result.Restart}, {Kind: result.Storm, Bystanders: 5},
	} {
		c.Subscribers, c.Rate, c.Size = 100, 10, 128
		r.Outcomes = append(r.Outcomes, result.Outcome{Case: c, Measurements: []result.Measurement{{Lane: lane, Round: 1, Window: time.Second, Delivered: 1000, ServerCPU: time.Hour}}})
	}
	if after := len(pointsOf(r, lane)); after != before {
		t.Errorf("there are %d points instead of %d", after, before)
	}
}
