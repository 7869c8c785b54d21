package source

import (
	"context"
	"fmt"
	"time"
)

// clock publishes the time on the topic "clock".
type clock struct {
	interval time.Duration
}

// run publishes the first event one interval after the start. n counts the events, not the beats: it
// has no hole where the clock left beats out, so that a hole which a subscriber sees is a loss.
func (c clock) run(ctx context.Context, publish Publish) error {
	n := 0
	return every(ctx, c.interval, func() error {
		n++
		now := time.Now().UTC().Format(time.RFC3339Nano)
		return publish(ctx, "clock", fmt.Appendf(nil, `{"time":"%s","n":%d}`, now, n))
	})
}
