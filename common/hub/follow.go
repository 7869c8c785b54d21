package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pushlab/common/event"
)

const (
	// askAgain is how often a hub asks its log how it is.
	askAgain = time.Second
	// forgetAppend is for how long an append that failed counts.
	forgetAppend = 5 * time.Second
)

// An upstream is what a hub with a Log has beside its ring.
type upstream struct {
	log  Log
	look chan struct{} // has room for one: ask the log now

	// Guarded by the hub's lock.
	state LogState // as it was told last
	err   error    // why it could not be told since
	// The last append that failed because the log was not available, and when.
	appendErr    error
	appendFailed time.Time
	past         []string // the epochs of before
	reads        reads
}

func newUpstream(log Log) *upstream {
	return &upstream{log: log, look: make(chan struct{}, 1), reads: reads{pages: make(map[pageKey]*page)}}
}

// trouble returns why nothing can be published, as far as is known. An append that failed is not held against the log for long: where
// nobody publishes any more because of it, none would succeed.
func (u *upstream) trouble() error {
	if u.err == nil && time.Since(u.appendFailed) < forgetAppend {
		return u.appendErr
	}
	return u.err
}

// life counts the epochs that the hub has seen.
func (h *Hub) life() uint32 {
	if h.upstream == nil {
		return 0
	}
	return uint32(len(h.upstream.past))
}

// oldest is the cursor from which follows all that is retained.
func (h *Hub) oldest() uint64 {
	if h.upstream == nil {
		return h.ring.evicted
	}
	return max(h.upstream.state.First, 1) - 1
}

// Follow keeps the hub at the end of its log until ctx has ended. First it fills the ring with the newest events, and calls
// ready; before that the hub is empty. Then each event that comes is added, and its subscribers are woken. If the log
// changes its epoch, all subscribers are given a gap.
//
// It fails if the log cannot be read at the start. Later it waits until it can be again; State tells. It is called once.
func (h *Hub) Follow(ctx context.Context, ready func()) error {
	u := h.upstream
	state, err := u.log.State(ctx)
	if err != nil {
		return fmt.Errorf("hub: reading the log: %w", err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer h.stopReads()
	h.startReads(func() { running.Go(func() { h.readPages(ctx) }) })
	for {
		h.begin(state)
		if err := h.fill(ctx, state.Last); err != nil {
			if ready != nil {
				return fmt.Errorf("hub: reading the log: %w", err)
			}
		} else if ready != nil {
			ready()
			ready = nil
		}
		state, err = h.tail(ctx)
		if err != nil {
			return err
		}
	}
}

// begin begins a ring at the end of the log, if the one that there is belongs to another.
func (h *Hub) begin(state LogState) {
	h.mu.Lock()
	u := h.upstream
	u.state, u.err = state, nil
	changed := h.ring.epoch != state.Epoch
	if changed {
		u.past = append(u.past, h.ring.epoch)
		h.ring = newRing(state.Epoch, h.config.QuietTopics)
		h.ring.skip(max(h.oldest(), state.Last-min(state.Last, uint64(h.config.History))))
		u.reads.clear()
	}
	h.mu.Unlock()
	if changed {
		h.audience.wakeAll()
	}
}

// fill reads what the ring lacks up to that sequence number.
func (h *Hub) fill(ctx context.Context, last uint64) error {
	for {
		head := h.head()
		if head.Seq >= last {
			return nil
		}
		page, err := h.upstream.log.Read(ctx, head.Seq, Range{Events: h.config.Batch, Bytes: h.config.BatchBytes})
		if err != nil {
			return err
		}
		if page.State.Epoch != head.Epoch {
			return nil // which the tail will find, too
		}
		first := max(page.State.First, 1)
		for _, r := range h.newRecords(page.Events) {
			h.add(r, first)
		}
		h.mu.Lock()
		h.ring.advance(page.UpTo)
		h.mu.Unlock()
		if page.UpTo <= head.Seq {
			return nil // the tail brings the rest
		}
	}
}

func (h *Hub) head() event.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.id(h.ring.head)
}

// tail adds the events that come, until ctx has ended, or the log has another epoch; then it returns its state.
func (h *Hub) tail(ctx context.Context) (LogState, error) {
	tailing, stop := context.WithCancel(ctx)
	defer stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	changed := make(chan LogState, 1)
	watching.Go(func() {
		defer stop()
		if state, ok := h.watch(tailing); ok {
			changed <- state
		}
	})
	for {
		err := h.upstream.log.Tail(tailing, h.head(), h.receive)
		switch {
		case ctx.Err() != nil:
			return LogState{}, ctx.Err()
		case tailing.Err() != nil:
			select {
			case state := <-changed:
				return state, nil
			case <-ctx.Done():
				return LogState{}, ctx.Err()
			}
		case errors.Is(err, ErrEpoch):
			h.askNow()
		}
		select { // until the watch knows more, or the next try
		case <-time.After(askAgain):
		case <-tailing.Done():
		}
	}
}

// askNow has the watch ask the log how it is.
func (h *Hub) askNow() {
	select {
	case h.upstream.look <- struct{}{}:
	default:
	}
}

// watch asks the log how it is, again and again, until ctx has ended, or the log has another epoch.
func (h *Hub) watch(ctx context.Context) (LogState, bool) {
	ticker := time.NewTicker(askAgain)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-h.upstream.look:
		case <-ctx.Done():
			return LogState{}, false
		}
		state, err := h.upstream.log.State(ctx)
		if ctx.Err() != nil {
			return LogState{}, false
		}
		if h.told(state, err) {
			return state, true
		}
	}
}

// told notes how the log is, and reports whether it is another.
func (h *Hub) told(state LogState, err error) (changed bool) {
	missed := false // what the tail will never bring
	h.mu.Lock()
	defer func() {
		h.mu.Unlock()
		if missed {
			h.audience.wakeAll()
		}
	}()
	u := h.upstream
	u.reads.clean()
	if u.err = err; err != nil {
		return false
	}
	if state.Epoch != h.ring.epoch {
		return true
	}
	u.state = state
	if missed = state.First > h.ring.head+1; missed {
		h.ring.skip(state.First - 1)
	}
	for h.ring.records.len > 0 && h.ring.records.at(0).ID.Seq < state.First {
		h.ring.evict() // what the log has deleted, nobody gets from here
	}
	u.reads.again()
	return false
}

// receive adds an event of the log, and wakes its subscribers. One without a topic says that its number is nobody's.
func (h *Hub) receive(e event.Event) {
	if e.Topic == "" {
		h.mu.Lock()
		if e.ID.Epoch == h.ring.epoch && e.ID.Seq == h.ring.head+1 {
			h.ring.advance(e.ID.Seq)
		}
		h.mu.Unlock()
		return
	}
	if h.add(h.newRecords([]event.Event{e})[0], e.ID.Seq) {
		h.audience.wake(e.Topic)
	}
}

// add adds a record of the log, unless that was done, and reports whether. What is missing before it, from first on, is nobody's.
func (h *Hub) add(r *Record, first uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.ID.Epoch != h.ring.epoch || r.ID.Seq <= h.ring.head {
		return false
	}
	if first > h.ring.head+1 { // who is behind has to look into the log for what was lost
		h.ring.skip(first - 1)
	}
	for len(h.ring.topics) >= h.config.Topics && !h.ring.makeRoom(r.Topic) {
		h.ring.evict()
	}
	h.put(r)
	h.upstream.state.Last = max(h.upstream.state.Last, r.ID.Seq)
	return true
}

// appendToLog appends an entry to the hub's log, from where it comes back to the ring.
func (h *Hub) appendToLog(ctx context.Context, e Entry) (event.ID, error) {
	if err := h.check(e); err != nil {
		return event.ID{}, err
	}
	id, err := h.upstream.log.Append(ctx, e)
	h.appended(err)
	return id, err
}

// appended notes how an append ended.
func (h *Hub) appended(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch u := h.upstream; {
	case err == nil:
		u.appendErr = nil
	case errors.Is(err, ErrUnavailable):
		u.appendErr, u.appendFailed = err, time.Now()
		h.askNow()
	}
}

// check finds what the ring would have no room for.
func (h *Hub) check(e Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.draining {
		return ErrClosed
	}
	envelope := len(event.Event{ID: h.ring.id(h.ring.head + 1)}.Envelope()) + len(e.Topic) + len(e.Data)
	if charge := chargeOf(envelope, len(h.encodings)); charge > h.config.HistoryBytes {
		return h.tooLarge(charge)
	}
	if len(h.ring.topics) >= h.config.Topics && h.ring.topics[e.Topic] == nil && h.ring.quiet.Len() == 0 {
		return h.tooManyTopics()
	}
	return nil
}
