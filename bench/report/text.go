package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/bench/result"
	"pushlab/bench/stats"
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
	var b strings.Builder
	for _, flag := range r.Result.Flags {
		fmt.Fprintf(&b, "%s %s\n", r.paint(text.FgRed, "FLAG"), flag)
	}
	if claims := r.claims(); claims != "" {
		if len(r.Result.Flags) > 0 {
			b.WriteString("\n")
		}
		b.WriteString(claims)
	}
	for i, o := range r.Result.Outcomes {
		if i > 0 || b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(Title(o.Case) + "\n")
		r.verdict(&b, o)
	}
	if lines := growth(r.Result); len(lines) > 0 {
		b.WriteString("\n" + strings.Join(lines, "\n") + "\n")
	}
	if r.Result.Interrupted {
		fmt.Fprintf(&b, "\n%s this is what was measured until then\n", r.paint(text.FgYellow, "INTERRUPTED"))
	}
	for _, o := range r.Result.Outcomes {
		tables := r.tables(o)
		if len(tables) > 0 && len(r.Result.Outcomes) > 1 { // several tables look the same
			b.WriteString("\n" + Title(o.Case))
		}
		for _, t := range tables {
			b.WriteString("\n" + t.Render() + "\n")
		}
	}
	b.WriteString("\n" + where(r.Result) + "\n" + lateness(r.Result) + explanation(r.Result))
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteClaims writes only what the run says to claims; nothing if it measured nothing.
func (r Text) WriteClaims(w io.Writer) error {
	_, err := io.WriteString(w, r.claims())
	return err
}

func (r Text) claims() string {
	found, _ := answers(r.Result)
	if len(found) == 0 {
		return ""
	}
	text := claimsTitle + "\n"
	for _, a := range found {
		lines := wrapped(a.verdict+" "+a.text, width)
		text += r.paint(claimColors[a.verdict], a.verdict) + strings.TrimPrefix(lines, a.verdict) + "\n"
	}
	return text
}

// claimColors are those of the verdicts on claims.
var claimColors = map[string]text.Color{holds: text.FgGreen, doesNotHold: text.FgGreen, onlyWhen: text.FgGreen, unclear: text.FgYellow, notMeasured: text.FgCyan}

// width is how many characters a line of prose has at most.
const width = 140

// wrapped breaks a line between words; what follows the first is indented.
func wrapped(line string, width int) string {
	const indent = "    "
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(line) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = len(indent)
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// untilThen is said of a run that was interrupted.
const untilThen = "this is what was measured until then"

// where says in a line on what machine a run was.
func where(r result.Result) string {
	e := r.Environment
	line := fmt.Sprintf("%s, %d cores, %s %s, %s", cmp.Or(e.CPU, "unknown CPU"), e.Cores, e.OS, e.Kernel, e.GoVersion)
	if r.Pin != nil {
		line += fmt.Sprintf("; server on core %d, load on core %d", r.Pin.Server, r.Pin.Load)
	}
	if others := others(r); len(others) > 0 {
		line += "; " + strings.Join(others, ", ")
	}
	return line
}

// others names the programs of others that took part, with their versions, as far as they are recorded.
func others(r result.Result) (all []string) {
	for _, t := range r.Targets {
		if t.Version != "" && !strings.HasPrefix(t.Version, result.PushlabName) {
			all = append(all, fmt.Sprintf("%s (%s)", t.Name, t.Version))
		}
	}
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			for _, between := range m.Between {
				name := between.Name + " " + between.Version
				if between.Version != "" && !slices.Contains(all, name) {
					all = append(all, name)
				}
			}
		}
	}
	return all
}

// lateness says how late a timer was beside the load, in a line; nothing if that was not looked at.
func lateness(r result.Result) string {
	c := r.Conditions
	if c == nil || c.NoiseBefore.Count == 0 {
		return ""
	}
	late := func(l result.Latency) string {
		return fmt.Sprintf("p50 %s, p99.9 %s, max %s ms", ms(l.P50), ms(l.P999), ms(l.Max))
	}
	line := "A timer on the load's core was late by " + late(c.NoiseBefore) + " before the run"
	if c.NoiseAfter.Count > 0 {
		line += ", and by " + late(c.NoiseAfter) + " after it"
	}
	return line + ".\n"
}

// Title says in a line what a case does.
func Title(s result.Case) string {
	rounds := "one round each"
	if s.Rounds > 1 {
		rounds = fmt.Sprintf("%d rounds", s.Rounds)
	}
	rounds += along(s)
	if s.Verifies {
		rounds += "; verified"
	}
	if s.Computed {
		return fmt.Sprintf("%s: %d subscribers, %g events/s with %d bytes of data, computed; %s", s.Name, s.Subscribers, s.Rate, s.Size, rounds)
	}
	switch s.Kind {
	case result.Idle:
		return fmt.Sprintf("%s: %d subscribers, watched for %v after %d events; %s", s.Name, s.Subscribers, s.Measure, s.WarmUpEvents(), rounds)
	case result.Capacity:
		return fmt.Sprintf("%s: %d subscribers, events with %d bytes of data, the highest rate with a p99 of at most %v over %v; %s",
			s.Name, s.Subscribers, s.Size, s.Limit, s.Measure, rounds)
	case result.Slow:
		return fmt.Sprintf("%s: %d subscribers, of which some read slowly, %g events/s with %d bytes of data, measured for %v; %s",
			s.Name, s.Subscribers, s.Rate, s.Size, s.Measure, rounds)
	case result.Echo:
		how := fmt.Sprintf("%g events/s of each", s.Rate)
		if s.InFlight > 0 {
			how = fmt.Sprintf("closed loop, %d in flight", s.InFlight)
		}
		return fmt.Sprintf("%s: %d clients get their own events back, %s with %d bytes of data, measured for %v; %s",
			s.Name, s.Subscribers, how, s.Size, s.Measure, rounds)
	case result.Storm:
		switch {
		case s.Manner == result.Restart:
			return fmt.Sprintf("%s: the server of %d subscribers is restarted in the middle of %d events with %d bytes of data; %s",
				s.Name, s.Subscribers, s.Events(), s.Size, rounds)
		case s.Manner == result.Rolling:
			return fmt.Sprintf("%s: %g of %d subscribers drop in a second, while %g events/s go on with %d bytes of data; %s",
				s.Name, s.CutPerSecond(), s.Subscribers-s.Bystanders, s.Rate, s.Size, rounds)
		case s.Bystanders > 0:
			return fmt.Sprintf("%s: %d of %d subscribers drop and come back at once, while %g events/s go on with %d bytes of data; %s",
				s.Name, s.Subscribers-s.Bystanders, s.Subscribers, s.Rate, s.Size, rounds)
		}
		return fmt.Sprintf("%s: %d subscribers drop, miss %d events with %d bytes of data, and come back at once; %s",
			s.Name, s.Subscribers, s.Events(), s.Size, rounds)
	default:
		return fmt.Sprintf("%s: %d subscribers, %g events/s with %d bytes of data, measured for %v after %v of warm-up; %s",
			s.Name, s.Subscribers, s.Rate, s.Size, s.Measure, s.WarmUp, rounds)
	}
}

// A line is one thing to think of an outcome, and how much it matters.
type line struct {
	level level
	text  string
}

// A level is how much a line matters; it stands before it.
type level string

const (
	failed      level = "FAILED"
	notValid    level = "NOT VALID"
	tailInvalid level = "TAIL NOT VALID"
	fine        level = "OK"
	foremost    level = "BEST"
	ratio       level = "RATIO"
	added       level = "ADDED"
	omitted     level = "LEFT OUT"
	note        level = "NOTE"
)

var colors = map[level]text.Color{
	failed: text.FgRed, notValid: text.FgYellow, tailInvalid: text.FgYellow, fine: text.FgGreen, foremost: text.FgGreen, ratio: text.FgGreen,
	added: text.FgGreen, omitted: text.FgCyan, note: text.FgCyan,
}

// verdict writes what to think of an outcome.
func (r Text) verdict(b *strings.Builder, o result.Outcome) {
	for _, l := range verdicts(o) {
		fmt.Fprintf(b, "%s %s\n", r.paint(colors[l.level], string(l.level)), l.text)
	}
	if leavesOut(o) {
		b.WriteString(leftOut + "\n")
	}
}

// leftOut is said where something of an outcome is not in its tables.
const leftOut = "What must not be compared is left out below; " + result.FileName + " has it."

func leavesOut(o result.Outcome) bool {
	return slices.ContainsFunc(o.Measurements, func(m result.Measurement) bool { return !m.Verdict.TailComparable() })
}

// verdicts returns what to think of an outcome, the worst first.
func verdicts(o result.Outcome) (all []line) {
	add := func(l level, what string) { all = append(all, line{l, what}) }
	lines := func(l level, of func(result.Verdict) []string) {
		for _, m := range o.Measurements {
			for _, what := range of(m.Verdict) {
				add(l, nameOf(o.Case, m)+": "+what)
			}
		}
	}
	gathered := func(l level, of func(result.Verdict) []string) {
		if o.Case.Rounds == 1 && len(o.Case.Targets) == 1 {
			lines(l, of)
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
			add(l, example[kind])
		}
	}
	lines(failed, func(v result.Verdict) []string { return v.Failed })
	lines(notValid, func(v result.Verdict) []string { return v.Invalid })
	gathered(tailInvalid, func(v result.Verdict) []string { return v.Tail })
	comparable := 0
	for _, m := range o.Measurements {
		if m.Verdict.Comparable() {
			comparable++
		}
	}
	if comparable > 0 && !o.Case.Computed && o.Case.Kind != result.Idle && o.Case.Kind != result.Capacity {
		add(fine, fmt.Sprintf("%d of %d measurements delivered every event once and in order%s",
			comparable, len(o.Measurements), map[bool]string{true: ", while the load kept its rate"}[o.Case.Kind == result.FanOut]))
	}
	if first := leaders(o); first != "" {
		add(foremost, first)
	}
	for _, s := range o.Summaries {
		for _, to := range s.Ratios {
			if said := compare(s, to); said != "" {
				add(ratio, said)
			}
		}
	}
	for _, a := range o.Added {
		add(added, fmt.Sprintf("%s: p50 %s ms, p99 %s ms", a.Name(), withBounds(a.P50, 2), withBounds(a.P99, 2)))
	}
	for _, l := range o.LeftOut {
		add(omitted, l.Name()+": "+l.Reason)
	}
	gathered(note, func(v result.Verdict) []string { return v.Notes })
	return all
}

// compare says how a target does beside another, if that is worth saying.
func compare(s result.Summary, ratio result.Ratio) string {
	what := map[result.Metric]string{
		result.CPUPerEvent: "costs", result.MemoryPerConnection: "takes", result.DeliveriesPerSecond: "delivers", result.CatchUpTime: "takes",
		result.RoundTrip: "takes", result.DeliveryTail: "has a p99 of",
	}[s.Metric]
	once, of := s.Lane, "%s %s %s times what %s does"
	once.Again = false
	switch {
	case s.Again && ratio.To == s.Target:
		return fmt.Sprintf("%s against itself: %s, which is the noise", once.Name(), withBounds(ratio.Spread, 2))
	case s.Again || !result.IsYardstick(ratio.To) || result.IsYardstick(s.Target):
		return ""
	case ratio.To == result.FloorName:
		of = "%s %s %s times the %s"
	case s.Metric == result.DeliveryTail:
		of = "%s %s %s times that of %s"
	case ratio.To == result.NullName:
		return fmt.Sprintf("%s %s %s times what the hub alone does in the load's process", s.Name(), what, withBounds(ratio.Spread, 2))
	}
	return fmt.Sprintf(of, s.Name(), what, withBounds(ratio.Spread, 2), ratio.To)
}

// growth says how the cost of an event grows with the number of subscribers, beside the floor's, for each scenario that
// was measured with several and the same events.
func growth(r result.Result) (lines []string) {
	var keys []string
	groups := map[string][]result.Outcome{}
	for _, o := range r.Outcomes {
		if o.Case.Kind != result.FanOut || o.Case.Computed || !slices.Contains(o.Case.Targets, result.FloorName) {
			continue
		}
		key := fmt.Sprint(o.Case.ID, o.Case.Name, o.Case.Size, o.Case.Traits())
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], o)
	}
	for _, key := range keys {
		bySubscribers := func(a, b result.Outcome) int { return cmp.Compare(a.Case.Subscribers, b.Case.Subscribers) }
		lines = append(lines, grown(slices.MinFunc(groups[key], bySubscribers), slices.MaxFunc(groups[key], bySubscribers))...)
	}
	return lines
}

// grown says by how much an event costs more in a larger case.
func grown(small, large result.Outcome) (lines []string) {
	if small.Case.Subscribers == large.Case.Subscribers {
		return nil
	}
	lines = append(lines, fmt.Sprintf("%s: from %d to %d subscribers an event's cost grows by a factor of", small.Case.Name, small.Case.Subscribers, large.Case.Subscribers))
	for _, s := range large.Summaries {
		at := slices.IndexFunc(small.Summaries, func(other result.Summary) bool {
			return other.Lane == s.Lane
		})
		if at < 0 || s.Again || small.Summaries[at].Value.Rounds == 0 || s.Value.Rounds == 0 {
			continue
		}
		before := small.Summaries[at].Value
		lines = append(lines, fmt.Sprintf("%s %s (%s µs to %s µs)", s.Name(), number(s.Value.Median/before.Median, 2), withBounds(before, 1), withBounds(s.Value, 1)))
	}
	return lines
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
func explanation(r result.Result) string {
	var b strings.Builder
	has := func(kinds ...result.Kind) bool {
		return slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool { return slices.Contains(kinds, o.Case.Kind) })
	}
	several := slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool { return o.Case.Rounds > 1 })
	if has(result.FanOut, result.Capacity, result.Slow) {
		b.WriteString(`delivery counts from the time when an event was due, not from when it was published, until it has come to a
subscriber's socket, by the kernel's clock; the load reads it a read delay later. In the null target it counts until it was read.
`)
	}
	if has(result.Slow) {
		b.WriteString(`Slow readers take 1 KiB/s each, or nothing (stuck), into receive buffers of 4 KiB; deliveries are those to the others. In the end they
read all that there is, and what they do not get then must have been told to them: by a gap, or by being cut off.
`)
	}
	if has(result.Echo) {
		b.WriteString(`A round trip counts from when a client's event was due until the same client has it back; in a closed loop from when it was sent, which
hides what would have been late. Its bytes are all of the client's, with posts and their answers.
`)
	}
	if has(result.FanOut) {
		b.WriteString(`bytes/event is what the subscribers' connections carried (at the client, without TCP/IP), with framing, headers and polls.
server CPU is the run time of the server's threads (/proc/PID/task/*/schedstat) per delivered event, publishing included`)
		if r.Pin != nil {
			b.WriteString(",\nand that of the kernel's thread ksoftirqd of its core")
		}
		b.WriteString(".\n")
	}
	if slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool { return o.Case.Kind == result.FanOut && len(Text{}.wire(o).rows) > 0 }) {
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
	if slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool { return slices.Contains(o.Case.Targets, result.NullName) }) {
		b.WriteString(`null is the hub alone, read by goroutines of the load's process: its CPU time has publishing and the subscribers' accounts in it, and it
has no bytes.
`)
	}
	if len(r.Outcomes) > 0 {
		fmt.Fprintf(&b, `Claims are asked of this program's server alone: a number of each round, and of these the median with the interval that has it with
95 %%, of fewer than 6 rounds their range. A claim holds, or does not, if that interval is on one side of the threshold, and the median
by more than a lane that was measured twice differs from itself. More is 3 %% more, equal is within 10 %%, three transits are 2.5 to 3.5.
It takes %d rounds; of bytes and counts one.
`, stats.RoundsToDecide())
	}
	if slices.ContainsFunc(r.Outcomes, func(o result.Outcome) bool { return leaders(o) != "" }) {
		b.WriteString(`The best has the best median; ~ are those that cannot be told from it, by Mann-Whitney's U with p < 0.05, 3 %, and the same noise; bytes
by their range.
`)
	}
	if has(result.Idle) {
		b.WriteString(`KiB/connection is the slope of the resident memory of the server's processes over steps of none, a quarter, half and all of the
connections; residual is how far the steps are from that line. Heap, stack and Go's own are parts of it. Kernel memory is beside it: half
of what TCP sockets take on this machine, where both ends are. Bytes per hour are worth something if a heartbeat or poll fell into the time.
`)
	}
	b.WriteString("Server and load share the machine, and the loopback interface charges the receiver's half of TCP to the sender.\n")
	if !several {
		b.WriteString("It was one round: small differences may be chance.\n")
	}
	return b.String()
}
