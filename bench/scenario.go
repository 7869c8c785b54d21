package bench

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"pushlab/bench/result"
)

// A Scenario is something worth measuring, over a range: a case for each number of subscribers, each
// rate and each size of its lists. The zero value is none; Validate says what is missing.
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
	// RTTs are the round trips that are added between subscribers and server, Data what events are filled up with: see
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
}

// Cases returns the points of the scenario: all subscribers, for each all rates, for each all sizes, for each all
// round trips, for each all data. It copies no list but those; the cases share the others, which nobody may change.
func (s Scenario) Cases() []result.Case {
	var cases []result.Case
	for _, subscribers := range s.Subscribers {
		for _, rate := range s.Rates {
			for _, size := range s.Sizes {
				for _, rtt := range orZero(s.RTTs) {
					for _, data := range orZero(s.Data) {
						cases = append(cases, result.Case{
							ID: s.ID, Name: s.Name, Kind: s.Kind,
							Targets: s.Targets, Transports: s.Transports, Variants: s.Variants, Rounds: s.Rounds, Again: s.Again,
							Subscribers: subscribers, Rate: rate, Size: size,
							WarmUp: s.WarmUp, Measure: s.Measure, Drain: s.Drain, Limit: s.Limit,
							RTT: rtt, Data: data,
							Manner: s.Manner, PerSecond: s.PerSecond, Jitter: s.Jitter, Bystanders: s.Bystanders, InFlight: s.InFlight,
						})
					}
				}
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

// Validate tells what is wrong with the scenario, if something is: with it, or with the first of its
// cases that cannot be measured.
func (s Scenario) Validate() error {
	if s.Name == "" {
		return errors.New("bench: a scenario has no name")
	}
	if err := CheckVariants(s.Variants); err != nil {
		return err
	}
	cases := s.Cases()
	if len(cases) == 0 {
		return fmt.Errorf("bench: the scenario %s has no case; name at least one number of subscribers, one rate and one size", s.Name)
	}
	for _, c := range cases {
		if err := cmp.Or(c.Validate(), fits(c)); err != nil {
			return err
		}
	}
	return nil
}
