package bench

import (
	"slices"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/result"
)

// virtual is how long a computed case lasts.
const virtual = time.Hour

// sweep returns the points of some subscribers whose low rates are computed: idle connections first, then what
// is measured, and then what is computed from both.
func (s Scenario) sweep(subscribers int, rates []float64, f form) []result.Case {
	var measured, computed []result.Case
	for _, rate := range rates {
		c := s.at(subscribers, rate, f)
		switch {
		case rate < s.ComputeBelow:
			c.Computed, c.WarmUp, c.MaxWarmUp, c.Measure = true, 0, 0, virtual
			computed = append(computed, c)
		case s.Most == 0 || rate*float64(subscribers) <= s.Most:
			measured = append(measured, c)
		}
	}
	if len(computed) == 0 || len(measured) == 0 {
		return measured
	}
	idle := s.at(subscribers, s.ComputeBelow, f)
	idle.Kind, idle.MaxWarmUp, idle.Measure = result.Idle, 0, s.Watch
	idle.WarmUp = max(s.WarmUp, load.Pacer{Rate: idle.Rate}.Due(idleSteps)) // an event at each step
	cases := append([]result.Case{idle}, measured...)
	if s.Verify > 0 {
		c := s.at(subscribers, s.Verify, f)
		c.Verifies, c.MaxWarmUp, c.Measure = true, 0, s.Watch
		cases = append(cases, c)
	}
	return append(cases, computed...)
}

// A source is what a lane's cost at a low rate is computed from.
type source struct {
	idle, event result.Measurement
}

// sources finds, for each lane and round of a case, what it can be computed from: the idle connections and
// the lowest measured rate of the same scenario, with as many subscribers and the same data.
func sources(c result.Case, outcomes []result.Outcome) (found []source) {
	same := func(o result.Outcome, kind result.Kind) bool {
		other := o.Case
		return other.Name == c.Name && other.Kind == kind && other.Subscribers == c.Subscribers && other.Size == c.Size &&
			other.RTT == c.RTT && other.Data == c.Data && !other.Computed && !other.Verifies
	}
	var idle, lowest *result.Outcome
	for i, o := range outcomes {
		if same(o, result.Idle) {
			idle = &outcomes[i]
		}
		if same(o, result.FanOut) && (lowest == nil || o.Case.Rate < lowest.Case.Rate) {
			lowest = &outcomes[i]
		}
	}
	if idle == nil || lowest == nil {
		return nil
	}
	for _, m := range lowest.Measurements {
		at := slices.IndexFunc(idle.Measurements, func(i result.Measurement) bool { return i.Lane == m.Lane && i.Round == m.Round })
		if at >= 0 {
			found = append(found, source{idle.Measurements[at], m})
		}
	}
	return found
}

// compute returns what the lanes of a case would cost, by what others have.
func compute(c result.Case, outcomes []result.Outcome) (measurements []result.Measurement) {
	for _, s := range sources(c, outcomes) {
		m := result.Measurement{Lane: s.event.Lane, Round: s.event.Round, Computed: true, Window: c.Measure}
		m.Planned = c.Events()
		m.Published, m.Acknowledged, m.PublishRate = m.Planned, m.Planned, c.Rate
		m.Expected = int64(m.Planned) * int64(c.Subscribers)
		m.Delivered, m.DataBytes = m.Expected, m.Expected*int64(c.Size)
		s.add(&m)
		for _, from := range []result.Measurement{s.idle, s.event} {
			if !from.Verdict.Comparable() || from.Window == 0 || s.event.Delivered == 0 {
				m.Verdict.Invalid = []string{"it is computed from a measurement that must not be compared"}
			}
		}
		m.Verdict.Notes = []string{"computed: what waiting connections cost, and what events do at the lowest rate that was measured"}
		measurements = append(measurements, m)
	}
	return measurements
}

// add enters what a window of that length with so many deliveries costs.
func (s source) add(m *result.Measurement) {
	sum := func(of func(*result.Measurement) *int64) {
		waiting := func(t time.Duration) float64 {
			if s.idle.Window == 0 {
				return 0
			}
			return float64(*of(&s.idle)) * float64(t) / float64(s.idle.Window)
		}
		each := 0.0
		if s.event.Delivered > 0 {
			each = max(0, float64(*of(&s.event))-waiting(s.event.Window)) / float64(s.event.Delivered)
		}
		*of(m) = int64(waiting(m.Window) + each*float64(m.Delivered))
	}
	sum(func(m *result.Measurement) *int64 { return (*int64)(&m.ServerCPU) })
	sum(func(m *result.Measurement) *int64 { return (*int64)(&m.SoftirqCPU) })
	sum(func(m *result.Measurement) *int64 { return (*int64)(&m.LoadCPU) })
	sum(func(m *result.Measurement) *int64 { return &m.BytesDown })
	sum(func(m *result.Measurement) *int64 { return &m.BytesUp })
	sum(func(m *result.Measurement) *int64 { return &m.Bytes.RequestHeads })
	sum(func(m *result.Measurement) *int64 { return &m.Bytes.ResponseHeads })
	sum(func(m *result.Measurement) *int64 { return &m.Bytes.Framing })
	m.Bytes.Payload = m.BytesDown + m.BytesUp - m.Bytes.RequestHeads - m.Bytes.ResponseHeads - m.Bytes.Framing
	if s.idle.Segments == nil || s.event.Segments == nil {
		return
	}
	m.Segments = &result.Segments{}
	sum(func(m *result.Measurement) *int64 { return &m.Segments.In })
	sum(func(m *result.Measurement) *int64 { return &m.Segments.Out })
	sum(func(m *result.Measurement) *int64 { return &m.Segments.DataIn })
	sum(func(m *result.Measurement) *int64 { return &m.Segments.DataOut })
}

// predict enters, in what was measured at a rate that can be computed, what would have been computed.
func predict(c result.Case, measurements []result.Measurement, outcomes []result.Outcome) {
	for _, s := range sources(c, outcomes) {
		for i, m := range measurements {
			if m.Lane != s.event.Lane || m.Round != s.event.Round || m.Delivered == 0 {
				continue
			}
			would := result.Measurement{Window: m.Window, Delivered: m.Delivered}
			s.add(&would)
			p := result.Prediction{ServerCPU: would.ServerCPUPerEvent(), Bytes: would.PerEvent(would.BytesDown + would.BytesUp)}
			if would.Segments != nil {
				p.Segments = would.PerEvent(would.Segments.In + would.Segments.Out)
			}
			measurements[i].Predicted = &p
		}
	}
}
