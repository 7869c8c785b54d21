package bench

import (
	"sync/atomic"
	"time"
)

// A ledger keeps account of what one subscriber was given of count events, numbered from first. It
// has one writer; how many have come may be asked by anybody, the rest when the writer has ended.
type ledger struct {
	first, count int
	latency      []time.Duration // of event first+i; never means that it has not come
	newest       int             // the largest number that has come

	came       atomic.Int64 // events, each counted once
	duplicated int64        // came again
	reordered  int64        // came after one that was published later
}

const never = time.Duration(-1)

func newLedger(first, count int) *ledger {
	l := &ledger{first: first, count: count, latency: make([]time.Duration, count), newest: first - 1}
	for i := range l.latency {
		l.latency[i] = never
	}
	return l
}

// has reports whether the event is one of the ledger's.
func (l *ledger) has(n int) bool { return n >= l.first && n < l.first+l.count }

// observe enters that event n, one of the ledger's, has come.
func (l *ledger) observe(n int, latency time.Duration) {
	at := &l.latency[n-l.first]
	if *at != never {
		l.duplicated++
		return
	}
	*at = max(0, latency)
	if n < l.newest {
		l.reordered++
	}
	l.newest = max(l.newest, n)
	l.came.Add(1)
}
