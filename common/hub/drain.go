package hub

import (
	"context"
	"math/rand/v2"
	"time"
)

// Few subscriptions end at once: there is nothing to spread. Of more each takes brisk at the most, so that who serves some
// dozens need not wait for long.
const (
	few   = 16
	brisk = 10 * time.Millisecond
)

// Drain is Close that takes its time, so that those who are sent away do not come back all at once. Publish fails from now
// on, so nobody misses what comes after his end, unless it has a log to which others publish; then he resumes from his cursor. Each subscription ends as by Close, at a time of its own: the window is cut
// into as many parts as there are subscriptions, and each ends somewhere in one of them, in no order. New ones end at once.
// Each takes 10 ms at the most, however long the window is, and those that have closed before their turn take no time. Up to
// 16 end at once.
//
// It returns when all have ended, or ctx has, and then the hub is closed.
func (h *Hub) Drain(ctx context.Context, window time.Duration) {
	defer h.Close()
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	// Who is not in this list yet will find that the hub drains: Subscribe joins first, and looks then.
	list := h.audience.list()
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	begin := time.Now()
	part := time.Duration(0)
	if len(list) > few {
		part = min(brisk, window/time.Duration(len(list)))
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	turn := 0
	for _, s := range list {
		if s.isClosed() {
			continue
		}
		timer.Reset(time.Duration((float64(turn)+rand.Float64())*float64(part)) - time.Since(begin))
		turn++
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		s.end()
	}
}

// end has Poll and Next return ErrClosed when nothing is pending any more.
func (s *Subscription) end() {
	s.hub.mu.Lock()
	s.ended = true
	s.hub.mu.Unlock()
	s.hub.audience.notify(s)
}

func (s *Subscription) isClosed() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.closed
}
