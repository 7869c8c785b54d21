package result

import (
	"cmp"
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
	NullName     = "null"     // the hub alone, in the load's own process; its one transport is called so too
)

// IsYardstick reports whether a target is there to compare others with.
func IsYardstick(target string) bool {
	return slices.Contains([]string{FloorName, BaselineName, NchanName, NullName}, target)
}

// IsLeast reports whether a target does less than any transport can.
func IsLeast(target string) bool { return target == FloorName || target == NullName }

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
	// Echo has each subscriber publish on a topic of its own: how long an event takes to the server and back
	// to the same client.
	Echo Kind = "echo"
	// Slow is a FanOut in which some subscribers read slowly or not at all, as the variant says: what that does to
	// the others, and what becomes of them.
	Slow Kind = "slow"
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
	// probe; in an echo, by each client.
	Rate float64 `json:"events_per_second"`
	// Size is how many bytes of data each event has; its envelope comes on top.
	Size int `json:"data_bytes"`
	// WarmUp is how long events are published before anything is measured. Of idle connections each step
	// gets a third of them.
	WarmUp time.Duration `json:"warm_up_ns"`
	// Measure is for how long the measured events are published. Idle connections are watched for
	// that long. In a storm it is for how long events are published that those miss who lost their connection.
	Measure time.Duration `json:"measure_ns"`
	// Drain is how long to wait for events that were published and have not come yet.
	Drain time.Duration `json:"drain_ns"`
	// Limit is the p99 of the deliveries up to which a rate counts as sustained.
	Limit time.Duration `json:"limit_ns,omitempty"`

	// RTT is how long a byte to the server and one back are on their way more than they are by themselves, half of it
	// in each direction. A proxy between the subscribers and the server sees to it; publishing is not delayed.
	RTT time.Duration `json:"rtt_ns,omitempty"`
	// Data says what the data of events looks like. Default: PadData.
	Data Data `json:"data,omitempty"`
	// Manner is how connections go in a storm. Default: DropAll.
	Manner Manner `json:"manner,omitempty"`
	// PerSecond is how many connections are cut in a second if they go Rolling. Default: 200.
	PerSecond float64 `json:"cut_per_second,omitempty"`
	// Jitter is how long a subscriber waits at most before it connects again, in the variant Jitter.
	Jitter time.Duration `json:"jitter_ns,omitempty"`
	// Bystanders is how many of the subscribers keep their connection while the others lose theirs.
	Bystanders int `json:"bystanders,omitempty"`

	// InFlight makes an echo a closed loop: each client has so many events under way, and sends the next when one has
	// come back, until the time is over or it has sent as many as Rate allows. It is for comparing with
	// tools that measure in that way, such as ping: with one in flight it tells the round trip of a server with
	// nothing else to do. It hides what an open loop shows: while the server stands still, nothing is sent
	// that could be late. Default: none, each client sends Rate events in a second whatever comes back.
	InFlight int `json:"in_flight,omitempty"`

	// MaxWarmUp lets the warm-up go on until it is steady, but no longer than that: until three windows of a
	// second in a row have median deliveries that agree within 5 %. 0 is a warm-up of WarmUp, steady or not.
	MaxWarmUp time.Duration `json:"max_warm_up_ns,omitempty"`
	// Confirm is in how many more windows the highest rate must be sustained that a search has found.
	Confirm int `json:"confirm,omitempty"`
	// Curve are the shares of the highest rate at which a search measures too, such as 0.5 and 1.1.
	Curve []float64 `json:"curve,omitempty"`
	// Computed says that nothing is measured: what the lanes cost is computed from other cases of the scenario.
	Computed bool `json:"computed,omitempty"`
	// Verifies says that the rate could be computed too, and that what is measured shows how well that does.
	Verifies bool `json:"verifies,omitempty"`
}

// A Data is what the data of events looks like, which matters to those who compress. All of it is JSON, as events are.
type Data string

// What events carry. The size of an event is that of its data, except for BinaryData. The first three are an object; with
// less than 64 bytes there is room for a string alone.
const (
	PadData    Data = ""       // filled up with one letter, again and again
	RandomData Data = "random" // with letters and digits by chance, others in each event: 6 bits of chance in a byte
	JSONData   Data = "json"   // with names that are always the same, and values that are not, as in a list of prices
	TextData   Data = "text"   // a string of English text
	// BinaryData is a string with random bytes in base64, which is how Server-Sent Events have to carry them. The size is
	// that of the bytes.
	BinaryData Data = "binary"
)

// Datas returns all of them.
func Datas() []Data { return []Data{PadData, RandomData, JSONData, TextData, BinaryData} }

const maxRTT = 10 * time.Second

// TotalRate is how many events are published in a second by all who do: one publisher, or each client of an echo.
func (c Case) TotalRate() float64 {
	if c.Kind == Echo {
		return c.Rate * float64(c.Subscribers)
	}
	return c.Rate
}

// CutPerSecond is PerSecond or its default.
func (c Case) CutPerSecond() float64 { return cmp.Or(c.PerSecond, 200) }

// Traits are, in a word or two each, what tells the case from others of the same name, subscribers, rate and size.
func (c Case) Traits() (words []string) {
	if c.Data != PadData {
		words = append(words, string(c.Data)+" data")
	}
	if c.RTT > 0 {
		words = append(words, fmt.Sprintf("RTT %v", c.RTT))
	}
	if c.Computed {
		words = append(words, "computed")
	}
	if c.Verifies {
		words = append(words, "verified")
	}
	return words
}

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

	maxInFlight = 1_000
	maxRounds   = 1_000
	maxSize     = 900 << 10 // a server takes messages up to 1 MiB
)

// LaneVariants returns the variants of its lanes, of which there is at least one.
func (c Case) LaneVariants() []string {
	if len(c.Variants) == 0 {
		return []string{""}
	}
	return c.Variants
}

// TransportsOf returns the labels of the transports with which a target can be measured in the case. The null
// target has its own, whatever the others have.
func (c Case) TransportsOf(target string) []string {
	if target == NullName {
		return []string{NullName}
	}
	return c.Transports
}

// Validate tells what is wrong with the case, if something is.
func (c Case) Validate() error {
	for _, t := range c.Transports {
		if !slices.Contains(Transports(), t) && t != NullName {
			return fmt.Errorf("bench: unknown transport %q; use %s", t, strings.Join(Transports(), ", "))
		}
	}
	events := c.Rate * (max(c.WarmUp, c.MaxWarmUp) + c.Measure).Seconds()
	switch {
	case !slices.Contains([]Kind{FanOut, Idle, Capacity, Storm, Echo, Slow}, c.Kind):
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
	case c.RTT < 0 || c.RTT > maxRTT:
		return fmt.Errorf("bench: a round trip of %v; use 0 to %v", c.RTT, maxRTT)
	case !slices.Contains(Datas(), c.Data):
		return fmt.Errorf("bench: unknown data %q; use random, json, text or binary, or leave it empty", c.Data)
	case c.Size < MinSize || c.Size > maxSize:
		return fmt.Errorf("bench: events with %d bytes of data; use %d to %d", c.Size, MinSize, maxSize)
	case c.MaxWarmUp != 0 && (c.MaxWarmUp < c.WarmUp || !slices.Contains([]Kind{FanOut, Capacity, Slow}, c.Kind)):
		return fmt.Errorf("bench: a warm-up of at most %v, at least %v; it can go on in fan-outs and capacities, and where some are slow", c.MaxWarmUp, c.WarmUp)
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
	case !slices.Contains([]Manner{"", DropAll, Restart, Rolling}, c.Manner):
		return fmt.Errorf("bench: unknown manner %q of a storm; use %s, %s or %s", c.Manner, DropAll, Restart, Rolling)
	case c.Kind != Storm && (c.Manner != "" || c.Bystanders != 0 || c.Jitter != 0 || c.PerSecond != 0):
		return fmt.Errorf("bench: manner, bystanders, jitter and cuts per second are for storms; the scenario %s is none", c.Name)
	case c.TotalRate() > MaxRate:
		return fmt.Errorf("bench: %v events/s of all clients; the limit is %d: use fewer clients or a lower rate", c.TotalRate(), MaxRate)
	case c.InFlight != 0 && c.Kind != Echo:
		return fmt.Errorf("bench: events in flight are for an echo; the scenario %s is none", c.Name)
	case c.InFlight < 0 || c.InFlight > maxInFlight:
		return fmt.Errorf("bench: %d events in flight; use 1 to %d, or 0 for an open loop", c.InFlight, maxInFlight)
	case c.Bystanders < 0 || c.Bystanders >= c.Subscribers:
		return fmt.Errorf("bench: %d bystanders of %d subscribers; at least one has to come back", c.Bystanders, c.Subscribers)
	case c.Kind == Slow && c.Subscribers < 2:
		return fmt.Errorf("bench: with slow readers there are two subscribers at least, so that one is not slow")
	case c.Manner == Restart && c.Bystanders > 0:
		return fmt.Errorf("bench: nobody keeps the connection to a server that is restarted, so there are no bystanders")
	case c.Manner == Restart && c.Events() < 4:
		return fmt.Errorf("bench: a restart needs four events at least, not %d; measure longer or raise the rate", c.Events())
	case c.Jitter < 0 || c.Jitter == 0 && slices.Contains(c.Variants, Jitter):
		return fmt.Errorf("bench: the variant %s needs a longest delay", Jitter)
	case c.PerSecond < 0 || math.IsNaN(c.PerSecond):
		return fmt.Errorf("bench: %v connections to be cut in a second; use more than 0", c.PerSecond)
	case c.Manner == Rolling && float64(c.Subscribers-c.Bystanders)/c.CutPerSecond() > c.Measure.Seconds():
		return fmt.Errorf("bench: to cut %d connections takes %.3g s at %v a second, and events are published for only %v; measure longer",
			c.Subscribers-c.Bystanders, float64(c.Subscribers-c.Bystanders)/c.CutPerSecond(), c.CutPerSecond(), c.Measure)
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
