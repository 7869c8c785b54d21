package bench

import (
	"fmt"
	"strings"
	"time"

	"pushlab/bench/result"
)

// A Profile is scenarios that are worth repeating, so that results can be compared.
type Profile struct {
	// Name is what the command line calls it.
	Name string
	// About says in a line what the profile is for.
	About string
	// Pinned says that the server has a core of its own, and the load another, if there are two.
	Pinned bool
	// Scenarios are what it does, in this order.
	Scenarios []Scenario
}

// Cases returns the cases of all its scenarios, in order.
func (p Profile) Cases() (cases []result.Case) {
	for _, s := range p.Scenarios {
		cases = append(cases, s.Cases()...)
	}
	return cases
}

// Profiles returns all profiles, the quickest first.
func Profiles() []Profile {
	storm := Profile{Name: "storm", About: storm().About, Pinned: true, Scenarios: []Scenario{storm()}}
	idle := Profile{Name: "idle", About: idle().About, Pinned: true, Scenarios: []Scenario{idle()}}
	// The more subscribers there are, the longer each event is on its way, so the rate is lower.
	cost := Profile{Name: "cost", About: "what a delivered event costs, beside what it must cost", Pinned: true, Scenarios: []Scenario{
		cost(1000, 10), cost(5000, 4), cost(15_000, 1),
	}}
	capacity := Profile{Name: "capacity", About: capacity().About, Pinned: true, Scenarios: []Scenario{capacity()}}
	engine := Profile{Name: "engine", About: "all of cost, idle, capacity and storm", Pinned: true}
	for _, p := range []Profile{cost, idle, capacity, storm} {
		engine.Scenarios = append(engine.Scenarios, p.Scenarios...)
	}
	echoes := Profile{Name: "echo", About: echo(0).About, Pinned: true, Scenarios: []Scenario{echo(1), echo(0)}}
	slows := Profile{Name: "slow", About: slow().About, Pinned: true, Scenarios: []Scenario{slow()}}
	storm.Scenarios = append(storm.Scenarios, restart(), rolling())
	return append([]Profile{
		{Name: "smoke", About: smoke().About, Scenarios: []Scenario{smoke()}},
		{Name: "fanout", About: fanOut().About, Scenarios: []Scenario{fanOut()}},
		storm, idle, cost, capacity, echoes, slows, engine,
	}, wayProfiles()...)
}

func smoke() Scenario {
	return Scenario{
		Name: "smoke", About: "the transports side by side in half a minute, on two cores",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 1,
		Subscribers: []int{200}, Rates: []float64{25}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
	}
}

func fanOut() Scenario {
	return Scenario{
		Name: "fanout", About: "a larger audience, one and a half minutes",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 1,
		Subscribers: []int{1000}, Rates: []float64{10}, Sizes: []int{128},
		WarmUp: 2 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
	}
}

// cost is a fan-out at a rate at which nothing can be batched: an event has reached everybody, on
// every transport, before the next is due.
func cost(subscribers int, rate float64) Scenario {
	return Scenario{
		Name: "cost", About: "what a delivered event costs, beside what it must cost",
		Kind: result.FanOut, Targets: []string{result.FloorName, result.BaselineName, result.PushlabName}, Transports: result.Transports(), Rounds: 5, Again: true,
		Subscribers: []int{subscribers}, Rates: []float64{rate}, Sizes: []int{128},
		WarmUp: 2 * time.Second, Measure: 10 * time.Second, Drain: 5 * time.Second,
	}
}

func idle() Scenario {
	return Scenario{
		Name: "idle", About: "what an idle connection takes",
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 3,
		Subscribers: []int{5000, 15_000}, Rates: []float64{1}, Sizes: []int{128},
		WarmUp: 3 * time.Second, Measure: time.Minute, Drain: 5 * time.Second, // a poll is asked again after half of it
	}
}

func capacity() Scenario {
	return Scenario{
		Name: "capacity", About: "the highest rate at which all events arrive in time, beside Nchan's",
		Kind: result.Capacity, Targets: []string{result.PushlabName, result.NchanName}, Transports: result.Transports(), Rounds: 5,
		Subscribers: []int{1000}, Rates: []float64{50}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 3 * time.Second, Drain: 2 * time.Second, Limit: 100 * time.Millisecond,
	}
}

func storm() Scenario {
	return Scenario{
		Name: "storm", About: "all drop, miss events, and come back at once",
		Kind: result.Storm, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 5,
		Subscribers: []int{1000, 5000}, Rates: []float64{200}, Sizes: []int{128},
		WarmUp: 10 * time.Millisecond, Measure: time.Second, Drain: 20 * time.Second,
	}
}

// restart is a storm in which the server is restarted, which forgets its log.
func restart() Scenario {
	s := storm()
	s.Name, s.About = "restart", "the server is restarted, and all come back with and without jitter"
	s.Manner, s.Variants, s.Jitter = result.Restart, []string{"", result.Jitter}, 2*time.Second
	s.Subscribers, s.Rates, s.Measure = []int{1000}, []float64{50}, 4*time.Second
	return s
}

// rolling is a storm in which connections go one after the other, while events go on.
func rolling() Scenario {
	s := storm()
	s.Name, s.About = "rolling", "200 connections drop in a second and come back, while events go on"
	s.Manner, s.Variants, s.Jitter, s.Bystanders = result.Rolling, []string{"", result.Jitter}, 2*time.Second, 100
	s.Subscribers, s.Rates, s.Measure = []int{1100}, []float64{20}, 6*time.Second
	return s
}

// slow is what some who read slowly do to the others. Events are so large and many that the server's send buffer,
// some megabytes on a loopback interface, is full after about ten seconds.
func slow() Scenario {
	return Scenario{
		ID: "S11", Name: "slow", About: "some subscribers read slowly or not at all",
		Kind: result.Slow, Targets: []string{result.NullName, result.PushlabName}, Transports: result.Transports(), Rounds: 3,
		Variants:    []string{"", result.Slow1, result.Slow10, result.Stuck1},
		Subscribers: []int{200}, Rates: []float64{20}, Sizes: []int{16 << 10},
		WarmUp: time.Second, Measure: 30 * time.Second, Drain: 10 * time.Second,
	}
}

// echo is the round trip of a client's own event: of each of 100 clients a hundred times a second. With one in flight it
// is a closed loop of a single client.
func echo(inFlight int) Scenario {
	s := Scenario{
		ID: "S7", Name: "echo", About: "how long a client's own event takes to come back",
		Kind: result.Echo, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 5,
		Subscribers: []int{100}, Rates: []float64{100}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 10 * time.Second, Drain: 5 * time.Second,
	}
	if inFlight > 0 {
		s.Name, s.About, s.InFlight = "echo-closed", "how long it takes with so many under way and nothing else", inFlight
		s.Subscribers, s.Rates = []int{1}, []float64{10_000}
	}
	return s
}

// FindProfile returns the profile of that name.
func FindProfile(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("bench: unknown profile %q; use %s", name, strings.Join(names, ", "))
}
