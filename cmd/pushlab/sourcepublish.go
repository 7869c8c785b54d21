package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/source"
)

// A source that waits for the log looks again after minSourceWait, which is doubled each time, up to maxSourceWait.
const (
	minSourceWait = 100 * time.Millisecond
	maxSourceWait = 5 * time.Second
)

// sourcePublish returns what publishes the events of a source. While the log is not available it waits, so that nothing is lost:
// standard input and files wait, too. An event of which nobody knows whether it was stored is sent again under its key; so it is
// there once, unless that takes longer than the log remembers keys.
func sourcePublish(h *hub.Hub, spec string, logger *slog.Logger) source.Publish {
	logger = logger.With("source", spec)
	keys := client.NewKeys()
	return func(ctx context.Context, topic string, data json.RawMessage) error {
		key := ""
		if h.HasLog() { // else it is never in doubt, and many sources would be too much for the hub's memory of keys
			key = "source " + keys.Next() // no publisher's key has a space
		}
		var began time.Time
		for wait := minSourceWait; ; wait = min(2*wait, maxSourceWait) {
			_, err := h.PublishOnce(ctx, key, topic, data)
			switch {
			case errors.Is(err, hub.ErrTooLarge):
				// One event is no reason to give up on the next.
				logger.Warn("an event of a source was dropped", "error", err)
				return nil
			case err == nil && !began.IsZero():
				logger.Info("the log is available again, and the source goes on", "after", time.Since(began).Round(time.Millisecond))
				return nil
			case !errors.Is(err, hub.ErrUnavailable) && !errors.Is(err, hub.ErrKeys):
				return err
			case began.IsZero():
				began = time.Now()
				logger.Warn("the log is not available; the source waits", "error", err)
			}
			timer := time.NewTimer(wait/2 + rand.N(wait/2+1))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			}
		}
	}
}
