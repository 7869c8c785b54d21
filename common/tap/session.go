package tap

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Errors of sessions and connections.
var (
	// ErrClosed is returned when the session has ended.
	ErrClosed = errors.New("tap: the session has ended")
	// ErrSessions is returned when there are as many sessions as there may be, and all are watched.
	ErrSessions = errors.New("tap: there are as many sessions as there may be")
	// ErrConns is returned when a session has as many connections as it may have.
	ErrConns = errors.New("tap: the session has as many connections as it may have")
	// ErrUnknown is returned when no session has that key.
	ErrUnknown = errors.New("tap: no session has that key")
	// ErrReleased is returned when a connection is not recorded: it was released, or comes from another machine.
	ErrReleased = errors.New("tap: the connection is not recorded")
	// ErrClaimed is returned when a connection belongs to another session.
	ErrClaimed = errors.New("tap: the connection belongs to another session")
)

// maxBatch is how many records Next returns at most.
const maxBatch = 512

// A Session is what one learner's connections have done, for those who watch it. Its methods may be
// called from any goroutine.
type Session struct {
	tap *Tap
	key string

	mu       sync.Mutex
	records  []*Record // without holes
	cost     int
	next     uint64 // the Seq of the next record
	changed  chan struct{}
	closed   bool
	watchers int
	used     time.Duration // when it was used last
	conns    map[*Conn]bool
	kept     map[uint64]*keptBytes // by number of the connection
}

// keptBytes are those of a connection that the records hold.
type keptBytes struct {
	bytes int
	seqs  []uint64 // of the records that hold them
}

func newSession(t *Tap, key string) *Session {
	return &Session{tap: t, key: key, next: 1, changed: make(chan struct{}), used: t.Now(), conns: map[*Conn]bool{}, kept: map[uint64]*keptBytes{}}
}

// Key is what a connection is claimed with. Who knows it can watch the session, so it should be told to nobody but
// the learner.
func (s *Session) Key() string { return s.key }

// A Batch is what Next returns.
type Batch struct {
	Records []*Record `json:"records"`
	// Missed is how many records were dropped before the first one, because the watcher was too slow.
	Missed uint64 `json:"missed,omitempty"`
}

// Last returns the Seq of the last one.
func (b Batch) Last() uint64 { return b.Records[len(b.Records)-1].Seq }

// Next returns the records behind after, at most 512, in order. It waits until there is one, as long as ctx lasts, and
// returns ErrClosed when there will be none. How often it is called is up to the watcher.
func (s *Session) Next(ctx context.Context, after uint64) (Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers++
	defer func() { s.watchers--; s.used = s.tap.Now() }()
	for s.next <= after+1 {
		if s.closed {
			return Batch{}, ErrClosed
		}
		changed := s.changed
		s.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			return Batch{}, err
		}
	}
	first := s.next - uint64(len(s.records))
	var b Batch
	if after+1 < first {
		b.Missed = first - after - 1
		after = first - 1
	}
	from := int(after + 1 - first)
	b.Records = slices.Clone(s.records[from:min(len(s.records), from+maxBatch)])
	return b, nil
}

// Record returns the record with that Seq, if it is still there. Of an old one only the outline may be left.
func (s *Session) Record(seq uint64) (*Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.index(seq)
	if !ok {
		return nil, false
	}
	return s.records[i], true
}

func (s *Session) index(seq uint64) (int, bool) {
	first := s.next - uint64(len(s.records))
	if seq < first || seq >= s.next {
		return 0, false
	}
	return int(seq - first), true
}

// Note adds a record for something that is none of a connection's bytes, such as that a fault was injected. Lane may be "".
func (s *Session) Note(lane, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.append(&Record{Kind: Noted, Lane: lane, At: s.tap.Now(), Text: text})
}

// append adds a record. It is called with mu held.
func (s *Session) append(r *Record) {
	if s.closed {
		return
	}
	r.Seq = s.next
	s.next++
	s.used = r.At
	s.records = append(s.records, r)
	s.cost += r.cost()
	if len(r.Data) > 0 {
		s.keep(r)
	}
	drop := 0
	for ; s.cost > s.tap.config.SessionBytes && drop < len(s.records)-1; drop++ {
		s.cost -= s.records[drop].cost()
		s.forget(s.records[drop])
		s.records[drop] = nil
	}
	s.records = s.records[drop:]
	close(s.changed)
	s.changed = make(chan struct{})
}

// keep counts a record's bytes, and takes away the oldest of its connection if they are too many.
func (s *Session) keep(r *Record) {
	k := s.kept[r.Conn]
	if k == nil {
		k = &keptBytes{}
		s.kept[r.Conn] = k
	}
	k.bytes += len(r.Data)
	k.seqs = append(k.seqs, r.Seq)
	for k.bytes > s.tap.config.ConnBytes && len(k.seqs) > 1 {
		i, ok := s.index(k.seqs[0])
		k.seqs = k.seqs[1:]
		if !ok {
			continue
		}
		old := s.records[i]
		k.bytes -= len(old.Data)
		s.records[i] = old.Outline() // others may be reading the old one
		s.cost += s.records[i].cost() - old.cost()
	}
}

// forget counts a record's bytes no more, since it is dropped.
func (s *Session) forget(r *Record) {
	k := s.kept[r.Conn]
	if k == nil || len(r.Data) == 0 {
		return
	}
	k.bytes -= len(r.Data)
	k.seqs = k.seqs[1:] // it is the oldest
	if len(k.seqs) == 0 {
		delete(s.kept, r.Conn)
	}
}

// Close ends the session: its connections are recorded no more, and its records are gone.
func (s *Session) Close() {
	s.tap.remove(s)
	s.end()
}

func (s *Session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	for c := range s.conns {
		c.state.Store(released) // its buffers are this session's
	}
	s.records, s.conns, s.kept, s.next = nil, nil, nil, 0
	close(s.changed)
}

// quiet returns for how long nobody has used the session, and whether nobody does.
func (s *Session) quiet(now time.Duration) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now - s.used, s.watchers == 0
}

// attach adds a connection.
func (s *Session) attach(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case len(s.conns) >= s.tap.config.Conns:
		return ErrConns
	}
	s.conns[c] = true
	return nil
}

func (s *Session) detach(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
