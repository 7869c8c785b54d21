package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A strip is how something went over time, in a row of its own: the rows of a figure have the same time and the same
// scale, so they can be read one below the other. It is an image without a script.
type strip struct {
	Name, Lane string
	Label      string // what those hear who do not see it
	Zones      []zone // from the top
	Marks      []stripMark
}

// A zone is a part of a strip's height, with a scale of its own.
type zone struct {
	Top, Height string // in percent
	Kind        string // how it looks
	Lines       []stripLine
	Tiers       []tier
}

// A stripLine is a line or an area in a zone that is 1000 wide and 100 high.
type stripLine struct {
	Kind   string
	Points string
}

// Filled reports whether it is an area.
func (l stripLine) Filled() bool {
	return l.Kind == "band" || l.Kind == "connected" || l.Kind == "connects"
}

// A tier is a line across a zone and what it is called.
type tier struct{ At, Text string }

// A stripMark is something that happened at a time.
type stripMark struct {
	Kind  string
	At    string // in percent of the time
	Width string // if it lasted
	Words string
}

// A moment is a place on the time axis.
type moment struct{ At, Anchor, Text string }

// A span is the time that the strips of a figure have in common, in seconds.
type span float64

// at returns where a time is, in percent.
func (s span) at(seconds float64) string {
	return number(100*min(1, max(0, seconds/float64(s))), 2) + "%"
}

// moments returns about five places on the axis.
func (s span) moments() (all []moment) {
	step := math.Pow(10, math.Floor(math.Log10(float64(s))))
	for _, finer := range []float64{1, 0.5, 0.2, 0.1} {
		if n := float64(s) / (step * finer); n >= 4 {
			step *= finer
			break
		}
	}
	for i := 0; ; i++ {
		v := float64(i) * step
		if v > float64(s)*1.0001 {
			return all
		}
		m := moment{s.at(v), "middle", significantShort(v)}
		switch {
		case i == 0:
			m.Anchor, m.Text = "start", "0 s"
		case v > 0.94*float64(s):
			m.Anchor = "end"
		}
		all = append(all, m)
	}
}

// points returns a line's points, for a zone from low to high; log says that this is a logarithmic scale.
func (s span) points(x, y []float64, low, high float64, log bool) string {
	var b strings.Builder
	for i := range x {
		fmt.Fprintf(&b, "%s,%s ", short(1000*x[i]/float64(s)), short(100-heightOf(y[i], low, high, log)))
	}
	return strings.TrimSpace(b.String())
}

// short returns a number with one digit behind the point, if it is not 0.
func short(v float64) string { return strings.TrimSuffix(number(v, 1), ".0") }

// heightOf returns how high a value stands in a zone, in percent.
func heightOf(v, low, high float64, log bool) float64 {
	if log {
		v, low, high = math.Log(max(v, low)), math.Log(low), math.Log(high)
	}
	return 100 * min(1, max(0, (v-low)/(high-low)))
}

// decades returns bounds for some positive values, and the tiers between that are worth a line: powers of ten, or 1, 2 and 5
// times those if there are few.
func decades(values []float64) (low, high float64, tiers []tier) {
	low, high = slices.Min(values), slices.Max(values)
	low, high = low/1.25, high*1.25
	var at []float64
	for _, leads := range [][]float64{{1}, {1, 3}, {1, 2, 5}} {
		at = nil
		for power := math.Pow(10, math.Floor(math.Log10(low))); power <= high; power *= 10 {
			for _, lead := range leads {
				if v := lead * power; v >= low && v <= high {
					at = append(at, v)
				}
			}
		}
		if len(at) >= 2 {
			break
		}
	}
	for len(at) > 3 { // there is no room for more
		var fewer []float64
		for i := 0; i < len(at); i += 2 {
			fewer = append(fewer, at[i])
		}
		at = fewer
	}
	for _, v := range at {
		tiers = append(tiers, tier{number(100-heightOf(v, low, high, true), 1) + "%", significantShort(v)})
	}
	return low, high, tiers
}

// significantShort is significant without zeros at the end.
func significantShort(v float64) string {
	text := significant(v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// sparse returns times, at most so many, evenly spread over a span: marks that would lie upon each other are one.
func (s span) sparse(seconds []float64, most int) (kept []float64) {
	last := -1
	for _, v := range seconds {
		if v < 0 || v > float64(s) {
			continue
		}
		if place := int(v / float64(s) * float64(most)); place != last {
			kept, last = append(kept, v), place
		}
	}
	return kept
}

// A stripKey says what a line or a mark of strips means.
type stripKey struct{ Kind, Text string }
