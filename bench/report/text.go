package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/bench/result"
)

// A Text is a result in words and tables, for people.
type Text struct {
	// Result is what is reported.
	Result result.Result
	// Color says that it is read on a terminal which shows colors.
	Color bool
}

// Write writes the report: first the verdicts, then the numbers, then how to read them.
func (r Text) Write(w io.Writer) error {
	e := r.Result.Environment
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %s %s, %s", cmp.Or(e.CPU, "unknown CPU"), e.Cores, e.OS, e.Kernel, e.GoVersion)
	if pin := r.Result.Pin; pin != nil {
		fmt.Fprintf(&b, "; server on core %d, load on core %d", pin.Server, pin.Load)
	}
	b.WriteString("\n")
	for _, o := range r.Result.Outcomes {
		b.WriteString("\n" + Title(o.Case) + "\n")
		r.verdict(&b, o)
	}
	r.growth(&b)
	if r.Result.Interrupted {
		fmt.Fprintf(&b, "\n%s this is what was measured until then\n", r.paint(text.FgYellow, "INTERRUPTED"))
	}
	for _, o := range r.Result.Outcomes {
		if len(r.Result.Outcomes) > 1 { // several tables look the same
			b.WriteString("\n" + Title(o.Case))
		}
		b.WriteString("\n" + strings.Join(r.tables(o), "\n\n") + "\n")
	}
	b.WriteString("\n" + r.explanation())
	_, err := io.WriteString(w, b.String())
	return err
}

// Title says in a line what a case does.
func Title(s result.Case) string {
	rounds := "one round each"
	if s.Rounds > 1 {
		rounds = fmt.Sprintf("%d rounds", s.Rounds)
	}
	data := fmt.Sprintf("%d bytes of data", s.Size)
	if s.Content != "" && s.Content != result.ContentJSON {
		data = fmt.Sprintf("%d bytes of %s data", s.Size, s.Content)
	}
	switch {
	case s.Computed:
		return fmt.Sprintf("%s: %d subscribers, %g events/s with %s, computed; %s", s.Name, s.Subscribers, s.Rate, data, rounds)
	case s.Verifies:
		rounds += "; verified"
	}
	switch s.Kind {
	case result.Idle:
		return fmt.Sprintf("%s: %d subscribers, watched for %v after %d events; %s", s.Name, s.Subscribers, s.Measure, s.WarmUpEvents(), rounds)
	case result.Capacity:
		return fmt.Sprintf("%s: %d subscribers, events with %d bytes of data, the highest rate with a p99 of at most %v over %v; %s",
			s.Name, s.Subscribers, s.Size, s.Limit, s.Measure, rounds)
	case result.Storm:
		return fmt.Sprintf("%s: %d subscribers drop, miss %d events with %d bytes of data, and come back at once; %s",
			s.Name, s.Subscribers, s.Events(), s.Size, rounds)
	default:
		return fmt.Sprintf("%s: %d subscribers, %g events/s with %s, measured for %v after %v of warm-up; %s",
			s.Name, s.Subscribers, s.Rate, data, s.Measure, s.WarmUp, rounds)
	}
}

// verdict writes what to think of an outcome.
func (r Text) verdict(b *strings.Builder, o result.Outcome) {
	line := func(color text.Color, word, what string) { fmt.Fprintf(b, "%s %s\n", r.paint(color, word), what) }
	lines := func(color text.Color, word string, of func(result.Verdict) []string) {
		for _, m := range o.Measurements {
			for _, what := range of(m.Verdict) {
				line(color, word, nameOf(o.Case, m)+": "+what)
			}
		}
	}
	gathered := func(color text.Color, word string, of func(result.Verdict) []string) {
		if o.Case.Rounds == 1 && len(o.Case.Targets) == 1 {
			lines(color, word, of)
			return
		}
		var kinds []string
		count, example := map[string]int{}, map[string]string{}
		for _, m := range o.Measurements {
			for _, what := range of(m.Verdict) {
				kind := strings.Map(func(c rune) rune {
					return cmp.Or(map[bool]rune{true: -1}[strings.ContainsRune("0123456789.nµms", c)], c)
				}, what)
				if count[kind]++; count[kind] == 1 {
					kinds = append(kinds, kind)
					example[kind] = nameOf(o.Case, m) + ": " + what
				}
			}
		}
		for _, kind := range kinds {
			if n := count[kind]; n > 1 {
				example[kind] += fmt.Sprintf("; likewise %d more", n-1)
			}
			line(color, word, example[kind])
		}
	}
	lines(text.FgRed, "FAILED", func(v result.Verdict) []string { return v.Failed })
	lines(text.FgYellow, "NOT VALID", func(v result.Verdict) []string { return v.Invalid })
	gathered(text.FgYellow, "TAIL NOT VALID", func(v result.Verdict) []string { return v.Tail })
	fine, tails := 0, 0
	for _, m := range o.Measurements {
		if m.Verdict.Comparable() {
			fine++
		}
		if m.Verdict.TailComparable() {
			tails++
		}
	}
	if fine > 0 && !o.Case.Computed && o.Case.Kind != result.Idle && o.Case.Kind != result.Capacity {
		line(text.FgGreen, "OK", fmt.Sprintf("%d of %d measurements delivered every event once and in order%s",
			fine, len(o.Measurements), map[bool]string{true: ", while the load kept its rate"}[o.Case.Kind == result.FanOut]))
	}
	for _, s := range o.Summaries {
		for _, ratio := range s.Ratios {
			if said := compare(s, ratio); said != "" {
				line(text.FgGreen, "RATIO", said)
			}
		}
	}
	gathered(text.FgCyan, "NOTE", func(v result.Verdict) []string { return v.Notes })
	if tails < len(o.Measurements) {
		b.WriteString("What must not be compared is left out below; " + result.FileName + " has it.\n")
	}
}

// compare says how a target does beside another, if that is worth saying.
func compare(s result.Summary, ratio result.Ratio) string {
	reference := func(name string) bool {
		return name == result.FloorName || name == result.BaselineName || name == result.NchanName
	}
	what := map[result.Metric]string{
		result.CPUPerEvent: "costs", result.MemoryPerConnection: "takes", result.DeliveriesPerSecond: "delivers", result.CatchUpTime: "takes",
	}[s.Metric]
	once, of := s.Lane, "%s %s %s times what %s does"
	once.Again = false
	switch {
	case s.Again && ratio.To == s.Target:
		return fmt.Sprintf("%s against itself: %s, which is the noise", once.Name(), withBounds(ratio.Spread, 2))
	case s.Again || !reference(ratio.To) || reference(s.Target):
		return ""
	case ratio.To == result.FloorName:
		of = "%s %s %s times the %s"
	}
	return fmt.Sprintf(of, s.Name(), what, withBounds(ratio.Spread, 2), ratio.To)
}

// growth writes how the cost of an event grows with the number of subscribers, beside the floor's,
// if it was measured with several.
func (r Text) growth(b *strings.Builder) {
	var small, large result.Outcome
	for _, o := range r.Result.Outcomes {
		switch n := o.Case.Subscribers; {
		case o.Case.Kind != result.FanOut || !slices.Contains(o.Case.Targets, result.FloorName):
		case small.Case.Subscribers == 0:
			small, large = o, o
		case n > large.Case.Subscribers:
			large = o
		case n < small.Case.Subscribers:
			small = o
		}
	}
	if small.Case.Subscribers == large.Case.Subscribers {
		return
	}
	fmt.Fprintf(b, "\nfrom %d to %d subscribers an event's cost grows by a factor of\n", small.Case.Subscribers, large.Case.Subscribers)
	for _, s := range large.Summaries {
		at := slices.IndexFunc(small.Summaries, func(other result.Summary) bool {
			return other.Lane == s.Lane
		})
		if at < 0 || s.Again || small.Summaries[at].Value.Rounds == 0 || s.Value.Rounds == 0 {
			continue
		}
		before := small.Summaries[at].Value
		fmt.Fprintf(b, "%s %s (%s µs to %s µs)\n", s.Name(), number(s.Value.Median/before.Median, 2), withBounds(before, 1), withBounds(s.Value, 1))
	}
}

// nameOf is what the report calls a measurement of a case.
func nameOf(c result.Case, m result.Measurement) string {
	name := m.ShortName()
	if len(c.Targets) > 1 {
		name = m.Name()
	}
	if c.Rounds > 1 {
		name += fmt.Sprintf(" in round %d", m.Round)
	}
	return name
}

// explanation says how to read the tables that there are.
func (r Text) explanation() string {
	var b strings.Builder
	has := func(kinds ...result.Kind) bool {
		return slices.ContainsFunc(r.Result.Outcomes, func(o result.Outcome) bool { return slices.Contains(kinds, o.Case.Kind) })
	}
	several := slices.ContainsFunc(r.Result.Outcomes, func(o result.Outcome) bool { return o.Case.Rounds > 1 })
	if has(result.FanOut, result.Capacity) {
		b.WriteString(`delivery counts from the time when an event was due, not from when it was published, until a subscriber has found it.
`)
	}
	if has(result.FanOut) {
		b.WriteString(`bytes/event is what the subscribers' connections carried (at the client, without TCP/IP), with framing, headers and polls.
server CPU is the run time of the server's threads (/proc/PID/task/*/schedstat) per delivered event, publishing included`)
		if r.Result.Pin != nil {
			b.WriteString(",\nand that of the kernel's thread ksoftirqd of its core")
		}
		b.WriteString(".\n")
	}
	if slices.ContainsFunc(r.Result.Outcomes, func(o result.Outcome) bool { return o.Case.Kind == result.FanOut && r.wire(o) != "" }) {
		b.WriteString(`On the wire: heads are those of requests and responses; framing tells where events begin and end; payload is envelopes with
their data, and answers to polls. link bytes are an estimate: the bytes both ways, and 52 for each TCP segment.
`)
	}
	if has(result.FanOut) && several {
		b.WriteString(`The floor sends the same bytes by one non-blocking send(2) for each subscriber, and does nothing else; for long polling it
also receives the polls. The baseline is net/http with a handler that waits for the event and writes the same answer.
Ratios are of the same round; shown are their median and range.
`)
	}
	if has(result.Idle) {
		b.WriteString(`KiB/connection is resident memory of the server's processes, full less empty, by the number of connections.
`)
	}
	b.WriteString("Server and load share the machine, and the loopback interface charges the receiver's half of TCP to the sender.\n")
	if !several {
		b.WriteString("It was one round: small differences may be chance.\n")
	}
	return b.String()
}
