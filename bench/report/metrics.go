package report

import (
	"time"

	"pushlab/bench/result"
)

// A metric is one number of a measurement.
type metric struct {
	name, unit string
	// higher says that more is better; lower is the rule.
	higher bool
	// tail says that it is of the slowest deliveries, which a measurement's verdict may leave out.
	tail bool
	// of returns the number; not ok if the measurement has none.
	of func(result.Measurement) (v float64, ok bool)
}

// metrics returns what is exported of a measurement, in the order of the files.
func metrics() []metric {
	known := func(of func(result.Measurement) float64) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { v := of(m); return v, v > 0 }
	}
	delivery := func(of func(result.Latency) time.Duration) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { return float64(of(m.Delivery)), m.Delivery.Count > 0 }
	}
	count := func(of func(result.Measurement) int64) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { return float64(of(m)), m.Expected > 0 }
	}
	memory := func(of func(result.MemoryReading) int64) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) {
			if m.Memory == nil {
				return 0, false
			}
			return m.Memory.PerConnection(of), true
		}
	}
	catchUp := func(of func(result.Latency) time.Duration) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) {
			if m.CatchUp == nil {
				return 0, false
			}
			return float64(of(*m.CatchUp)), true
		}
	}
	return []metric{
		{name: "delivery_p50", unit: "ns", of: delivery(func(l result.Latency) time.Duration { return l.P50 })},
		{name: "delivery_p90", unit: "ns", of: delivery(func(l result.Latency) time.Duration { return l.P90 })},
		{name: "delivery_p99", unit: "ns", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.P99 })},
		{name: "delivery_p99.9", unit: "ns", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.P999 })},
		{name: "delivery_max", unit: "ns", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.Max })},
		{name: "bytes_down", unit: "B/event", of: known(result.Measurement.BytesDownPerEvent)},
		{name: "bytes_up", unit: "B/event", of: func(m result.Measurement) (float64, bool) {
			return m.BytesUpPerEvent(), m.Delivered > 0 && m.BytesDown > 0
		}},
		{name: "events_per_write", unit: "events/write", higher: true, of: known(result.Measurement.EventsPerWrite)},
		{name: "server_cpu", unit: "ns/event", of: known(func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) })},
		{name: "server_cores", unit: "cores", of: known(result.Measurement.ServerCores)},
		{name: "load_cores", unit: "cores", of: known(result.Measurement.LoadCores)},
		{name: "publish_rate", unit: "events/s", higher: true, of: known(func(m result.Measurement) float64 { return m.PublishRate })},
		{name: "lost", unit: "deliveries", of: count(func(m result.Measurement) int64 { return m.Lost })},
		{name: "duplicated", unit: "deliveries", of: count(func(m result.Measurement) int64 { return m.Duplicated })},
		{name: "reordered", unit: "deliveries", of: count(func(m result.Measurement) int64 { return m.Reordered })},
		{name: "resident", unit: "B/connection", of: memory(func(r result.MemoryReading) int64 { return r.Resident })},
		{name: "heap", unit: "B/connection", of: memory(func(r result.MemoryReading) int64 { return r.Heap })},
		{name: "stack", unit: "B/connection", of: memory(func(r result.MemoryReading) int64 { return r.Stack })},
		{name: "catch_up_p50", unit: "ns", of: catchUp(func(l result.Latency) time.Duration { return l.P50 })},
		{name: "catch_up_max", unit: "ns", of: catchUp(func(l result.Latency) time.Duration { return l.Max })},
		{name: "capacity", unit: "deliveries/s", higher: true, of: func(m result.Measurement) (float64, bool) {
			if m.Search == nil {
				return 0, false
			}
			return m.Search.Deliveries, true
		}},
	}
}

// comparable reports whether a measurement's number may be compared with others.
func (mt metric) comparable(m result.Measurement) bool {
	if mt.tail {
		return m.Verdict.TailComparable()
	}
	return m.Verdict.Comparable()
}
