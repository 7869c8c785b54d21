package load

import (
	"errors"
	"time"

	"pushlab/bench/result"
)

// onTheWay is how many events can be on their way at once whose first and last receiver are told.
const onTheWay = 4096

// receivers tells, of each measured event, when the first subscriber and when the last got it. It remembers
// only so many events at once.
type receivers struct {
	slots               []receiving // by number, modulo
	first, last, spread result.Recorder
	complete            int64
}

// A receiving is an event that has come to some.
type receiving struct {
	n     int // and 1, so that 0 is none
	came  int
	first time.Duration
	last  time.Duration
}

// observe enters that event n, which was due then, has come now to another of those who are to get it. They are not
// read in the order in which it came to them.
func (r *receivers) observe(n int, due, now time.Duration, all int) {
	if r.slots == nil {
		r.slots = make([]receiving, onTheWay)
	}
	s := &r.slots[n%onTheWay]
	if s.n != n+1 {
		if s.n > n+1 { // its place was taken by a later one
			return
		}
		*s = receiving{n: n + 1, first: now, last: now}
	}
	s.first, s.last = min(s.first, now), max(s.last, now)
	if s.came++; s.came < all {
		return
	}
	r.first.Record(s.first - due)
	r.last.Record(s.last - due)
	r.spread.Record(s.last - s.first)
	r.complete++
}

// Receivers returns how long the first and the last receiver of each of that many events took. It fails if a
// histogram cannot be encoded.
func (l *Load) Receivers(events int) (r result.Receivers, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first, last, spread error
	r.First, first = l.receivers.first.Latency()
	r.Last, last = l.receivers.last.Latency()
	r.Spread, spread = l.receivers.spread.Latency()
	r.Incomplete = max(0, int64(events)-l.receivers.complete)
	return r, errors.Join(first, last, spread)
}
