package result

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// What a restarted server lost is no fault if it was told, and one if it was not.
func TestVerdictOfStorms(t *testing.T) {
	c := smokeCase()
	c.Kind, c.Manner, c.Bystanders = Storm, Restart, 0
	for name, test := range map[string]struct {
		change        func(*Measurement)
		failed, notes string
	}{
		"fine":         {func(m *Measurement) {}, "", ""},
		"told":         {func(m *Measurement) { m.Lost, m.Gaps = 30, 3 }, "", "lost with the server's log: 30; 3 gaps"},
		"a gap alone":  {func(m *Measurement) { m.Gaps = 3 }, "", "gaps announced: 3; the server came back"},
		"silent":       {func(m *Measurement) { m.Lost, m.Recovery.Silent = 30, 1 }, "deliveries lost: 30", ""},
		"repeated":     {func(m *Measurement) { m.Duplicated = 1 }, "duplicated: 1", ""},
		"stayed away":  {func(m *Measurement) { m.Recovery.Returned-- }, "did not come back, or never had all: 1", ""},
		"a backlog":    {func(m *Measurement) { m.Recovery.ListenDrops = 2 }, "", "0 ListenOverflows and 2 ListenDrops"},
		"tried again":  {func(m *Measurement) { m.Recovery.Refusals = 2 }, "", "made again: 2"},
		"and not told": {func(m *Measurement) { m.Recovery, m.Lost = nil, 1 }, "deliveries lost: 1", ""},
	} {
		m := fineMeasurement("sse")
		m.Recovery = &Recovery{Returned: c.Subscribers}
		test.change(&m)
		v := m.Judge(c, 2)
		failed, notes := strings.Join(v.Failed, "\n"), strings.Join(v.Notes, "\n")
		if (failed != "") != (test.failed != "") || !strings.Contains(failed, test.failed) || !strings.Contains(notes, test.notes) {
			t.Errorf("%s: failed %q, notes %q", name, failed, notes)
		}
	}
	// A gap is a fault where the server was not restarted.
	c.Manner = Rolling
	m := fineMeasurement("sse")
	m.Gaps = 1
	if v := m.Judge(c, 2); len(v.Failed) != 1 {
		t.Errorf("%+v", v)
	}
}

// Slow readers may lose what they were told of.
func TestVerdictOfSlowReaders(t *testing.T) {
	c := smokeCase()
	c.Kind = Slow
	for name, test := range map[string]struct {
		laggards      Laggards
		failed, notes string
	}{
		"fine":       {Laggards{Readers: 2, Expected: 250, Delivered: 250}, "", ""},
		"told":       {Laggards{Readers: 2, Expected: 250, Delivered: 200, Lost: 50, Cut: 1, Gaps: 3, CutAfter: &Latency{P50: 12 * time.Second}}, "", "lost 50 of 250 deliveries, and were told: 3 gaps, 1 of 2 cut off after 12s"},
		"silent":     {Laggards{Readers: 2, Expected: 250, Delivered: 200, Lost: 50, Silent: 1}, "lost 1 of 250 deliveries without being told", "lost 49 of 250"},
		"duplicated": {Laggards{Readers: 2, Duplicated: 1}, "slow readers duplicated: 1", ""},
		"reordered":  {Laggards{Readers: 2, Reordered: 1}, "slow readers out of order: 1", ""},
	} {
		m := fineMeasurement("sse")
		m.Laggards, m.ServerDelivered = &test.laggards, 1 // what the server counts has the slow ones in it
		v := m.Judge(c, 2)
		failed, notes := strings.Join(v.Failed, "\n"), strings.Join(v.Notes, "\n")
		if (failed != "") != (test.failed != "") || !strings.Contains(failed, test.failed) || !strings.Contains(notes, test.notes) || len(v.Invalid) > 0 {
			t.Errorf("%s: %+v", name, v)
		}
	}
	for variant, want := range map[string][2]int{"": {0, 0}, Slow1: {2, 1024}, Slow10: {20, 1024}, Stuck1: {2, 0}} {
		if n, rate := c.SlowReaders(variant); [2]int{n, rate} != want {
			t.Errorf("%s: %d readers take %d bytes/s", variant, n, rate)
		}
	}
}

func TestVerdict(t *testing.T) {
	s := smokeCase()
	for name, c := range map[string]struct {
		change                       func(*Measurement)
		failed, invalid, notes, tail string // "" if there is none
	}{
		"fine":              {func(m *Measurement) {}, "", "", "", ""},
		"lost":              {func(m *Measurement) { m.Lost = 1 }, "deliveries lost: 1 of 25000", "", "", ""},
		"duplicated":        {func(m *Measurement) { m.Duplicated = 1 }, "deliveries duplicated: 1", "", "", ""},
		"reordered":         {func(m *Measurement) { m.Reordered = 1 }, "deliveries out of order: 1", "", "", ""},
		"gaps":              {func(m *Measurement) { m.Gaps = 1 }, "gaps announced: 1", "", "", ""},
		"warm-up":           {func(m *Measurement) { m.WarmUpFaults = 1 }, "deliveries of the warm-up", "", "", ""},
		"an error":          {func(m *Measurement) { m.Error = "no server" }, "no server", "", "", ""},
		"not measured":      {func(m *Measurement) { *m = Measurement{Planned: 125, Error: "no server"} }, "no server", "0 of 125 events published", "", ""},
		"interrupted":       {func(m *Measurement) { m.Published, m.Acknowledged = 50, 50 }, "", "50 of 125 events published", "", ""},
		"refused":           {func(m *Measurement) { m.Acknowledged = 124 }, "", "125 events published, but 124 acknowledged", "", ""},
		"slow":              {func(m *Measurement) { m.PublishRate = 24.7 }, "", "24.7 of 25 events/s", "", ""},
		"just quick enough": {func(m *Measurement) { m.PublishRate = 24.75 }, "", "", "", ""},
		"late": {func(m *Measurement) {
			m.PublishDelay.P90, m.PublishDelay.P99 = 1100*time.Microsecond, 1200*time.Microsecond
		}, "", "p90 of 1.1ms", "", ""},
		"late now and then":  {func(m *Measurement) { m.PublishDelay.P99 = 1100 * time.Microsecond }, "", "", "", "p99 of 1.1ms, the limit is 1ms"},
		"late, but not much": {func(m *Measurement) { m.PublishDelay.P99 = time.Millisecond }, "", "", "", ""},
		"late, but little of it": {func(m *Measurement) {
			m.PublishDelay.P99, m.Delivery.P50 = 2*time.Millisecond, 20*time.Millisecond
		}, "", "", "", ""},
		"counts that differ": {func(m *Measurement) { m.ServerDelivered++ }, "", "the server counts 25001", "", ""},
		"near the limit":     {func(m *Measurement) { m.ServerCPU = 9 * time.Second }, "", "", "kept 1.86 of 2 cores busy", ""},
		"others":             {func(m *Measurement) { m.OtherCPU = 2 * time.Second }, "", "", "other programs kept 0.40 of 2 cores busy", ""},
		"few":                {func(m *Measurement) { m.Delivery.Count = 9_999 }, "", "", "p99 rests on fewer than 100", ""},
		"CPU not known":      {func(m *Measurement) { m.ServerCPU, m.LoadCPU, m.OtherCPU = 0, 0, 0 }, "", "", "", ""},
	} {
		m := fineMeasurement("sse")
		c.change(&m)
		v := m.Judge(s, 2)
		for _, kind := range []struct {
			name string
			got  []string
			want string
		}{{"failed", v.Failed, c.failed}, {"invalid", v.Invalid, c.invalid}, {"notes", v.Notes, c.notes}, {"tail", v.Tail, c.tail}} {
			if len(kind.got) > 0 != (kind.want != "") || kind.want != "" && !slices.ContainsFunc(kind.got, func(s string) bool { return strings.Contains(s, kind.want) }) {
				t.Errorf("%s: %s are %q, want %q", name, kind.name, kind.got, kind.want)
			}
		}
		if want := c.failed == "" && c.invalid == ""; v.Comparable() != want {
			t.Errorf("%s: comparable is %v", name, !want)
		}
		if want := v.Comparable() && c.tail == ""; v.TailComparable() != want {
			t.Errorf("%s: the tail is comparable: %v", name, !want)
		}
		if failed := (Result{Outcomes: []Outcome{{Measurements: []Measurement{fineMeasurement("sse"), {Verdict: v}}}}}).Failed(); failed != (c.failed != "") {
			t.Errorf("%s: the result has failed: %v", name, failed)
		}
	}
}
