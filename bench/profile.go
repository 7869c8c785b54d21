package bench

import (
	"fmt"
	"strings"
	"time"

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
	// Scenarios are what it does.
	Scenarios []Scenario
}

// Profiles returns all profiles, the quickest first.
func Profiles() []Profile {
	storm := Profile{Name: "storm", About: "all drop, miss events, and come back at once", Pinned: true, Scenarios: []Scenario{storm(1000), storm(5000)}}
	idle := Profile{Name: "idle", About: "what an idle connection takes", Pinned: true, Scenarios: []Scenario{idle(5000), idle(15_000)}}
	cost := Profile{Name: "cost", About: "what a delivered event costs, beside what it must cost", Pinned: true, Scenarios: []Scenario{
		cost(1000, 10), cost(5000, 4), cost(15_000, 1),
	}}
	capacity := Profile{Name: "capacity", About: "the highest rate at which all events arrive in time, beside Nchan's", Pinned: true, Scenarios: []Scenario{capacity()}}
	engine := Profile{Name: "engine", About: "all of cost, idle, capacity and storm", Pinned: true}
	for _, p := range []Profile{cost, idle, capacity, storm} {
		engine.Scenarios = append(engine.Scenarios, p.Scenarios...)
	}
	return []Profile{
		{
			Name: "smoke", About: "the transports side by side in half a minute, on two cores",
			Scenarios: []Scenario{{
				Name: "smoke", Kind: FanOut, Targets: []string{pushlabName}, Transports: Transports(), Rounds: 1,
				Subscribers: 200, Rate: 25, Size: 128,
				WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
			}},
		},
		{
			Name: "fanout", About: "a larger audience, one and a half minutes",
			Scenarios: []Scenario{{
				Name: "fanout", Kind: FanOut, Targets: []string{pushlabName}, Transports: Transports(), Rounds: 1,
				Subscribers: 1000, Rate: 10, Size: 128,
				WarmUp: 2 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
			}},
		},
		storm, idle, cost, capacity, engine,
	}
}

// cost is a fan-out at a rate at which nothing can be batched: an event has reached everybody, on
// every transport, before the next is due.
func cost(subscribers int, rate float64) Scenario {
	return Scenario{
		Name: "cost", Kind: FanOut, Targets: []string{FloorName, BaselineName, pushlabName}, Transports: Transports(),
		Rounds: 5, Again: true, Subscribers: subscribers, Rate: rate, Size: 128,
		WarmUp: 2 * time.Second, Measure: 10 * time.Second, Drain: 5 * time.Second,
	}
}

func idle(subscribers int) Scenario {
	return Scenario{
		Name: "idle", Kind: Idle, Targets: []string{pushlabName}, Transports: []string{sse.Name, websocket.Name},
		Rounds: 5, Subscribers: subscribers, Rate: 1, Size: 128,
		WarmUp: 3 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
	}
}

func capacity() Scenario {
	return Scenario{
		Name: "capacity", Kind: Capacity, Targets: []string{pushlabName, NchanName}, Transports: Transports(),
		Rounds: 5, Subscribers: 1000, Rate: 50, Size: 128, Limit: 100 * time.Millisecond,
		WarmUp: time.Second, Measure: 3 * time.Second, Drain: 2 * time.Second,
	}
}

func storm(subscribers int) Scenario {
	return Scenario{
		Name: "storm", Kind: Storm, Targets: []string{pushlabName}, Transports: Transports(),
		Rounds: 5, Subscribers: subscribers, Rate: 200, Size: 128,
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
