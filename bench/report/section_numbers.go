package report

import "pushlab/bench/result"

// numbersSection has the tables that a terminal shows, with what no picture has.
func numbersSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "numbers", Title: "All tables", How: "What the terminal shows: medians of the rounds that may be compared, with what no picture has, such as segments, the load's own schedule, and faults. A dash is what is not known.", Folded: true}
	for _, o := range r.Outcomes {
		view := caseView{Title: Title(o.Case)}
		for _, g := range (Text{Result: r}).tables(o) {
			if len(g.rows) > 0 {
				view.Tables = append(view.Tables, g.view(""))
			}
		}
		if len(view.Tables) > 0 {
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}
