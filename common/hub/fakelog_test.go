package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pushlab/common/event"
)

// A fakeLog is a Log in memory, to which things can be done.
type fakeLog struct {
	mu      sync.Mutex
	epoch   string
	first   uint64 // of events
	events  []event.Event
	keys    map[string]event.ID
	down    bool
	held    bool // the tail is behind
	news    chan struct{}
	reading int // Read runs
	most    int // of them at a time
	reads   int
	slow    time.Duration // what Read takes
	halfway func()        // is called once in the middle of a Read
}

func newFakeLog() *fakeLog {
	return &fakeLog{epoch: event.NewEpoch(), first: 1, keys: make(map[string]event.ID), news: make(chan struct{})}
}

// do changes the log, and wakes those who wait for that.
func (l *fakeLog) do(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.news)
	l.news = make(chan struct{})
}

func (l *fakeLog) setDown(down bool) { l.do(func() { l.down = down }) }
func (l *fakeLog) hold(held bool)    { l.do(func() { l.held = held }) }

// trim deletes what is before first.
func (l *fakeLog) trim(first uint64) {
	l.do(func() {
		n := min(max(first, l.first)-l.first, uint64(len(l.events)))
		l.events, l.first = l.events[n:], l.first+n
	})
}

// recreate makes the log anew, with nothing in it.
func (l *fakeLog) recreate() {
	l.do(func() { l.epoch, l.first, l.events = event.NewEpoch(), 1, nil })
}

func (l *fakeLog) last() uint64 { return l.first + uint64(len(l.events)) - 1 }

func (l *fakeLog) state() LogState { return LogState{Epoch: l.epoch, First: l.first, Last: l.last()} }

func (l *fakeLog) Append(ctx context.Context, e Entry) (id event.ID, err error) {
	l.do(func() {
		if l.down {
			err = fmt.Errorf("fake: %w", ErrUnavailable)
			return
		}
		if id = l.keys[e.Key]; e.Key != "" && !id.IsZero() {
			return
		}
		id = event.ID{Epoch: l.epoch, Seq: l.last() + 1}
		l.keys[e.Key] = id
		l.events = append(l.events, event.Event{ID: id, Topic: e.Topic, Data: slices.Clone(e.Data)})
	})
	return id, err
}

func (l *fakeLog) Tail(ctx context.Context, after event.ID, deliver func(event.Event)) error {
	for {
		l.mu.Lock()
		if l.epoch != after.Epoch {
			l.mu.Unlock()
			return ErrEpoch
		}
		var next []event.Event
		if !l.down && !l.held && l.last() > after.Seq {
			next = slices.Clone(l.events[max(after.Seq+1, l.first)-l.first:])
		}
		news := l.news
		l.mu.Unlock()
		for _, e := range next {
			deliver(e)
			after = e.ID
		}
		if len(next) > 0 {
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *fakeLog) Read(ctx context.Context, after uint64, r Range) (Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	l.reading++
	l.most = max(l.most, l.reading)
	if l.slow > 0 {
		l.mu.Unlock()
		<-time.After(l.slow)
		l.mu.Lock()
	}
	l.reading--
	if l.down {
		return Page{}, ErrUnavailable
	}
	p := Page{UpTo: max(after, l.last()), State: l.state()}
	bytes := 0
	for seq := l.first; seq <= l.last(); seq++ {
		if l.halfway != nil && len(p.Events) > 1 {
			halfway := l.halfway
			l.halfway = nil
			l.mu.Unlock()
			halfway()
			l.mu.Lock()
			p.UpTo, p.State = max(after, l.last()), l.state()
		}
		if seq < l.first {
			continue // it was deleted meanwhile
		}
		e := l.events[seq-l.first]
		if e.Topic == "" || e.ID.Seq <= after || r.Topics != nil && !slices.Contains(r.Topics, e.Topic) {
			continue
		}
		if bytes += len(e.Data); len(p.Events) == r.Events || len(p.Events) > 0 && bytes > r.Bytes {
			p.UpTo = p.Events[len(p.Events)-1].ID.Seq
			break
		}
		p.Events = append(p.Events, e)
	}
	return p, nil
}

func (l *fakeLog) State(ctx context.Context) (LogState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return LogState{}, ErrUnavailable
	}
	return l.state(), cmp.Or(ctx.Err())
}

func (l *fakeLog) Close(context.Context) error { return nil }
