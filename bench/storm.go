package bench

import (
	"context"
	"errors"

	"pushlab/bench/result"
)

// storm drops all subscribers, publishes what they miss, and lets all come back at once.
func (r *run) storm(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	r.progress("dropping all")
	r.load.Drop()
	if _, err := r.settle(ctx); err != nil {
		return err
	}
	first, events := r.point.WarmUpEvents(), r.point.Events()
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.progress("publishing %d events to nobody", events)
	published, delays, err := r.publish(ctx, first, events)
	if r.Published = published; err != nil {
		return err
	}
	r.PublishRate = rate(delays, r.point.Rate)
	if r.PublishDelay, err = result.LatencyOf(delays); err != nil {
		return err
	}
	r.drain(ctx, true, 0, r.warmed+published)
	r.progress("all come back")
	if err := r.load.Connect(ctx, r.point.Subscribers); err != nil {
		return err
	}
	r.drain(ctx, true, published, r.warmed+published)
	after, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.difference(before, after)
	pause(ctx, aftermath)
	catchUp, err := r.load.CatchUps()
	if int(catchUp.Count) < r.point.Subscribers {
		err = errors.Join(err, errors.New("bench: not everybody caught up"))
	}
	r.CatchUp = &catchUp
	return err
}
