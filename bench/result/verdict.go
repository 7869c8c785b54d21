package result

import (
	"fmt"
	"time"
)

// A run is not valid if it published less than minRate of what was planned, or so late that it shows
// in the deliveries: more than maxDelay, and more than maxShare of what they took in the median. If
// that is so for the latest in ten events, no number is worth comparing; if only for the latest in a
// hundred, it is the slowest deliveries that are not. Notes are made
// of cores that are nearFull with server and load, or noisy with others, of a window that has
// neither the fewest deliveries that a p99 should rest on nor the shortest time, and of a warm-up that did not
// become steady.
const (
	minRate  = 0.99
	maxDelay = time.Millisecond
	maxShare = 0.1    // of the median delivery
	nearFull = 0.85   // of all cores
	noisy    = 0.1    // of all cores
	fewest   = 10_000 // deliveries
	shortest = 10 * time.Second
)

// A Verdict says what to think of a measurement.
type Verdict struct {
	// Failed are the reasons why the server did not do its work.
	Failed []string `json:"failed,omitempty"`
	// Invalid are the reasons why the numbers must not be compared with others.
	Invalid []string `json:"invalid,omitempty"`
	// Tail are the reasons why its slowest deliveries must not be compared: p99, p99.9 and max.
	// The other numbers may be.
	Tail []string `json:"tail,omitempty"`
	// Notes are what to keep in mind.
	Notes []string `json:"notes,omitempty"`
}

// Comparable reports whether the numbers may be compared with others.
func (v Verdict) Comparable() bool { return len(v.Failed)+len(v.Invalid) == 0 }

// TailComparable reports whether that is true of the slowest deliveries too.
func (v Verdict) TailComparable() bool { return v.Comparable() && len(v.Tail) == 0 }

// Judge makes the verdict of a measurement of that case, on a machine of that many cores.
func (m Measurement) Judge(c Case, cores int) Verdict {
	var v Verdict
	failed := func(format string, args ...any) { v.Failed = append(v.Failed, fmt.Sprintf(format, args...)) }
	invalid := func(format string, args ...any) { v.Invalid = append(v.Invalid, fmt.Sprintf(format, args...)) }
	tail := func(format string, args ...any) { v.Tail = append(v.Tail, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }
	restarted := c.Kind == Storm && c.Manner == Restart && m.Recovery != nil
	if m.Lost > 0 && (!restarted || m.Recovery.Silent > 0) {
		failed("deliveries lost: %d of %d", m.Lost, m.Expected)
	}
	if m.Duplicated > 0 {
		failed("deliveries duplicated: %d", m.Duplicated)
	}
	if m.Reordered > 0 {
		failed("deliveries out of order: %d", m.Reordered)
	}
	switch {
	case restarted && m.Lost > 0:
		note("deliveries lost with the server's log: %d; %d gaps were announced", m.Lost, m.Gaps)
	case restarted && m.Gaps > 0:
		note("gaps announced: %d; the server came back without its log", m.Gaps)
	case m.Gaps > 0:
		failed("gaps announced: %d", m.Gaps)
	}
	m.judgeStorm(&v, c)
	m.judgeLaggards(&v)
	if m.WarmUpFaults > 0 {
		failed("deliveries of the warm-up lost, duplicated or out of order: %d", m.WarmUpFaults)
	}
	if m.Error != "" {
		failed("%s", m.Error)
	}
	if m.NotInTime > 0 {
		invalid("not delivered in time: %d deliveries had not come %v after they were published; something in between holds them back", m.NotInTime, c.Drain)
	}
	if m.PrematureCloses > 0 {
		invalid("premature closes: what stands in between closed %d of %d connections", m.PrematureCloses, c.Subscribers)
	}
	if m.Published < m.Planned {
		invalid("%d of %d events published", m.Published, m.Planned)
	}
	if m.Published == 0 {
		return v
	}
	if m.Acknowledged != m.Published {
		invalid("%d events published, but %d acknowledged", m.Published, m.Acknowledged)
	}
	if c.InFlight == 0 && !m.KeptRate(c.TotalRate()) {
		invalid("the load missed its own rate: %.4g of %.4g events/s", m.PublishRate, c.TotalRate())
	}
	if c.Kind == Storm { // nobody was there while events were published, so it does not matter when
		return v
	}
	late := max(maxDelay, time.Duration(maxShare*float64(m.Delivery.P50)))
	if delay := m.PublishDelay.P90; delay > late {
		invalid("the load was late: the publish delay has a p90 of %v, the limit is %v", round(delay), round(late))
	} else if delay := m.PublishDelay.P99; delay > late {
		tail("the load was late now and then: the publish delay has a p99 of %v, the limit is %v", round(delay), round(late))
	}
	both := m.Laggards != nil && m.Laggards.Readers > 0 // deliveries to slow readers are counted too
	if !both && m.ServerWrites > 0 && m.Lost == 0 && m.NotInTime == 0 && m.PrematureCloses == 0 && m.Duplicated == 0 && m.ServerDelivered != m.Delivered {
		invalid("the server counts %d deliveries, the subscribers %d; its counters cannot be relied on", m.ServerDelivered, m.Delivered)
	}
	if busy := m.ServerCores() + m.LoadCores(); busy > nearFull*float64(cores) {
		note("server and load kept %.2f of %d cores busy: near the limit the numbers describe the machine", busy, cores)
	}
	if m.OtherCores() > noisy*float64(cores) {
		note("other programs kept %.2f of %d cores busy: a quieter machine gives better numbers", m.OtherCores(), cores)
	}
	if m.Delivery.Count < fewest && m.Window < shortest {
		note("%d deliveries in less than %v: p99 rests on fewer than %d of them", m.Delivery.Count, shortest, m.Delivery.Count/100+1)
	}
	if m.Unsteady {
		note("after %v of warm-up the deliveries did not yet take equally long", round(m.WarmUp))
	}
	return v
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
