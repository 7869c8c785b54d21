package load

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// slowBuffer is the receive buffer (SO_RCVBUF) of a slow reader's socket, in bytes; the kernel doubles it. With its default
// the buffers of the kernel would take megabytes before the server noticed anything.
const slowBuffer = 4 << 10

// sipsPerSecond is how often a slow reader reads.
const sipsPerSecond = 8

// A holder is a network that has to be told that subscribers read slowly. Others ask for it, by pace.
type holder interface {
	// hold stops reading for a subscriber, and release goes on.
	hold(s *subscriber) error
	release(s *subscriber) error
	// sip reads at most n bytes for a subscriber that is held.
	sip(s *subscriber, n int) error
}

// slowness is what a load has for those who read slowly, which are the first of its subscribers.
type slowness struct {
	slow       int // how many there are
	slowRate   int // how much each reads in a second, in bytes; 0 is nothing
	slowOpened int // how many of them have their connection, or had it
	sipping    bool
	slowSince  time.Duration // since base; 0: it has not begun
	released   chan struct{} // closed when they read as quickly as the others
	sips       sync.WaitGroup
	taken      int64 // bytes, while they were slow
	cuts       []time.Duration
}

// Slow has the slow readers read slowly from now on.
func (l *Load) Slow() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sipping, l.slowSince, l.released = true, max(1, time.Since(l.base)), make(chan struct{})
	h, ok := l.network.(holder)
	if !ok {
		return nil
	}
	for _, s := range l.subscribers[:l.slow] {
		if s.state == present {
			if err := h.hold(s); err != nil {
				return err
			}
		}
	}
	if l.slow > 0 && l.slowRate > 0 {
		l.sips.Go(func() { l.sip(h, l.released) })
	}
	return nil
}

// sip reads for those who read slowly, until they are released.
func (l *Load) sip(h holder, released chan struct{}) {
	tick := time.NewTicker(time.Second / sipsPerSecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-released:
			return
		}
		l.mu.Lock()
		l.now = time.Since(l.base)
		for _, s := range l.subscribers[:l.slow] {
			if s.state == present && l.sipping && !l.closing {
				if err := h.sip(s, l.slowRate/sipsPerSecond); err != nil {
					l.lose(s, err)
				}
			}
		}
		l.mu.Unlock()
	}
}

// Release has the slow readers read as quickly as they can.
func (l *Load) Release() {
	l.mu.Lock()
	if !l.sipping {
		l.mu.Unlock()
		return
	}
	l.sipping = false
	close(l.released)
	if h, ok := l.network.(holder); ok && !l.closing {
		for _, s := range l.subscribers[:l.slow] {
			if s.state == present {
				if err := h.release(s); err != nil {
					l.lose(s, err)
				}
			}
		}
	}
	l.mu.Unlock()
	l.sips.Wait()
}

// pace waits until a slow reader may read more, after so many bytes, and says how many at a time. It fails when ctx
// ends.
func (l *Load) pace(ctx context.Context, s *subscriber, after int) (n int, err error) {
	const everything = 1 << 30
	if !s.slow {
		return everything, nil
	}
	l.mu.Lock()
	slow, rate, released := l.sipping, l.slowRate, l.released
	l.mu.Unlock()
	switch {
	case !slow:
		return everything, nil
	case rate == 0:
		select {
		case <-released:
			return everything, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	timer := time.NewTimer(max(time.Second/sipsPerSecond, time.Duration(after)*time.Second/time.Duration(rate)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return rate / sipsPerSecond, nil
	case <-released:
		return everything, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// cutOff enters it if the server has ended the connection of a slow reader, and reports whether it has.
func (l *Load) cutOff(s *subscriber, err error) bool {
	if !s.slow || l.slowSince == 0 || s.state != present || !isCut(err) {
		return false
	}
	s.state, s.err = lost, err
	s.untold = true // who is cut off knows that nothing more comes
	l.cuts = append(l.cuts, time.Since(l.base)-l.slowSince)
	l.note(0, 0)
	return true
}

// isCut tells that a connection was ended from what else can be wrong with it.
func isCut(err error) bool {
	for _, cut := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, errLeaving} {
		if errors.Is(err, cut) {
			return true
		}
	}
	return false
}

// A SlowAccount is what the ledgers of the slow readers say together, and what became of these.
type SlowAccount struct {
	// Delivered, Duplicated, Reordered and Gaps are as in an Account; Silent is how many events are missing that
	// nobody told of: neither by a gap just there, nor by the end of the connection.
	Delivered, Duplicated, Reordered, Gaps, Silent int64
	// Taken is how many bytes they took while they read slowly.
	Taken int64
	// Cuts says after which time of reading slowly the server ended a connection, as far as the reader saw
	// it; one that has more to read sees it only then.
	Cuts []time.Duration
}

// SlowAccount adds the ledgers of the slow readers up, for so many events that were published.
func (l *Load) SlowAccount(published int) SlowAccount {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := SlowAccount{Taken: l.taken, Cuts: append([]time.Duration(nil), l.cuts...)}
	for _, s := range l.subscribers[:l.slow] {
		s.settle(published)
		a.Delivered += int64(s.measured.came)
		a.Duplicated += s.measured.duplicated
		a.Reordered += s.measured.reordered
		a.Gaps += s.gaps
		a.Silent += s.measured.silent(published)
	}
	return a
}

// SlowCame returns how many deliveries the slow readers have, each counted once.
func (l *Load) SlowCame() (came int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers[:l.slow] {
		came += s.measured.came
	}
	return came
}

// SlowDone reports whether each slow reader has all of the first events, or was told of what it has not.
func (l *Load) SlowDone(events int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers[:l.slow] {
		if s.state == present && s.measured.came+s.measured.told < events {
			return false
		}
	}
	return true
}
