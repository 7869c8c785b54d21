package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/result"
)

// echo has each client publish, and measures how long its own events take to come back to it.
func (r *run) echo(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.load.ConnectPosters(ctx); err != nil {
		return err
	}
	events := r.point.WarmUpEvents()
	r.phase(result.Phase{
		Name: result.WarmingUp, Text: fmt.Sprintf("warming up with %d events of each client", events),
		Takes: r.point.WarmUp, Rate: r.point.TotalRate(), Events: events * r.point.Subscribers,
	})
	if _, _, err := r.send(ctx, 0, events); err != nil {
		return err
	}
	all := events * r.point.Subscribers
	r.await(ctx, func() bool { warmUp, _ := r.load.Echoes(); return warmUp >= all && r.load.Acked() >= all })
	r.warm = true
	runtime.GC() // what connecting left behind is not to be collected now
	r.phase(result.Phase{
		Name: result.Measuring, Text: fmt.Sprintf("measuring for %v", r.point.Measure), Takes: r.point.Measure, Rate: r.point.TotalRate(), Events: r.Planned,
	})
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	var delays []time.Duration
	if r.point.InFlight > 0 {
		began := time.Now()
		r.Published, err = r.converse(ctx)
		r.Planned, r.PublishRate = r.Published, float64(r.Published)/time.Since(began).Seconds()
	} else {
		r.Published, delays, err = r.send(ctx, events, r.point.Events())
		r.PublishRate = rate(delays, r.point.TotalRate())
	}
	if ctx.Err() != nil {
		err = nil // the verdict says how far it came
	}
	r.phase(result.Phase{Name: result.Draining, Text: "receiving what is under way"})
	r.await(ctx, func() bool {
		_, measured := r.load.Echoes()
		return measured >= r.Published && r.load.Acked() >= all+r.Published
	})
	after, unread := r.read(context.WithoutCancel(ctx))
	if unread == nil {
		r.difference(before, after)
	}
	delay, unsummed := result.LatencyOf(delays)
	r.PublishDelay = delay
	pause(context.WithoutCancel(ctx), aftermath)
	return errors.Join(err, unread, unsummed)
}

// send has each client publish count events on schedule, from its own first one, the clients in turn. It returns how many
// were sent, and how late each was.
func (r *run) send(ctx context.Context, first, count int) (sent int, delays []time.Duration, err error) {
	clients := r.point.Subscribers
	delays = make([]time.Duration, 0, count*clients)
	pacer := load.Pacer{Rate: r.point.TotalRate(), Sleep: r.options.sleep}
	sent, err = pacer.Run(ctx, time.Now().Add(lead), count*clients, func(n int, due time.Time) error {
		delays = append(delays, time.Since(due))
		r.said.Add(1)
		return r.load.Echo(n%clients, first+n/clients, due.Sub(r.base))
	})
	return sent, delays[:sent], err
}

// converse has each client publish its next event when one has come back, so that there are always InFlight under way,
// until the time is over or the client has sent all that its rate allows. It returns how many were sent.
func (r *run) converse(ctx context.Context) (sent int, err error) {
	next := make([]int, r.point.Subscribers)
	say := func(client int) error {
		if next[client] == r.point.Events() {
			return nil
		}
		next[client]++
		sent++
		r.said.Add(1)
		return r.load.Echo(client, r.point.WarmUpEvents()+next[client]-1, time.Since(r.base))
	}
	for len(r.load.Returns()) > 0 { // those of the warm-up
		<-r.load.Returns()
	}
	for range r.point.InFlight {
		for client := range next {
			if err := say(client); err != nil {
				return sent, err
			}
		}
	}
	over := time.NewTimer(r.point.Measure)
	defer over.Stop()
	for sent < r.point.Events()*len(next) {
		select {
		case client := <-r.load.Returns():
			if err := say(client); err != nil {
				return sent, err
			}
		case <-over.C:
			return sent, nil
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
	return sent, nil
}
