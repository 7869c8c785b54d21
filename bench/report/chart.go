package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"pushlab/bench/result"
)

// A chart is what the script draws: lines over two axes.
type chart struct {
	X         scale      `json:"x"`
	Y         scale      `json:"y"`
	Lines     []curve    `json:"lines"`
	Crossings []crossing `json:"crossings,omitempty"`
	// Points says that each point was measured, and the lines are only between them.
	Points bool `json:"points,omitempty"`
	// Other is another view of the same.
	Other *chart `json:"other,omitempty"`
}

// A scale is an axis. Words says how numbers are shown: "percentile", of one in how many; "share"; else as they are.
type scale struct {
	Label string `json:"label"`
	Log   bool   `json:"log,omitempty"`
	Words string `json:"words,omitempty"`
	// Top is where it ends, if that is known.
	Top float64 `json:"top,omitempty"`
}

// A curve is a line of a chart. Its colour and dashes are the transport's; Mark tells lines of one transport apart.
type curve struct {
	Name string    `json:"name"`
	Lane string    `json:"lane"`
	Mark int       `json:"mark,omitempty"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
	// reference says that it is what must be paid in any case: nobody chooses it.
	reference bool
}

// A crossing is where a line is no longer the lower one of two.
type crossing struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
	// Before has the lower line up to X, After from there.
	Before string `json:"-"`
	After  string `json:"-"`
}

// marks tells lanes of one transport apart: what is measured, without a mark, is what comes first of those that are no reference.
func marks(lanes []result.Lane) map[result.Lane]int {
	var ways []result.Lane // without their transports
	for _, lane := range lanes {
		way := result.Lane{Target: lane.Target, Variant: lane.Variant}
		if !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
	}
	slices.SortStableFunc(ways, func(a, b result.Lane) int { return cmp.Compare(weight(a), weight(b)) })
	of := map[result.Lane]int{}
	for _, lane := range lanes {
		of[lane] = slices.Index(ways, result.Lane{Target: lane.Target, Variant: lane.Variant})
	}
	return of
}

// weight orders what is measured: this program's server first, references last.
func weight(lane result.Lane) int {
	switch lane.Target {
	case result.PushlabName:
		return 0
	case result.FloorName, result.BaselineName, result.NullName:
		return 2
	}
	return 1
}

// called is what a lane is called beside the others: its target says something only if there are several.
func called(lane result.Lane, lanes []result.Lane) string {
	if lane.Target != result.NullName && slices.ContainsFunc(lanes, func(other result.Lane) bool { return other.Target != lane.Target }) {
		return lane.Name()
	}
	return lane.ShortName() // the hub alone has one transport, which is called as it is
}

// legend lists the lines of a chart.
func legend(lines []curve, notes map[string]string) (entries []legendEntry) {
	for _, l := range lines {
		entries = append(entries, legendEntry{Name: l.Name, Lane: l.Lane, Mark: l.Mark, Note: notes[l.Name]})
	}
	return entries
}

// apartBy is how far apart two lines are that can be told apart.
const apartBy = 0.03

// crossings returns where lines over the same logarithmic axes cross, by straight lines between their points: those of two
// transports measured in the same way, or of one transport in two ways. Lines that lie upon each other on one side do not
// cross: there nothing tells them apart.
func crossings(lines []curve) (all []crossing) {
	for i, a := range lines {
		for _, b := range lines[i+1:] {
			if a.Lane != b.Lane && a.Mark != b.Mark {
				continue
			}
			shared := slices.DeleteFunc(slices.Clone(a.X), func(x float64) bool { return !slices.Contains(b.X, x) })
			at := func(l curve, x float64) float64 { return math.Log(l.Y[slices.Index(l.X, x)]) }
			for k := 1; k < len(shared); k++ {
				x0, x1 := shared[k-1], shared[k]
				before, after := at(a, x0)-at(b, x0), at(a, x1)-at(b, x1)
				apart := func(xs []float64) bool {
					return slices.ContainsFunc(xs, func(x float64) bool { return math.Abs(at(a, x)-at(b, x)) > math.Log1p(apartBy) })
				}
				if before*after >= 0 || !apart(shared[:k]) || !apart(shared[k:]) {
					continue
				}
				t := before / (before - after)
				c := crossing{
					X: math.Exp(math.Log(x0) + t*(math.Log(x1)-math.Log(x0))), Y: math.Exp(at(a, x0) + t*(at(a, x1)-at(a, x0))),
					Before: a.Name, After: b.Name,
				}
				if before > 0 {
					c.Before, c.After = b.Name, a.Name
				}
				all = append(all, c)
			}
		}
	}
	slices.SortFunc(all, func(a, b crossing) int { return cmp.Compare(a.X, b.X) })
	return all
}

// significant returns a number with three digits that say something, or all of its integer part.
func significant(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	text := number(v, max(0, min(digits, 6)))
	if math.Abs(v) >= 10_000 { // has no point
		for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
	}
	return text
}

// rounded keeps five digits, which is more than what is measured has.
func rounded(v float64) float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return 0
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	if err != nil {
		return v // as long as it is
	}
	return short
}

// add enters a figure's chart under a name of its own.
func add(charts map[string]chart, c chart) (id string) {
	id = fmt.Sprintf("chart-%d", len(charts)+1)
	charts[id] = c
	return id
}
