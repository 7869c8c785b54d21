package wire

import (
	"sync"
	"time"
)

// members are the streams of a pump. It looks at all of them now and then, to find out for whom it is
// time: a timer for each would cost more than the rest of a parked stream.
type members struct {
	mu     sync.Mutex
	list   []*Stream
	every  time.Duration // the smallest slack of a member
	ticker *time.Ticker  // nil: nobody has a heartbeat
}

// add adds a stream, and reports whether tick is another channel now.
func (m *members) add(s *Stream) (changed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.place.member = int32(len(m.list))
	m.list = append(m.list, s)
	every := s.slack()
	switch {
	case every <= 0 || m.ticker != nil && m.every <= every:
		return false
	case m.ticker == nil:
		m.ticker = time.NewTicker(every)
		changed = true
	default:
		m.ticker.Reset(every)
	}
	m.every = every
	return changed
}

func (m *members) remove(s *Stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(m.list) - 1
	moved := m.list[last]
	m.list[s.place.member], moved.place.member = moved, s.place.member
	m.list[last] = nil
	m.list = m.list[:last]
	if last == 0 && m.ticker != nil {
		m.ticker.Stop()
		m.ticker = nil
	}
}

// tick returns a channel that receives when wake is to be called.
func (m *members) tick() <-chan time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ticker == nil {
		return nil
	}
	return m.ticker.C
}

// wake wakes those for whom it is time.
func (m *members) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.list {
		if s.isTime(s.streams.clock()) {
			s.Wake()
		}
	}
}
