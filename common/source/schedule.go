package source

import (
	"context"
	"math"
	"time"
)

// every calls f at one interval after the start, at two, and so on, until f fails or ctx ends. The
// schedule is absolute: what f takes does not add up. When f takes longer than an interval, the beats
// it missed are left out, but for the last one, which comes at once.
func every(ctx context.Context, interval time.Duration, f func() error) error {
	next := time.Now()
	for {
		next = next.Add(interval)
		if late := time.Since(next); late > 0 {
			next = next.Add(late.Truncate(interval))
		}
		if err := sleepUntil(ctx, next); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// sleepUntil waits until t, not at all if t has passed. It returns ctx.Err() if ctx ends first, or
// had ended before.
func sleepUntil(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := time.Until(t)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// later returns start plus a number of nanoseconds that may be beyond what a Duration holds. Sums of
// float64 are exact to the nanosecond for the first 104 days.
func later(start time.Time, nanoseconds float64) time.Time {
	const most = 1 << 62 // 146 years
	return start.Add(time.Duration(math.Round(min(nanoseconds, most))))
}
