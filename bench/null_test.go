package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/report"
	"pushlab/bench/result"
)

// The hub alone is measured beside the others, once, whatever transports these have.
func TestNullBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := small("sse", "websocket")
		c.Targets, c.Rounds = []string{"pushlab", result.NullName}, 2
		options := inMemory(t, nil)
		options.Targets = append(options.Targets, nullTarget())
		found, err := Run(t.Context(), []result.Case{c}, options)
		if err != nil || found.Failed() {
			t.Fatalf("%v; %+v", err, found)
		}
		o := found.Outcomes[0]
		null := o.Of(result.Lane{Target: "null", Transport: "null"})
		if len(o.Measurements) != 6 || len(null) != 2 || len(o.Summaries) != 3 {
			t.Fatalf("%d measurements, %d of null, summaries %+v", len(o.Measurements), len(null), o.Summaries)
		}
		for _, m := range null {
			if m.Delivered != 120 || m.Delivery.Count != 120 || m.Delivery.Max != 0 || m.Acknowledged != 30 || m.BytesDown != 0 || m.BytesUp != 0 {
				t.Errorf("%+v", m)
			}
			if m.LoadCPU != 0 || m.ServerCPU <= 0 {
				t.Errorf("CPU %v and %v; all of it is the server's", m.ServerCPU, m.LoadCPU)
			}
		}
		var b bytes.Buffer
		if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "null is the hub alone") || !strings.Contains(b.String(), "null null") {
			t.Errorf("%v; null is not in the report:\n%s", err, &b)
		}
	})
}

// It has no connections, so there is nothing that could storm or be idle.
func TestNullIsLeftOut(t *testing.T) {
	options := Options{Targets: []Target{nullTarget(), {Name: "pushlab", Transports: result.Transports(), resumes: func(string) bool { return true }}}}
	for kind, want := range map[result.Kind]bool{result.FanOut: true, result.Capacity: true, result.Idle: false, result.Storm: false} {
		c := small("sse")
		c.Kind, c.Limit, c.Targets = kind, time.Second, []string{"pushlab", result.NullName}
		lanes, _, err := options.lanes(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(lanes, func(l lane) bool { return l.Target == result.NullName }); got != want {
			t.Errorf("%s has a null lane: %v", kind, got)
		}
	}
	c := small(result.NullName)
	c.Targets = []string{result.NullName}
	if err := c.Validate(); err != nil {
		t.Errorf("null by itself: %v", err)
	}
}
