package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A load is all subscribers of one target and transport.
type load struct {
	transport   string
	target      protocol
	path        string // with a query
	dialer      dialer
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

	delivery recorder // from due until a subscriber has found it
	complete recorder // from returned until a subscriber has all
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

// atATime is how many subscribers connect at a time.
const atATime = 64

// newLoad returns a load that is not connected yet.
func newLoad(point Case, transport string, target protocol, d dialer, base time.Time) (*load, error) {
	l := &load{transport: transport, target: target, path: target.path(transport), dialer: d, base: base}
	var err error
	if l.network, err = newNetwork(l); err != nil {
		return nil, err
	}
	warmUp, events := point.warmUp(), point.events()
	for i := range point.Subscribers {
		l.subscribers = append(l.subscribers, &subscriber{
			load: l, index: i, warmUp: newLedger(0, warmUp), measured: newLedger(warmUp, events),
		})
	}
	return l, nil
}

// connect connects some of the subscribers, that many at a time, and waits until each has its first
// answer.
func (l *load) connect(ctx context.Context, some []*subscriber, parallel int) error {
	l.mu.Lock()
	l.now, l.returned = time.Since(l.base), time.Since(l.base)
	l.queue = append(l.queue[:0], some...)
	want := l.opened + len(some)
	for range min(parallel, len(some)) {
		l.connectNext()
	}
	l.mu.Unlock()
	progress, limit := 0, time.Now().Add(handshakeTime)
	for {
		l.mu.Lock()
		opened, err := l.opened, l.first
		l.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("bench: a subscriber could not connect: %w", err)
		case opened >= want:
			return nil
		case opened > progress:
			progress, limit = opened, time.Now().Add(handshakeTime)
		case time.Now().After(limit):
			return fmt.Errorf("bench: %d of %d subscribers could not connect, and none within %v", want-opened, len(l.subscribers), handshakeTime)
		}
		if err := pause(ctx, tick); err != nil {
			return err
		}
	}
}

// connectNext connects one of the queue.
func (l *load) connectNext() {
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

// open enters that a subscriber has its first answer.
func (l *load) open(s *subscriber) {
	s.state = present
	l.opened++
	l.connectNext()
}

// lose enters that a subscriber has lost its connection.
func (l *load) lose(s *subscriber, err error) {
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

// drop ends all connections; the subscribers keep their cursors.
func (l *load) drop() {
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

// close ends all subscribers and waits for them. It may be called again.
func (l *load) close() {
	l.mu.Lock()
	closed := l.closing
	l.closing = true
	l.mu.Unlock()
	if !closed {
		l.network.close()
	}
}

// lost returns how many have lost their connection, and why the first did.
func (l *load) lost() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.first
}

// present returns how many have their connection.
func (l *load) present() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened - l.ended
}

// bytes returns how many came, and how many were sent.
func (l *load) bytes() (in, out int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in, l.out
}

// came reports whether all who have their connection have that many events: of the measured ones, or
// of the warm-up.
func (l *load) came(measured bool, events int) bool {
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
