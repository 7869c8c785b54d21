package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// An axisOf is what there are several of.
type axisOf struct {
	label, corner string
	of            func(result.Case) float64
	fixed         func(*result.Case) // takes it out of the case, so that the rest can be compared
}

// sweepSection shows how costs go with the rate, or with something else of which there are several.
func sweepSection(r result.Result, charts map[string]chart) section {
	s := section{ID: "sweep", Title: "Cost by rate, number and size", How: "Both axes are logarithmic: a line that falls by one step for each step to the right says that a cost is shared by all events. " +
		"A number in a ring is where two lines cross, by straight lines between what was measured: which of them is cheaper changes there. " +
		"Where it was measured over several distances, each has pictures of its own: the round trip is that much longer than that of this machine to itself."}
	for _, along := range []axisOf{
		{"events/s", "events/s", func(c result.Case) float64 { return c.Rate }, func(c *result.Case) { c.Rate = 0 }},
		{"subscribers", "subscribers", func(c result.Case) float64 { return float64(c.Subscribers) }, func(c *result.Case) { c.Subscribers = 0 }},
		{"bytes of data", "bytes", func(c result.Case) float64 { return float64(c.Size) }, func(c *result.Case) { c.Size = 0 }},
	} {
		groups, order := map[string][]result.Outcome{}, []string{}
		for _, o := range r.Outcomes {
			if o.Case.Kind != result.FanOut {
				continue
			}
			rest := o.Case
			along.fixed(&rest)
			key := fmt.Sprint(rest.ID, rest.Name, rest.Subscribers, rest.Rate, rest.Size, rest.Data)
			if groups[key] == nil {
				order = append(order, key)
			}
			groups[key] = append(groups[key], o)
		}
		for _, key := range order {
			var view caseView
			for _, rtt := range roundTrips(groups[key]) {
				group := withoutTwins(groups[key], along.of, rtt)
				figures := sweepFigures(group, along, charts)
				if len(figures) == 0 {
					continue
				}
				if view.Title == "" {
					view.Title = group[0].Case.Name + " by " + along.label + fixedWords(group[0].Case, along.label)
				}
				words := "as it is"
				if rtt > 0 {
					words = plain(millis(rtt)) + " ms more"
				}
				if at := computedAt(group, along.of); at != "" {
					words += "; computed at " + at + " " + along.label
				}
				view.Choices = append(view.Choices, choice{words, figures})
			}
			switch len(view.Choices) {
			case 0:
				continue
			case 1:
				view.Figures = view.Choices[0].Figures
				if at := view.Choices[0].Name; at != "as it is" {
					view.Title += "; round trip " + at
				}
				view.Choices = nil
			default:
				view.Choosing = "Round trip"
			}
			s.Cases = append(s.Cases, view)
		}
	}
	return s
}

// sweepFigures returns a picture for each cost of a group; none if there are not two points.
func sweepFigures(group []result.Outcome, along axisOf, charts map[string]chart) (figures []drawing) {
	var xs []float64
	for _, o := range group {
		xs = append(xs, along.of(o.Case))
	}
	slices.Sort(xs)
	if xs = slices.Compact(xs); len(xs) < 2 {
		return nil
	}
	for _, cost := range []struct{ caption, label, metric string }{
		{"Server CPU per event", "µs/event", "server_cpu_us_per_event"}, {"Bytes per event, both ways", "bytes/event", ""}, {"Delivery p50", "ms", "delivery_p50_ms"},
	} {
		c := sweep(group, along.of, cost.metric)
		if len(c.Lines) == 0 {
			continue
		}
		c.X, c.Y, c.Points = scale{Label: along.label, Log: true}, scale{Label: cost.label, Log: true}, true
		f := drawing{ID: add(charts, c), Caption: cost.caption, Legend: legend(c.Lines, nil), Table: byX(along.corner, cost.label, xs, c.Lines),
			Label: fmt.Sprintf("Line chart: %s by %s, of %d lanes. The table below has the numbers.", cost.caption, along.label, len(c.Lines))}
		for i, x := range c.Crossings {
			f.Notes = append(f.Notes, fmt.Sprintf("%d: up to %s %s %s takes less, from there %s.", i+1, significant(x.X), along.label, x.Before, x.After))
		}
		figures = append(figures, f)
	}
	return figures
}

// roundTrips returns those of a group, from the shortest.
func roundTrips(group []result.Outcome) (all []time.Duration) {
	for _, o := range group {
		all = append(all, o.Case.RTT)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// computedAt says where a group has costs that were computed; nothing if all were measured.
func computedAt(group []result.Outcome, of func(result.Case) float64) string {
	var at []string
	for _, o := range group {
		if o.Case.Computed {
			at = append(at, plain(of(o.Case)))
		}
	}
	return strings.Join(at, ", ")
}

// withoutTwins returns those of a round trip, and leaves out what was computed and measured too.
func withoutTwins(all []result.Outcome, of func(result.Case) float64, rtt time.Duration) []result.Outcome {
	group := slices.DeleteFunc(slices.Clone(all), func(o result.Outcome) bool { return o.Case.RTT != rtt })
	measured := map[float64]bool{}
	for _, o := range group {
		measured[of(o.Case)] = measured[of(o.Case)] || !o.Case.Computed
	}
	return slices.DeleteFunc(group, func(o result.Outcome) bool { return o.Case.Computed && measured[of(o.Case)] })
}

// fixedWords says what is the same in all cases of a group.
func fixedWords(c result.Case, label string) string {
	var words []string
	if label != "subscribers" {
		words = append(words, fmt.Sprintf("%d subscribers", c.Subscribers))
	}
	if label != "events/s" {
		words = append(words, plain(c.Rate)+" events/s")
	}
	if label != "bytes of data" {
		words = append(words, fmt.Sprintf("%d bytes of data", c.Size))
	}
	c.Computed, c.Verifies, c.RTT = false, false, 0 // these differ
	return "; " + strings.Join(append(words, c.Traits()...), ", ")
}

// sweep returns a cost's lines over the cases of a group: that of a metric, or of all bytes.
func sweep(group []result.Outcome, of func(result.Case) float64, name string) (c chart) {
	value := func(m result.Measurement) (float64, bool) {
		if name == "" {
			return m.BytesDownPerEvent() + m.BytesUpPerEvent(), m.Delivered > 0 && m.BytesDown > 0
		}
		return result.Metric(name).Info().Value(m)
	}
	var lanes []result.Lane
	points := map[result.Lane]map[float64][]float64{}
	for _, o := range group {
		for _, lane := range lanesOf(o) {
			if lane.Again {
				continue
			}
			if points[lane] == nil {
				points[lane] = map[float64][]float64{}
				lanes = append(lanes, lane)
			}
			for _, m := range o.Of(lane) {
				if v, ok := value(m); ok && v > 0 && m.Verdict.Comparable() {
					points[lane][of(o.Case)] = append(points[lane][of(o.Case)], v)
				}
			}
		}
	}
	mark := marks(lanes)
	for _, lane := range lanes {
		l := curve{Name: called(lane, lanes), Lane: lane.Transport, Mark: mark[lane], reference: result.IsLeast(lane.Target)}
		for _, x := range sortedKeys(points[lane]) {
			l.X, l.Y = append(l.X, x), append(l.Y, rounded(stats.Spread(points[lane][x]).Median))
		}
		if len(l.X) > 0 {
			c.Lines = append(c.Lines, l)
		}
	}
	c.Crossings = crossings(slices.DeleteFunc(slices.Clone(c.Lines), func(l curve) bool { return l.reference }))
	return c
}
