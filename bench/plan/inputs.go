package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pushlab/bench/result"
)

// An Input is something that a plan rests on.
type Input struct {
	// Transport is whose it is; "" is all.
	Transport string `json:"transport,omitempty"`
	// Kind is what was measured for it: "CPU", "bytes" or "memory"; "" if it is assumed.
	Kind string `json:"kind,omitempty"`
	// Name is what it is, Value how much, Unit in what.
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Measured says that it was; otherwise it is assumed.
	Measured bool `json:"measured"`
	// Low and High are what it is when each case in turn is left out; 0 if that says nothing. Where a cost then
	// cannot be told from another, and went into it, is not counted.
	Low  float64 `json:"low,omitempty"`
	High float64 `json:"high,omitempty"`
	// From are the cases that it was measured in; or "default", or the flag that was given.
	From string `json:"from"`
}

// inputs lists what the lane's answer rests on.
func (m *model) inputs() (all []Input) {
	without := m.leaveOut()
	add := func(kind, name, unit string, from []point, ok func(model) bool, value func(model) float64) {
		if !ok(*m) {
			return
		}
		in := Input{Transport: m.lane.Transport, Kind: kind, Name: name, Unit: unit, Value: value(*m), Measured: true, From: describe(from)}
		if in.Value == 0 {
			return
		}
		in.Low, in.High = math.Inf(1), math.Inf(-1)
		for _, other := range without {
			if ok(other) && value(other) > 0 { // or it went into another cost
				in.Low, in.High = min(in.Low, value(other)), max(in.High, value(other))
			}
		}
		if in.High < in.Low {
			in.Low, in.High = 0, 0
		}
		all = append(all, in)
	}
	cpu := func(name string, c column) {
		add("CPU", "CPU per "+name, "µs", m.fromCPU, func(m model) bool { return m.cpuOK }, func(m model) float64 { return 1e6 * m.cpu[c] })
	}
	cpu("event", perEvent)
	cpu("KiB of data", perByte)
	if all != nil && all[len(all)-1].Name == "CPU per KiB of data" {
		in := &all[len(all)-1]
		in.Value, in.Low, in.High = 1024*in.Value, 1024*in.Low, 1024*in.High
	}
	cpu("write", perWrite)
	cpu("published event", perPublish)
	cpu("write to a quiet connection, more", perWake)
	cpu("idle connection and second", perConnSec)
	cpu("second", perSecond)
	cpu("connect", perConnect)
	bytes := func(name string, value func(model) float64) {
		add("bytes", name, "B", m.fromBytes, func(m model) bool { return m.bytesOK }, value)
	}
	bytes("framing per event", func(m model) float64 { return m.down[perEvent] })
	if m.sized {
		bytes("bytes per byte of data", func(m model) float64 { return m.down[perByte] })
	} else if m.bytesOK {
		all = append(all, Input{Transport: m.lane.Transport, Name: "bytes per byte of data", Value: 1, Unit: "B", From: "one size was measured"})
	}
	bytes("head of an answer, or of a write", func(m model) float64 { return m.down[perWrite] })
	bytes("request of a poll", func(m model) float64 { return m.up[perWrite] })
	bytes("head of a connect, down", func(m model) float64 { return m.down[perConnect] })
	bytes("request of a connect", func(m model) float64 { return m.up[perConnect] })
	memory := func(name string, value func(model) float64) {
		add("memory", name, "KiB", m.fromMemory, func(m model) bool { return m.memOK }, func(m model) float64 { return value(m) / 1024 })
	}
	memory("memory per connection", func(m model) float64 { return m.each })
	memory("memory without connections", func(m model) float64 { return m.base })
	if m.cpuOK {
		all = append(all, Input{Transport: m.lane.Transport, Kind: "CPU", Name: "time between two writes to a client, without RTT", Value: m.work * 1e3, Unit: "ms", Measured: true, From: describe(m.fromCPU)})
	}
	return all
}

// leaveOut fits the lane again without each of its cases.
func (m *model) leaveOut() (all []model) {
	for _, of := range cases(m.used) {
		all = append(all, fitModel(m.lane, having(m.used, func(p point) bool { return p.of != of })))
	}
	return all
}

// describe says which cases points are of, and in brackets how many measurements those are.
func describe(points []point) string {
	var parts []string
	for _, kind := range []result.Kind{result.FanOut, result.Capacity, result.Storm, result.Idle} {
		of := having(points, func(p point) bool { return p.kind == kind })
		if len(of) == 0 {
			continue
		}
		if n := len(cases(of)); n > 1 {
			low, high := reach(of, func(p point) float64 { return float64(p.n) })
			sizes := count(low)
			if high > low {
				sizes += ".." + count(high)
			}
			parts = append(parts, fmt.Sprintf("%d %s cases of %s (%d)", n, kind, sizes, len(of)))
		} else {
			parts = append(parts, fmt.Sprintf("%s of %s (%d)", kind, strings.TrimPrefix(of[0].title, string(kind)+", "), len(of)))
		}
	}
	return strings.Join(parts, ", ")
}

// assumptions lists what the plan assumes.
func assumptions(d Demand) (all []Input) {
	add := func(flag, name string, value float64, unit string) {
		from := "default of --" + flag
		if slices.Contains(d.Given, flag) {
			from = "--" + flag
		}
		all = append(all, Input{Name: name, Value: value, Unit: unit, From: from})
	}
	add("rtt", "round-trip time", d.RTT.Seconds()*1e3, "ms")
	add("header-bytes", "what a browser adds to a request", float64(d.HeaderBytes), "B")
	add("segment-bytes", "what a TCP segment adds", float64(d.SegmentBytes), "B")
	add("socket-memory", "kernel memory of a connection", float64(d.SocketBytes)/1024, "KiB")
	add("heartbeat", "heartbeat", d.Heartbeat.Seconds(), "s")
	add("headroom", "share of a machine that is used", d.Headroom, "")
	add("cores", "cores of a machine", d.Machine.Cores, "")
	add("memory", "memory of a machine", float64(d.Machine.Memory)/(1<<30), "GiB")
	add("bandwidth", "bandwidth of a machine, each way", d.Machine.Bandwidth/1e6, "Mbit/s")
	add("price-machine", "price of a machine and hour", d.Machine.Price, "")
	add("price-gb", "price of a GB sent", d.PriceGB, "")
	all = append(all, Input{Name: "heartbeat with its framing", Value: heartbeatBytes, Unit: "B", From: "the program"},
		Input{Name: "time in which a connection becomes quiet", Value: cooling * 1e3, Unit: "ms", From: "the program"})
	return all
}
