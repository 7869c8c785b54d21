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

// ErrNothing is why no plan could be made of a result.
var ErrNothing = errors.New("plan: the result has nothing to plan with: no fan-out and no idle connections of that target that did not fail; measure with 'pushlab bench run --profile cost' and '--profile idle'")

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
	need := func(name string, each, fixed, has float64) error {
		left := has*d.Headroom - fixed
		if left <= 0 || each > left {
			return fmt.Errorf("a machine has too little %s: %.3g of it are to be used, and %.3g are taken with one client", name, has*d.Headroom, fixed+each)
		}
		if full := n * each / left; full > fullest {
			fullest, a.Decides = full, name
		}
		a.Machines = max(a.Machines, int(math.Ceil(n/math.Floor(left/max(each, left/n)))))
		return nil
	}
	var err error
	if m.cpuOK {
		err = need("CPU", u.CPU, m.machine(d), d.Machine.Cores)
	} else {
		a.Missing = append(a.Missing, "CPU")
	}
	if m.memOK {
		err = cmp.Or(err, need("memory", m.each+float64(d.SocketBytes), m.base, float64(d.Machine.Memory)))
	} else {
		a.Missing = append(a.Missing, "memory")
	}
	if m.bytesOK {
		err = cmp.Or(err, need("bandwidth", 8*max(u.out(d), u.in(d)), 0, d.Machine.Bandwidth))
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
	profile    string // of the run that would measure what is missing; "" if none would
	more       string // arguments of that
}

func (c caution) String() string {
	text := strings.Join(c.transports, ", ") + ": " + c.text
	if c.profile == "" {
		return text
	}
	text += "; measure it with 'pushlab bench run --profile " + c.profile
	for _, t := range c.transports {
		text += " --transport " + t
	}
	return text + c.more + " --out DIR'"
}

// warnOf says what to keep in mind of the lanes, and what would measure what is missing. What holds for several
// is said once.
func (p *Plan) warnOf(models []model) {
	var all []caution
	for i, m := range models {
		for _, c := range m.cautions(p.Lanes[i], p.Demand) {
			same := slices.IndexFunc(all, func(o caution) bool { return o.text == c.text && o.profile == c.profile && o.more == c.more })
			if same < 0 {
				all = append(all, c)
				same = len(all) - 1
			}
			all[same].transports = append(all[same].transports, m.lane.Transport)
		}
	}
	for _, c := range all {
		p.warn("%s", c)
	}
}

// cautions are what to keep in mind of one lane.
func (m *model) cautions(a Lane, d Demand) (all []caution) {
	add := func(profile, more, format string, args ...any) {
		if profile != "" && m.lane.Target != result.PushlabName {
			more += " --target " + m.lane.Target
		}
		all = append(all, caution{text: fmt.Sprintf(format, args...), profile: profile, more: more})
	}
	profiles := map[string]string{"CPU": "cost", "memory": "idle", "bandwidth": "cost"}
	for _, missing := range a.Missing {
		add(profiles[missing], "", "%s was not measured, so the machines are the least there can be", missing)
	}
	if d.Reconnects > 0 && !m.stormed {
		add("storm", "", "what connecting costs was not measured, and is not counted")
	}
	if m.doubtful {
		add("cost", "", "CPU rests on measurements whose verdict says that they must not be compared; a quiet machine gives better ones")
	}
	if m.cpuOK && m.longPoll && !m.split && a.EventsPerWrite > apartWrites {
		add("capacity", "", "an answer would carry %s events, but what such answers cost was not measured: CPU is up to that many times too high", number(a.EventsPerWrite))
	}
	if m.bytesOK && m.longPoll && m.down[perWrite] == 0 {
		add("storm", "", "heads could not be told from events, since every answer had one: where answers carry more, the bytes out are too many")
	}
	if m.bytesOK && !m.sized && !slices.ContainsFunc(m.fromBytes, func(q point) bool { return q.size == d.Size }) {
		add("smoke", fmt.Sprintf(" --size %d", max(d.Size, result.MinSize)), "one size was measured, so data is taken to be sent as it is")
	}
	beyond := func(what string, points []point, asked float64, low bool, of func(point) float64) {
		least, most := reach(points, of)
		switch {
		case len(points) == 0:
		case asked > most*1.001:
			add("", "", "%s %s: extrapolated x %s from %s", number(asked), what, number(asked/most), number(most))
		case low && asked < least*0.999:
			add("", "", "%s %s: less than was measured, which begins at %s", number(asked), what, number(least))
		}
	}
	connections := func(q point) float64 { return float64(q.n) }
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
	p.warn("not counted: TLS, what publishers send, buffers of slow clients, and a spare machine for when one fails")
}
