package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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
	// Keys is how many idempotency keys the hub remembers; if that many are in use, PublishOnce fails with ErrKeys.
	// Default 100,000.
	Keys int
	// KeyWindow is for how long it remembers each. Default 2 minutes.
	KeyWindow time.Duration
	// Log is where the events get their order and are kept, of which the hub then holds the newest in its ring. Follow must
	// run, and the limits of keys are the log's. Default: the ring is all there is.
	Log Log
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
	c.Keys = cmp.Or(c.Keys, 100_000)
	c.KeyWindow = cmp.Or(c.KeyWindow, 2*time.Minute)
	return c
}

// A Hub is a bounded log of events and those who read it.
type Hub struct {
	config Config

	mu        sync.Mutex // guards what follows; held to append an event or to take a batch, never while waiting
	ring      ring
	keys      keys
	upstream  *upstream // nil without Config.Log
	encodings []*Encoding
	closed    bool
	draining  bool

	audience audience
}

// New returns an empty hub with an epoch of its own.
func New(config Config) *Hub {
	config = config.withDefaults()
	h := &Hub{
		config:   config,
		ring:     newRing(event.NewEpoch(), config.QuietTopics),
		keys:     newKeys(config),
		audience: audience{topics: make(map[string]*members)},
	}
	if config.Log != nil {
		h.upstream = newUpstream(config.Log)
	}
	return h
}

// Publish appends an event to the log, wakes the subscribers of its topic, and returns its ID. An
// empty topic means event.DefaultTopic. The data must be what event.Compact or event.Text returns;
// it is copied.
//
// It fails with ErrClosed, with ErrTooLarge, with ErrTopics, or because the topic is malformed. It never waits for
// a subscriber. With Config.Log it waits until that has the event, and may fail as Log.Append does; the subscribers are
// woken when the event has come back from there, which may be later.
func (h *Hub) Publish(ctx context.Context, topic string, data []byte) (event.ID, error) {
	return h.PublishOnce(ctx, "", topic, data)
}

// PublishOnce is Publish for those who may have to try again: of several events under one key, within Config.KeyWindow, the
// first is appended, and its ID is what all get. The caller has put into the key who publishes. An empty key is none.
//
// It fails with ErrKeyReused if the events are different, and with ErrKeys, too.
func (h *Hub) PublishOnce(ctx context.Context, key, topic string, data []byte) (event.ID, error) {
	topic = cmp.Or(topic, event.DefaultTopic)
	if err := event.CheckTopic(topic); err != nil {
		return event.ID{}, err
	}
	if h.upstream != nil {
		return h.appendToLog(ctx, Entry{Topic: topic, Data: data, Key: key})
	}
	id, appended, err := h.append(key, topic, data)
	if appended {
		h.audience.wake(topic)
	}
	return id, err
}

// append appends an event to the ring, unless that was done under its key before.
func (h *Hub) append(key, topic string, data []byte) (id event.ID, appended bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.draining {
		return event.ID{}, false, ErrClosed
	}
	var content uint64
	if key != "" {
		content = h.keys.content(topic, data)
		if seq, err := h.keys.find(key, content); seq > 0 || err != nil {
			return h.ring.id(seq), false, err
		}
	}
	r := newRecord(event.Event{ID: h.ring.id(h.ring.head + 1), Topic: topic, Data: data}, len(h.encodings))
	if r.charge > h.config.HistoryBytes {
		return event.ID{}, false, h.tooLarge(r.charge)
	}
	if len(h.ring.topics) >= h.config.Topics && !h.ring.makeRoom(topic) {
		return event.ID{}, false, h.tooManyTopics()
	}
	h.put(r)
	if key != "" {
		h.keys.add(key, content, r.ID.Seq)
	}
	return r.ID, true, nil
}

func (h *Hub) tooLarge(charge int64) error {
	return fmt.Errorf("%w: it takes %d bytes in all encodings, the log %d; the server's --history-bytes says how many", ErrTooLarge, charge, h.config.HistoryBytes)
}

func (h *Hub) tooManyTopics() error {
	return fmt.Errorf("%w: it has events of %d", ErrTopics, h.config.Topics)
}

// put puts a record into the ring.
func (h *Hub) put(r *Record) {
	h.ring.append(r)
	h.trim()
	if h.config.Observe != nil {
		h.config.Observe(r.Event)
	}
}

// trim evicts what is over the bounds.
func (h *Hub) trim() {
	for h.ring.records.len > h.config.History || h.ring.bytes > h.config.HistoryBytes {
		h.ring.evict()
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
	// Log is what the hub's log holds, as it was told last; LogError is why nothing can be published now, as far as is known. Without
	// Config.Log they are zero.
	Log      LogState
	LogError error
	// Reads is how many parts of the log are to be read for those who are behind the ring, and FailedReads how often one could
	// not be, and was tried again.
	Reads       int
	FailedReads uint64
}

// State returns what the hub holds now.
func (h *Hub) State() State {
	subscriptions := h.audience.count()
	h.mu.Lock()
	defer h.mu.Unlock()
	state := State{
		Head:          h.ring.id(h.ring.head),
		Oldest:        h.ring.id(h.oldest()),
		Events:        h.ring.records.len,
		Bytes:         h.ring.bytes,
		Topics:        len(h.ring.topics),
		Subscriptions: subscriptions,
		Closed:        h.closed || h.draining,
	}
	if u := h.upstream; u != nil {
		state.Log, state.LogError, state.Reads = u.state, u.trouble(), len(u.reads.pages)
		state.FailedReads = u.reads.failures
	}
	return state
}
