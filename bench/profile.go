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
	standardBudget = budget{rounds: 2, warmUp: time.Second, window: 4 * time.Second, watch: 10 * time.Second, references: true}
	fullBudget     = budget{rounds: 3, warmUp: time.Second, window: 5 * time.Second, watch: 20 * time.Second, probe: 3 * time.Second, steady: 4 * time.Second, references: true}
)

// yardsticks are targets that others are compared with.
var yardsticks = []string{result.FloorName, result.BaselineName, result.NchanName, nullName}

// nullName is the target that delivers within the process; there is none yet, so that no scenario names it.
const nullName = "null"

// within makes a scenario smaller.
func (b budget) within(s Scenario, points int) Scenario {
	s.Rounds = min(s.Rounds, b.rounds)
	s.Again = s.Again && s.Rounds > 1
	s.WarmUp, s.Measure, s.Watch = min(s.WarmUp, b.warmUp), min(s.Measure, b.window), min(s.Watch, b.watch)
	s.MaxWarmUp = min(s.MaxWarmUp, b.steady)
	if s.Kind == result.Capacity {
		s.Rounds, s.Measure = 1, min(s.Measure, b.probe)
	}
	if s.ComputeBelow == 0 { // of a sweep all are needed, and those that are computed take no time
		s.Rates = thinned(s.Rates, points)
	}
	s.Subscribers, s.Sizes, s.Contents = thinned(s.Subscribers, points), thinned(s.Sizes, points), thinned(s.Contents, points)
	if !b.references {
		s.Targets = slices.DeleteFunc(slices.Clone(s.Targets), func(t string) bool { return slices.Contains(yardsticks, t) })
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
			part{"s1-fanout", 2}, part{"s6-payload", 2}, part{"idle", 1}),
		budgeted("standard", "fan-out, rates, payloads, the limit, idle connections and a storm in 20 minutes", 20*time.Minute, standardBudget,
			part{"s1-fanout", 3}, part{"s6-payload", 2}, part{"s4-sweep", 1}, part{"idle", 1}, part{"storm", 1}),
		budgeted("full", "all of it at more points, in 90 minutes", 90*time.Minute, fullBudget,
			part{"s1-fanout", 4}, part{"s6-payload", 3}, part{"s4-sweep", 2}, part{"s3-capacity", 1}, part{"idle", 2}, part{"storm", 2}),
	}
	engine := Profile{Name: "engine", About: "all of cost, idle, capacity and storm", Pinned: true}
	for _, name := range []string{"cost", "idle", "capacity", "storm"} {
		s := mustFind(name)
		profiles = append(profiles, Profile{Name: name, About: s.About, Pinned: s.Pinned, Scenarios: []Scenario{s}})
		engine.Scenarios = append(engine.Scenarios, s)
	}
	return append(profiles, engine)
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
