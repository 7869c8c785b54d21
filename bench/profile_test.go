package bench

import (
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
