package wire

import (
	"context"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/common/hub"
)

// A Stream is one response, or one connection, and the subscription that is served to it.
//
// Whoever serves it, its loop in a goroutine or its pump, owns what is not guarded otherwise. All
// others leave a note under mu and then Wake the owner.
type Stream struct {
	streams  *Streams
	sub      *hub.Subscription
	encoding *hub.Encoding // how events are framed: the transport's, or what Use said
	out      output
	peer     string
	since    time.Duration
	reader   Reader
	ending   func() // what OnEnd said; nil: nothing

	delivered atomic.Int64 // events
	written   int64        // bytes, for the log
	end       *time.Timer  // see EndAt; nil: it has no time

	ready hub.Signal   // has the loop look; nil if there is an engine
	place place        // in the engine, if there is one
	state atomic.Int32 // with an engine: who serves the stream

	chunked bool // frames go out with their chunks; here it takes no room

	due   atomic.Int64 // when the next heartbeat is, by the clock of streams
	heard atomic.Int64 // until when something must have been heard; 0: no matter when

	mu      sync.Mutex
	changed *sync.Cond // the inbox has room, the stream has ended, or reading has; nil: nobody waits
	news    atomic.Bool
	inbox   []message
	reading bool   // a goroutine is
	left    bool   // the peer is gone
	over    bool   // its time is
	cut     bool   // by abort
	ended   bool   // the loop writes no more
	cancel  func() // ends what During does; nil: it does nothing
}

// A message is something for the loop to do between two writes.
type message struct {
	frame []byte
	end   Reason // if set, nothing may follow the frame

	resubscribe bool
	topics      []string
	start       *hub.Start
}

// inboxSize is how many messages may wait for the loop. When they are that many, whoever reads from
// the peer waits: a peer that asks much and reads little slows down nobody but itself.
const inboxSize = 16

func (s *Streams) newStream(sub *hub.Subscription, peer string, out output) *Stream {
	stream := &Stream{
		streams: s, sub: sub, encoding: s.encoding, out: out, peer: peer, since: s.clock(),
	}
	if c, ok := out.(*connection); !ok || !s.config.Engine.join(stream, c.conn) {
		stream.ready = make(hub.Signal, 1)
	}
	sub.Notify(stream)
	return stream
}

// Peer returns the address of the peer.
func (s *Stream) Peer() string { return s.peer }

// Use has a stream of Accept frame events in another encoding than its transport's own, such as one
// that compresses. It must be called before Start.
func (s *Stream) Use(encoding *hub.Encoding) { s.encoding = encoding }

// EndAt has the stream say goodbye at that time. It must be called before Start.
func (s *Stream) EndAt(t time.Time) { s.end = time.AfterFunc(time.Until(t), s.expire) }

// A Reader reads what the peer of a stream says.
type Reader interface {
	// Read is called, by one goroutine at a time, when there may be something to read. It reads from
	// the connection, at the least what is there of a message, and returns an error when nothing more
	// will come: the peer is gone, or has been told why; then the stream ends. It must return soon
	// after a deadline or the end of the connection.
	Read() error
	// Beat is called before each heartbeat.
	Beat()
}

// Start serves the subscription to the connection of Accept, and closes both in the end. The head,
// the last bytes of the transport's handshake, goes out with the first frame.
func (s *Stream) Start(head []byte, reader Reader) { s.start(head, nil, reader) }

func (s *Stream) start(head, preface []byte, reader Reader) {
	s.reader = reader
	s.streams.add(s)
	s.startReading()
	go s.serve(head, preface)
}

// Send has the loop write a frame, which must not be modified from then on. It waits while too many
// frames wait, and fails when the stream has ended.
func (s *Stream) Send(frame []byte) error { return s.queue(message{frame: frame}) }

// Finish has the loop write a last frame, and end for that reason.
func (s *Stream) Finish(frame []byte, reason Reason) error {
	return s.queue(message{frame: frame, end: reason})
}

// Resubscribe replaces the stream's topics, and moves its cursor if start is not nil. The peer is
// answered with an open event, between the last event of the old choice and the first of the new.
func (s *Stream) Resubscribe(topics []string, start *hub.Start) error {
	return s.queue(message{resubscribe: true, topics: topics, start: start})
}

func (s *Stream) queue(m message) error {
	s.mu.Lock()
	for len(s.inbox) == inboxSize && !s.ended {
		s.wait()
	}
	if s.ended {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.inbox = append(s.inbox, m)
	s.news.Store(true)
	s.mu.Unlock()
	s.Wake()
	return nil
}

// During does what may wait for somebody else, on behalf of the peer, with a context that ends when the stream does. Only the
// Reader may call it.
func (s *Stream) During(do func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	s.cancel = cancel
	if s.ended {
		cancel()
	}
	s.mu.Unlock()
	do(ctx)
	s.mu.Lock()
	s.cancel = nil
	s.mu.Unlock()
}

// Expect has the stream end as Stalled unless Heard is called within that time.
func (s *Stream) Expect(within time.Duration) {
	s.heard.Store(int64(s.streams.clock() + within))
}

// Heard says that what was expected has come.
func (s *Stream) Heard() { s.heard.Store(0) }

// Expecting reports whether Heard is to be called.
func (s *Stream) Expecting() bool { return s.heard.Load() != 0 }

// Wake has the owner look at the stream, because of an event (hub.Waker), a note under mu, or the
// time. It never waits.
func (s *Stream) Wake() {
	if s.ready != nil {
		s.ready.Wake()
		return
	}
	s.place.pump.wake(s)
}

// abort ends the stream at once, from any goroutine. It closes nothing: the owner may be using it.
func (s *Stream) abort() {
	s.note(func() { s.cut = true })
	s.out.abort()
}

// leave says that the peer is gone.
func (s *Stream) leave() { s.note(func() { s.left = true }) }

// expire says that the stream's time is over.
func (s *Stream) expire() { s.note(func() { s.over = true }) }

func (s *Stream) note(set func()) {
	s.mu.Lock()
	set()
	s.news.Store(true)
	s.tell()
	s.mu.Unlock()
	s.Wake()
}

// wait waits for a change of what mu guards, which it must hold. Few streams ever do, so the condition
// is made for those who do.
func (s *Stream) wait() {
	if s.changed == nil {
		s.changed = sync.NewCond(&s.mu)
	}
	s.changed.Wait()
}

// tell tells those who wait.
func (s *Stream) tell() {
	if s.changed != nil {
		s.changed.Broadcast()
	}
}

// startReading has the peer be read, or watched until there is something to read.
func (s *Stream) startReading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready == nil && s.place.watch() == nil {
		return
	}
	s.reading = true
	go func() {
		for s.reader.Read() == nil {
		}
		s.stopReading(true)
	}()
}

// readable is called by the engine when there is something to read.
func (s *Stream) readable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading || s.ended {
		return // whoever ends the stream reads the rest
	}
	s.reading = true
	go func() {
		s.stopReading(s.reader.Read() != nil)
	}()
}

// stopReading says that nobody reads any more. The owner need not know, unless the peer is gone.
func (s *Stream) stopReading(left bool) {
	s.mu.Lock()
	s.reading = false
	left = left || !s.ended && s.place.watch() != nil
	if left {
		s.left = true
		s.news.Store(true)
	}
	s.tell()
	s.mu.Unlock()
	if left {
		s.Wake()
	}
}

// finish ends a stream of which nothing more is to be written.
func (s *Stream) finish(reason Reason) {
	s.mu.Lock()
	s.ended = true
	s.tell()
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	s.sub.Close()
	if s.end != nil {
		s.end.Stop()
	}
	if s.ready == nil {
		s.place.leave(s)
	}
	switch out := s.out.(type) {
	case *response:
		if reason == Goodbye {
			out.finish(s.streams.config.WriteDeadline)
		}
	case *connection:
		if reason == Goodbye || reason == Refused {
			s.linger(out, reason)
		}
		out.conn.Close()
		s.awaitReader()
	}
	s.streams.remove(s, reason)
}

// linger lets what was written arrive. To close at once could reset the connection, if the peer has
// sent something that nobody read, and take away from the peer what it has not read yet.
func (s *Stream) linger(c *connection, reason Reason) {
	c.setReadDeadline(s.streams.config.Linger)
	// After a close frame of ours WebSocket still expects the peer's own, and then closes first
	// (RFC 6455, section 7.1.1). Elsewhere our half of the connection ends now.
	if (c.http || reason == Refused) && !c.closeWrite() {
		return
	}
	for left := s.awaitReader(); !left; {
		left = s.reader.Read() != nil
	}
	if reason == Refused {
		for c.Read() == nil {
		}
	}
}

// awaitReader waits until nobody reads, and reports whether the peer is gone.
func (s *Stream) awaitReader() (left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.reading {
		s.wait()
	}
	return s.left
}

// rest sets the time of the next heartbeat, after a write.
func (s *Stream) rest(now time.Duration) {
	heartbeat := s.streams.config.Heartbeat
	if heartbeat < 0 {
		s.due.Store(math.MaxInt64)
		return
	}
	s.due.Store(int64(now + jittered(heartbeat, 1-spread, 1)))
}

// A heartbeat is due up to spread of its interval early, so that streams which fell quiet together do
// not beat together. An engine looks at the time now and then, every slack of the interval, so with
// one it may come that much earlier again: a tenth in all.
const (
	spread = 0.08
	slack  = 0.02
)

func (s *Stream) slack() time.Duration {
	if s.ready != nil || s.streams.config.Heartbeat < 0 {
		return 0
	}
	return time.Duration(slack * float64(s.streams.config.Heartbeat))
}

// isDue reports whether it is time for a heartbeat.
func (s *Stream) isDue(now time.Duration) bool {
	return now >= time.Duration(s.due.Load())-s.slack()
}

// isSilent reports whether what was expected has not come in time.
func (s *Stream) isSilent(now time.Duration) bool {
	heard := time.Duration(s.heard.Load())
	return heard != 0 && now >= heard
}

// isTime reports whether there is something to do because of the time.
func (s *Stream) isTime(now time.Duration) bool { return s.isDue(now) || s.isSilent(now) }
