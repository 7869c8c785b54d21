package report

import (
	"slices"
	"strings"
	"testing"

	"pushlab/bench/result"
)

// A claim is answered from each round; where they disagree, it is open.
func TestAnswers(t *testing.T) {
	r := exampleRun(t)
	found, _ := answers(r)
	verdicts := map[string]string{}
	for _, a := range found {
		verdicts[a.claim.id] = a.verdict
		if !strings.HasPrefix(a.text, a.claim.id+": “") || strings.Contains(a.text, "NaN") {
			t.Errorf("%s", a.text)
		}
	}
	for id, want := range map[string]string{"C1": "DOES NOT HOLD", "C2": "HOLDS", "C3": "ONLY WHEN", "C5": "HOLDS", "C6": "DOES NOT HOLD", "C10": "DOES NOT HOLD"} {
		if got := verdicts[id]; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for i := range r.Outcomes { // too few rounds for what differs between them
		r.Outcomes[i].Measurements = slices.DeleteFunc(r.Outcomes[i].Measurements, func(m result.Measurement) bool { return m.Round == 3 })
	}
	few, _ := answers(r)
	for _, a := range few {
		if want := map[bool]string{true: verdicts[a.claim.id], false: "UNCLEAR"}[a.claim.exact]; a.verdict != want {
			t.Errorf("%s with two rounds: %q, want %q", a.claim.id, a.verdict, want)
		}
	}
	for i := range r.Outcomes { // nothing may be compared
		for k := range r.Outcomes[i].Measurements {
			r.Outcomes[i].Measurements[k].Verdict.Invalid = []string{"it was too late"}
		}
	}
	if got, _ := answers(r); len(got) != 0 {
		t.Errorf("%d answers to nothing", len(got))
	}
}
