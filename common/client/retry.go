package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Retry calls do until it succeeds, or fails for good: with an error that has a method Permanent and says so, as a StatusError
// does. It fails with the error of ctx when that ends, and with the latest one of do when it has tried for that long: no
// attempt begins later, and those that have begun get a context that ends then. Of the policy the delays count, and the logger;
// a server may ask for more by Retry-After, and if that is longer than there is time left, Retry does not wait for it.
func Retry(ctx context.Context, within time.Duration, policy Policy, do func(context.Context) error) error {
	policy = policy.withDefaults()
	attempt, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	end := time.Now().Add(within)
	for failures := 0; ; failures++ {
		err := do(attempt)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var permanent interface{ Permanent() bool }
		if errors.As(err, &permanent) && permanent.Permanent() {
			return err
		}
		delay := rand.N(backoff(policy.MinBackoff, policy.MaxBackoff, failures) + 1)
		var status *StatusError
		if errors.As(err, &status) {
			delay += status.RetryAfter
		}
		next := time.Now().Add(delay)
		if next.After(end) {
			return fmt.Errorf("client: giving up after %d attempts in %v: %w", failures+1, within, err)
		}
		policy.Logger.Info("trying again", "error", err, "retry", delay.Round(time.Millisecond))
		if err := sleepUntil(ctx, next); err != nil {
			return err
		}
	}
}
