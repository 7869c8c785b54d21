package bench

import (
	"strings"
	"testing"
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
		}
		took, err := p.Estimate()
		if err != nil || took <= 0 || p.Budget > 0 && took > p.Budget {
			t.Errorf("%s takes %v, %v; it may take %v", p.Name, took, err, p.Budget)
		}
		t.Logf("%s takes %v", p.Name, took)
		for _, s := range p.Scenarios {
			took, _ := Profile{Scenarios: []Scenario{s}}.Estimate()
			t.Logf("  %s takes %v", s.Name, took)
		}
	}
	if _, err := FindProfile("nothing"); err == nil || !strings.Contains(err.Error(), "smoke") {
		t.Errorf("the error %v does not say which profiles there are", err)
	}
}
