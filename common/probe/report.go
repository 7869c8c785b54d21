package probe

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Report is what the endpoints were asked, and what came of it.
type Report struct {
	Endpoints []Endpoint
	// Took is how long it took to ask.
	Took time.Duration
}

// An Endpoint is one URL that was asked.
type Endpoint struct {
	URL       string
	Transport string
	// Guessed says from what the transport was guessed; empty if it was told.
	Guessed string
	// Pushlab says that it keeps Pushlab's contract, too.
	Pushlab bool
	// Publish is where events were published; empty if they were not.
	Publish string
	Results []Result
}

// A Result is what one check came to.
type Result struct {
	ID       string
	Section  string
	Must     bool
	Sentence string
	Verdict
}

// Count returns how many checks had that outcome.
func (r *Report) Count(o Outcome) (n int) {
	for _, e := range r.Endpoints {
		for _, result := range e.Results {
			if result.Outcome == o {
				n++
			}
		}
	}
	return n
}

// colors of a terminal for the outcomes.
var colors = map[Outcome]string{Pass: "32", Fail: "1;31", Warn: "33", NotApplicable: "2"}

// loud is what the eye should find.
var loud = map[Outcome]string{Fail: "FAIL"}

// Write writes the report for people; with color for a terminal that shows it.
func (r *Report) Write(w io.Writer, color bool) error {
	var b strings.Builder
	for _, e := range r.Endpoints {
		e.write(&b, color)
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d warnings, %d not applicable, in %v\n",
		r.Count(Pass), r.Count(Fail), r.Count(Warn), r.Count(NotApplicable), r.Took.Round(10*time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *Endpoint) write(b *strings.Builder, color bool) {
	fmt.Fprintf(b, "%s\n%s", e.URL, e.Transport)
	if e.Guessed != "" {
		fmt.Fprintf(b, ", guessed from %s", e.Guessed)
	}
	if e.Pushlab {
		b.WriteString("; a Pushlab server")
	}
	if e.Publish != "" {
		fmt.Fprintf(b, "; events are published to %s", e.Publish)
	}
	b.WriteString("\n\n")
	for _, r := range e.Results {
		outcome := fmt.Sprintf("%-4s", cmp.Or(loud[r.Outcome], string(r.Outcome)))
		if color {
			outcome = "\x1b[" + colors[r.Outcome] + "m" + outcome + "\x1b[0m"
		}
		fmt.Fprintf(b, "%s  %-8s  %s\n", outcome, r.ID, r.Sentence)
		indent := strings.Repeat(" ", len("n/a   HTTP-01a  "))
		switch r.Outcome {
		case Pass:
			continue
		case NotApplicable:
			fmt.Fprintf(b, "%snot asked: %s\n", indent, r.Note)
			continue
		}
		fmt.Fprintf(b, "%s%s (%s)\n", indent, r.Note, r.Section)
		if r.Seen != "" {
			fmt.Fprintf(b, "%sseen: %s\n", indent, r.Seen)
		}
	}
	b.WriteString("\n")
}

// MarshalJSON writes the report for programs.
func (r *Report) MarshalJSON() ([]byte, error) {
	type result struct {
		ID       string `json:"id"`
		Outcome  string `json:"outcome"`
		Must     bool   `json:"must"`
		Section  string `json:"section"`
		Sentence string `json:"sentence"`
		Note     string `json:"note,omitempty"`
		Seen     string `json:"seen,omitempty"`
	}
	type endpoint struct {
		URL       string   `json:"url"`
		Transport string   `json:"transport"`
		Guessed   string   `json:"guessed_from,omitempty"`
		Pushlab   bool     `json:"pushlab"`
		Publish   string   `json:"publish,omitempty"`
		Results   []result `json:"results"`
	}
	var report struct {
		Passed        int        `json:"passed"`
		Failed        int        `json:"failed"`
		Warnings      int        `json:"warnings"`
		NotApplicable int        `json:"not_applicable"`
		Seconds       float64    `json:"seconds"`
		Endpoints     []endpoint `json:"endpoints"`
	}
	report.Passed, report.Failed, report.Warnings, report.NotApplicable = r.Count(Pass), r.Count(Fail), r.Count(Warn), r.Count(NotApplicable)
	report.Seconds = r.Took.Round(time.Millisecond).Seconds()
	for _, e := range r.Endpoints {
		to := endpoint{URL: e.URL, Transport: e.Transport, Guessed: e.Guessed, Pushlab: e.Pushlab, Publish: e.Publish}
		for _, c := range e.Results {
			to.Results = append(to.Results, result{c.ID, string(c.Outcome), c.Must, c.Section, c.Sentence, c.Note, c.Seen})
		}
		report.Endpoints = append(report.Endpoints, to)
	}
	return json.Marshal(report)
}
