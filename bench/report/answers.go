package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// An opinion is what the rounds of one case say to a question.
type opinion string

const (
	yes opinion = "yes"
	no  opinion = "no"
	// open is that the interval has the threshold in it, or is too near for the noise.
	open opinion = "unclear"
	// few is that so few rounds say nothing.
	few opinion = "too few rounds"
	// moot is that there is no difference that could vanish.
	moot opinion = "no difference before"
)

// A finding is what one case says to a question.
type finding struct {
	question
	c result.Case
	// interval is of the number, without of what it was before; without rounds if that is not known.
	interval, without stats.Interval
	opinion           opinion
}

// An answer is what a run says to a claim.
type answer struct {
	id      string
	verdict string
	text    string
}

// The verdicts on claims.
const (
	holds       = "HOLDS"
	doesNotHold = "DOES NOT HOLD"
	onlyWhen    = "ONLY WHEN"
	unclear     = "UNCLEAR"
	notMeasured = "NOT MEASURED"
)

// answers returns what a run says to the claims, by this program's server, and the numbers. Those to which it says nothing are
// in one answer together, which stands last; of a run without cases there is none.
func answers(r result.Result) (all []answer, numbers *grid) {
	numbers = newTable(2, 3, 7)
	numbers.AppendHeader(table.Row{"claim", "case", "of", "median", "interval", "rounds", "holds"})
	if len(r.Outcomes) == 0 {
		return nil, numbers
	}
	var missing []claim
	for _, c := range claims() {
		found := c.ask(r)
		if len(found) == 0 {
			missing = append(missing, c)
			continue
		}
		all = append(all, c.answer(found))
		for _, f := range found {
			of := f.what
			if f.transport != "" {
				of += ": " + strings.TrimSpace(f.transport+" "+f.variant)
			}
			numbers.AppendRow(table.Row{c.id, shortTitle(f.c), of, significant(f.interval.Center), bounded(f.interval), f.interval.Rounds, string(f.opinion)})
		}
	}
	if len(missing) > 0 {
		all = append(all, unanswered(missing))
	}
	return all, numbers
}

// unanswered says of which claims a run says nothing, and which scenarios would.
func unanswered(missing []claim) answer {
	var scenarios []string
	ids := map[string][]string{}
	for _, c := range missing {
		if ids[c.scenario] == nil {
			scenarios = append(scenarios, c.scenario)
		}
		ids[c.scenario] = append(ids[c.scenario], c.id)
	}
	var names []string
	for _, s := range scenarios {
		names = append(names, strings.Join(ids[s], " ")+" ("+s+")")
	}
	return answer{verdict: notMeasured, text: fmt.Sprintf("by this run, or not so that it may be compared: %s. A scenario answers (pushlab bench run --scenario %s), all do with --profile claims",
		strings.Join(names, ", "), scenarios[0])}
}

// ask asks all cases of a run, question by question.
func (c claim) ask(r result.Result) (found []finding) {
	for _, q := range c.questions {
		for _, o := range r.Outcomes {
			if o.Case.Kind != q.kind || o.Case.Computed {
				continue
			}
			values := valuesOf(o, q.of)
			if len(values) == 0 {
				continue
			}
			f := finding{question: q, c: o.Case, interval: q.estimate(values)}
			if q.before != nil {
				f.without = q.estimate(valuesOf(o, q.before))
			}
			f.opinion = q.judge(f.interval, f.without, q.noise(r, o))
			found = append(found, f)
		}
	}
	return found
}

// valuesOf returns a measure of each round of a case that has it. Who failed in one round is left out of all, as where lanes
// are compared: whoever loses events has fewer to deliver.
func valuesOf(o result.Outcome, of measure) (values []float64) {
	rounds, failing := map[int]round{}, map[result.Lane]bool{}
	for _, m := range o.Measurements {
		failing[m.Lane] = failing[m.Lane] || len(m.Verdict.Failed) > 0
	}
	for _, m := range o.Measurements {
		if m.Again || failing[m.Lane] {
			continue
		}
		if rounds[m.Round].lanes == nil {
			rounds[m.Round] = round{o.Case, map[result.Lane]result.Measurement{}}
		}
		rounds[m.Round].lanes[m.Lane] = m
	}
	for _, in := range rounds {
		if v, ok := of(in); ok {
			values = append(values, v)
		}
	}
	return values
}

func (q question) estimate(values []float64) stats.Interval {
	if q.exact {
		return stats.RangeOf(values)
	}
	return stats.IntervalOf(values)
}

// noise is by what share the number differs though nothing is different.
func (q question) noise(r result.Result, o result.Outcome) float64 {
	if q.metric == "" {
		return 0
	}
	noise := stats.NoiseIn(r, o, q.metric).Within()
	if q.twice {
		noise = (1+noise)*(1+noise) - 1
	}
	return noise
}

// judge says what an interval says to the claim.
func (q question) judge(i, without stats.Interval, noise float64) opinion {
	enough := q.exact || i.Rounds >= stats.RoundsToDecide()
	within := func(i stats.Interval) bool {
		return i.Above(q.above, noise) && (q.below == 0 || i.Below(q.below, noise))
	}
	switch {
	case !enough:
		return few
	case within(i) && q.before != nil && within(without):
		return moot
	case within(i):
		return yes
	case i.Below(q.above, noise), q.below > 0 && i.Above(q.below, noise):
		return no
	default:
		return open
	}
}

// answer puts together what was found: a claim holds if it does in every case that decides, unless as many cases leave it
// open, or all cases of one of its parts.
func (c claim) answer(found []finding) answer {
	count := map[opinion]int{}
	most := 0
	for _, f := range found {
		count[f.opinion]++
		most = max(most, f.interval.Rounds)
	}
	a := answer{id: c.id, text: fmt.Sprintf("%s: “%s” (%s; %s): %s", c.id, c.says, c.source, c.scenario, numbersOf(found))}
	said := ""
	switch decided := count[yes] + count[no]; {
	case count[yes] > 0 && count[no] > 0:
		a.verdict = onlyWhen
		said = "; it holds " + boundary(found)
	case decided <= count[open]+count[few] || leavesPartOpen(found):
		a.verdict = unclear
		if decided > 0 {
			said = fmt.Sprintf("; it holds in %d of %d, and in %d it does not", count[yes], len(found), count[no])
		}
	case count[yes] > 0:
		a.verdict = holds
	case count[no] > 0:
		a.verdict = doesNotHold
	default:
		a.verdict = unclear
	}
	for _, why := range []struct {
		n    int
		text string
	}{
		{count[open], "cannot be told from the threshold or the noise"},
		{count[few], fmt.Sprintf("rounds are too few: at most %d, and %d are needed", most, stats.RoundsToDecide())},
		{count[moot], "there is no difference " + found[0].otherwise + " either"},
	} {
		switch {
		case why.n == 0:
		case why.n == len(found):
			said += "; " + why.text
		default:
			said += fmt.Sprintf("; in %d of %d %s", why.n, len(found), why.text)
		}
	}
	a.text += said
	return a
}

// leavesPartOpen reports whether of a part of a claim nothing is decided, though it was asked.
func leavesPartOpen(found []finding) bool {
	decided := map[string]bool{}
	for _, f := range found {
		decided[f.part] = decided[f.part] || f.opinion != open && f.opinion != few
	}
	return slices.Contains(slices.Collect(maps.Values(decided)), false)
}

// numbersOf says what was found: of each kind of number, for each transport that it is asked of, the smallest and the largest
// median, with their intervals.
func numbersOf(found []finding) string {
	var kinds []string
	for _, kind := range grouped(found, func(f finding) string { return f.what }) {
		var each []string
		for _, group := range grouped(kind, func(f finding) string { return f.transport }) {
			text := strings.TrimSpace(group[0].transport + " " + fromTo(group, func(f finding) stats.Interval { return f.interval }))
			if before := slices.DeleteFunc(slices.Clone(group), func(f finding) bool { return f.without.Rounds == 0 }); len(before) > 0 {
				text += " [" + group[0].otherwise + " " + fromTo(before, func(f finding) stats.Interval { return f.without }) + "]"
			}
			each = append(each, text)
		}
		what, numbers := kind[0].what, strings.Join(each, ", ")
		switch unit := kind[0].unit; {
		case unit == "":
		case len(each) > 1:
			what += ", " + unit
		default:
			numbers += " " + unit
		}
		kinds = append(kinds, what+": "+numbers)
	}
	return strings.Join(kinds, "; ")
}

// grouped puts findings together that have the same name, in the order of the names' first.
func grouped(found []finding, name func(finding) string) (groups [][]finding) {
	at := map[string]int{}
	for _, f := range found {
		i, ok := at[name(f)]
		if !ok {
			i = len(groups)
			at[name(f)] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// fromTo says in what range intervals are.
func fromTo(found []finding, of func(finding) stats.Interval) string {
	byCenter := func(a, b finding) int { return cmp.Compare(of(a).Center, of(b).Center) }
	low, high := of(slices.MinFunc(found, byCenter)), of(slices.MaxFunc(found, byCenter))
	if a, b := centerAndBounds(low), centerAndBounds(high); a != b {
		return a + " to " + b
	}
	return centerAndBounds(low)
}

// centerAndBounds is an interval's center and the interval, if it has a width that can be seen.
func centerAndBounds(i stats.Interval) string {
	if s := bounded(i); s != "" {
		return significant(i.Center) + " (" + s + ")"
	}
	return significant(i.Center)
}

// bounded is the bounds of an interval; nothing if it has no width that can be seen.
func bounded(i stats.Interval) string {
	low, high := significant(i.Low), significant(i.High)
	if i.Rounds < 2 || low == high {
		return ""
	}
	return low + ".." + high
}
