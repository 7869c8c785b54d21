package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pushlab/bench"
	"pushlab/bench/result"
)

const published = "../../docs/study/result.json.gz"

// publishedStudy is read once: a result is large.
var publishedStudy = sync.OnceValues(func() (result.Result, error) { return result.Read(published) })

func studyAsPublished(t *testing.T) (result.Result, study) {
	t.Helper()
	r, err := publishedStudy()
	if err != nil {
		t.Fatal(err)
	}
	s, err := excerpt(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

// TestModule checks that the page's module is made of the published result.
func TestModule(t *testing.T) {
	_, s := studyAsPublished(t)
	want, err := s.module()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../web/static/lessons/study.js")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("web/static/lessons/study.js is not what %s comes to (%v): run go generate -run 'excerpt|bundlejs' ./web", published, err)
	}
	if len(want) > 2500 {
		t.Errorf("it has %d bytes, too many for a few numbers", len(want))
	}
}

// TestScenarios checks that who follows the page's advice measures the same again.
func TestScenarios(t *testing.T) {
	_, s := studyAsPublished(t)
	for _, c := range s.Charts {
		scenario, err := bench.FindScenario(c.Scenario)
		if err != nil {
			t.Errorf("%s: %v", c.Key, err)
			continue
		}
		if !slices.Contains(scenario.Subscribers, c.Subscribers) || !slices.Contains(scenario.Sizes, c.Size) || scenario.Rounds != c.Rounds ||
			scenario.Limit.Milliseconds() != c.Limit || !scenario.Pinned {
			t.Errorf("%s: %s measures something else: %+v", c.Key, c.Scenario, scenario)
		}
		for _, l := range c.Lanes {
			if !slices.Contains(scenario.Transports, l.Name) && len(scenario.Transports) > 0 {
				t.Errorf("%s: %s does not measure %s", c.Key, c.Scenario, l.Name)
			}
			if c.Limit > 0 {
				continue // it searches for its rates
			}
			for _, p := range l.Points {
				if !slices.Contains(scenario.Rates, p.Rate) {
					t.Errorf("%s: %s does not measure %v events/s", c.Key, c.Scenario, p.Rate)
				}
			}
		}
	}
}

// TestWords checks that the numbers say what the lesson's words say of them (web/static/text/en/lessons.json, load.study).
func TestWords(t *testing.T) {
	r, s := studyAsPublished(t)
	if r.Pin == nil {
		t.Error("the server had no core of its own")
	}
	costs, batches := s.Charts[0].Lanes, s.Charts[1].Lanes
	longpoll, streams := costs[0], costs[1:]
	for i, l := range costs {
		first, last := l.Points[0], l.Points[len(l.Points)-1]
		if first.Rate != 1 || first.Low <= last.High {
			t.Errorf("%s: an event costs no less when they come faster: %v, %v", l.Name, first, last)
		}
		for k, p := range l.Points {
			if k > 0 && p.Median >= l.Points[k-1].Median {
				t.Errorf("%s: an event costs more than at %v events/s: %v", l.Name, l.Points[k-1].Rate, p)
			}
			if i > 0 && longpoll.Points[k].Low <= p.High {
				t.Errorf("long polling costs no more than %s: %v, %v", l.Name, longpoll.Points[k], p)
			}
			for _, other := range streams {
				if i > 0 && p.Low > other.Points[k].High {
					t.Errorf("%s costs more than %s: %v, %v", l.Name, other.Name, p, other.Points[k])
				}
			}
		}
	}
	longpoll, sse := batches[0], batches[1]
	if longpoll.Name != "longpoll" || sse.Name != "sse" || len(batches) != 2 {
		t.Fatalf("the lanes are %+v", batches)
	}
	for k, p := range longpoll.Points {
		other := sse.Points[k]
		if p.Rate != other.Rate || p.Median < other.Median {
			t.Errorf("SSE batches before long polling does: %v, %v", other, p)
		}
	}
	for _, l := range batches {
		first, last := l.Points[0], l.Points[len(l.Points)-1]
		if first.Median > 1.05 || last.Low < 2 {
			t.Errorf("%s has from %v to %v events in a write", l.Name, first, last)
		}
	}
	for _, o := range r.Outcomes {
		for _, m := range o.Of(laneOf(sse.Name)) {
			if o.Case.Name == "overload" && m.Search.Bottleneck != "both" {
				t.Errorf("round %d: what was at its limit with SSE was %s", m.Round, m.Search.Bottleneck)
			}
		}
	}
	if len(longpoll.Points) >= len(sse.Points) || longpoll.Most.High >= sse.Most.Low {
		t.Errorf("long polling gets as far as SSE: %v, %v", *longpoll.Most, *sse.Most)
	}
}

// TestIncomplete takes something away that the lesson shows.
func TestIncomplete(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*result.Result)
		want  string
	}{
		"no scenario": {func(r *result.Result) {
			r.Outcomes = slices.DeleteFunc(slices.Clone(r.Outcomes), func(o result.Outcome) bool { return o.Case.Name == "overload" })
		}, "c6-overload: it is not in the result"},
		"a round too few": {func(r *result.Result) {
			r.Outcomes = slices.Clone(r.Outcomes)
			r.Outcomes[0].Measurements = slices.DeleteFunc(slices.Clone(r.Outcomes[0].Measurements), func(m result.Measurement) bool {
				return m.Transport == "websocket" && m.Round == 1
			})
		}, "c1-rates: websocket: 5 of 6 rounds"},
		"a round that failed": {func(r *result.Result) {
			r.Outcomes = slices.Clone(r.Outcomes)
			r.Outcomes[0].Measurements = slices.Clone(r.Outcomes[0].Measurements)
			r.Outcomes[0].Measurements[0].Verdict.Failed = []string{"lost"}
		}, "failed in 1 of 6 rounds"},
	} {
		r, err := publishedStudy()
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(&r)
		if _, err := excerpt(r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.want)
		}
	}
}
