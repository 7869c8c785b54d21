package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/targets"
	"pushlab/sse"
	"pushlab/websocket"
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
	return []Profile{
		{Name: "smoke", About: smoke().About, Scenarios: []Scenario{smoke()}},
		{Name: "fanout", About: fanOut().About, Scenarios: []Scenario{fanOut()}},
		{Name: "peers", About: amongPeers().About, Pinned: true, Scenarios: []Scenario{amongPeers()}},
		storm, idle, cost, capacity, engine,
	}
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

// amongPeers compares this server with all others that are described.
func amongPeers() Scenario {
	return Scenario{
		Name: "peers", About: "other servers beside this one; 'make bench-peers' installs them",
		Kind: result.FanOut, Targets: append([]string{result.FloorName, result.PushlabName}, others()...), Transports: result.Transports(), Rounds: 1, Again: true,
		Subscribers: []int{300, 1000}, Rates: []float64{10}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 3 * time.Second, Drain: 3 * time.Second,
	}
}

// others are the targets that a file describes, without the floor.
func others() []string {
	return slices.DeleteFunc(targets.Names(), func(name string) bool { return name == result.FloorName })
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
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: []string{sse.Name, websocket.Name}, Rounds: 5,
		Subscribers: []int{5000, 15_000}, Rates: []float64{1}, Sizes: []int{128},
		WarmUp: 3 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
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
