package report

import (
	"time"

	"pushlab/bench/result"
)

// A round is what one round of a case measured on this program's server.
type round struct {
	c     result.Case
	lanes map[result.Lane]result.Measurement
}

// A reading is a number of one measurement; not ok if it is not known, or must not be compared.
type reading func(result.Case, result.Measurement) (v float64, ok bool)

// A measure is a number of one round, of one lane or of several.
type measure func(round) (v float64, ok bool)

// direct is a lane of this program's server as it is.
func direct(transport string) result.Lane {
	return result.Lane{Target: result.PushlabName, Transport: transport}
}

// with is the lane in another variant.
func with(l result.Lane, variant string) result.Lane {
	l.Variant = variant
	return l
}

// variantsOf is each lane in each variant.
func variantsOf(lanes []result.Lane, variants ...string) (all []result.Lane) {
	for _, variant := range variants {
		for _, l := range lanes {
			all = append(all, with(l, variant))
		}
	}
	return all
}

// forEach asks the same of each lane.
func forEach(lanes []result.Lane, questions ...func(result.Lane) question) (all []question) {
	for _, ask := range questions {
		for _, l := range lanes {
			all = append(all, ask(l))
		}
	}
	return all
}

// metricOf reads a metric.
func metricOf(m result.Metric) reading {
	info := m.Info()
	return func(_ result.Case, m result.Measurement) (float64, bool) { return info.Of(m) }
}

// allBytes are those of an event, both ways.
func allBytes(_ result.Case, m result.Measurement) (float64, bool) {
	return m.BytesDownPerEvent() + m.BytesUpPerEvent(), m.Delivered > 0 && m.BytesDown > 0 && m.Verdict.Comparable()
}

// overhead is allBytes without the application's data.
func overhead(c result.Case, m result.Measurement) (float64, bool) {
	v, ok := allBytes(c, m)
	v -= float64(c.Size)
	return v, ok && v > 0
}

// wholeCPU is the run time of the server and of what stands before it, for an event.
func wholeCPU(_ result.Case, m result.Measurement) (float64, bool) {
	return float64(m.ServerCPUPerEvent() + m.BetweenCPUPerEvent()), m.ServerCPU > 0 && m.Delivered > 0 && m.Verdict.Comparable()
}

// sockets are how many connections the subscribers had.
func sockets(_ result.Case, m result.Measurement) (float64, bool) {
	if m.Connecting == nil {
		return 0, false
	}
	return float64(m.Connecting.Connections), m.Connecting.Connections > 0 && m.Verdict.Comparable()
}

// firstAnswer is how long a subscriber waited that made a connection, joining how long one that had one.
func firstAnswer(_ result.Case, m result.Measurement) (float64, bool) {
	if m.Connecting == nil {
		return 0, false
	}
	return known50(m, m.Connecting.FirstAnswer)
}

func joining(_ result.Case, m result.Measurement) (float64, bool) {
	if m.Connecting == nil || m.Connecting.Joining == nil {
		return 0, false
	}
	return known50(m, *m.Connecting.Joining)
}

func known50(m result.Measurement, l result.Latency) (float64, bool) {
	return float64(l.P50) / float64(time.Millisecond), l.P50 > 0 && m.Verdict.Comparable()
}

// heldBack is the share of the deliveries that did not come in time. What is held back is why nothing else of the
// measurement may be compared.
func heldBack(_ result.Case, m result.Measurement) (float64, bool) {
	if m.Expected == 0 || m.Error != "" || len(m.Verdict.Failed) > 0 || m.NotInTime == 0 && !m.Verdict.Comparable() {
		return 0, false
	}
	return min(1, float64(m.NotInTime)/float64(m.Expected)), true
}

// only is a reading of one lane.
func only(r reading, l result.Lane) measure {
	return func(in round) (float64, bool) {
		m, ok := in.lanes[l]
		if !ok {
			return 0, false
		}
		return r(in.c, m)
	}
}

// ratioOf is how many times as much the one lane has as the other.
func ratioOf(r reading, one, other result.Lane) measure {
	return quotient(only(r, one), only(r, other))
}

// quotient divides a measure by another.
func quotient(one, other measure) measure {
	return func(in round) (float64, bool) {
		a, ok := one(in)
		b, too := other(in)
		if !ok || !too || b <= 0 {
			return 0, false
		}
		return a / b, true
	}
}

// difference is how much more the one lane has than the other.
func difference(r reading, one, other result.Lane) measure {
	return func(in round) (float64, bool) {
		a, ok := only(r, one)(in)
		b, too := only(r, other)(in)
		return a - b, ok && too
	}
}

// transits is how many times an event crosses the network on its slow way, where on the other way it does so once: by
// how much later it comes, in times of half of the round trip that was added.
func transits(slow, quick result.Lane) measure {
	later := difference(metricOf(result.DeliveryTail), slow, quick)
	return func(in round) (float64, bool) {
		v, ok := later(in)
		if !ok || in.c.RTT == 0 {
			return 0, false
		}
		oneWay := float64(in.c.RTT) / 2 / float64(time.Millisecond)
		return 1 + v/oneWay, true
	}
}
