package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// A row's best is bold, who cannot be told from it makes it a tie, and the interval is that of the median. The terminal and the
// page say the same.
func TestSummaryRanks(t *testing.T) {
	around := func(v float64) []float64 {
		return []float64{v, 0.97 * v, 1.03 * v, 0.98 * v, 1.02 * v, 0.99 * v, 1.01 * v, 10 * v}
	}
	lane := func(target string) result.Lane { return result.Lane{Target: target, Transport: "sse"} }
	for _, test := range []struct {
		about  string
		p50s   map[result.Lane][]float64 // in ms, of each round
		bytes  float64                   // of the lane a; the others have 100
		class  []string
		line   string
		spoilt bool
	}{
		{about: "apart", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(3)}, class: []string{"best", ""}, line: "delivery p50, ms: a sse"},
		{about: "a tie", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(2.01)}, class: []string{"tie", "tie"}},
		{about: "less than 3 %", p50s: map[result.Lane][]float64{lane("a"): {2, 2, 2, 2}, lane("b"): {2.05, 2.05, 2.05, 2.05}}, class: []string{"tie", "tie"}},
		{about: "three", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(2.01), lane("c"): around(4)}, class: []string{"tie", "tie", ""},
			line: "delivery p50, ms: a sse ~ b sse"},
		{about: "too few rounds", p50s: map[result.Lane][]float64{lane("a"): {2, 2, 2}, lane("b"): {4, 4, 4}}, class: []string{"tie", "tie"}},
		{about: "bytes of one round", bytes: 200, p50s: map[result.Lane][]float64{lane("a"): {2}, lane("b"): {4}}, class: []string{"tie", "tie"}, line: "bytes/event down: b sse"},
		{about: "the floor is no rival", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(3), lane("floor"): around(1)}, class: []string{"best", "", ""},
			line: "delivery p50, ms: a sse"},
		{about: "alone", p50s: map[result.Lane][]float64{lane("a"): around(2)}, class: []string{""}},
		{about: "who failed is not the best", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(3), lane("c"): around(4)}, spoilt: true, class: []string{"", "best", ""},
			line: "delivery p50, ms: b sse"},
		{about: "noise", p50s: map[result.Lane][]float64{lane("a"): around(2), lane("b"): around(3), {Target: "a", Transport: "sse", Again: true}: around(4)}, class: []string{"tie", "tie"}},
	} {
		o := result.Outcome{Case: result.Case{Kind: result.FanOut, Rate: 1, Size: 16, Subscribers: 1, Transports: []string{"sse"}}}
		for _, target := range []string{"a", "b", "c", "floor"} {
			for _, again := range []bool{false, true} {
				l := lane(target)
				l.Again = again
				for i, v := range test.p50s[l] {
					m := result.Measurement{Lane: l, Round: i + 1, Expected: 1000, Delivered: 1000, BytesDown: 100_000, Delivery: result.Latency{Count: 1000, P50: time.Duration(v * 1e6)}}
					if test.bytes > 0 && target == "a" {
						m.BytesDown = int64(1000 * test.bytes)
					}
					if test.spoilt && target == "a" && i == 0 {
						m.Verdict.Failed = []string{"lost"}
					}
					o.Measurements = append(o.Measurements, m)
				}
			}
			o.Case.Targets = append(o.Case.Targets, target)
		}
		row := summaryTable(o).Rows[0]
		var classes []string
		for _, c := range row.Cells {
			classes = append(classes, c.Class)
		}
		if row.Name != "delivery p50, ms" || !slices.Equal(classes, test.class) {
			t.Errorf("%s: %s: %q, want %q", test.about, row.Name, classes, test.class)
		}
		if test.about == "apart" && (row.Cells[0].Text != "2.01" || row.Cells[0].Small != "1.94–2.06") { // not 20.0
			t.Errorf("%+v", row.Cells[0])
		}
		if got := leaders(o); got != test.line {
			t.Errorf("%s: best are %q, want %q", test.about, got, test.line)
		}
	}
}

func TestTextNamesOtherPrograms(t *testing.T) {
	r := exampleOf(t)
	r.Outcomes[0].Measurements[0].Between = []result.Between{{Name: "nginx", Version: "1.26.3"}, {Name: "delay"}}
	r.Outcomes[0].Measurements[1].Between = []result.Between{{Name: "nginx", Version: "1.26.3"}}
	r.Targets = []result.Target{{Name: "pushlab", Version: "pushlab version 1"}, {Name: "gws", Version: "gws v1.8.9"}, {Name: "mine"}}
	if got := where(r); !strings.HasSuffix(got, "; gws (gws v1.8.9), nginx 1.26.3") {
		t.Errorf("%q", got)
	}
}

func TestWrapped(t *testing.T) {
	if got, want := wrapped("one two  three four fivefive six", 13), "one two three\n    four\n    fivefive\n    six"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
