package plan

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The rates between which a break-even is looked for, in events per second and client.
const (
	slowest = 1e-4
	fastest = 1e5
	step    = 1.05
)

// A BreakEven is a rate at which what decides changes.
type BreakEven struct {
	// Of is the transport, Than what it is compared with: another, or "" if memory with CPU.
	Of   string `json:"of"`
	Than string `json:"than,omitempty"`
	// In is what both cost as much in: "bytes", "CPU" or "machines".
	In string `json:"in"`
	// Rate is from how many events per second and client on Of costs no more than Than, or CPU decides the number
	// of machines rather than memory. 0 is never, or always if Always says so.
	Rate   float64 `json:"events_per_second"`
	Always bool    `json:"always,omitempty"`
	// Until is up to which rate that is so; 0 is for good.
	Until float64 `json:"until,omitempty"`
	// RateRTT is Rate times the round-trip time.
	RateRTT float64 `json:"rate_x_rtt"`
	// Line is where it is at other round-trip times: where the polls of a client overlap with so many events, whatever
	// their rate. It is empty if it compares memory with CPU.
	Line []Turn `json:"line,omitempty"`
	// Least is the least ratio of their costs between the slowest and the fastest rate, Now that at the
	// demand's rate.
	Least float64 `json:"least_ratio"`
	Now   float64 `json:"ratio_now"`
}

// A Turn is a point of a break-even line.
type Turn struct {
	RTT time.Duration `json:"rtt_ns"`
	// Rate, Until, Always and RateRTT are what they are in a BreakEven.
	Rate    float64 `json:"events_per_second"`
	Until   float64 `json:"until,omitempty"`
	Always  bool    `json:"always,omitempty"`
	RateRTT float64 `json:"rate_x_rtt"`
}

// distances are the round-trip times of a break-even line: in a data centre, in a country, to another continent, around
// the world; and the demand's own.
func distances(d Demand) []time.Duration {
	all := []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, d.RTT}
	slices.Sort(all)
	return slices.Compact(all)
}

// breakEven compares long polling with streaming, and memory with CPU.
func breakEven(models []model, d Demand) (all []BreakEven) {
	for _, lp := range models {
		if !lp.longPoll {
			continue
		}
		for _, other := range models {
			if other.longPoll {
				continue
			}
			if lp.bytesOK && other.bytesOK {
				all = append(all, crossing(lp, other, "bytes", d, func(m model, d Demand) float64 { return m.client(d).link(d) }))
			}
			if lp.cpuOK && other.cpuOK && other.client(d).CPU > 0 {
				all = append(all, crossing(lp, other, "CPU", d, func(m model, d Demand) float64 { return m.client(d).CPU }))
			}
		}
	}
	for _, m := range models {
		if m.cpuOK && m.memOK && m.client(d).CPU > 0 && m.each+float64(d.SocketBytes) > 0 {
			all = append(all, m.memoryOrCPU(d))
		}
	}
	return all
}

func crossing(of, than model, in string, d Demand, cost func(model, Demand) float64) BreakEven {
	b := BreakEven{Of: of.lane.Transport, Than: than.lane.Transport, In: in, Least: math.Inf(1)}
	ratio := func(rate float64) float64 {
		at := d
		at.Rate = rate
		return cost(of, at) / cost(than, at)
	}
	b.Now = ratio(d.Rate)
	for rate := slowest; rate <= fastest; rate *= step {
		b.Least = min(b.Least, ratio(rate))
	}
	for _, rtt := range distances(d) {
		at := d
		at.RTT = rtt
		t := Turn{RTT: rtt}
		t.Rate, t.Until, t.Always = between(func(rate float64) bool { at.Rate = rate; return cost(of, at) <= cost(than, at) })
		t.RateRTT = t.Rate * rtt.Seconds()
		if b.Line = append(b.Line, t); rtt == d.RTT {
			b.Rate, b.Until, b.Always, b.RateRTT = t.Rate, t.Until, t.Always, t.RateRTT
		}
	}
	return b
}

// String tells it in short: from which rate on, and in brackets that rate times the RTT.
func (t Turn) String() string {
	switch {
	case t.Always && t.Until > 0:
		return "up to " + number(t.Until) + "/s"
	case t.Always:
		return "any rate"
	case t.Rate == 0:
		return "never"
	}
	rate := number(t.Rate)
	if t.Until > 0 {
		rate += ".." + number(t.Until)
	}
	return fmt.Sprintf("%s/s (%s)", rate, number(t.RateRTT))
}

// memoryOrCPU finds the rate from which on fewer clients fit on a machine for its CPU than for its memory.
func (m *model) memoryOrCPU(d Demand) BreakEven {
	b := BreakEven{Of: m.lane.Transport, In: "machines"}
	share := func(rate float64) float64 { // of memory that is used when CPU is
		at := d
		at.Rate = rate
		byCPU := (d.Machine.Cores*d.Headroom - m.machine(at)) / m.client(at).CPU
		byMemory := (float64(d.Machine.Memory)*d.Headroom - m.base) / (m.each + float64(d.SocketBytes))
		return max(0, byCPU) / byMemory
	}
	b.Now, b.Least = share(d.Rate), share(fastest)
	b.Rate, _, b.Always = between(func(rate float64) bool { return share(rate) <= 1 })
	b.RateRTT = b.Rate * d.RTT.Seconds()
	return b
}

// between returns the least rate at which something is true, and from which rate on it no longer is: 0 if it is
// never true, and if it is true for good; and always if it is true from the slowest rate on.
func between(is func(rate float64) bool) (rate, until float64, always bool) {
	turn := func(low, high float64, to bool) float64 {
		for range 40 {
			if middle := math.Sqrt(low * high); is(middle) == to {
				high = middle
			} else {
				low = middle
			}
		}
		return high
	}
	before, found := is(slowest), is(slowest)
	always = before
	for at := slowest * step; at <= fastest; at *= step {
		now := is(at)
		if now && !before && !found {
			rate, found = turn(at/step, at, true), true
		}
		if !now && before {
			return rate, turn(at/step, at, false), always
		}
		before = now
	}
	return rate, 0, always
}

// String tells it in a sentence.
func (b BreakEven) String() string {
	if b.In == "machines" {
		switch {
		case b.Always:
			return fmt.Sprintf("%s: CPU decides the number of machines rather than memory, at any rate", b.Of)
		case b.Rate == 0:
			return fmt.Sprintf("%s: memory decides the number of machines rather than CPU, at any rate", b.Of)
		}
		return fmt.Sprintf("%s: memory decides the number of machines rather than CPU below %s events/s, CPU above", b.Of, number(b.Rate))
	}
	now := fmt.Sprintf("; as planned, %s times as much", number(b.Now))
	above := "less above"
	if b.Until > 0 {
		above = fmt.Sprintf("less up to %s events/s", number(b.Until))
	}
	switch {
	case b.Always && b.Until == 0:
		return fmt.Sprintf("%s costs no more than %s in %s at any rate%s", b.Of, b.Than, b.In, now)
	case b.Always:
		return fmt.Sprintf("%s costs no more than %s in %s up to %s events/s%s", b.Of, b.Than, b.In, number(b.Until), now)
	case b.Rate == 0:
		return fmt.Sprintf("%s never costs as little as %s in %s: at the least %s times as much%s", b.Of, b.Than, b.In, number(b.Least), now)
	}
	return fmt.Sprintf("%s costs as much as %s in %s at %s events/s (rate x RTT = %s), %s%s", b.Of, b.Than, b.In, number(b.Rate), number(b.RateRTT), above, now)
}
