package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/bench/result"
)

// A scenario is all its points: the lists multiplied, the last one changing fastest.
func TestScenarioCases(t *testing.T) {
	s := mustFind("smoke")
	s.ID, s.Subscribers, s.Rates, s.Sizes = "S1", []int{10, 20}, []float64{1, 5}, []int{64, 128}
	type point struct {
		Subscribers int
		Rate        float64
		Size        int
	}
	var got []point
	for _, c := range s.Cases() {
		if c.ID != "S1" || c.Name != "smoke" || c.Kind != result.FanOut || c.Rounds != 1 || c.Measure != s.Measure || len(c.Transports) != 4 {
			t.Errorf("a case has something else than its scenario: %+v", c)
		}
		got = append(got, point{c.Subscribers, c.Rate, c.Size})
	}
	want := []point{
		{10, 1, 64}, {10, 1, 128}, {10, 5, 64}, {10, 5, 128},
		{20, 1, 64}, {20, 1, 128}, {20, 5, 64}, {20, 5, 128},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestScenarioIsNotValid(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"no name":       func(s *Scenario) { s.Name = "" },
		"no size":       func(s *Scenario) { s.Sizes = nil },
		"one bad rate":  func(s *Scenario) { s.Rates = []float64{1, -1} },
		"no transports": func(s *Scenario) { s.Transports = nil },
	} {
		s := mustFind("smoke")
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}

// Each variant is a lane with every target and transport, and nothing that is not known is one.
func TestVariantsAreLanes(t *testing.T) {
	options := Options{Targets: []Target{{Name: "pushlab", Transports: result.Transports()}}}
	c := mustFind("smoke").Cases()[0]
	c.Transports, c.Variants, c.Again = []string{"sse", "websocket"}, []string{"", "nginx"}, true
	lanes, _, err := options.lanes(c)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range lanes {
		names = append(names, l.Name())
	}
	want := []string{"pushlab sse", "pushlab sse nginx", "pushlab websocket", "pushlab websocket nginx", "pushlab sse again"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
	for _, unknown := range [][]string{{"pigeon"}, {"", ""}} {
		c.Variants = unknown
		if _, _, err := options.lanes(c); err == nil {
			t.Errorf("%q are taken for lanes", unknown)
		}
		s := mustFind("smoke")
		s.Variants = unknown
		if err := s.Validate(); err == nil {
			t.Errorf("%q are valid", unknown)
		}
	}
}
