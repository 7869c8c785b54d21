package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"pushlab/bench/result"
)

// A Scenario is something worth measuring, over a range: a case for each number of subscribers, each
// rate, each size and so on of its lists. The zero value is none; Validate says what is missing.
//
// It can be written as a small file: see ReadScenario. What a field is called there is its name in lower case,
// with underscores between words.
type Scenario struct {
	// ID is a short sign that documents can refer to, such as "S1". It may be "".
	ID string
	// Name is what results and reports call it.
	Name string
	// About says in a line what it is for.
	About string
	// Kind is what it is about.
	Kind result.Kind
	// Targets are the names of the servers to measure, Transports the labels of the transports. Each
	// target is measured with those of the transports that it offers.
	Targets    []string
	Transports []string
	// Variants are what is compared within a case; "" is none. Default: that alone.
	Variants []string
	// Subscribers are how many subscribers each event is delivered to, Rates how many events are
	// published in a second, Sizes how many bytes of data each has. None may be empty.
	Subscribers []int
	Rates       []float64
	Sizes       []int
	// Rounds is how often each lane is measured, at least 1. Again says that the first is measured
	// twice in each round, to know the noise.
	Rounds int
	Again  bool
	// WarmUp, Measure, Drain and Limit are those of each case: see Case.
	WarmUp, Measure, Drain, Limit time.Duration
	// RTTs are the round trips that are added between subscribers and server, Data what the data of events looks like: see
	// Case. Default of each: its zero value alone.
	RTTs []time.Duration
	Data []result.Data
	// Manner, PerSecond, Jitter and Bystanders are those of each case too: how a storm goes.
	Manner     result.Manner
	PerSecond  float64
	Jitter     time.Duration
	Bystanders int
	// InFlight is that of each case: how many events a client of an echo has under way; 0 is an open loop.
	InFlight int

	// Paired says that each number of subscribers has a rate of its own, at the same place of the lists.
	Paired bool
	// Most is how many deliveries per second there may be: points above it are left out. 0 is no limit.
	Most float64
	// MaxWarmUp, Confirm and Curve are those of each case: see Case.
	MaxWarmUp time.Duration
	Confirm   int
	Curve     []float64
	// ComputeBelow is the rate below which nothing is measured, since it would take hours: what connections
	// cost that wait, and what the events do at the lowest rate that is measured, is added up. 0 is not to
	// compute anything. Verify is one such rate that is measured nevertheless. Watch is for how long that
	// is done, and idle connections are watched.
	ComputeBelow float64
	Verify       float64
	Watch        time.Duration
	// Pinned says that server and load have a core each, if there are two.
	Pinned bool
	// Scale is which list is multiplied to make the scenario larger or smaller: "subscribers" or "rates"; ""
	// is none. See Scaled.
	Scale string
}

// Cases returns the points of the scenario: all subscribers, for each all rates, for each all sizes, for each all
// round trips, for each all data. Where rates are computed, what they are computed from comes first. It copies no list
// but those; the cases share the others, which nobody may change.
func (s Scenario) Cases() []result.Case {
	var cases []result.Case
	for i, subscribers := range s.Subscribers {
		rates := s.Rates
		if s.Paired {
			rates = rates[min(i, len(rates)):min(i+1, len(rates))]
		}
		if s.ComputeBelow > 0 {
			for _, f := range s.forms() {
				cases = append(cases, s.sweep(subscribers, rates, f)...)
			}
			continue
		}
		for _, rate := range rates {
			if s.Most > 0 && rate*float64(subscribers) > s.Most {
				continue
			}
			for _, f := range s.forms() {
				cases = append(cases, s.at(subscribers, rate, f))
			}
		}
	}
	return cases
}

// orZero returns a list, or one with the zero value if it is empty.
func orZero[T any](list []T) []T {
	if len(list) == 0 {
		return make([]T, 1)
	}
	return list
}

// A form is what events look like, and how far they go.
type form struct {
	size int
	rtt  time.Duration
	data result.Data
}

// forms returns all forms that events have.
func (s Scenario) forms() (all []form) {
	for _, size := range s.Sizes {
		for _, rtt := range orZero(s.RTTs) {
			for _, data := range orZero(s.Data) {
				all = append(all, form{size, rtt, data})
			}
		}
	}
	return all
}

// at returns a point.
func (s Scenario) at(subscribers int, rate float64, f form) result.Case {
	return result.Case{
		ID: s.ID, Name: s.Name, Kind: s.Kind,
		Targets: s.Targets, Transports: s.Transports, Variants: s.Variants, Rounds: s.Rounds, Again: s.Again,
		Subscribers: subscribers, Rate: rate, Size: f.size, RTT: f.rtt, Data: f.data,
		WarmUp: s.WarmUp, Measure: s.Measure, Drain: s.Drain, Limit: s.Limit,
		Manner: s.Manner, PerSecond: s.PerSecond, Jitter: s.Jitter, Bystanders: s.Bystanders, InFlight: s.InFlight,
		MaxWarmUp: s.MaxWarmUp, Confirm: s.Confirm, Curve: s.Curve,
	}
}

// Scaled returns the scenario with the list that Scale names multiplied by x. Numbers of subscribers are
// rounded, but never to none, and what becomes equal is left out. It fails if there is no such list, or if a
// number is beyond what can be measured; how many files may be open is checked by Run.
func (s Scenario) Scaled(x float64) (Scenario, error) {
	if !(x > 0) || math.IsInf(x, 1) {
		return s, fmt.Errorf("bench: a scale of %v; use a number above 0", x)
	}
	switch s.Scale {
	case "subscribers":
		var scaled []int
		for _, n := range s.Subscribers {
			more := max(1, math.Round(float64(n)*x))
			if more > result.MaxSubscribers {
				return s, fmt.Errorf("bench: the scenario %s has %d subscribers, and %g times as many with this scale; the limit is %d: use a scale of at most %.4g",
					s.Name, n, x, result.MaxSubscribers, result.MaxSubscribers/float64(slices.Max(s.Subscribers)))
			}
			if s.Paired || !slices.Contains(scaled, int(more)) {
				scaled = append(scaled, int(more))
			}
		}
		s.Subscribers = scaled
	case "rates":
		var scaled []float64
		for _, rate := range s.Rates {
			if rate*x > result.MaxRate {
				return s, fmt.Errorf("bench: the scenario %s has %g events/s, and %g times as many with this scale; the limit is %d: use a scale of at most %.4g",
					s.Name, rate, x, result.MaxRate, result.MaxRate/slices.Max(s.Rates))
			}
			scaled = append(scaled, rate*x)
		}
		s.Rates = scaled
	default:
		return s, fmt.Errorf("bench: the scenario %s does not say what a scale multiplies", s.Name)
	}
	return s, s.Validate()
}

// Validate tells what is wrong with the scenario, if something is: with it, or with the first of its
// cases that cannot be measured.
func (s Scenario) Validate() error {
	if s.Name == "" {
		return errors.New("bench: a scenario has no name")
	}
	switch {
	case !slices.Contains([]string{"", "subscribers", "rates"}, s.Scale):
		return fmt.Errorf("bench: %q is nothing that a scale multiplies; use subscribers or rates", s.Scale)
	case s.Paired && len(s.Rates) != len(s.Subscribers):
		return fmt.Errorf("bench: %d numbers of subscribers and %d rates are no pairs", len(s.Subscribers), len(s.Rates))
	case s.Most < 0 || s.ComputeBelow < 0 || s.Verify < 0 || s.Watch < 0:
		return errors.New("bench: most, compute_below, verify and watch cannot be negative")
	case s.ComputeBelow > 0 && (s.Kind != result.FanOut || s.Watch == 0):
		return errors.New("bench: rates are computed in fan-outs alone, from connections that are watched for a while; name it: watch")
	case s.Verify > 0 && s.Verify >= s.ComputeBelow:
		return fmt.Errorf("bench: %g events/s are not computed, so they cannot be verified; use less than compute_below, which is %g", s.Verify, s.ComputeBelow)
	}
	cases := s.Cases()
	if len(cases) == 0 {
		return fmt.Errorf("bench: the scenario %s has no case; name at least one number of subscribers, one rate and one size", s.Name)
	}
	for _, c := range cases {
		if err := cmp.Or(CheckVariants(c), c.Validate()); err != nil {
			return err
		}
	}
	return nil
}
