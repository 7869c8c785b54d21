package load

import (
	"context"
	"time"
)

// A Pacer is an open-loop schedule: events at a constant rate, each due at its own time, whatever
// happened to those before.
type Pacer struct {
	// Rate is how many events are due in a second. It must be positive.
	Rate float64
	// Sleep waits that long; it is used for the last two milliseconds before an event is due.
	// Default time.Sleep, which may be a millisecond late.
	Sleep func(time.Duration)
}

// fine is how long before an event Pacer changes from a timer, which can be interrupted, to Sleep.
const fine = 2 * time.Millisecond

// Due returns when event n, counted from 0, is due: the time since the start of the schedule.
func (p Pacer) Due(n int) time.Duration {
	return time.Duration(float64(n) / p.Rate * float64(time.Second))
}

// Run calls publish for events 0 to count-1, each when it is due after start; late ones at once,
// none is left out. Due times are absolute: what one event is late does not move the next. It
// returns how many events were published, and the error of publish or of ctx if that ended it.
func (p Pacer) Run(ctx context.Context, start time.Time, count int, publish func(n int, due time.Time) error) (published int, err error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for n := range count {
		due := start.Add(p.Due(n))
		if wait := time.Until(due) - fine; wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		for wait := time.Until(due); wait > 0; wait = time.Until(due) {
			p.sleep(wait)
		}
		if err := publish(n, due); err != nil {
			return n, err
		}
	}
	return count, nil
}

func (p Pacer) sleep(d time.Duration) {
	if p.Sleep == nil {
		time.Sleep(d)
	} else {
		p.Sleep(d)
	}
}
