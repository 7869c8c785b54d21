package load

import (
	"math"
	"math/bits"
	"time"
)

// A gauge is a coarse distribution of what came since it was last asked, for who watches a run. To record
// takes a few nanoseconds, less than a third of what a histogram with three digits takes: its buckets are few
// and their number is some bits of the time itself.
type gauge struct {
	counts [gaugeBuckets]uint32 // by bucket
	count  int64
	max    time.Duration
}

// A bucket is a 32nd of a power of two microseconds wide; times up to 64 µs have one for each.
const (
	gaugeBits    = 5
	gaugeBuckets = (27 - gaugeBits) << gaugeBits // up to more than a minute
)

// record enters a time; a negative one counts as none.
func (g *gauge) record(t time.Duration) {
	t = max(0, t)
	g.counts[bucket(t)]++
	g.count++
	g.max = max(g.max, t)
}

// bucket returns the number of the bucket that a time belongs to.
func bucket(t time.Duration) int {
	us := uint64(t) / 1000
	shift := max(0, bits.Len64(us)-gaugeBits-1)
	return min(shift<<gaugeBits+int(us>>shift), gaugeBuckets-1)
}

// end returns the time at which a bucket ends, which no time in it reaches.
func end(bucket int) time.Duration {
	shift := max(0, bucket>>gaugeBits-1)
	us := (bucket - shift<<gaugeBits + 1) << shift
	return time.Duration(us) * time.Microsecond
}

// at returns percentiles, which are in ascending order: for each the least time that so many of a
// hundred do not exceed, to the width of a bucket; 0 if there are none.
func (g *gauge) at(percentiles ...float64) []time.Duration {
	times := make([]time.Duration, len(percentiles))
	i, below := 0, int64(0)
	for b, n := range g.counts {
		below += int64(n)
		for ; i < len(times) && g.count > 0 && float64(below) >= math.Ceil(percentiles[i]/100*float64(g.count)-1e-6); i++ {
			times[i] = min(end(b), g.max)
		}
	}
	return times
}

// A Glance is how a load is at a moment, and what came since the last.
type Glance struct {
	// Connected is how many have their connection.
	Connected int
	// WarmUp and Measured are how many deliveries came of either, each counted once, In and Out how many
	// bytes came and were sent; all since the beginning.
	WarmUp, Measured int64
	In, Out          int64
	// Delivered is how many deliveries came since the last glance, and P50, P99, P999 and Max how long
	// they took: the percentiles to about 3 in a hundred.
	Delivered           int64
	P50, P99, P999, Max time.Duration

	came *gauge // what Delivered and the times are of
}

// Since returns what came since another glance that was made before: the counts of this one, and the deliveries of both.
func (g Glance) Since(earlier Glance) Glance {
	if earlier.came == nil {
		return g
	}
	both := *g.came
	for i, n := range earlier.came.counts {
		both.counts[i] += n
	}
	both.count += earlier.came.count
	both.max = max(both.max, earlier.came.max)
	return g.of(&both)
}

// of returns the glance with the deliveries of a gauge.
func (g Glance) of(came *gauge) Glance {
	times := came.at(50, 99, 99.9)
	g.came, g.Delivered, g.P50, g.P99, g.P999, g.Max = came, came.count, times[0], times[1], times[2], came.max
	return g
}

// Glance looks at the load. It stops it no longer than reading some numbers takes: what came is taken
// away, and looked at when the load has gone on. Only one goroutine may call it.
func (l *Load) Glance() Glance {
	fresh := new(gauge)
	l.mu.Lock()
	g := Glance{Connected: l.opened - l.ended, WarmUp: int64(l.warmUp), Measured: int64(l.measured), In: l.in, Out: l.out}
	past := l.gauge
	l.gauge = fresh
	l.mu.Unlock()
	return g.of(past)
}
