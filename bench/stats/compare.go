package stats

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
)

// A Comparison is what two results say about each other: everything that a view of it needs.
type Comparison struct {
	Old Side `json:"old"`
	New Side `json:"new"`
	// Environment is what differs of what numbers depend on. With anything there, the two are
	// not to be compared.
	Environment []EnvironmentDifference `json:"environment,omitempty"`
	// Cases are what both have, in the order of the new.
	Cases []CaseComparison `json:"cases"`
	// OnlyOld and OnlyNew are what one of them has alone: a case, or a lane of a case that both have.
	OnlyOld []Alone `json:"only_old,omitempty"`
	OnlyNew []Alone `json:"only_new,omitempty"`
}

// A Side is one of two results.
type Side struct {
	Started     time.Time `json:"started"`
	Revision    string    `json:"revision"`
	Modified    bool      `json:"modified"`
	Interrupted bool      `json:"interrupted"`
}

// An EnvironmentDifference is one thing that is not the same where two results were measured.
type EnvironmentDifference struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// A CaseComparison is a case that both results have.
type CaseComparison struct {
	// Case is the new result's.
	Case result.Case `json:"case"`
	// Metrics are what is compared, each with its noise.
	Metrics []MetricNoise `json:"metrics"`
	// Rows are what is compared: by metric, then by lane.
	Rows []Row `json:"rows"`
	// Before and After are what was measured of it.
	Before result.Outcome `json:"-"`
	After  result.Outcome `json:"-"`
}

// A MetricNoise is the larger noise of two results.
type MetricNoise struct {
	Metric result.Metric `json:"metric"`
	Noise  Noise         `json:"noise"`
}

// A Row compares a metric of a lane.
type Row struct {
	Lane   result.Lane   `json:"lane"`
	Metric result.Metric `json:"metric"`
	Old    Cell          `json:"old"`
	New    Cell          `json:"new"`
	Difference
}

// An Alone is what only one of two results has: a lane, or all of a case.
type Alone struct {
	Case result.Case  `json:"case"`
	Lane *result.Lane `json:"lane,omitempty"`
}

// String says what it is.
func (a Alone) String() string {
	if a.Lane == nil {
		return CaseName(a.Case)
	}
	return CaseName(a.Case) + ": " + a.Lane.Name()
}

// CaseName says in a few words which case it is.
func CaseName(c result.Case) string {
	words := append([]string{c.Name, fmt.Sprintf("%d subscribers", c.Subscribers), fmt.Sprintf("%g/s", c.Rate), fmt.Sprintf("%d B", c.Size)}, c.Traits()...)
	return strings.Join(words, ", ")
}

// environment is what numbers depend on beside the program. The revision is not here: it is what is
// compared.
var environment = []struct {
	name string
	of   func(result.Result) string
}{
	{"system", func(r result.Result) string { return r.Environment.OS + "/" + r.Environment.Arch }},
	{"kernel", func(r result.Result) string { return r.Environment.Kernel }},
	{"CPU", func(r result.Result) string { return r.Environment.CPU }},
	{"cores", func(r result.Result) string { return fmt.Sprint(r.Environment.Cores) }},
	{"cores of server and load", func(r result.Result) string {
		if r.Pin == nil {
			return "any"
		}
		return fmt.Sprintf("%d,%d", r.Pin.Server, r.Pin.Load)
	}},
	{"GOMAXPROCS", func(r result.Result) string { return fmt.Sprint(r.Environment.GOMAXPROCS) }},
	{"GOGC", func(r result.Result) string { return cmp.Or(r.Environment.GOGC, "default") }},
	{"GOMEMLIMIT", func(r result.Result) string { return cmp.Or(r.Environment.GOMEMLIMIT, "default") }},
	{"Go", func(r result.Result) string { return r.Environment.GoVersion }},
	{"open files", func(r result.Result) string { return r.Environment.OpenFiles }},
}

// Compare compares two results. Cases belong together if they have the same parameters; which lanes
// they have, and how often these were measured, may differ. A lane that was measured again is not compared: it is
// there for the noise.
func Compare(old, new result.Result) Comparison {
	c := Comparison{Old: sideOf(old), New: sideOf(new)}
	for _, e := range environment {
		if a, b := e.of(old), e.of(new); a != b {
			c.Environment = append(c.Environment, EnvironmentDifference{Name: e.name, Old: cmp.Or(a, "not known"), New: cmp.Or(b, "not known")})
		}
	}
	before, after := keyed(old), keyed(new)
	for _, o := range after {
		at := slices.IndexFunc(before, func(b keyedOutcome) bool { return b.key == o.key })
		if at < 0 {
			c.OnlyNew = append(c.OnlyNew, Alone{Case: o.Case})
			continue
		}
		c.Cases = append(c.Cases, compareCase(old, new, before[at].Outcome, o.Outcome))
		was, is := Lanes(before[at].Outcome), Lanes(o.Outcome)
		c.OnlyOld = append(c.OnlyOld, without(o.Case, was, is)...)
		c.OnlyNew = append(c.OnlyNew, without(o.Case, is, was)...)
	}
	for _, o := range before {
		if !slices.ContainsFunc(after, func(a keyedOutcome) bool { return a.key == o.key }) {
			c.OnlyOld = append(c.OnlyOld, Alone{Case: o.Case})
		}
	}
	return c
}

// maxShift is by how much the references may differ between two runs, as a share, for anything to be said of the
// others. A machine on which the same loop of sends takes a quarter longer is another one: it does not slow everything by the
// same, so it is of no use to allow for it.
const maxShift = 0.25

func sideOf(r result.Result) Side {
	return Side{Started: r.Started, Revision: r.Environment.Revision, Modified: r.Environment.Modified, Interrupted: r.Interrupted}
}

// without lists the lanes that the others do not have.
func without(c result.Case, lanes, others []result.Lane) (alone []Alone) {
	for _, lane := range lanes {
		if !slices.Contains(others, lane) {
			alone = append(alone, Alone{Case: c, Lane: &lane})
		}
	}
	return alone
}

func compareCase(old, new result.Result, before, after result.Outcome) CaseComparison {
	c := CaseComparison{Case: after.Case, Before: before, After: after}
	was := Lanes(before)
	for _, info := range result.Metrics() {
		if info.Aside || !info.MeasuredIn(after.Case.Kind) {
			continue
		}
		noise := NoiseIn(old, before, info.Metric)
		if n := NoiseIn(new, after, info.Metric); n.Between() > noise.Between() {
			noise = n
		}
		var rows []Row
		for _, lane := range Lanes(after) {
			if slices.Contains(was, lane) {
				rows = append(rows, Row{Lane: lane, Metric: info.Metric, Old: CellOf(before, lane, info.Metric), New: CellOf(after, lane, info.Metric)})
			}
		}
		if len(rows) == 0 {
			continue
		}
		own := noise.Between()
		noise.Shift = shift(rows)
		for _, row := range rows {
			floor := noise.Between()
			if isReference(row.Lane.Target) {
				floor = own
			}
			row.Difference = Test(row.Old, row.New, floor)
			if row.Word != None && !isReference(row.Lane.Target) && noise.Shift > maxShift && !info.Deterministic() {
				row.Word, row.Opinion = None, ""
				row.Why = fmt.Sprintf("the machine was not the same: %s of what is measured beside it, which no program changed, differs by %.0f %%; measure both again", info.Title, 100*noise.Shift)
			}
			switch old, new := row.Old.Why, row.New.Why; {
			case old == new: // both fine, or the same with both
			case old != "":
				row.Why = "old: " + old
			default:
				row.Why = "new: " + new
			}
			c.Rows = append(c.Rows, row)
		}
		c.Metrics = append(c.Metrics, MetricNoise{info.Metric, noise})
	}
	return c
}

// A keyedOutcome is an outcome with what tells it from others.
type keyedOutcome struct {
	result.Outcome
	key string
}

// keyed gives each outcome of a result a key that is the same in another result.
func keyed(r result.Result) (outcomes []keyedOutcome) {
	times := map[string]int{}
	for _, o := range r.Outcomes {
		key := parameters(o.Case)
		times[key]++
		outcomes = append(outcomes, keyedOutcome{o, fmt.Sprint(key, times[key])})
	}
	return outcomes
}

// parameters are what makes it this case: all of its fields, also those that are still to come, but
// those that say which lanes it has, how often they are measured, and for how long something is waited for.
func parameters(c result.Case) string {
	c.ID, c.Targets, c.Transports, c.Variants, c.Rounds, c.Again, c.WarmUp, c.Drain = "", nil, nil, nil, 0, false, 0, 0
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Sprintf("%+v", c) // a rate that is no number
	}
	return string(text)
}
