package bench

import (
	"fmt"
	"slices"
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
	// Budget is how long it may take; 0 is as long as it needs.
	Budget time.Duration
}

// Cases returns the cases of all its scenarios, in order.
func (p Profile) Cases() (cases []result.Case) {
	for _, s := range p.Scenarios {
		cases = append(cases, s.Cases()...)
	}
	return cases
}

// A budget is how a profile makes scenarios smaller, so that all of them fit into its time: of each list only
// some points, each lane in so many rounds, and no time longer than that.
type budget struct {
	rounds int
	// warmUp and window are the longest warm-up and measurement; watch the longest for idle connections.
	warmUp, window, watch time.Duration
	// probe is the longest measurement of a search, which makes about twenty, and is made once.
	probe time.Duration
	// steady is the longest warm-up that goes on until it is steady; 0 is to take only warmUp.
	steady time.Duration
	// references says that the floor and the like are measured too.
	references bool
}

// Rules of the profiles: a profile has one budget for all its scenarios, and says of each how many points it
// takes of each list.
var (
	quickBudget    = budget{rounds: 1, warmUp: time.Second, window: 3 * time.Second, watch: 5 * time.Second}
	standardBudget = budget{rounds: 2, warmUp: time.Second, window: 3 * time.Second, watch: 10 * time.Second, references: true}
	fullBudget     = budget{rounds: 3, warmUp: time.Second, window: 4 * time.Second, watch: 20 * time.Second, probe: 3 * time.Second, steady: 4 * time.Second, references: true}
)

// within makes a scenario smaller.
func (b budget) within(s Scenario, points int) Scenario {
	s.Rounds = min(s.Rounds, b.rounds)
	s.Again = s.Again && s.Rounds > 1
	warmUp, window := b.warmUp, b.window
	switch s.Kind {
	case result.Idle: // each step needs an event
		warmUp, window = s.WarmUp, b.watch
	case result.Slow: // it takes long until a server notices
		window, s.Rounds = b.watch, 1
	}
	s.WarmUp, s.Measure, s.Watch = min(s.WarmUp, warmUp), min(s.Measure, window), min(s.Watch, b.watch)
	s.MaxWarmUp = min(s.MaxWarmUp, b.steady)
	if s.Kind == result.Capacity {
		s.Rounds, s.Measure = 1, min(s.Measure, b.probe)
	}
	if s.ComputeBelow == 0 { // of a sweep all are needed, and those that are computed take no time
		s.Rates = thinned(s.Rates, points)
	}
	s.Subscribers, s.Sizes, s.RTTs, s.Data = thinned(s.Subscribers, points), thinned(s.Sizes, points), thinned(s.RTTs, points), thinned(s.Data, points)
	if !b.references {
		s.Targets = slices.DeleteFunc(slices.Clone(s.Targets), result.IsYardstick)
	}
	return s
}

// thinned returns so many elements of a list, evenly apart, with the first and the last; of one, the middle.
func thinned[T any](list []T, points int) []T {
	switch {
	case points >= len(list):
		return list
	case points == 1:
		return list[len(list)/2 : len(list)/2+1]
	}
	var some []T
	for i := range points {
		some = append(some, list[i*(len(list)-1)/(points-1)])
	}
	return some
}

// A part is a scenario of a profile, and how many points it takes of each list.
type part struct {
	scenario string
	points   int
}

// budgeted makes a profile of parts within a budget.
func budgeted(name, about string, limit time.Duration, b budget, parts ...part) Profile {
	p := Profile{Name: name, About: about, Pinned: true, Budget: limit}
	for _, part := range parts {
		p.Scenarios = append(p.Scenarios, b.within(mustFind(part.scenario), part.points))
	}
	return p
}

// Profiles returns all profiles: those with a budget, the shortest first, then those about one thing.
func Profiles() []Profile {
	profiles := []Profile{
		{Name: "smoke", About: mustFind("smoke").About, Budget: 40 * time.Second, Scenarios: []Scenario{mustFind("smoke")}},
		budgeted("quick", "fan-out, payloads and idle connections in three minutes, one round", 3*time.Minute, quickBudget,
			part{"s1-fanout", 2}, part{"s6-payload", 2}, part{"s2-idle", 1}),
		budgeted("standard", "fan-out, rates, payloads, echoes, idle connections and a storm in 20 minutes", 20*time.Minute, standardBudget,
			part{"s1-fanout", 3}, part{"s2-idle", 1}, part{"s4-sweep", 1}, part{"s5-storm", 1}, part{"s6-payload", 2}, part{"s7-echo", 1}),
		budgeted("full", "something of everything, in three rounds, in 90 minutes", 90*time.Minute, fullBudget,
			part{"s1-fanout", 3}, part{"s2-idle", 1}, part{"s3-capacity", 1}, part{"s4-sweep", 1}, part{"s5-storm", 1}, part{"s5-restart", 1}, part{"s6-payload", 2},
			part{"s7-echo", 1}, part{"s8-nginx", 1}, part{"s9-http2", 1}, part{"s10-compression", 1}, part{"s11-slow", 1}, part{"s12-tls", 1}),
	}
	about := func(name, what string, scenarios ...string) {
		p := Profile{Name: name, About: what}
		for _, scenario := range scenarios {
			s := mustFind(scenario)
			p.Scenarios, p.Pinned = append(p.Scenarios, s), p.Pinned || s.Pinned
			if p.About == "" {
				p.About = s.About
			}
		}
		profiles = append(profiles, p)
	}
	about("plan", "all that 'pushlab plan' plans with, in some minutes", "plan-events", "plan-sizes", "plan-distance", "plan-idle", "plan-storm")
	about("cost", "", "cost")
	about("idle", "", "s2-idle")
	about("capacity", "", "capacity")
	about("peers", "", "peers")
	about("storm", "all lose their connection, at once or one by one, and come back", "s5-storm", "s5-restart", "s5-rolling")
	about("echo", "how long a client's own event takes to come back", "s7-echo-closed", "s7-echo")
	about("slow", "", "s11-slow")
	about("nginx", "nginx between: what it adds, holds back and cuts", "s8-nginx", "s8-nginx-idle")
	about("http2", "HTTP/1.1 beside HTTP/2 with 1 to 50 streams on a connection", "s9-http2", "s9-http2-slow", "s9-http2-idle")
	about("compression", "what compression saves, and what it takes", "s10-compression", "s10-compression-idle")
	about("tls", "what TLS adds to events, connections and storms", "s12-tls", "s12-tls-idle", "s12-tls-storm")
	about("claims", "what is often said of the transports, claims C1 to C12; docs/study.md tells what came of it", "c1-rates", "c4-distance", "c5-idle", "c6-overload",
		"c7-compression", "c8-http2", "c9-proxy", "c10-storm", "c11-slow", "c12-tls")
	about("engine", "all of cost, idle, capacity, and the storm of all at once", "cost", "s2-idle", "capacity", "s5-storm")
	return profiles
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
