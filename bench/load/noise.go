package load

import (
	"context"
	"slices"
	"time"

	"pushlab/bench/result"
)

// noiseRate is how often a second Noise has itself woken.
const noiseRate = 1000

// Noise is how late this process is woken, as a Pacer has itself woken, while it has nothing else to do: a
// thousand times a second for that long. No delivery can be measured more exactly. It ends early when
// ctx does.
func Noise(ctx context.Context, d time.Duration, sleep func(time.Duration)) (result.Latency, error) {
	count := max(1, int(d.Seconds()*noiseRate))
	late := make([]time.Duration, 0, count)
	// It cannot fail but by ctx, and then what there is will do.
	Pacer{Rate: noiseRate, Sleep: sleep}.Run(ctx, time.Now().Add(time.Millisecond), count, func(_ int, due time.Time) error {
		late = append(late, time.Since(due))
		return nil
	})
	l, err := result.LatencyOf(late)
	if slices.Sort(late); len(late) >= noiseRate { // a second's, of which the latest but one will do
		l.P999 = late[len(late)-1-len(late)/1000]
	}
	return l, err
}
