package plan

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pushlab/bench/result"
)

// Schema names the form of a plan in JSON.
const Schema = "pushlab.plan/1"

// monthHours is how many hours a month has.
const monthHours = 730

// Measure is the command that measures all that a plan takes.
const Measure = "pushlab bench run --profile plan --out DIR"

// ErrNothing is why no plan could be made of a result.
var ErrNothing = errors.New("plan: the result has nothing to plan with: no fan-out and no idle connections of that target that did not fail; measure with '" + Measure + "'")

// A Plan is what a demand takes, by each transport.
type Plan struct {
	Schema string `json:"schema"`
	Demand Demand `json:"demand"`
	// Target and Variant say which of the result's lanes it is about.
	Target  string `json:"target"`
	Variant string `json:"variant,omitempty"`
	// Lanes are the answers, one for each transport.
	Lanes []Lane `json:"lanes"`
	// BreakEven compares long polling with each of the others, and memory with CPU.
	BreakEven []BreakEven `json:"break_even"`
	// Inputs is what the answers rest on.
	Inputs []Input `json:"inputs"`
	// Lacks are the inputs that the result does not have, and Measure is the command that measures them.
	Lacks   []string `json:"lacks,omitempty"`
	Measure string   `json:"measure,omitempty"`
	// Warnings are what to keep in mind.
	Warnings []string `json:"warnings"`
}

// A Lane is what one transport takes, on all machines together. What was not measured is 0 and named in
// Missing; the rest is then the least that it takes.
type Lane struct {
	Transport string `json:"transport"`
	Machines  int    `json:"machines"`
	// Decides is what the number of machines comes from: "CPU", "memory" or "bandwidth".
	Decides string `json:"decides"`
	// Missing is what is not in it.
	Missing []string `json:"missing,omitempty"`
	// ClientsEach is how many clients a machine has.
	ClientsEach int `json:"clients_each"`
	// Cores are kept busy, of all that the machines have.
	Cores float64 `json:"cores"`
	// Memory is in bytes, Out and In in bits per second, with what segments add.
	Memory float64 `json:"memory_bytes"`
	Out    float64 `json:"out_bits"`
	In     float64 `json:"in_bits"`
	// EventsPerWrite is how many events share a write, or the answer to a poll.
	EventsPerWrite float64 `json:"events_per_write"`
	// Hour and Month are what it costs.
	Hour  float64 `json:"cost_hour"`
	Month float64 `json:"cost_month"`
}

// Make plans for a demand with what a result says about a target in a variant. It fails with ErrNothing if
// that is nothing.
func Make(r result.Result, target, variant string, d Demand) (Plan, error) {
	if err := d.Validate(); err != nil {
		return Plan{}, err
	}
	p := Plan{Schema: Schema, Demand: d, Target: target, Variant: variant}
	var models []model
	for _, transport := range result.Transports() {
		lane := result.Lane{Target: target, Transport: transport, Variant: variant}
		points := pointsOf(r, lane)
		m := fitModel(lane, points)
		if !m.cpuOK && !m.bytesOK && !m.memOK {
			if len(points) > 0 {
				p.warn("%s is left out: its measurements fit no costs", transport)
			}
			continue
		}
		answer, err := m.answer(d)
		if err != nil {
			p.warn("%s is left out: %v", transport, err)
			continue
		}
		models = append(models, m)
		p.Lanes = append(p.Lanes, answer)
	}
	if len(p.Lanes) == 0 {
		if len(p.Warnings) > 0 {
			return Plan{}, fmt.Errorf("plan: %s", p.Warnings[0])
		}
		return Plan{}, ErrNothing
	}
	p.BreakEven = breakEven(models, d)
	for _, m := range models {
		p.Inputs = append(p.Inputs, m.inputs()...)
	}
	p.Inputs = append(p.Inputs, assumptions(d)...)
	p.warnOf(models)
	p.warnOfAll(r)
	return p, nil
}

// answer is what the lane takes.
func (m *model) answer(d Demand) (Lane, error) {
	a := Lane{Transport: m.lane.Transport, EventsPerWrite: m.perWriteAt(d.Rate, d.RTT)}
	u, n := m.client(d), float64(d.Clients)
	fullest := 0.0 // how full a machine with all clients would be
	need := func(name string, each, fixed, has float64, text func(float64) string) error {
		left := has*d.Headroom - fixed
		if left <= 0 || each > left {
			return fmt.Errorf("a machine has too little %s: %s are to be used, and one client takes %s with what the server takes anyway", name, text(has*d.Headroom), text(fixed+each))
		}
		if full := n * each / left; full > fullest {
			fullest, a.Decides = full, name
		}
		machines := 1
		if n*each > left {
			machines = int(math.Ceil(n / math.Floor(left/each)))
		}
		a.Machines = max(a.Machines, machines)
		return nil
	}
	var err error
	if m.cpuOK {
		err = need("CPU", u.CPU, m.machine(d), d.Machine.Cores, func(v float64) string { return number(v) + " cores" })
	} else {
		a.Missing = append(a.Missing, "CPU")
	}
	if m.memOK {
		err = cmp.Or(err, need("memory", m.each+float64(d.SocketBytes), m.base, float64(d.Machine.Memory), memory))
	} else {
		a.Missing = append(a.Missing, "memory")
	}
	if m.bytesOK {
		err = cmp.Or(err, need("bandwidth", 8*max(u.out(d), u.in(d)), 0, d.Machine.Bandwidth, bits))
	} else {
		a.Missing = append(a.Missing, "bandwidth")
	}
	if err != nil {
		return a, err
	}
	machines := float64(a.Machines)
	a.ClientsEach = int(math.Ceil(n / machines))
	if m.cpuOK {
		a.Cores = n*u.CPU + machines*m.machine(d)
	}
	if m.memOK {
		a.Memory = n*(m.each+float64(d.SocketBytes)) + machines*m.base
	}
	if m.bytesOK {
		a.Out, a.In = 8*n*u.out(d), 8*n*u.in(d)
	}
	a.Hour = machines*d.Machine.Price + a.Out/8*3600/1e9*d.PriceGB
	a.Month = a.Hour * monthHours
	return a, nil
}

func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

// A caution is a warning about some transports.
type caution struct {
	transports []string
	text       string
	lack       bool // it is for something that was not measured
}

func (c caution) String() string { return strings.Join(c.transports, ", ") + ": " + c.text }

// warnOf says what the result lacks, and what to keep in mind of the lanes. What holds for several is said once.
func (p *Plan) warnOf(models []model) {
	var all []caution
	for i, m := range models {
		for _, c := range m.cautions(p.Lanes[i], p.Demand) {
			same := slices.IndexFunc(all, func(o caution) bool { return o.text == c.text })
			if same < 0 {
				all = append(all, c)
				same = len(all) - 1
			}
			all[same].transports = append(all[same].transports, m.lane.Transport)
		}
	}
	for _, c := range all {
		if c.lack {
			p.Lacks = append(p.Lacks, c.String())
		} else {
			p.warn("%s", c)
		}
	}
	if len(p.Lacks) > 0 {
		p.Measure = Measure
		if p.Target != result.PushlabName {
			p.Measure += " --target " + p.Target
		}
		if p.Variant != "" {
			p.Measure += " --variant " + p.Variant
		}
	}
}

// cautions are what to keep in mind of one lane.
func (m *model) cautions(a Lane, d Demand) (all []caution) {
	add := func(lack bool, format string, args ...any) {
		all = append(all, caution{text: fmt.Sprintf(format, args...), lack: lack})
	}
	for _, missing := range a.Missing {
		add(true, "%s was not measured, so the machines are the least there can be", missing)
	}
	if d.Reconnects > 0 && !m.stormed {
		add(true, "what connecting costs was not measured, and is not counted")
	}
	if m.doubtful {
		add(true, "CPU rests on measurements whose verdict says that they must not be compared; a quiet machine gives better ones")
	}
	if m.spoiled > len(m.fromCPU) {
		add(true, "most measurements of CPU must not be compared, as their verdicts say, and were left out; a quiet machine, and more --rounds, give better ones")
	}
	if m.cpuOK && !slices.ContainsFunc(m.fromCPU, func(q point) bool { return q.kind == result.Idle }) {
		add(true, "what connections cost that wait was not measured, and is counted as a part of what events cost")
	}
	if m.cpuOK && m.longPoll && !m.split && a.EventsPerWrite > apartWrites {
		add(true, "an answer would carry %s events, but what such answers cost was not measured: CPU is up to that many times too high", number(a.EventsPerWrite))
	}
	if m.bytesOK && m.longPoll && m.down[perWrite] == 0 {
		add(true, "heads could not be told from events, since every answer had one: where answers carry more, the bytes out are too many")
	}
	if m.longPoll && !m.far {
		add(true, "polls were not measured from afar, or not so that they may be compared: how long asking again takes beside the RTT is taken from a load that was near")
	}
	if m.bytesOK && !m.sized && !slices.ContainsFunc(m.fromBytes, func(q point) bool { return q.size == d.Size }) {
		add(true, "one size was measured, so data is taken to be sent as it is")
	}
	if beats := d.Heartbeat.Seconds() * d.Rate; m.bytesOK && beats < 0.5 {
		add(false, "%s heartbeats for each event: --heartbeat decides more than events do", number(1/beats))
	}
	if cycle := m.cycle(d.RTT); m.longPoll && d.Rate*cycle > 0.1 {
		add(false, "events that come while a client asks again, which takes %s ms, wait until it has", number(1e3*cycle))
	}
	beyond := func(what string, points []point, asked float64, low bool, of func(point) float64) {
		least, most := reach(points, of)
		switch {
		case len(points) == 0:
		case asked > most*1.001:
			add(false, "%s %s: extrapolated x %s from %s", number(asked), what, number(asked/most), number(most))
		case low && asked < least*0.999:
			add(false, "%s %s: less than was measured, which begins at %s", number(asked), what, number(least))
		}
	}
	sending := having(m.fromCPU, delivers)
	beyond("clients on a machine, for its memory", m.fromMemory, float64(a.ClientsEach), false, connections)
	beyond("clients on a machine, for its CPU", sending, float64(a.ClientsEach), false, connections)
	beyond("events/s, for CPU", sending, d.Rate, true, func(q point) float64 { return q.rate })
	beyond("bytes of data", m.fromBytes, float64(d.Size), true, func(q point) float64 { return float64(q.size) })
	return all
}

func (p *Plan) warnOfAll(r result.Result) {
	e := r.Environment
	p.warn("a core is like those that were measured (%s); there the load shared the machine, and the loopback interface charges the receiver's half of TCP to the server", cmp.Or(e.CPU, "machine"))
	p.warn("not counted: TLS, proxies, what publishers send, buffers of slow clients, and a spare machine for when one fails; each connection is an open file, so raise that limit (ulimit -n) above the clients of a machine")
}
