package report

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// A claim is something that is often said of the transports, and that numbers can answer: one transport has so many times
// as much of something as another.
type claim struct {
	id, says string
	// what names the number, one and other the transports.
	what, one, other string
	of               func(result.Case, result.Measurement) (v float64, ok bool)
	// holds tells it of the ratio of one round.
	holds func(ratio float64) bool
	// exact says that the number hardly differs between rounds, so that one is enough.
	exact bool
}

// enough is how many rounds must agree on what differs between them.
const enough = 3

// claims are those that need no more than two transports in one case.
func claims() []claim {
	bytes := func(c result.Case, m result.Measurement) (float64, bool) {
		return m.BytesDownPerEvent() + m.BytesUpPerEvent(), c.Kind == result.FanOut && m.Delivered > 0 && m.BytesDown > 0
	}
	more := func(ratio float64) bool { return ratio > 1+like }
	less := func(ratio float64) bool { return ratio < 1-like }
	return []claim{
		{"C1", "WebSocket has 500 times less overhead than polling", "bytes beside the data", "longpoll", "websocket",
			func(c result.Case, m result.Measurement) (float64, bool) {
				v, ok := bytes(c, m)
				return v - float64(c.Size), ok && v > float64(c.Size)
			}, func(ratio float64) bool { return ratio >= 500 }, true},
		{"C2", "Server-sent events cost more bytes than WebSocket", "bytes", "sse", "websocket", bytes, more, true},
		{"C3", "Long polling burns CPU", "server CPU", "longpoll", "sse",
			func(c result.Case, m result.Measurement) (float64, bool) {
				return float64(m.ServerCPUPerEvent()), c.Kind == result.FanOut && m.ServerCPU > 0 && m.Delivered > 0
			}, more, false},
		{"C5", "WebSocket needs less memory than server-sent events", "memory", "websocket", "sse",
			func(_ result.Case, m result.Measurement) (float64, bool) {
				if m.Memory == nil {
					return 0, false
				}
				v := m.Memory.PerConnection().Resident.PerConnection
				return v, v > 0
			}, less, false},
		{"C6", "Under overload long polling does better", "deliveries/s at most", "longpoll", "sse",
			func(_ result.Case, m result.Measurement) (float64, bool) {
				if m.Search == nil {
					return 0, false
				}
				return m.Search.Deliveries, m.Search.Deliveries > 0
			}, more, false},
		{"C10", "Polling is immune to storms", "time until all are back", "longpoll", "sse",
			func(_ result.Case, m result.Measurement) (float64, bool) {
				if m.CatchUp == nil {
					return 0, false
				}
				return float64(m.CatchUp.Max), m.CatchUp.Max > 0
			}, less, false},
	}
}

// An answer is what a run says to a claim.
type answer struct {
	claim   claim
	verdict string // "HOLDS", "DOES NOT HOLD", "ONLY WHEN" or "UNCLEAR"
	text    string
}

// answers returns those claims to which the run says something, with this program's server, and the numbers. A claim holds
// in a case if it does in each round; rounds that disagree, or are too few, leave it open.
func answers(r result.Result) (all []answer, numbers *grid) {
	numbers = newTable()
	numbers.AppendHeader(table.Row{"claim", "case", "times", "min..max", "rounds", "holds in"})
	for _, c := range claims() {
		var holds []string
		var medians []float64
		not, open := 0, 0
		for _, o := range r.Outcomes {
			spread, yes := c.ask(o)
			if spread.Rounds == 0 {
				continue
			}
			switch {
			case !c.exact && spread.Rounds < enough:
			case yes == spread.Rounds:
				holds = append(holds, shortTitle(o.Case))
			case yes == 0:
				not++
			default:
				open++
			}
			medians = append(medians, spread.Median)
			numbers.AppendRow(table.Row{c.id, shortTitle(o.Case), significant(spread.Median), bounds(spread, 2), spread.Rounds, yes})
		}
		if len(medians) == 0 {
			continue
		}
		span := stats.Spread(medians)
		found := significant(span.Median)
		if low, high := significant(span.Min), significant(span.Max); low != high {
			found = low + " to " + high
		}
		a := answer{claim: c, text: fmt.Sprintf("%s: “%s.” Of %s, %s has %s times what %s has", c.id, c.says, c.what, c.one, found, c.other)}
		switch {
		case len(holds)+not+open == 0:
			a.verdict = "UNCLEAR"
			a.text += fmt.Sprintf("; that rests on fewer than %d rounds", enough)
		case len(holds) == 0 && open == 0:
			a.verdict = "DOES NOT HOLD"
		case not == 0 && open == 0:
			a.verdict = "HOLDS"
		case len(holds) > 0:
			a.verdict = "ONLY WHEN"
			a.text += "; it holds only in " + strings.Join(holds, "; ")
		default:
			a.verdict = "UNCLEAR"
		}
		all = append(all, a)
	}
	return all, numbers
}

// ask returns the ratios of the rounds of a case, and in how many of them the claim holds.
func (c claim) ask(o result.Outcome) (spread result.Spread, holds int) {
	values := func(transport string) map[int]float64 {
		of := map[int]float64{}
		if o.Case.Computed {
			return of
		}
		for _, m := range o.Of(result.Lane{Target: result.PushlabName, Transport: transport}) {
			if v, ok := c.of(o.Case, m); ok && m.Verdict.Comparable() {
				of[m.Round] = v
			}
		}
		return of
	}
	one, other := values(c.one), values(c.other)
	var ratios []float64
	for round, v := range one {
		if by := other[round]; by > 0 {
			ratios = append(ratios, v/by)
			if c.holds(v / by) {
				holds++
			}
		}
	}
	return stats.Spread(ratios), holds
}
