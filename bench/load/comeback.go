package load

import (
	"container/heap"
	"context"
	"fmt"
	"slices"
	"time"

	"pushlab/bench/result"
)

// A Comeback says how subscribers that have lost their connection come back, each with its cursor.
type Comeback struct {
	// PerSecond is how many connections are cut in a second, one after the other. Default: none, those
	// come back that are away already.
	PerSecond float64
	// Delay is how long a subscriber waits before it connects, and before it tries again in addition to
	// a tenth of a second. Default: it does not.
	Delay func() time.Duration
}

// retryPause is how long a subscriber waits at least until it tries again.
const retryPause = 100 * time.Millisecond

// A move is something that a comeback does with a subscriber when it is due.
type move struct {
	at         time.Duration // since the load's base
	subscriber *subscriber
	cut        bool // its connection; otherwise it is connected
}

// moves are what is still to be done, the next one first.
type moves []move

func (m moves) Len() int           { return len(m) }
func (m moves) Less(i, j int) bool { return m[i].at < m[j].at }
func (m moves) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moves) Push(x any)        { *m = append(*m, x.(move)) }

func (m *moves) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// Leave says that from now on the server may end connections: who loses one is only away, and may come
// back.
func (l *Load) Leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaving = true
	l.begin()
}

// Head says that so many events were published, or are about to be, with those of the warm-up: who comes
// back from now on has to get all of them.
func (l *Load) Head(events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = events
}

// Return lets all who are not bystanders come back, and waits until each is back and has all that was published
// before. Who cannot connect tries again. It fails when ctx ends before.
func (l *Load) Return(ctx context.Context, c Comeback) error {
	l.mu.Lock()
	if c.Delay == nil {
		c.Delay = func() time.Duration { return 0 }
	}
	l.begin()
	l.now = time.Since(l.base)
	l.forgetArrivals()
	l.called = l.now
	l.returned, l.returning, l.leaving, l.delay = l.now, true, false, c.Delay
	l.moves, l.backs, l.wake = nil, nil, make(chan struct{}, 1)
	want := 0
	for _, s := range l.subscribers[:len(l.subscribers)-l.bystanders] {
		switch {
		case c.PerSecond > 0 && s.state == present:
			at := l.now + time.Duration(float64(want)/c.PerSecond*float64(time.Second))
			l.moves = append(l.moves, move{at, s, true})
		case c.PerSecond == 0 && s.state == absent:
			l.goAway(s)
		default:
			continue
		}
		want++
	}
	heap.Init(&l.moves)
	l.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		left, next := l.move(want)
		if left == 0 {
			return nil
		}
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-l.wake:
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			l.returning = false
			err := fmt.Errorf("bench: not everybody caught up: %d of %d subscribers did not", left, want)
			if l.refusal != nil {
				err = fmt.Errorf("%w; one that could not connect: %w", err, l.refusal)
			}
			return err
		}
	}
}

// goAway enters that a subscriber has no connection, and is to connect again. The mutex is held.
func (l *Load) goAway(s *subscriber) {
	s.since, s.returning = l.now, true
	heap.Push(&l.moves, move{l.now + l.delay(), s, false})
}

// move does what is due. It returns how many are not back yet, and when to look again at the latest.
func (l *Load) move(want int) (left int, next time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = time.Since(l.base)
	for len(l.moves) > 0 && l.moves[0].at <= l.now && !l.closing {
		m := heap.Pop(&l.moves).(move)
		s := m.subscriber
		switch {
		case m.cut && s.state == present:
			l.network.disconnect(s)
			s.state = absent
			l.opened--
			l.note(0, 0)
			l.goAway(s)
		case !m.cut && s.state == absent:
			l.join(s)
		}
	}
	next = time.Hour
	if len(l.moves) > 0 {
		next = l.moves[0].at - l.now
	}
	return want - len(l.backs), next
}

// retry enters that a subscriber could not connect.
func (l *Load) retry(s *subscriber, err error) {
	s.state = absent
	l.refusals++
	l.refusal = err
	heap.Push(&l.moves, move{time.Since(l.base) + retryPause + l.delay(), s, false})
	l.look()
}

// caughtUp enters it if a subscriber is back and has all.
func (l *Load) caughtUp(s *subscriber) {
	if !s.returning || s.state != present || s.measured.came+s.measured.told < s.owed {
		return
	}
	s.returning = false
	l.backs = append(l.backs, l.now-s.since)
	l.complete.Record(l.now - s.since)
	l.look()
}

// look wakes Return.
func (l *Load) look() {
	select {
	case l.wake <- struct{}{}:
	default: // it looks anyway
	}
}

// Backs returns how long those took who are back and have all, the quickest first.
func (l *Load) Backs() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.backs))
}

// Comebacks tells how often a subscriber could not connect and tried again, how many were told goodbye by a server that
// was leaving, and how many events came that had been published before the subscriber was back.
func (l *Load) Comebacks() (refusals, goodbyes, replayed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusals, l.goodbyes, l.replayed
}

// Calm returns how long deliveries to bystanders took before anybody came back; Deliveries has those of events
// that were due later. It fails as Deliveries does.
func (l *Load) Calm() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calm.Latency()
}

// maxPoints is how many points a timeline has at most.
const maxPoints = 600

// begin begins the timeline, if it has not begun. The mutex is held.
func (l *Load) begin() {
	if l.timeline.Width == 0 {
		l.began = time.Since(l.base)
		l.timeline.Width = 100 * time.Millisecond
		l.note(0, 0)
	}
}

// note enters in the timeline how many have their connection now, that some have come, and that gaps were announced.
func (l *Load) note(connects, gaps int) {
	t := &l.timeline
	if t.Width == 0 {
		return
	}
	connected := l.opened - l.ended - len(l.cuts)
	at := max(0, int((time.Since(l.base)-l.began)/t.Width))
	for at >= maxPoints {
		halved := t.Points[:0]
		for i := 0; i < len(t.Points); i += 2 {
			p := t.Points[i]
			if i+1 < len(t.Points) {
				p.Connected = t.Points[i+1].Connected
				p.Connects += t.Points[i+1].Connects
				p.Gaps += t.Points[i+1].Gaps
			}
			halved = append(halved, p)
		}
		t.Points, t.Width, at = halved, 2*t.Width, at/2
	}
	for len(t.Points) <= at {
		var p result.TimelinePoint
		if last := len(t.Points) - 1; last >= 0 {
			p.Connected = t.Points[last].Connected
		}
		t.Points = append(t.Points, p)
	}
	t.Points[at].Connected = connected
	t.Points[at].Connects += connects
	t.Points[at].Gaps += gaps
}

// Timeline returns who had a connection when, since Drop, Leave or Return.
func (l *Load) Timeline() result.Timeline {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(0, 0)
	return result.Timeline{Width: l.timeline.Width, Points: slices.Clone(l.timeline.Points)}
}
