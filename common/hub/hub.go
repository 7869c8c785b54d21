package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"pushlab/common/event"
)

// ErrClosed is returned by Publish on a closed hub, and by Poll and Next when a closed hub has
// nothing more to give, one that drains has ended the subscription, or it was closed itself.
var ErrClosed = errors.New("hub: closed")

// ErrTooLarge is returned by Publish for an event that does not fit into the log at all.
var ErrTooLarge = errors.New("hub: the event is larger than the log may be")

// ErrTopics is returned by Publish for an event of a new topic, when the log has events of as many as it may.
var ErrTopics = errors.New("hub: the log has no room for another topic")

// Config bounds a hub. A zero field means its default.
type Config struct {
	// History is how many events the log keeps. Default 10,000.
	History int
	// HistoryBytes is how many bytes the retained events may take, in all encodings. Default 64 MiB.
	HistoryBytes int64
	// Batch is how many events Poll and Next return at most. Default 1,000.
	Batch int
	// BatchBytes bounds the envelopes in a batch, in bytes; one event is always returned.
	// Default 256 KiB.
	BatchBytes int
	// QuietTopics is how many topics the hub remembers of which it retains no event. A cursor
	// that is older than the last event of a forgotten topic is given a gap, though nothing of
	// the topic may have been lost. Default 65,536.
	QuietTopics int
	// Topics is how many topics the hub knows, quiet ones included. For a further one it forgets the longest quiet; if it
	// retains events of all, Publish fails with ErrTopics. Default 100,000.
	Topics int
	// Observe is told of every event that is published, in order, before anybody can read it. It must return at
	// once, and must not call the hub. Default: nobody is.
	Observe func(event.Event)
}

func (c Config) withDefaults() Config {
	c.History = cmp.Or(c.History, 10_000)
	c.HistoryBytes = cmp.Or(c.HistoryBytes, 64<<20)
	c.Batch = cmp.Or(c.Batch, 1_000)
	c.BatchBytes = cmp.Or(c.BatchBytes, 256<<10)
	c.QuietTopics = cmp.Or(c.QuietTopics, 1<<16)
	c.Topics = cmp.Or(c.Topics, 100_000)
	return c
}

// A Hub is a bounded log of events and those who read it.
type Hub struct {
	config Config

	mu        sync.Mutex // guards what follows; held to append an event or to take a batch, never while waiting
	log       log
	encodings []*Encoding
	closed    bool
	draining  bool

	audience audience
}

// New returns an empty hub with an epoch of its own.
func New(config Config) *Hub {
	config = config.withDefaults()
	return &Hub{
		config:   config,
		log:      newLog(event.NewEpoch(), config.QuietTopics),
		audience: audience{topics: make(map[string]*members)},
	}
}

// Publish appends an event to the log, wakes the subscribers of its topic, and returns its ID. An
// empty topic means event.DefaultTopic. The data must be what event.Compact or event.Text returns;
// it is copied.
//
// It fails with ErrClosed, with ErrTooLarge, with ErrTopics, or because the topic is malformed. It never waits for
// a subscriber; ctx is for logs that are not in memory.
func (h *Hub) Publish(ctx context.Context, topic string, data []byte) (event.ID, error) {
	topic = cmp.Or(topic, event.DefaultTopic)
	if err := event.CheckTopic(topic); err != nil {
		return event.ID{}, err
	}
	id, err := h.append(topic, data)
	if err != nil {
		return event.ID{}, err
	}
	h.audience.wake(topic)
	return id, nil
}

func (h *Hub) append(topic string, data []byte) (event.ID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.draining {
		return event.ID{}, ErrClosed
	}
	r := newRecord(event.Event{ID: h.log.id(h.log.head + 1), Topic: topic, Data: data}, len(h.encodings))
	if r.charge > h.config.HistoryBytes {
		return event.ID{}, fmt.Errorf("%w: it takes %d bytes in all encodings, the log %d", ErrTooLarge, r.charge, h.config.HistoryBytes)
	}
	if len(h.log.topics) >= h.config.Topics && !h.log.makeRoom(topic) {
		return event.ID{}, fmt.Errorf("%w: it has events of %d", ErrTopics, h.config.Topics)
	}
	h.log.append(r)
	h.trim()
	if h.config.Observe != nil {
		h.config.Observe(r.Event)
	}
	return r.ID, nil
}

// trim evicts what is over the bounds.
func (h *Hub) trim() {
	for h.log.records.len > h.config.History || h.log.bytes > h.config.HistoryBytes {
		h.log.evict()
	}
}

// SetHistory changes how many events the log keeps, and evicts those that are too many.
func (h *Hub) SetHistory(events int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.config.History = events
	h.trim()
}

// Close ends the log. Publish fails from now on. Subscriptions first return what is pending and
// then ErrClosed; new ones may still be made, and do the same.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.audience.wakeAll()
}

// Reopen undoes Close and Drain, for a log that outlives its server: what is retained stays, and events can be published again.
// Those who read until Close should be gone.
func (h *Hub) Reopen() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed, h.draining = false, false
}

// State is what a hub holds at one moment.
type State struct {
	// Head is the ID of the newest event: the cursor of somebody who has seen everything.
	Head event.ID
	// Oldest is the cursor from which the retained events follow.
	Oldest event.ID
	// Events and Bytes are how much is retained, in the terms of Config.
	Events int
	Bytes  int64
	// Topics is how many topics the hub knows.
	Topics int
	// Subscriptions is how many are open.
	Subscriptions int
	// Closed reports whether Close or Drain was called, and Reopen not since.
	Closed bool
}

// State returns what the hub holds now.
func (h *Hub) State() State {
	subscriptions := h.audience.count()
	h.mu.Lock()
	defer h.mu.Unlock()
	return State{
		Head:          h.log.id(h.log.head),
		Oldest:        h.log.id(h.log.evicted),
		Events:        h.log.records.len,
		Bytes:         h.log.bytes,
		Topics:        len(h.log.topics),
		Subscriptions: subscriptions,
		Closed:        h.closed || h.draining,
	}
}
