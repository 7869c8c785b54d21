package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A study is what the lesson shows of one: when and where it was measured, and what was found.
type study struct {
	Measured string // the day
	Cores    int
	CPU      string
	System   string // and its version, without the build
	Go       string
	Charts   []chart
}

// A chart is a number of several lanes, by the rate of events.
type chart struct {
	// Key is what its words are called in the lesson's texts.
	Key string
	// Scenario is what pushlab bench run --scenario takes to measure it again.
	Scenario string
	// Subscribers, Size and Rounds are those of its cases; Limit is the p99 up to which a rate counts as sustained, in
	// milliseconds, or 0.
	Subscribers, Size, Rounds int
	Limit                     int64
	Lanes                     []lane
}

// A lane is a line of a chart.
type lane struct {
	Name   string
	Points []point
	Most   *spread // the deliveries per second of the highest rate that was sustained
}

// A point is the rate, in events per second, and what was found there.
type point struct {
	Rate float64
	spread
}

// A spread is the median of the rounds, the lowest of them and the highest.
type spread struct{ Median, Low, High float64 }

func spreadOf(values []float64) spread {
	i := stats.RangeOf(values)
	return spread{short(i.Center), short(i.Low), short(i.High)}
}

// short keeps three digits, which is as many as the lesson shows.
func short(v float64) float64 {
	s, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v // as long as it is
	}
	return s
}

var release = regexp.MustCompile(`^\d+\.\d+`)

// excerpt takes out of a result what the lesson shows. It fails if something of that is not there, or not of all rounds.
func excerpt(r result.Result) (study, error) {
	e := r.Environment
	s := study{
		Measured: r.Started.UTC().Format("2006-01-02"), Cores: e.Cores, CPU: e.CPU,
		System: e.OS + " " + release.FindString(e.Kernel), Go: e.GoVersion,
	}
	for _, of := range []func(result.Result) (chart, error){costs, batches} {
		c, err := of(r)
		if err != nil {
			return study{}, fmt.Errorf("%s: %w", c.Scenario, err)
		}
		s.Charts = append(s.Charts, c)
	}
	return s, nil
}

// costs is the server's CPU for each delivered event, in microseconds.
func costs(r result.Result) (chart, error) {
	c := chart{Key: "cpu", Scenario: "c1-rates"}
	cases, err := c.casesOf(r, "rates")
	if err != nil {
		return c, err
	}
	for _, transport := range result.Transports() {
		l := lane{Name: transport}
		for _, o := range cases {
			values, err := all(o, transport, result.CPUPerEvent)
			if err != nil {
				return c, err
			}
			l.Points = append(l.Points, point{o.Case.Rate, spreadOf(values)})
		}
		c.Lanes = append(c.Lanes, l)
	}
	return c, nil
}

// batches is how many events the server put into one write, at the rates that were sustained in every round.
func batches(r result.Result) (chart, error) {
	c := chart{Key: "batches", Scenario: "c6-overload"}
	cases, err := c.casesOf(r, "overload")
	if err != nil {
		return c, err
	}
	if len(cases) != 1 {
		return c, fmt.Errorf("the result has it with %d numbers of subscribers, sizes or the like; the lesson shows one", len(cases))
	}
	o := cases[0]
	c.Limit = o.Case.Limit.Milliseconds()
	for _, transport := range o.Case.Transports {
		highest, err := all(o, transport, result.DeliveriesPerSecond)
		if err != nil {
			return c, err
		}
		most := spreadOf(highest)
		l := lane{Name: transport, Most: &most}
		found := map[float64][]float64{} // of each rate
		for _, m := range o.Of(laneOf(transport)) {
			for _, p := range m.Search.Probes {
				if p.Problem == "" && !p.Confirms {
					found[p.Rate] = append(found[p.Rate], p.EventsPerWrite)
				}
			}
		}
		for _, rate := range slices.Sorted(maps.Keys(found)) {
			if len(found[rate]) == c.Rounds {
				l.Points = append(l.Points, point{rate, spreadOf(found[rate])})
			}
		}
		c.Lanes = append(c.Lanes, l)
	}
	return c, nil
}

// casesOf returns the cases of a scenario by its name, and enters what they have in common.
func (c *chart) casesOf(r result.Result, name string) (cases []result.Outcome, err error) {
	for _, o := range r.Outcomes {
		if o.Case.Name != name {
			continue
		}
		if first := o.Case; len(cases) == 0 {
			c.Subscribers, c.Size, c.Rounds = first.Subscribers, first.Size, first.Rounds
		} else if first.Subscribers != c.Subscribers || first.Size != c.Size || first.Rounds != c.Rounds {
			return nil, fmt.Errorf("its cases differ in more than the rate")
		}
		cases = append(cases, o)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("it is not in the result; measure it, or take the result that has it")
	}
	return cases, nil
}

// all returns what each round found.
func all(o result.Outcome, transport string, metric result.Metric) ([]float64, error) {
	cell := stats.CellOf(o, laneOf(transport), metric)
	if cell.Why != "" {
		return nil, fmt.Errorf("%s: %s", transport, cell.Why)
	}
	if len(cell.Values) != o.Case.Rounds {
		return nil, fmt.Errorf("%s: %d of %d rounds can be compared", transport, len(cell.Values), o.Case.Rounds)
	}
	return cell.Values, nil
}

func laneOf(transport string) result.Lane {
	return result.Lane{Target: result.PushlabName, Transport: transport}
}
