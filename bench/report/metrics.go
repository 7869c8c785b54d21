package report

import (
	"slices"
	"time"

	"pushlab/bench/result"
)

// A metric is one number of a measurement. Its name has its unit, and stays: it is in files.
type metric struct {
	name string
	// unit is "ms", "us", "KiB", "B" or "/s", or "" of what is counted.
	unit string
	// higher says that more is better; lower is the rule.
	higher bool
	// tail says that it is of the slowest deliveries, which a measurement's verdict may leave out.
	tail bool
	// of returns the number; not ok if the measurement has none.
	of func(result.Measurement) (v float64, ok bool)
}

// metrics returns what is exported of a measurement, in the order of the files.
func metrics() []metric {
	const ms, us = float64(time.Millisecond), float64(time.Microsecond)
	known := func(of func(result.Measurement) float64) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { v := of(m); return v, v > 0 }
	}
	delivery := func(of func(result.Latency) time.Duration) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { return float64(of(m.Delivery)) / ms, m.Delivery.Count > 0 }
	}
	count := func(of func(result.Measurement) int64) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) { return float64(of(m)), m.Expected > 0 }
	}
	memory := func(of func(result.Slopes) result.Slope) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) {
			if m.Memory == nil {
				return 0, false
			}
			return of(m.Memory.PerConnection()).PerConnection / 1024, true
		}
	}
	catchUp := func(of func(result.Latency) time.Duration) func(result.Measurement) (float64, bool) {
		return func(m result.Measurement) (float64, bool) {
			if m.CatchUp == nil {
				return 0, false
			}
			return float64(of(*m.CatchUp)) / ms, true
		}
	}
	return []metric{
		{name: "delivery_p50_ms", unit: "ms", of: delivery(func(l result.Latency) time.Duration { return l.P50 })},
		{name: "delivery_p90_ms", unit: "ms", of: delivery(func(l result.Latency) time.Duration { return l.P90 })},
		{name: "delivery_p99_ms", unit: "ms", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.P99 })},
		{name: "delivery_p99_9_ms", unit: "ms", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.P999 })},
		{name: "delivery_max_ms", unit: "ms", tail: true, of: delivery(func(l result.Latency) time.Duration { return l.Max })},
		{name: "bytes_down_per_event", unit: "B", of: known(result.Measurement.BytesDownPerEvent)},
		{name: "bytes_up_per_event", unit: "B", of: func(m result.Measurement) (float64, bool) {
			return m.BytesUpPerEvent(), m.Delivered > 0 && m.BytesDown > 0
		}},
		{name: "events_per_write", higher: true, of: known(result.Measurement.EventsPerWrite)},
		{name: "server_cpu_us_per_event", unit: "us", of: known(func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) / us })},
		{name: "server_cores", of: known(result.Measurement.ServerCores)},
		{name: "load_cores", of: known(result.Measurement.LoadCores)},
		{name: "publish_rate", unit: "/s", higher: true, of: known(func(m result.Measurement) float64 { return m.PublishRate })},
		{name: "lost", of: count(func(m result.Measurement) int64 { return m.Lost })},
		{name: "duplicated", of: count(func(m result.Measurement) int64 { return m.Duplicated })},
		{name: "reordered", of: count(func(m result.Measurement) int64 { return m.Reordered })},
		{name: "resident_kib_per_connection", unit: "KiB", of: memory(func(s result.Slopes) result.Slope { return s.Resident })},
		{name: "heap_kib_per_connection", unit: "KiB", of: memory(func(s result.Slopes) result.Slope { return s.Heap })},
		{name: "stack_kib_per_connection", unit: "KiB", of: memory(func(s result.Slopes) result.Slope { return s.Stack })},
		{name: "catch_up_p50_ms", unit: "ms", of: catchUp(func(l result.Latency) time.Duration { return l.P50 })},
		{name: "catch_up_ms", unit: "ms", of: catchUp(func(l result.Latency) time.Duration { return l.Max })},
		{name: "deliveries_per_second", unit: "/s", higher: true, of: func(m result.Measurement) (float64, bool) {
			if m.Search == nil {
				return 0, false
			}
			return m.Search.Deliveries, true
		}},
	}
}

// findMetric returns the metric of that name, which there is.
func findMetric(name string) metric {
	all := metrics()
	return all[slices.IndexFunc(all, func(mt metric) bool { return mt.name == name })]
}

// comparable reports whether a measurement's number may be compared with others.
func (mt metric) comparable(m result.Measurement) bool {
	if mt.tail {
		return m.Verdict.TailComparable()
	}
	return m.Verdict.Comparable()
}
