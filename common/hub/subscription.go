package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"pushlab/common/event"
)

// A GapError says that events which a subscription asked for are gone. The subscription goes on
// from the oldest retained event.
type GapError struct {
	// After is the cursor that could not be served, as it was asked for.
	After string
	// Resume is the cursor that the subscription goes on from.
	Resume event.ID
	// Missed is how many events of the subscription's topics were lost, where Counted says that
	// this is known exactly.
	Missed  uint64
	Counted bool
}

func (e *GapError) Error() string {
	missed := "an unknown number of"
	if e.Counted {
		missed = fmt.Sprint(e.Missed)
	}
	return fmt.Sprintf("hub: gap after %q: %s events lost, resuming after %s", e.After, missed, e.Resume)
}

// Event returns the control event that tells a subscriber of the gap.
func (e *GapError) Event() event.Event {
	gap := event.Gap{After: e.After}
	if e.Counted {
		gap.Missed = &e.Missed
	}
	return event.NewGap(e.Resume, gap)
}

// A Subscription is a cursor in a hub's log and a choice of topics. It belongs to one reader.
type Subscription struct {
	hub    *Hub
	topics []string // sorted, no repetition; nil: all topics
	ready  Signal
	waker  Waker // ready, or what Notify said; guarded by the audience's lock
	places []int // in the audience's sets; guarded by its lock
	start  event.ID

	// Guarded by the hub's lock.
	cursor  uint64     // everything up to here was returned, or is of other topics
	foreign string     // what was asked for, if it is not a place in this log
	seen    []progress // by topic, as in topics
	page    *page      // that it waits for; nil: none
	life    uint32     // of the hub, to whose epoch the cursor belongs
	closed  bool
	ended   bool // by Drain
	fresh   bool // it has not been given anything yet, and is not told of what was lost before
	ahead   bool // the cursor was ahead of the ring, and the log has not said yet whether of it, too

	more bool // the reader's: see More
}

// progress is how many events of a topic there were up to the cursor, where that is known.
type progress struct {
	count   uint64
	counted bool
}

// Subscribe opens a subscription to the topics, or to all topics if topics is nil; an empty slice
// that is not nil means none. It succeeds on a hub that is closed or drains, too: the subscriber gets
// what is retained, and then ErrClosed.
func (h *Hub) Subscribe(topics []string, start Start) *Subscription {
	s := &Subscription{hub: h, ready: make(Signal, 1)}
	s.waker = s.ready
	if topics != nil {
		s.topics = make([]string, len(topics))
		for i, topic := range topics {
			s.topics[i] = strings.Clone(topic) // as in newRecord
		}
		slices.Sort(s.topics)
		s.topics = slices.Compact(s.topics)
	}
	// First join, then look: an event that comes between the two wakes the subscription.
	h.audience.join(s)
	h.mu.Lock()
	defer h.mu.Unlock()
	s.begin(start)
	s.ended = h.draining
	return s
}

// begin places the cursor. The caller holds the hub's lock.
func (s *Subscription) begin(start Start) {
	l, oldest := &s.hub.ring, s.hub.oldest()
	s.life = s.hub.life()
	switch {
	case start.earliest:
		s.cursor, s.start, s.fresh = oldest, l.id(oldest), true
	case start.after.IsZero():
		s.cursor, s.start = l.head, l.id(l.head)
	case start.after.Epoch == l.epoch && start.after.Seq > l.head && s.hub.upstream != nil: // another hub was quicker
		s.cursor, s.start, s.ahead = start.after.Seq, start.after, true
	case start.after.Epoch != l.epoch || start.after.Seq > l.head: // (LP-07): a gap, which leads into this log
		s.cursor, s.foreign, s.start = oldest, cmp.Or(start.asked, start.after.String()), start.after
	default:
		s.cursor, s.start = start.after.Seq, start.after
	}
	s.seen = make([]progress, len(s.topics))
	s.locate()
}

// locate counts each topic's events up to the cursor, where that can be known.
func (s *Subscription) locate() {
	l := &s.hub.ring
	for i, topic := range s.topics {
		t := l.topics[topic]
		switch {
		case t == nil:
			s.seen[i] = progress{counted: l.forgotten == 0}
		case s.cursor == 0:
			s.seen[i] = progress{counted: t.counted}
		case t.evicted <= s.cursor:
			s.seen[i] = progress{t.count + uint64(t.records.after(s.cursor)), t.counted}
		default:
			s.seen[i] = progress{}
		}
	}
}

// Start returns the cursor that the subscription began at; if it asked for a place, just that.
func (s *Subscription) Start() event.ID { return s.start }

// Topics returns the subscription's topics, sorted; nil means all. The caller must not modify it.
func (s *Subscription) Topics() []string { return s.topics }

// Cursor returns the place that everything up to was returned, or is of other topics. Resuming
// from it loses nothing silently.
func (s *Subscription) Cursor() event.ID {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	switch {
	case s.life != s.hub.life():
		return s.placeBefore() // it still has to be told of the gap
	case s.foreign != "":
		return s.start // likewise
	}
	return s.hub.ring.id(s.cursor)
}

// placeBefore returns the cursor of a subscription whose epoch is over.
func (s *Subscription) placeBefore() event.ID {
	if s.foreign != "" {
		return s.start
	}
	return event.ID{Epoch: s.hub.upstream.past[s.life], Seq: s.cursor}
}

// A Waker is told that something may be pending. Wake is called from within Publish and Close, so it
// must neither wait nor call the hub.
type Waker interface{ Wake() }

// A Signal is the Waker of a goroutine that waits for a channel, which must have room for one.
type Signal chan struct{}

// Wake implements Waker.
func (s Signal) Wake() {
	select {
	case s <- struct{}{}:
	default: // it will look anyway, and then see this too
	}
}

// Ready returns a channel that receives after something became pending. It may also receive when
// nothing did; Poll tells.
func (s *Subscription) Ready() <-chan struct{} { return s.ready }

// Notify has the hub tell a Waker from now on; Ready and Next are of no more use. What became
// pending before may not be told to either: look after calling it.
func (s *Subscription) Notify(w Waker) {
	s.hub.audience.mu.Lock()
	defer s.hub.audience.mu.Unlock()
	s.waker, s.ready = w, nil
}

// Next returns all events that are pending, in order, at most a batch; if there are none, it waits
// for some. It fails with a *GapError after a loss (then call it again), with ErrClosed, or, while
// it waits, because ctx has ended. What is pending is returned even if ctx has ended.
func (s *Subscription) Next(ctx context.Context) ([]*Record, error) {
	for {
		records, err := s.Poll()
		if len(records) > 0 || err != nil {
			return records, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Poll is Next without the wait: it returns no events if none are pending.
func (s *Subscription) Poll() ([]*Record, error) { return s.PollInto(nil) }

// PollInto is Poll that returns the events in the space of a slice, which it overwrites.
func (s *Subscription) PollInto(space []*Record) ([]*Record, error) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.life != h.life() {
		s.begin(Start{after: s.placeBefore(), asked: s.foreign})
	}
	ending := h.closed || s.ended
	for s.behind() {
		switch {
		case s.page != nil && s.page.done:
			if records, err := s.turn(space[:0]); len(records) > 0 || err != nil {
				return records, err
			}
			continue // an empty page: what came since is in the ring, and who waits was woken for it before
		case ending:
			return nil, ErrClosed // it resumes elsewhere; the log may not answer for long
		case s.page == nil:
			h.upstream.reads.ask(s)
		}
		s.more = false
		return nil, nil
	}
	s.fresh = false
	if gap := s.gap(); gap != nil {
		return nil, gap
	}
	records := s.take(space[:0])
	if len(records) == 0 && ending {
		return nil, ErrClosed
	}
	s.more = ending || h.ring.head > s.cursor
	return records, nil
}

// behind reports whether the log has to be asked for what comes next, since the ring does not know.
func (s *Subscription) behind() bool {
	if s.hub.upstream == nil || s.foreign != "" {
		return false
	}
	return s.page != nil || s.lost() || s.ahead && s.cursor > s.hub.ring.head
}

// turn returns the events of the page that was read, or the gap that it shows, and moves the cursor behind it.
func (s *Subscription) turn(records []*Record) ([]*Record, error) {
	h := s.hub
	p := h.upstream.reads.leave(s)
	s.more = true // the ring may know what comes next
	defer s.locate()
	first, last := p.state.First, p.state.Last
	gap := func(missed uint64, counted bool) error {
		e := &GapError{After: h.ring.id(s.cursor).String(), Resume: h.ring.id(first - 1), Missed: missed, Counted: counted}
		s.cursor, s.ahead, s.fresh = first-1, false, false
		return e
	}
	read, upTo := p.records, p.upTo
	switch {
	case s.cursor > last: // it would wait until that number is reached, and have missed the events before
		return nil, gap(0, false)
	case first <= s.cursor+1: // nothing was deleted
	case s.fresh: // what was deleted meanwhile is not retained
		read = read[firstFrom(read, first):]
	default: // what comes without a hole was read before its successors were deleted
		n := dense(read, s.cursor)
		if !p.key.all || n == 0 {
			return nil, gap(first-1-s.cursor, p.key.all)
		}
		read, upTo = read[:n], read[n-1].ID.Seq
	}
	s.cursor, s.ahead, s.fresh = max(s.cursor, upTo), false, false
	return append(records, read...), nil
}

// firstFrom returns the index of the first record from that sequence number on.
func firstFrom(records []*Record, seq uint64) int {
	i, _ := slices.BinarySearchFunc(records, seq, func(r *Record, seq uint64) int { return cmp.Compare(r.ID.Seq, seq) })
	return i
}

// dense returns how many records follow that sequence number without a hole.
func dense(records []*Record, after uint64) (n int) {
	for n < len(records) && records[n].ID.Seq == after+uint64(n)+1 {
		n++
	}
	return n
}

// Behind reports whether a Poll that returned nothing has asked the hub's log for what comes next. The Waker is told when it
// is there.
func (s *Subscription) Behind() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.behind()
}

// More reports whether the last Poll that did not fail left something behind: further events, or
// ErrClosed. No Waker tells of that. It belongs to the reader, as Poll does.
func (s *Subscription) More() bool { return s.more }

// Pending reports whether Poll would return anything.
func (s *Subscription) Pending() bool {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case s.closed || h.closed || s.ended || s.foreign != "" || s.life != h.life():
		return true
	case s.behind():
		return s.page == nil || s.page.done
	case s.lost():
		return true
	case s.topics == nil:
		return h.ring.head > s.cursor
	}
	return slices.ContainsFunc(s.topics, func(topic string) bool {
		t := h.ring.topics[topic]
		return t != nil && t.records.after(s.cursor) < t.records.len
	})
}

// lost reports whether events of the subscription after its cursor were evicted.
func (s *Subscription) lost() bool {
	l := &s.hub.ring
	switch {
	case l.evicted <= s.cursor:
		return false
	case s.topics == nil:
		return true
	}
	return slices.ContainsFunc(s.topics, func(topic string) bool { return l.lost(topic, s.cursor) })
}

// gap moves the cursor over a loss and describes it (SSE-35); it returns nil if there is none.
func (s *Subscription) gap() *GapError {
	if s.foreign == "" && !s.lost() {
		return nil
	}
	l, oldest := &s.hub.ring, s.hub.oldest()
	gap := &GapError{Resume: l.id(oldest)}
	if s.foreign != "" {
		gap.After = s.foreign
		s.foreign = ""
	} else {
		gap.After = l.id(s.cursor).String()
		gap.Missed, gap.Counted = s.missed()
	}
	s.cursor = oldest
	s.locate()
	return gap
}

// missed counts the evicted events after the cursor, if that can be known.
func (s *Subscription) missed() (n uint64, counted bool) {
	l := &s.hub.ring
	if s.topics == nil {
		return l.evicted - s.cursor, true // sequence numbers are dense
	}
	for i, topic := range s.topics {
		if !l.lost(topic, s.cursor) {
			continue
		}
		t := l.topics[topic]
		if t == nil || !t.counted || !s.seen[i].counted {
			return 0, false
		}
		n += t.count - s.seen[i].count
	}
	return n, true
}

// take appends the next batch to records, which is empty, and moves the cursor behind it.
func (s *Subscription) take(records []*Record) []*Record {
	l := &s.hub.ring
	if l.head <= s.cursor {
		return records
	}
	b := batch{records: records}
	b.limit(s.hub.config)
	complete := false
	if s.topics == nil {
		complete = b.takeAll(&l.records, s.cursor)
	} else {
		complete = b.takeTopics(l, s.topics, s.seen, s.cursor)
	}
	if complete {
		s.cursor = l.head // what lies between the last of ours and the head is of other topics
	} else {
		s.cursor = b.records[len(b.records)-1].ID.Seq
	}
	return b.records
}

// Close ends the subscription: Poll and Next return ErrClosed. It may be called twice.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	before := s.closed
	s.closed = true
	if s.hub.upstream != nil {
		s.hub.upstream.reads.leave(s)
	}
	s.hub.mu.Unlock()
	if !before {
		s.hub.audience.leave(s)
	}
}
