package report

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// exampleMeasured are two results that were measured; in the new one Server-Sent Events take the time of long polling.
func exampleMeasured(t *testing.T) (old, new result.Result) {
	t.Helper()
	old, err := result.Read(filepath.Join("testdata", "smoke.json"))
	if err != nil {
		t.Fatal(err)
	}
	new, err = result.Read(filepath.Join("testdata", "smoke.json"))
	if err != nil {
		t.Fatal(err)
	}
	measurements := new.Outcomes[0].Measurements
	for i, m := range measurements {
		if m.Transport == "sse" {
			at := slices.IndexFunc(measurements, func(other result.Measurement) bool { return other.Round == m.Round && other.Transport == "longpoll" })
			measurements[i].Delivery = measurements[at].Delivery
		}
	}
	return old, new
}

// changesPage compares two results on a page.
func changesPage(t *testing.T, old, new result.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (Changes{Comparison: stats.Compare(old, new)}).HTML(&b, old, new); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sectionWords returns the words of a part of a page, those of different elements a space apart.
func sectionWords(t *testing.T, page []byte, id string) string {
	t.Helper()
	for _, n := range all(t, page, "section") {
		if attribute(n, "id") == id {
			var words []string
			for d := range n.Descendants() {
				if d.Type == html.TextNode {
					words = append(words, strings.Fields(d.Data)...)
				}
			}
			return strings.Join(words, " ")
		}
	}
	t.Errorf("there is no %s", id)
	return ""
}

// The page says first what is worse, then what is better, and what stands against comparing; all is in its tables.
func TestChangesPage(t *testing.T) {
	old, new := exampleTwo()
	page := changesPage(t, old, new)
	changed := sectionWords(t, page, "changed")
	last := -1
	for _, want := range []string{
		"WORSE pushlab longpoll: delivery p50, ms 23.25 ± 1 %, was 20.25 ± 1 % (+14.8 %, p 0.002).",
		"BETTER pushlab sse: delivery p50, ms",
		"NO VERDICT pushlab websocket: new: failed in 1 of 6 rounds: deliveries lost: 7 of 1000.",
		"NOT TOLD APART",
		"ONLY OLD fanout, 1000 subscribers, 10/s, 128 B: floor websocket.",
	} {
		at := strings.Index(changed, want)
		if at < last {
			t.Errorf("%q is at %d, behind %d:\n%s", want, at, last, changed)
		}
		last = at
	}
	if got := sectionWords(t, page, "differences"); !strings.Contains(got, "bytes down per event, B floor sse 100.0 ± 0 % 100.0 ± 0 % 0 ~") || !strings.Contains(got, "Noise: p50 4.9 %") {
		t.Errorf("the tables have %s", got)
	}
	if got := sectionWords(t, page, "environment"); !strings.Contains(got, "NOT THE SAME Kernel: was 6.18.44, is 6.18.45") || !strings.Contains(got, "BROKEN New: The run came to its end") ||
		!strings.Contains(got, "Revision e1bcb0f 5d2c1a0") {
		t.Errorf("the environment has %s", got)
	}
}

// Each lane has a picture of both distributions, with the numbers of both.
func TestChangesPageHasBothDistributions(t *testing.T) {
	old, new := exampleMeasured(t)
	page := changesPage(t, old, new)
	figures := all(t, page, "figure")
	if want := len(distributions(new.Outcomes[0], delivery)); len(figures) != want || want == 0 {
		t.Errorf("%d pictures of %d lanes", len(figures), want)
	}
	overlay := sectionWords(t, page, "overlay")
	for _, d := range distributions(new.Outcomes[0], delivery) {
		if !strings.Contains(overlay, "Lane: "+d.lane.Name()) {
			t.Errorf("%s has no picture", d.lane.Name())
		}
	}
	p50 := func(r result.Result, transport string) string {
		all := distributions(r.Outcomes[0], delivery)
		at := slices.IndexFunc(all, func(d distribution) bool { return d.lane.Transport == transport })
		return number(float64(all[at].histogram.ValueAtPercentile(50))/1000, 2)
	}
	if was, is := p50(old, "sse"), p50(new, "sse"); was == is || !strings.Contains(overlay, "new "+is) || !strings.Contains(overlay, "old "+was) {
		t.Errorf("the tables do not have %s after %s:\n%s", is, was, overlay)
	}
}

// Of results without distributions there are no pictures, and where only some metrics were asked for nothing else is told.
func TestChangesPageOfLess(t *testing.T) {
	old, new := exampleTwo()
	var b bytes.Buffer
	if err := (Changes{Comparison: stats.Compare(old, new), Metrics: []result.Metric{result.CPUPerEvent}}).HTML(&b, old, new); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); strings.Contains(page, "delivery p50") || strings.Contains(page, `id="overlay"`) || !strings.Contains(page, "server CPU per event") {
		t.Errorf("the page has more, or less, than was asked for:\n%s", sectionWords(t, b.Bytes(), "changed"))
	}
}
