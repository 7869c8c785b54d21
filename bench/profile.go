package bench

import (
	"fmt"
	"strings"
	"time"
)

// A Profile is a scenario that is worth repeating, so that results can be compared.
type Profile struct {
	// About says in a line what the profile is for.
	About string
	// Scenario is what it does; its Name is the profile's.
	Scenario Scenario
}

// Profiles returns all profiles, the quickest first.
func Profiles() []Profile {
	return []Profile{
		{
			About: "the transports side by side in half a minute, on two cores",
			Scenario: Scenario{
				Name: "smoke", Transports: Transports(),
				Subscribers: 200, Rate: 25, Size: 128,
				WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
			},
		},
		{
			About: "a larger audience, one and a half minutes",
			Scenario: Scenario{
				Name: "fanout", Transports: Transports(),
				Subscribers: 1000, Rate: 10, Size: 128,
				WarmUp: 2 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
			},
		},
	}
}

// FindProfile returns the profile of that name.
func FindProfile(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Scenario.Name == name {
			return p, nil
		}
		names = append(names, p.Scenario.Name)
	}
	return Profile{}, fmt.Errorf("bench: unknown profile %q; use %s", name, strings.Join(names, " or "))
}
