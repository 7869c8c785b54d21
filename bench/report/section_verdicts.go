package report

import (
	"fmt"

	"pushlab/bench/result"
)

func verdictSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "verdicts", Title: "Verdicts", How: "Failed: a server did not deliver every event once and in order. Not valid: the load was not what it should have been, " +
		"so the numbers must not be compared; of some, only those of the slowest deliveries. Ratios are of the same round, with their median and range."}
	tones := map[level]string{failed: "bad", notValid: "warn", tailInvalid: "warn", fine: "good", foremost: "plain", ratio: "plain", added: "plain", omitted: "plain", note: "plain"}
	if found, numbers := answers(r); len(found) > 0 {
		view := caseView{Title: claimsTitle}
		for _, a := range found {
			view.Verdicts = append(view.Verdicts, verdictView{"claim", a.verdict, a.text + "."})
		}
		view.More = numbers.view("Ratios of the same round")
		s.Cases = append(s.Cases, view)
	}
	for _, o := range r.Outcomes {
		view := caseView{Title: Title(o.Case)}
		for _, l := range verdicts(o) {
			view.Verdicts = append(view.Verdicts, verdictView{tones[l.level], string(l.level), l.text})
		}
		if n := len(o.Measurements); len(view.Verdicts) == 0 && n > 0 {
			view.Verdicts = append(view.Verdicts, verdictView{"good", string(fine), fmt.Sprintf("all %d measurements may be compared", n)})
		}
		view.fold()
		if leavesOut(o) {
			view.LeftOut = leftOut
		}
		s.Cases = append(s.Cases, view)
	}
	if lines := growth(r); len(lines) > 0 {
		view := caseView{Title: "Growth: " + lines[0]}
		for _, l := range lines[1:] {
			view.Verdicts = append(view.Verdicts, verdictView{"plain", "GROWTH", l})
		}
		s.Cases = append(s.Cases, view)
	}
	return s
}

// maxNotes is how many notes of a case are read at once.
const maxNotes = 3

// fold puts a case's notes away if there are many.
func (c *caseView) fold() {
	var notes, others []verdictView
	for _, v := range c.Verdicts {
		if v.Level == string(note) {
			notes = append(notes, v)
		} else {
			others = append(others, v)
		}
	}
	if len(notes) > maxNotes {
		c.Verdicts, c.Notes = others, notes
	}
}

// claimsTitle stands above what a run says to claims.
const claimsTitle = "What is often said, and what was found"
