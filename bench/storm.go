package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
)

// storm has subscribers lose their connections, and come back.
func (r *run) storm(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	r.Recovery = new(result.Recovery)
	overflows, drops, unread := machine.ListenDrops()
	var before reading
	var err error
	switch {
	case r.point.Manner == result.Restart:
		before, err = r.restart(ctx)
	case r.point.Manner == result.Rolling:
		before, err = r.rolling(ctx)
	default:
		before, err = r.dropAll(ctx)
	}
	if err != nil {
		return errors.Join(err, r.recovered())
	}
	lost := r.Acknowledged // by a server that is gone
	acknowledged := r.warmed + r.Published
	if r.point.Manner == result.Restart { // of which this server knows the second half
		acknowledged = r.Published - lost
	}
	r.drain(ctx, true, r.Published, acknowledged)
	after, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.difference(before, after)
	r.Acknowledged += lost
	r.peak()
	if o, d, err := machine.ListenDrops(); err == nil && unread == nil {
		r.Recovery.ListenOverflows, r.Recovery.ListenDrops = o-overflows, d-drops
	}
	pause(ctx, aftermath)
	return r.recovered()
}

// recovered enters how the subscribers came back.
func (r *run) recovered() error {
	s := r.Recovery
	catchUp, err := r.load.CatchUps()
	r.CatchUp = &catchUp
	backs := r.load.Backs()
	s.Returned = len(backs)
	expected := r.point.Subscribers - r.point.Bystanders
	for percent, to := range map[int]*time.Duration{50: &s.Half, 95: &s.Most, 100: &s.All} {
		if n := (expected*percent + 99) / 100; n <= len(backs) {
			*to = backs[n-1]
		}
	}
	s.Refusals, s.Goodbyes, s.Replayed = r.load.Comebacks()
	s.Timeline = r.load.Timeline()
	if r.point.Bystanders > 0 {
		since, unsummed := r.load.Deliveries()
		before, unsummedToo := r.load.Calm()
		s.Bystanders = &since
		if before.Count > 0 {
			s.Calm = &before
		}
		err = errors.Join(err, unsummed, unsummedToo)
	}
	return err
}

// peak enters the largest resident set that the server had.
func (r *run) peak() {
	if r.server.PID == 0 {
		return
	}
	if peak, err := machine.PeakMemory(machine.Family(r.server.PID)...); err == nil { // a system that does not tell is no reason to fail
		r.PeakResident = max(r.PeakResident, peak)
	}
}

// comeback says how subscribers come back in this lane.
func (r *run) comeback() load.Comeback {
	var c load.Comeback
	if r.Variant == result.Jitter {
		random := rand.New(rand.NewPCG(r.options.Seed, uint64(r.Round)))
		c.Delay = func() time.Duration { return time.Duration(random.Int64N(int64(r.point.Jitter) + 1)) }
	}
	return c
}

// comeBack has all come back, for as long as events are still published and can be waited for.
func (r *run) comeBack(ctx context.Context, c load.Comeback) error {
	limit := r.point.Drain + r.point.Measure
	if c.Delay != nil {
		limit += r.point.Jitter
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.load.Return(ctx, c)
}

// storming publishes measured events, and enters how that went. Meanwhile, after a while, it lets go on.
func (r *run) storming(ctx context.Context, first, count int, after time.Duration, meanwhile func() error) error {
	gone := make(chan error, 1)
	go func() {
		err := pause(ctx, lead+after)
		if err == nil {
			err = meanwhile()
		}
		gone <- err
	}()
	err := r.publishMissed(ctx, first, count)
	return errors.Join(err, <-gone)
}

// publishMissed publishes measured events, whoever is there, and enters how that went.
func (r *run) publishMissed(ctx context.Context, first, count int) error {
	r.heads = true
	published, delays, err := r.publish(ctx, first, count)
	r.Published += published
	if err != nil {
		return err
	}
	if rate := rate(delays, r.point.Rate); r.PublishRate == 0 || rate < r.PublishRate {
		r.PublishRate = rate
	}
	r.delays = append(r.delays, delays...)
	r.PublishDelay, err = result.LatencyOf(r.delays)
	return err
}

// dropAll drops all, publishes what they miss, and lets all come back. With bystanders half of the events are published
// while they come back.
func (r *run) dropAll(ctx context.Context) (reading, error) {
	r.progress("dropping all")
	r.load.Drop()
	if _, err := r.settle(ctx); err != nil {
		return reading{}, err
	}
	first, events := r.point.WarmUpEvents(), r.point.Events()
	before, err := r.read(ctx)
	if err != nil {
		return before, err
	}
	comeBack := func() error {
		r.progress("all come back")
		return r.comeBack(ctx, r.comeback())
	}
	if r.point.Bystanders > 0 {
		r.progress("publishing %d events", events)
		return before, r.storming(ctx, first, events, r.point.Measure/2, comeBack)
	}
	r.progress("publishing %d events to nobody", events)
	if err := r.publishMissed(ctx, first, events); err != nil {
		return before, err
	}
	r.drain(ctx, true, 0, r.warmed+r.Published)
	return before, comeBack()
}

// rolling cuts one connection after the other while events go on.
func (r *run) rolling(ctx context.Context) (reading, error) {
	before, err := r.read(ctx)
	if err != nil {
		return before, err
	}
	c := r.comeback()
	c.PerSecond = r.point.CutPerSecond()
	r.progress("cutting %g connections in a second, while %d events are published", c.PerSecond, r.point.Events())
	return before, r.storming(ctx, r.point.WarmUpEvents(), r.point.Events(), 0, func() error { return r.comeBack(ctx, c) })
}

// restart publishes one half of the events, restarts the server, and publishes the other half while
// all come back. The reading is of the new server.
func (r *run) restart(ctx context.Context) (reading, error) {
	first, events := r.point.WarmUpEvents(), r.point.Events()
	half := events / 2
	r.progress("publishing %d events before the restart", half)
	if err := r.publishMissed(ctx, first, half); err != nil {
		return reading{}, err
	}
	r.drain(ctx, true, r.Published, r.warmed+r.Published)
	r.Acknowledged = r.publisher.Acked() - r.warmed
	r.peak()
	r.progress("restarting the server")
	r.load.Leave()
	began := time.Now()
	if err := r.server.Close(); err != nil {
		return reading{}, err
	}
	r.publisher.Close()
	for r.load.Present() > 0 {
		if time.Since(began) > patience+r.options.downtime {
			return reading{}, errors.New("bench: the server has ended, but subscribers still have their connection")
		}
		if err := pause(ctx, tick); err != nil {
			return reading{}, err
		}
	}
	if err := pause(ctx, r.options.downtime-time.Since(began)); err != nil {
		return reading{}, err
	}
	server, err := r.target.restart(ctx, r.Transport, r.server.URL)
	if err != nil {
		return reading{}, err
	}
	r.server = server
	r.Recovery.Down = time.Since(began)
	publisher, err := r.connectPublisher(ctx)
	if err != nil {
		return reading{}, err
	}
	r.goOn(publisher)
	before, err := r.read(ctx)
	if err != nil {
		return before, err
	}
	r.progress("publishing %d events, while all come back", events-half)
	// They come when the new log has something: a server that takes their cursors for its own would lose it.
	return before, r.storming(ctx, first+half, events-half, r.point.Measure/4, func() error { return r.comeBack(ctx, r.comeback()) })
}
