package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestProfilesAreValid(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Profiles() {
		if p.Name == "" || p.About == "" || seen[p.Name] || len(p.Cases()) == 0 {
			t.Errorf("the profile %q has no name of its own, does not say what it is for, or does nothing", p.Name)
		}
		seen[p.Name] = true
		if found, err := FindProfile(p.Name); err != nil || found.Name != p.Name {
			t.Errorf("%s is not found: %v", p.Name, err)
		}
		for _, s := range p.Cases() {
			if err := s.Validate(); err != nil || s.Name == "" {
				t.Errorf("%s: the case %q: %v", p.Name, s.Name, err)
			}
			for _, target := range s.Targets {
				if _, err := NewTarget(target, nil, nil); err != nil {
					t.Errorf("%s: %v", p.Name, err)
				}
			}
			// Starting, connecting and waiting take half a second a transport.
			if took := time.Duration(len(s.Transports)) * (s.WarmUp + s.Measure + time.Second/2); p.Name == "smoke" && took > 30*time.Second {
				t.Errorf("the smoke profile takes %v", took)
			}
		}
	}
	if _, err := FindProfile("nothing"); err == nil || !strings.Contains(err.Error(), "smoke") {
		t.Errorf("the error %v does not say which profiles there are", err)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Case){
		"no kind":             func(s *Case) { s.Kind = "" },
		"no target":           func(s *Case) { s.Targets = nil },
		"no round":            func(s *Case) { s.Rounds = 0 },
		"no limit":            func(s *Case) { s.Kind = Capacity },
		"no transport":        func(s *Case) { s.Transports = nil },
		"unknown transport":   func(s *Case) { s.Transports = []string{"pigeon"} },
		"no subscriber":       func(s *Case) { s.Subscribers = 0 },
		"too many":            func(s *Case) { s.Subscribers = maxSubscribers + 1 },
		"no rate":             func(s *Case) { s.Rate = 0 },
		"rate is no number":   func(s *Case) { s.Rate = math.NaN() },
		"rate too high":       func(s *Case) { s.Rate = maxRate + 1 },
		"too small":           func(s *Case) { s.Size = minSize - 1 },
		"too large":           func(s *Case) { s.Size = maxSize + 1 },
		"negative warm-up":    func(s *Case) { s.WarmUp = -1 },
		"negative drain":      func(s *Case) { s.Drain = -1 },
		"not one event":       func(s *Case) { s.Measure = time.Microsecond },
		"too many deliveries": func(s *Case) { s.Measure = 10 * time.Hour },
	} {
		s := Profiles()[0].Cases()[0]
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}
