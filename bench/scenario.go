package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// Transports returns the labels of the transports that can be measured, from the simplest up.
func Transports() []string {
	return []string{longpoll.Name, httpstream.Name, sse.Name, websocket.Name}
}

// A Scenario is what a run does with each transport: one topic, one publisher, many subscribers.
type Scenario struct {
	// Name is the profile that the scenario was made from.
	Name string `json:"name"`
	// Transports are the labels of the transports to measure, in that order.
	Transports []string `json:"transports"`
	// Subscribers is how many subscribers each event is delivered to.
	Subscribers int `json:"subscribers"`
	// Rate is how many events are published in a second.
	Rate float64 `json:"events_per_second"`
	// Size is how many bytes of data each event has; its envelope comes on top.
	Size int `json:"data_bytes"`
	// WarmUp is how long events are published before anything is measured.
	WarmUp time.Duration `json:"warm_up_ns"`
	// Measure is for how long the measured events are published.
	Measure time.Duration `json:"measure_ns"`
	// Drain is how long to wait for events that were published and have not come yet.
	Drain time.Duration `json:"drain_ns"`
}

// The limits of a scenario.
const (
	maxSubscribers = 20_000
	maxRate        = 100_000
	minSize        = 64         // the number, the due time and their names
	maxSize        = 900 << 10  // a server takes messages up to 1 MiB
	maxSamples     = 20_000_000 // each is kept until the end, in 8 bytes
)

// Validate tells what is wrong with the scenario, if something is.
func (s Scenario) Validate() error {
	for _, t := range s.Transports {
		if !slices.Contains(Transports(), t) {
			return fmt.Errorf("bench: unknown transport %q; use %s", t, strings.Join(Transports(), ", "))
		}
	}
	events := s.Rate * (s.WarmUp + s.Measure).Seconds()
	switch {
	case len(s.Transports) == 0:
		return fmt.Errorf("bench: no transport to measure; name some of %s", strings.Join(Transports(), ", "))
	case s.Subscribers < 1 || s.Subscribers > maxSubscribers:
		return fmt.Errorf("bench: %d subscribers; use 1 to %d", s.Subscribers, maxSubscribers)
	case !(s.Rate > 0 && s.Rate <= maxRate):
		return fmt.Errorf("bench: a rate of %v events/s; use more than 0, up to %d", s.Rate, maxRate)
	case s.Size < minSize || s.Size > maxSize:
		return fmt.Errorf("bench: events with %d bytes of data; use %d to %d", s.Size, minSize, maxSize)
	case s.WarmUp < 0 || s.Drain < 0:
		return fmt.Errorf("bench: warm-up and drain cannot be negative")
	case s.events() < 1:
		return fmt.Errorf("bench: no event is due in %v at %v events/s; measure longer or raise the rate", s.Measure, s.Rate)
	case events*float64(s.Subscribers) > maxSamples:
		return fmt.Errorf("bench: %.0f deliveries; the limit is %d: measure for a shorter time, or with fewer subscribers or events", events*float64(s.Subscribers), maxSamples)
	}
	return nil
}

// events is how many events are measured, warmUp how many are published before them.
func (s Scenario) events() int { return int(math.Round(s.Rate * s.Measure.Seconds())) }
func (s Scenario) warmUp() int { return int(math.Ceil(s.Rate * s.WarmUp.Seconds())) }
