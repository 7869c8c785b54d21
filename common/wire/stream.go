package wire

import (
	"net"
	"sync"
	"time"

	"pushlab/common/hub"
)

// A Stream is one response, or one connection, and the subscription that is served to it.
type Stream struct {
	streams *Streams
	sub     *hub.Subscription // the loop's alone, once it runs
	peer    string
	since   time.Time
	out     output
	chunked bool // frames go out with their chunks
	onBeat  func()

	encoding *hub.Encoding // how events are framed: the transport's, or what Use said

	inbox chan message
	done  chan struct{} // closed when the loop writes no more
	cut   chan struct{} // closed by abort
	once  sync.Once

	delivered, written int64 // events and bytes, for the log
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

func (s *Streams) newStream(sub *hub.Subscription, peer string) *Stream {
	return &Stream{
		streams: s, sub: sub, peer: peer, since: time.Now(), onBeat: func() {}, encoding: s.encoding,
		inbox: make(chan message, inboxSize), done: make(chan struct{}), cut: make(chan struct{}),
	}
}

// Use has a stream of Accept frame events in another encoding than its transport's own, such as one
// that compresses. It must be called before Start.
func (s *Stream) Use(encoding *hub.Encoding) { s.encoding = encoding }

// Start serves the subscription to the connection of Accept, and closes both in the end. The head,
// the last bytes of the transport's handshake, goes out with the first frame. Before each heartbeat
// onBeat is called. Read is called in a goroutine of its own; it reads from the peer until the peer
// is gone, and must return soon after the connection was closed. When it returns, the stream ends.
func (s *Stream) Start(head []byte, read func(), onBeat func()) {
	s.onBeat = onBeat
	s.serve(s.out.(*connection), head, nil, read)
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
	select {
	case <-s.done: // though the inbox may have room
		return net.ErrClosed
	default:
	}
	select {
	case s.inbox <- m:
		return nil
	case <-s.done:
		return net.ErrClosed
	}
}

// abort ends the stream at once, from any goroutine.
func (s *Stream) abort() {
	s.once.Do(func() { close(s.cut) })
	s.out.abort()
}

// serve runs the loop and the reader of a connection, and waits for both.
func (s *Stream) serve(c *connection, head, preface []byte, read func()) {
	s.streams.add(s)
	left := make(chan struct{})
	go func() {
		defer close(left)
		read()
	}()
	go func() {
		reason := s.run(head, preface, left)
		if reason == Goodbye || reason == Refused {
			s.linger(c, reason, left)
		}
		c.conn.Close()
		<-left
		s.streams.remove(s, reason)
	}()
}

// linger lets what was written arrive. To close at once could reset the connection, if the peer has
// sent something that nobody read, and take away from the peer what it has not read yet.
func (s *Stream) linger(c *connection, reason Reason, left <-chan struct{}) {
	enough := time.AfterFunc(s.streams.config.Linger, func() { c.conn.Close() })
	defer enough.Stop()
	// After a close frame of ours WebSocket still expects the peer's own, and then closes first
	// (RFC 6455, section 7.1.1). Elsewhere our half of the connection ends now.
	if (c.head != nil || reason == Refused) && !c.closeWrite() {
		return
	}
	<-left
	if reason == Refused {
		discard(c.conn)()
	}
}
