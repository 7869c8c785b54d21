package hub

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pushlab/common/event"
)

// What is behind the ring is read from the log, a page at a time, aside: who reads it does not hold up those at the head.
const (
	// maxReads is how many pages are read at a time.
	maxReads = 32
	// maxWaiting is how many pages that were read may wait for their subscribers, and maxWaitingBytes what they may take in all
	// encodings. Of more the oldest are dropped; a subscriber that comes for one then asks again.
	maxWaiting      = 128
	maxWaitingBytes = 64 << 20
)

// A page is a part of the log for the subscriptions that stand at the same place, and have the same topics.
type page struct {
	key    pageKey
	topics []string
	subs   map[*Subscription]struct{} // who has not come for it yet
	done   bool
	// What was read. The records are framed once for all of the subscriptions.
	records []*Record
	upTo    uint64
	state   LogState
	bytes   int64 // what the records take
}

type pageKey struct {
	after  uint64
	topics string
	all    bool
}

// reads are the pages that are asked for. The hub's mutex guards them.
type reads struct {
	start    func() // starts a reader; nil: none may be
	readers  int
	pages    map[pageKey]*page // those that are not done, and that somebody waits for
	queue    []*page
	failed   []*page // to be tried again
	waiting  []*page // done
	bytes    int64   // what those take
	failures uint64  // how often a page could not be read
}

func (h *Hub) startReads(start func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.upstream.reads
	r.start = start
	for range r.queue {
		r.startReader()
	}
}

func (h *Hub) stopReads() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.upstream.reads.start = nil
}

// startReader starts a reader for a page that was queued, unless there are as many as there may be: those that run may all
// be waiting for the log.
func (r *reads) startReader() {
	if r.start != nil && r.readers < maxReads {
		r.readers++
		r.start()
	}
}

// ask asks for what follows the subscription's cursor. It is woken when that is there.
func (r *reads) ask(s *Subscription) {
	key := pageKey{s.cursor, strings.Join(s.topics, " "), s.topics == nil}
	p := r.pages[key]
	if p == nil {
		p = &page{key: key, topics: s.topics, subs: make(map[*Subscription]struct{})}
		r.pages[key] = p
		r.queue = append(r.queue, p)
		r.startReader()
	}
	p.subs[s] = struct{}{}
	s.page = p
}

// leave takes the subscription's page from it, if it has one.
func (r *reads) leave(s *Subscription) *page {
	p := s.page
	if p == nil {
		return nil
	}
	s.page = nil
	delete(p.subs, s)
	if len(p.subs) == 0 {
		r.drop(p)
	}
	return p
}

// drop forgets a page that nobody waits for any more, or that nobody comes for.
func (r *reads) drop(p *page) {
	for s := range p.subs {
		s.page = nil
	}
	if p.done {
		r.waiting = slices.DeleteFunc(r.waiting, func(q *page) bool { return p == q })
		r.bytes -= p.bytes
	} else if r.pages[p.key] == p {
		delete(r.pages, p.key) // in queue and failed it is passed over
	}
}

// clear forgets all pages: they are of another epoch.
func (r *reads) clear() {
	for _, p := range slices.Concat(slices.Collect(maps.Values(r.pages)), r.waiting) {
		r.drop(p)
	}
}

// again has the pages read that could not be.
func (r *reads) again() {
	for _, p := range r.failed {
		r.queue = append(r.queue, p)
		r.startReader()
	}
	r.failed = nil
}

// clean passes over the pages that could not be read, and that nobody waits for any more.
func (r *reads) clean() {
	r.failed = slices.DeleteFunc(r.failed, func(p *page) bool { return r.pages[p.key] != p })
}

// next returns the page to be read next; nil if there is none.
func (r *reads) next() *page {
	for len(r.queue) > 0 && r.start != nil {
		p := r.queue[0]
		r.queue[0] = nil
		if r.queue = r.queue[1:]; r.pages[p.key] == p {
			return p
		}
	}
	r.readers--
	return nil
}

// readPages reads pages until there is none to be read.
func (h *Hub) readPages(ctx context.Context) {
	for {
		h.mu.Lock()
		p := h.upstream.reads.next()
		h.mu.Unlock()
		if p == nil {
			return
		}
		read, err := h.upstream.log.Read(ctx, p.key.after, Range{Topics: p.topics, Events: h.config.Batch, Bytes: h.config.BatchBytes})
		for _, s := range h.pageRead(p, read, err) {
			h.audience.notify(s)
		}
	}
}

// pageRead notes what was read, and returns who waits for it.
func (h *Hub) pageRead(p *page, read Page, err error) []*Subscription {
	records := h.newRecords(read.Events)
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.upstream.reads
	if err != nil {
		r.failures++
	}
	switch {
	case r.pages[p.key] != p:
		return nil
	case err != nil:
		r.failed = append(r.failed, p)
		return nil
	case read.State.Epoch != h.ring.epoch:
		r.failed = append(r.failed, p)
		h.askNow() // who waits for it will be told of the new epoch
		return nil
	}
	delete(r.pages, p.key)
	p.done, p.upTo, p.state = true, read.UpTo, read.State
	p.state.First = max(p.state.First, 1)
	p.records = records
	for _, record := range records {
		p.bytes += record.charge
	}
	r.waiting = append(r.waiting, p)
	r.bytes += p.bytes
	for len(r.waiting) > maxWaiting || len(r.waiting) > 1 && r.bytes > maxWaitingBytes {
		r.drop(r.waiting[0])
	}
	return slices.Collect(maps.Keys(p.subs))
}

// newRecords makes records of events, before the hub is locked for them.
func (h *Hub) newRecords(events []event.Event) []*Record {
	h.mu.Lock()
	encodings := len(h.encodings)
	h.mu.Unlock()
	records := make([]*Record, len(events))
	for i, e := range events {
		records[i] = newRecord(e, encodings)
	}
	return records
}
