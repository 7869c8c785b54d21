package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
)

const (
	closeEnough = 1.1  // the ratio of a rate that was not sustained to one that was, at the end
	fewestRate  = 0.01 // of the first probe's rate
	slack       = 10   // a backlog may grow by so small a part of the limit, in a window
)

// search looks for the highest rate at which everything arrives in time: it doubles the rate until
// one is not sustained, and then halves the distance, by ratio. A rate is sustained if everything is delivered,
// in time, while the load keeps its rate and the backlog does not grow. Each probe has a server of its own. A
// rate that fails is tried once more: something else may have had the machine.
func (r *run) search(ctx context.Context) {
	r.Search = &result.Search{}
	highest := result.MaxDeliveries / float64(r.point.Subscribers) / (max(r.point.WarmUp, r.point.MaxWarmUp) + r.point.Measure).Seconds()
	good, bad := 0.0, math.Inf(1)
	search := r.Search
	var worst result.Probe
	for next := r.point.Rate; next <= min(highest, result.MaxRate) && bad/good > closeEnough && bad > r.point.Rate*fewestRate; {
		next = math.Round(next*100) / 100
		m, p := r.probe(ctx, next)
		if ctx.Err() == nil && p.Problem != "" {
			search.Probes = append(search.Probes, p)
			m, p = r.probe(ctx, next)
		}
		if ctx.Err() != nil {
			break
		}
		search.Probes = append(search.Probes, p)
		if p.Problem == "" {
			good = next
			search.Deliveries = next * float64(r.point.Subscribers)
			m.Verdict = result.Verdict{Notes: m.Verdict.Notes} // that the load was late is in the p99
			r.Measurement, r.Measurement.Search = m, search
		} else {
			bad, worst = next, p
			if good == 0 { // the best that there is to tell
				r.Measurement, r.Measurement.Search = m, search
			}
		}
		r.note("%g events/s: p99 %v, server %.0f %% and load %.0f %% busy%s", next, p.P99.Round(10*time.Microsecond), 100*p.ServerBusy, 100*p.LoadBusy, problem(p))
		switch {
		case math.IsInf(bad, 1):
			next = good * 2
		case good == 0:
			next = bad / 2
		default:
			next = math.Sqrt(good * bad)
		}
	}
	if good > 0 && r.point.Confirm > 0 && ctx.Err() == nil {
		if failed := r.confirm(ctx, &good); failed.Rate > 0 {
			bad, worst = failed.Rate, failed
		}
	}
	if good > 0 && len(r.point.Curve) > 0 && search.Confirmed == r.point.Confirm && ctx.Err() == nil {
		r.curve(ctx, good, min(highest, result.MaxRate))
	}
	if !math.IsInf(bad, 1) {
		search.Bottleneck = worst.Bottleneck()
	}
	if good > 0 {
		switch {
		case math.IsInf(bad, 1):
			r.Verdict.Notes = append(r.Verdict.Notes, "the highest rate that was tried was sustained")
		case search.Bottleneck == "others":
			r.Verdict.Invalid = append(r.Verdict.Invalid, fmt.Sprintf("other programs had the cores of server and load: at %g events/s these were %.0f and %.0f %% busy, but only %.0f and %.0f %% with server and load",
				worst.Rate, 100*worst.ServerCore, 100*worst.LoadCore, 100*worst.ServerBusy, 100*worst.LoadBusy))
		case search.Bottleneck != "server":
			r.Verdict.Notes = append(r.Verdict.Notes, fmt.Sprintf("the server was not the only limit: at %g events/s its core was %.0f %% busy, the load's %.0f %%",
				worst.Rate, 100*worst.ServerCore, 100*worst.LoadCore))
		}
	}
}

// confirm measures the rate that was found in further windows. If one is not sustained, it goes on with a
// rate that is a little lower, and returns the probe that failed last. A window in which other programs had
// the cores is tried once more.
func (r *run) confirm(ctx context.Context, rate *float64) (failed result.Probe) {
	const attempts = 5
	for range attempts {
		r.Search.Confirmed = 0
		r.Search.Deliveries = *rate * float64(r.point.Subscribers)
		failing := false
		for range r.point.Confirm {
			m, p := r.probe(ctx, *rate)
			if p.Problem != "" && p.Bottleneck() == "others" && ctx.Err() == nil {
				m, p = r.probe(ctx, *rate)
			}
			if ctx.Err() != nil {
				return failed
			}
			p.Confirms = true
			r.Search.Probes = append(r.Search.Probes, p)
			r.note("confirming %g events/s: p99 %v%s", *rate, p.P99.Round(10*time.Microsecond), problem(p))
			if failing = p.Problem != ""; failing {
				failed = p
				break
			}
			r.Search.Confirmed++
			m.Verdict = result.Verdict{Notes: m.Verdict.Notes}
			m.Search = r.Search
			r.Measurement = m
		}
		if !failing {
			return failed
		}
		*rate = math.Round(*rate/closeEnough*100) / 100
	}
	r.Verdict.Invalid = append(r.Verdict.Invalid, fmt.Sprintf("no rate was sustained in %d further windows, down to %g events/s", r.point.Confirm, failed.Rate))
	return failed
}

// curve measures at shares of the rate that was found, to show how deliveries get slower towards it.
func (r *run) curve(ctx context.Context, rate, highest float64) {
	search := r.Search
	for _, p := range search.Probes {
		if p.Rate == rate && p.Problem == "" { // the last of them
			search.Curve = append(search.Curve[:0], p)
		}
	}
	for _, share := range r.point.Curve {
		next := math.Round(min(rate*share, highest)*100) / 100
		_, p := r.probe(ctx, next)
		if ctx.Err() != nil {
			break
		}
		search.Curve = append(search.Curve, p)
		r.note("%.0f %% of it: p99 %v%s", 100*share, p.P99.Round(10*time.Microsecond), problem(p))
	}
	slices.SortStableFunc(search.Curve, func(a, b result.Probe) int { return cmp.Compare(a.Rate, b.Rate) })
}

func problem(p result.Probe) string {
	if p.Problem == "" {
		return ""
	}
	return "; " + p.Problem
}

// probe measures a rate.
func (r *run) probe(ctx context.Context, rate float64) (result.Measurement, result.Probe) {
	one := *r
	one.Measurement = result.Measurement{Lane: r.Lane, Round: r.Round}
	one.point.Kind, one.point.Rate, one.probing = result.FanOut, rate, true
	one.do(ctx)
	m := one.Measurement
	p := result.Probe{Rate: rate, P99: m.Delivery.P99, EventsPerWrite: m.EventsPerWrite(), BacklogSlope: m.BacklogSlope}
	p.ServerBusy, p.LoadBusy = m.ServerCores(), m.LoadCores()
	p.ServerCore, p.LoadCore = m.ServerCoreBusy(), m.LoadCoreBusy()
	switch {
	case len(m.Verdict.Failed) > 0:
		p.Problem = strings.Join(m.Verdict.Failed, "; ")
	case m.NotInTime > 0:
		p.Problem = fmt.Sprintf("%d deliveries did not come in time", m.NotInTime)
	case m.PrematureCloses > 0:
		p.Problem = fmt.Sprintf("%d connections were closed", m.PrematureCloses)
	case m.Published < m.Planned || m.Acknowledged < m.Published:
		p.Problem = fmt.Sprintf("%d of %d events published, %d acknowledged", m.Published, m.Planned, m.Acknowledged)
	case !m.KeptRate(rate):
		p.Problem = fmt.Sprintf("the load missed its own rate: %.4g of %.4g events/s", m.PublishRate, rate)
	case m.Delivery.P99 > r.point.Limit:
		p.Problem = fmt.Sprintf("p99 above %v", r.point.Limit)
	case m.BacklogGrows(one.point, r.point.Limit/slack):
		p.Problem = fmt.Sprintf("the backlog grew by %.0f deliveries per second", m.BacklogSlope)
	}
	return m, p
}
