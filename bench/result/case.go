package result

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

// Names of the targets that reports know.
const (
	PushlabName  = "pushlab"  // this program's serve command
	FloorName    = "floor"    // one send(2) for each subscriber
	BaselineName = "baseline" // long polling by a plain net/http handler
	NchanName    = "nchan"    // Nchan in nginx
)

// A Kind is what a scenario is about.
type Kind string

// The kinds of scenarios.
const (
	// FanOut publishes at a constant rate: what a delivered event costs, and how long it takes.
	FanOut Kind = "fanout"
	// Idle connects and waits: what a connection costs that hardly ever gets an event.
	Idle Kind = "idle"
	// Capacity searches for the highest rate at which events arrive in time, and all of them.
	Capacity Kind = "capacity"
	// Storm drops all connections, publishes, and lets everybody come back with a cursor at once.
	Storm Kind = "storm"
)

// A Case is one point of a scenario, which a run measures on each lane: one topic, one publisher, one
// number of subscribers, one rate, one size.
type Case struct {
	// ID and Name are those of the scenario.
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Kind is what it is about.
	Kind Kind `json:"kind"`
	// Targets are the names of the servers to measure. Each is measured with those of the
	// transports that it offers.
	Targets []string `json:"targets"`
	// Transports are the labels of the transports to measure.
	Transports []string `json:"transports"`
	// Variants are what is compared beside that, each with every target and transport; "" is none.
	// Default: that alone.
	Variants []string `json:"variants,omitempty"`
	// Rounds is how often each is measured; each round measures all, in an order of its own.
	Rounds int `json:"rounds"`
	// Again says that the first of them is measured twice in each round, as if it were two: what
	// these differ by is the noise.
	Again bool `json:"again,omitempty"`
	// Subscribers is how many subscribers each event is delivered to.
	Subscribers int `json:"subscribers"`
	// Rate is how many events are published in a second; when the capacity is searched, in the first
	// probe.
	Rate float64 `json:"events_per_second"`
	// Size is how many bytes of data each event has; its envelope comes on top.
	Size int `json:"data_bytes"`
	// WarmUp is how long events are published before anything is measured.
	WarmUp time.Duration `json:"warm_up_ns"`
	// Measure is for how long the measured events are published. Idle connections are watched for
	// that long. In a storm it is for how long events are published that nobody is there to receive.
	Measure time.Duration `json:"measure_ns"`
	// Drain is how long to wait for events that were published and have not come yet.
	Drain time.Duration `json:"drain_ns"`
	// Limit is the p99 of the deliveries up to which a rate counts as sustained.
	Limit time.Duration `json:"limit_ns,omitempty"`

	// MaxWarmUp lets the warm-up go on until it is steady, but no longer than that: until three windows of a
	// second in a row have median deliveries that agree within 5 %. 0 is a warm-up of WarmUp, steady or not.
	MaxWarmUp time.Duration `json:"max_warm_up_ns,omitempty"`
	// Content is what the data of events looks like. Default: ContentJSON.
	Content Content `json:"content,omitempty"`
	// Confirm is in how many more windows the highest rate must be sustained that a search has found.
	Confirm int `json:"confirm,omitempty"`
	// Curve are the shares of the highest rate at which a search measures too, such as 0.5 and 1.1.
	Curve []float64 `json:"curve,omitempty"`
	// Computed says that nothing is measured: what the lanes cost is computed from other cases of the scenario.
	Computed bool `json:"computed,omitempty"`
	// Verifies says that the rate could be computed too, and that what is measured shows how well that does.
	Verifies bool `json:"verifies,omitempty"`
}

// A Content is what the data of events looks like. All of it is JSON, as events are.
type Content string

// The contents. The size of an event is that of its data, except for ContentBinary.
const (
	// ContentJSON is an object with a padding. With less than 64 bytes it is a string.
	ContentJSON Content = "json"
	// ContentText is a string of English text.
	ContentText Content = "text"
	// ContentBinary is a string with random bytes in base64, which is how Server-Sent Events have to carry
	// them. The size is that of the bytes.
	ContentBinary Content = "binary"
)

// Contents returns all contents.
func Contents() []Content { return []Content{ContentJSON, ContentText, ContentBinary} }

// The limits of a case.
const (
	// MaxRate is how many events may be published in a second.
	MaxRate = 100_000
	// MinSize is how many bytes of data an event has at least: its number and its due time.
	MinSize = 16
	// MaxDeliveries is how many deliveries a measurement may have, with those of the warm-up.
	MaxDeliveries = 20_000_000
	// MaxSubscribers is how many subscribers there may be.
	MaxSubscribers = 20_000

	maxRounds = 1_000
	maxSize   = 900 << 10 // a server takes messages up to 1 MiB
)

// LaneVariants returns the variants of its lanes, of which there is at least one.
func (c Case) LaneVariants() []string {
	if len(c.Variants) == 0 {
		return []string{""}
	}
	return c.Variants
}

// Validate tells what is wrong with the case, if something is.
func (c Case) Validate() error {
	for _, t := range c.Transports {
		if !slices.Contains(Transports(), t) {
			return fmt.Errorf("bench: unknown transport %q; use %s", t, strings.Join(Transports(), ", "))
		}
	}
	events := c.Rate * (max(c.WarmUp, c.MaxWarmUp) + c.Measure).Seconds()
	switch {
	case !slices.Contains([]Kind{FanOut, Idle, Capacity, Storm}, c.Kind):
		return fmt.Errorf("bench: unknown kind of scenario %q", c.Kind)
	case len(c.Targets) == 0:
		return fmt.Errorf("bench: no target to measure")
	case len(c.Transports) == 0:
		return fmt.Errorf("bench: no transport to measure; name some of %s", strings.Join(Transports(), ", "))
	case c.Rounds < 1 || c.Rounds > maxRounds:
		return fmt.Errorf("bench: %d rounds; use 1 to %d", c.Rounds, maxRounds)
	case c.Subscribers < 1 || c.Subscribers > MaxSubscribers:
		return fmt.Errorf("bench: %d subscribers; use 1 to %d", c.Subscribers, MaxSubscribers)
	case !(c.Rate > 0 && c.Rate <= MaxRate):
		return fmt.Errorf("bench: a rate of %v events/s; use more than 0, up to %d", c.Rate, MaxRate)
	case c.Size < MinSize || c.Size > maxSize:
		return fmt.Errorf("bench: events with %d bytes of data; use %d to %d", c.Size, MinSize, maxSize)
	case c.Content != "" && !slices.Contains(Contents(), c.Content):
		return fmt.Errorf("bench: unknown content %q; use json, text or binary", c.Content)
	case c.MaxWarmUp != 0 && (c.MaxWarmUp < c.WarmUp || c.Kind == Storm || c.Kind == Idle):
		return fmt.Errorf("bench: a warm-up of at most %v, at least %v; it can go on in fan-outs and capacities alone", c.MaxWarmUp, c.WarmUp)
	case c.Confirm < 0 || c.Confirm > maxRounds || (c.Confirm > 0 || len(c.Curve) > 0) && c.Kind != Capacity:
		return fmt.Errorf("bench: confirm and curve are for a search of the capacity")
	case slices.ContainsFunc(c.Curve, func(share float64) bool { return !(share > 0 && share <= 2) }):
		return fmt.Errorf("bench: the curve has shares of the highest rate above 0, up to 2; not %v", c.Curve)
	case c.WarmUp < 0 || c.Drain < 0 || c.Limit < 0:
		return fmt.Errorf("bench: warm-up, drain and limit cannot be negative")
	case c.Kind == Capacity && c.Limit == 0:
		return fmt.Errorf("bench: the capacity is searched up to a p99, which is missing")
	case c.Events() < 1 && c.Kind != Idle:
		return fmt.Errorf("bench: no event is due in %v at %v events/s; measure longer or raise the rate", c.Measure, c.Rate)
	case events*float64(c.Subscribers) > MaxDeliveries:
		return fmt.Errorf("bench: %.0f deliveries; the limit is %d: measure for a shorter time, or with fewer subscribers or events", events*float64(c.Subscribers), MaxDeliveries)
	}
	return nil
}

// Events is how many events are measured.
func (c Case) Events() int {
	if c.Kind == Idle {
		return 0
	}
	return int(math.Round(c.Rate * c.Measure.Seconds()))
}

// WarmUpEvents is how many events are published before them, or may be.
func (c Case) WarmUpEvents() int {
	return int(math.Ceil(c.Rate * max(c.WarmUp, c.MaxWarmUp).Seconds()))
}
