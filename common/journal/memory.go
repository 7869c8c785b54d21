package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// Memory is a log in the memory of this process: the simplest one there is, which nothing survives. It keeps the contract of
// hub.Log, and can be broken at will, for those who test what a hub does then. It starts no goroutine and waits
// for nothing but its callers, so it works in virtual time.
type Memory struct {
	config Config

	mu      sync.Mutex
	epoch   string
	last    uint64
	bytes   int64
	events  []kept
	keys    map[string]used
	oldest  []string      // the keys in the order of their use
	changed chan struct{} // closed when something changes
	broken  bool
}

type kept struct {
	event.Event
	at time.Time
}

type used struct {
	event.Event
	at time.Time
}

var _ hub.Log = (*Memory)(nil)

// NewMemory returns an empty log with the limits of the configuration: MaxEvents, MaxBytes (of data), MaxAge and KeyWindow.
func NewMemory(config Config) *Memory {
	config = config.withDefaults()
	if config.KeyWindow == 0 {
		config.KeyWindow = 2 * time.Minute
	}
	return &Memory{config: config, epoch: event.NewEpoch(), keys: make(map[string]used), changed: make(chan struct{})}
}

var errBroken = fmt.Errorf("%w: it was interrupted; resume it", hub.ErrUnavailable)

// Suspend makes everything fail with hub.ErrUnavailable, and Tail wait, until Resume.
func (l *Memory) Suspend() { l.set(func() { l.broken = true }) }

// Resume ends what Suspend began.
func (l *Memory) Resume() { l.set(func() { l.broken = false }) }

// Recreate makes the log anew: empty, and with another epoch.
func (l *Memory) Recreate() {
	l.set(func() {
		l.epoch, l.last, l.bytes, l.events = event.NewEpoch(), 0, 0, nil
		l.keys, l.oldest = make(map[string]used), nil
	})
}

// Lose has the log lose its end, after that number, and so change its epoch.
func (l *Memory) Lose(after uint64) {
	l.set(func() {
		l.epoch, l.last = event.NewEpoch(), min(after, l.last)
		for n := len(l.events); n > 0 && l.events[n-1].ID.Seq > after; n = len(l.events) {
			l.bytes -= int64(len(l.events[n-1].Data))
			l.events = l.events[:n-1]
		}
		l.oldest = slices.DeleteFunc(l.oldest, func(key string) bool { return l.keys[key].ID.Seq > after })
		maps.DeleteFunc(l.keys, func(_ string, u used) bool { return u.ID.Seq > after })
	})
}

// set changes something, and tells those who wait.
func (l *Memory) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Append appends an entry.
func (l *Memory) Append(ctx context.Context, e hub.Entry) (id event.ID, err error) {
	if err := ctx.Err(); err != nil {
		return id, err
	}
	l.set(func() { id, err = l.append(e) })
	return id, err
}

func (l *Memory) append(e hub.Entry) (event.ID, error) {
	now := time.Now()
	if l.broken {
		return event.ID{}, errBroken
	}
	if l.config.MaxBytes > 0 && int64(len(e.Data)) > l.config.MaxBytes {
		return event.ID{}, fmt.Errorf("%w: it takes %d bytes, and the log %d", hub.ErrTooLarge, len(e.Data), l.config.MaxBytes)
	}
	defer l.evict(now)
	l.evict(now)
	if u, found := l.keys[e.Key]; found && e.Key != "" {
		if u.Topic != e.Topic || string(u.Data) != string(e.Data) {
			return event.ID{}, hub.ErrKeyReused
		}
		return event.ID{Epoch: l.epoch, Seq: u.ID.Seq}, nil
	}
	l.last++
	made := event.Event{ID: event.ID{Epoch: l.epoch, Seq: l.last}, Topic: e.Topic, Data: slices.Clone(e.Data)}
	l.events = append(l.events, kept{made, now})
	l.bytes += int64(len(made.Data))
	if e.Key != "" {
		l.keys[e.Key] = used{made, now}
		l.oldest = append(l.oldest, e.Key)
	}
	return made.ID, nil
}

// evict drops what is over the limits.
func (l *Memory) evict(now time.Time) {
	c := l.config
	for len(l.events) > 0 && (c.MaxEvents > 0 && int64(len(l.events)) > c.MaxEvents ||
		c.MaxBytes > 0 && l.bytes > c.MaxBytes || c.MaxAge > 0 && now.Sub(l.events[0].at) >= c.MaxAge) {
		l.bytes -= int64(len(l.events[0].Data))
		l.events = l.events[1:]
	}
	for len(l.oldest) > 0 && now.Sub(l.keys[l.oldest[0]].at) >= c.KeyWindow {
		delete(l.keys, l.oldest[0])
		l.oldest = l.oldest[1:]
	}
}

// Tail delivers the events after that ID, as they come.
func (l *Memory) Tail(ctx context.Context, after event.ID, deliver func(event.Event)) error {
	for {
		batch, changed, err := l.after(after)
		if err != nil {
			return err
		}
		for _, e := range batch {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			deliver(e)
			after.Seq = e.ID.Seq
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (l *Memory) after(id event.ID) (batch []event.Event, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return nil, l.changed, nil
	}
	if id.Epoch != l.epoch || id.Seq > l.last {
		return nil, nil, fmt.Errorf("%w: it is %s, and ends at %d", hub.ErrEpoch, l.epoch, l.last)
	}
	l.evict(time.Now())
	for _, e := range l.events[l.index(id.Seq):] {
		batch = append(batch, e.Event)
	}
	return batch, l.changed, nil
}

// index returns where the events after that number begin.
func (l *Memory) index(after uint64) int {
	i, _ := slices.BinarySearchFunc(l.events, after+1, func(e kept, seq uint64) int {
		switch {
		case e.ID.Seq < seq:
			return -1
		case e.ID.Seq > seq:
			return 1
		}
		return 0
	})
	return i
}

// Read returns a page of what the log holds.
func (l *Memory) Read(ctx context.Context, after uint64, r hub.Range) (hub.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.down()); err != nil {
		return hub.Page{}, err
	}
	l.evict(time.Now())
	page := hub.Page{State: l.state(), UpTo: max(after, l.last)}
	events, bytes := max(r.Events, 1), r.Bytes
	for _, e := range l.events[l.index(after):] {
		if r.Topics != nil && !slices.Contains(r.Topics, e.Topic) {
			continue
		}
		if n := len(page.Events); n > 0 && (n >= events || len(e.Data) > bytes) {
			page.UpTo = page.Events[n-1].ID.Seq
			break
		}
		bytes -= len(e.Data)
		page.Events = append(page.Events, e.Event)
	}
	return page, nil
}

// State returns what the log holds.
func (l *Memory) State(ctx context.Context) (hub.LogState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.down()); err != nil {
		return hub.LogState{}, err
	}
	l.evict(time.Now())
	return l.state(), nil
}

func (l *Memory) down() error {
	if l.broken {
		return errBroken
	}
	return nil
}

func (l *Memory) state() hub.LogState {
	first := l.last + 1
	if len(l.events) > 0 {
		first = l.events[0].ID.Seq
	}
	return hub.LogState{Epoch: l.epoch, First: first, Last: l.last, Bytes: l.bytes}
}

// Trim deletes the events up to and including that number.
func (l *Memory) Trim(ctx context.Context, upTo uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(ctx.Err(), l.down()); err != nil {
		return err
	}
	for len(l.events) > 0 && l.events[0].ID.Seq <= upTo {
		l.bytes -= int64(len(l.events[0].Data))
		l.events = l.events[1:]
	}
	return nil
}

// Close does nothing.
func (l *Memory) Close(context.Context) error { return nil }
