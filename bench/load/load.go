package load

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pushlab/bench/result"
)

// A Load is all subscribers of one lane. Its methods may be called from any goroutine, but Connect and
// Drop only one at a time.
type Load struct {
	transport   string
	plan        plan // how to subscribe
	dialer      Dialer
	base        time.Time // what due times count from
	network     network
	subscribers []*subscriber

	mu       sync.Mutex
	queue    []*subscriber // who is to connect when another has
	opened   int           // have their connection, or had it
	ended    int           // have lost it
	first    error         // why the first of them did
	closing  bool
	in, out  int64         // bytes
	warmUp   int           // deliveries, each counted once
	measured int           // likewise
	now      time.Duration // when what is being taken came, since base
	returned time.Duration // when they began to come back, since base
	answer   []byte        // scratch

	delivery result.Recorder // from due until a subscriber has found it
	complete result.Recorder // from returned until a subscriber has all
}

// A network carries the connections of a load.
type network interface {
	// connect begins to connect a subscriber; it is called with the load's mutex held, as the
	// subscriber's methods must be.
	connect(s *subscriber) error
	// disconnect ends a subscriber's connection. The mutex is held.
	disconnect(s *subscriber)
	// close ends all connections, and returns when nothing more comes. The mutex is not held.
	close()
}

// A Config says what a load does.
type Config struct {
	// Transport is the label of the transport, Subscribe how to subscribe by it, Dialer how to connect to
	// the server. All are needed.
	Transport string
	Subscribe Subscription
	Dialer    Dialer
	// Base is what due times count from, here as in what is published.
	Base time.Time
	// Subscribers is how many there are.
	Subscribers int
	// WarmUp and Measured are how many events each is to be given: the events of the warm-up have the
	// numbers from 0, the measured ones those behind. Other events are faults.
	WarmUp, Measured int
}

// New returns a load that is not connected yet. It must be closed. It fails if the system has nothing to
// wait for sockets with.
func New(config Config) (*Load, error) {
	l := &Load{
		transport: config.Transport, plan: newPlan(config.Transport, config.Dialer.address, config.Subscribe),
		dialer: config.Dialer, base: config.Base,
	}
	var err error
	if l.network, err = newNetwork(l); err != nil {
		return nil, err
	}
	for i := range config.Subscribers {
		l.subscribers = append(l.subscribers, &subscriber{
			load: l, index: i, warmUp: newLedger(0, config.WarmUp), measured: newLedger(config.WarmUp, config.Measured),
		})
	}
	return l, nil
}

// Connect connects all subscribers, parallel of them at a time, and waits until each is subscribed, as far
// as the server tells. It fails when one cannot connect, when none does within 10 s, or when ctx ends. Who
// was dropped before comes back with its cursors.
func (l *Load) Connect(ctx context.Context, parallel int) error {
	l.mu.Lock()
	l.now, l.returned = time.Since(l.base), time.Since(l.base)
	l.queue = append(l.queue[:0], l.subscribers...)
	want := l.opened + len(l.subscribers)
	for range min(parallel, len(l.subscribers)) {
		l.connectNext()
	}
	l.mu.Unlock()
	settle := l.plan.Settle
	progress, limit := 0, time.Now().Add(handshakeTime)
	for {
		l.mu.Lock()
		opened, err := l.opened, l.first
		l.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("bench: a subscriber could not connect: %w", err)
		case opened >= want && settle == 0:
			return nil
		case opened >= want: // then it looks once more
			select {
			case <-time.After(settle):
				settle = 0
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		case opened > progress:
			progress, limit = opened, time.Now().Add(handshakeTime)
		case time.Now().After(limit):
			return fmt.Errorf("bench: %d of %d subscribers could not connect, and none within %v", want-opened, len(l.subscribers), handshakeTime)
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connectNext connects one of the queue.
func (l *Load) connectNext() {
	if len(l.queue) == 0 || l.closing {
		return
	}
	s := l.queue[0]
	l.queue = l.queue[1:]
	s.state = connecting
	if err := l.network.connect(s); err != nil {
		l.lose(s, err)
	}
}

// open enters that a subscriber is subscribed.
func (l *Load) open(s *subscriber) {
	s.state = present
	l.opened++
	l.connectNext()
}

// lose enters that a subscriber has lost its connection.
func (l *Load) lose(s *subscriber, err error) {
	if l.closing || s.state == lost || s.state == absent {
		return
	}
	l.network.disconnect(s)
	if s.state == connecting { // so that present is right
		l.opened++
	}
	s.state, s.err = lost, unexpected(err)
	l.ended++
	if l.first == nil {
		l.first = s.err
	}
}

// Drop ends all connections; the subscribers keep their cursors, and may be connected again.
func (l *Load) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers {
		if s.state == present {
			l.network.disconnect(s)
			s.state = absent
			l.opened--
		}
	}
}

// Close ends all subscribers and waits for them. It may be called again.
func (l *Load) Close() {
	l.mu.Lock()
	closed := l.closing
	l.closing = true
	l.mu.Unlock()
	if !closed {
		l.network.close()
	}
}

// Lost returns how many have lost their connection, and why the first did.
func (l *Load) Lost() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.first
}

// Present returns how many have their connection.
func (l *Load) Present() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened - l.ended
}

// Bytes returns how many came, and how many were sent.
func (l *Load) Bytes() (in, out int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in, l.out
}

// Came reports whether all who have their connection have that many events: of the measured ones, or
// of the warm-up.
func (l *Load) Came(measured bool, events int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.warmUp
	if measured {
		all = l.measured
	}
	if all >= events*l.opened {
		return true
	}
	if l.ended == 0 {
		return false
	}
	for _, s := range l.subscribers {
		of := &s.warmUp
		if measured {
			of = &s.measured
		}
		if s.state == present && of.came < events {
			return false
		}
	}
	return true
}

// An Account is what the ledgers of all subscribers say together.
type Account struct {
	// Delivered is how many deliveries of measured events came, each counted once; Duplicated how many
	// came again, Reordered how many came behind a later event.
	Delivered, Duplicated, Reordered int64
	// WarmUpFaults is how many deliveries of the warm-up were lost, duplicated or reordered.
	WarmUpFaults int64
	// Gaps is how many gaps were announced, in the warm-up too.
	Gaps int64
}

// Account adds the ledgers up, as they are now.
func (l *Load) Account() Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := Account{Delivered: int64(l.measured)}
	for _, s := range l.subscribers {
		a.Duplicated += s.measured.duplicated
		a.Reordered += s.measured.reordered
		a.WarmUpFaults += s.warmUp.faults()
		a.Gaps += s.gaps
	}
	return a
}

// Deliveries returns how long deliveries of measured events took: from when an event was due until a
// subscriber had found it. It fails if the histogram cannot be encoded.
func (l *Load) Deliveries() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivery.Latency()
}

// CatchUps returns how long subscribers took until they had all measured events, from when Connect
// was called last. It fails as Deliveries does.
func (l *Load) CatchUps() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.complete.Latency()
}
