package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// A Protocol is what a streaming transport adds to the loop.
type Protocol struct {
	// Name is the transport's label in metrics and logs, and the name of its hub encoding.
	Name string
	// AppendFrame appends an event's frame to dst. It must depend on the event alone.
	AppendFrame func(dst []byte, e event.Event) []byte
	// Trailer is written after the goodbye on a connection that the transport took over itself
	// (Accept). An HTTP response (ServeHTTP) ends with its last chunk instead.
	Trailer []byte
	// HTTP says that streams are HTTP responses, whose frames are sent as chunks.
	HTTP bool
}

// Config is how streams behave. A zero field means its default.
type Config struct {
	// Heartbeat is after how long a quiet stream gets a heartbeat; it comes up to a tenth
	// earlier, so that streams which fell quiet together do not beat together. Negative is
	// never. Default 15 s.
	Heartbeat time.Duration
	// Retry is after how long the server wants its subscribers back when it leaves; each is
	// told a time between half and one and a half of it. Negative is at once. Default 3 s.
	Retry time.Duration
	// WriteDeadline is how long a peer may accept no byte at all before the stream is closed
	// without a goodbye; it is noticed up to a quarter later. Over TLS, and where the response could
	// not be taken over, it is the time for a whole write, to which crypto/tls adds 5 s in which it
	// tries to say that it closes. Negative is for ever. Default 10 s.
	WriteDeadline time.Duration
	// Linger is how long a finished stream waits for the peer to close its side. Default 1 s.
	Linger time.Duration
	// Engine serves the streams while they have nothing to do. It is not closed by Shutdown. Default:
	// none, each stream has goroutines of its own.
	Engine *Engine
	// Logger is told of the start and end of each stream. Default: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.Retry = max(0, cmp.Or(c.Retry, 3*time.Second))
	c.WriteDeadline = cmp.Or(c.WriteDeadline, 10*time.Second)
	c.Linger = cmp.Or(c.Linger, time.Second)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// Streams are the streams of one transport on one hub. Its methods may be called from any
// goroutine.
type Streams struct {
	hub      *hub.Hub
	protocol Protocol
	config   Config
	encoding *hub.Encoding
	counters Counters
	began    time.Time

	mu      sync.Mutex
	open    map[*Stream]struct{}
	empty   chan struct{} // closed when the last stream has ended, if somebody waits for it
	cutting int           // how many calls of Shutdown have run out of time
}

// New returns the streams of a transport, none yet.
func New(h *hub.Hub, protocol Protocol, config Config) *Streams {
	s := &Streams{hub: h, protocol: protocol, config: config.withDefaults(), began: time.Now(), open: make(map[*Stream]struct{})}
	appendFrame := protocol.AppendFrame
	if protocol.HTTP {
		appendFrame = chunked(appendFrame)
	}
	s.encoding = h.Encoding(protocol.Name, appendFrame)
	return s
}

// clock tells the time since New.
func (s *Streams) clock() time.Duration { return time.Since(s.began) }

// Counters counts what the streams did.
func (s *Streams) Counters() *Counters { return &s.counters }

// Shutdown waits until all streams have ended. They end by themselves once the hub is closed, each
// after a goodbye; when ctx ends, those that are left are cut off, and Shutdown returns its error.
// (Over TLS that can take 5 s more; see WriteDeadline.)
func (s *Streams) Shutdown(ctx context.Context) error {
	select {
	case <-s.ended():
		return nil
	case <-ctx.Done():
	}
	if s.cutOff() == 0 {
		return nil // they ended just then
	}
	<-s.ended()
	s.mu.Lock()
	s.cutting--
	s.mu.Unlock()
	return ctx.Err()
}

// cutOff cuts off all streams, if there are any, and those that open until cutting is lowered.
func (s *Streams) cutOff() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) > 0 {
		s.cutting++
	}
	for stream := range s.open {
		stream.abort()
	}
	return len(s.open)
}

// ended returns a channel that is closed when no stream is open.
func (s *Streams) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.empty == nil {
		s.empty = make(chan struct{})
		if len(s.open) == 0 {
			close(s.empty)
		}
	}
	return s.empty
}

// add counts a stream in.
func (s *Streams) add(stream *Stream) {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.empty = nil // whoever was told that there is none was told the truth
	}
	s.open[stream] = struct{}{}
	if s.cutting > 0 {
		stream.abort()
	}
	s.mu.Unlock()
	s.counters.Opened.Add(1)
	s.counters.Open.Add(1)
	s.config.Logger.Info("stream opened", "transport", s.protocol.Name, "peer", stream.peer,
		"cursor", stream.sub.Start(), "topics", stream.sub.Topics())
}

// remove counts it out, as the last thing that its goroutine does.
func (s *Streams) remove(stream *Stream, reason Reason) {
	s.counters.Open.Add(-1)
	s.counters.Ended[reason].Add(1)
	s.config.Logger.Info("stream ended", "transport", s.protocol.Name, "peer", stream.peer,
		"reason", reason, "cursor", stream.sub.Cursor(), "events", stream.delivered.Load(), "bytes", stream.written,
		"duration", (s.clock() - stream.since).Round(time.Millisecond))
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, stream)
	if len(s.open) == 0 && s.empty != nil {
		close(s.empty)
	}
}

// ServeHTTP serves the subscription as the response to the request: with the header fields in
// w.Header() and status 200, then preface (which may be empty) and the open event, then the rest.
// It closes the subscription. It returns when the connection was taken over, else when the stream
// has ended; either way the caller must not write to w any more. At the deadline of the request's context, if
// it has one, the stream says goodbye.
func (s *Streams) ServeHTTP(w http.ResponseWriter, r *http.Request, sub *hub.Subscription, preface []byte) {
	if conn, head, ok := takeOver(w, r); ok {
		stream := s.newStream(sub, r.RemoteAddr, conn)
		stream.chunked = r.ProtoAtLeast(1, 1)
		if end, ok := r.Context().Deadline(); ok {
			stream.EndAt(end)
		}
		stream.start(head, preface, conn)
		return
	}
	out := newResponse(w, r)
	stream := s.newStream(sub, r.RemoteAddr, out)
	stream.reader = (*connection)(nil) // net/http reads
	s.add(stream)
	defer context.AfterFunc(r.Context(), func() {
		if errors.Is(r.Context().Err(), context.DeadlineExceeded) {
			stream.expire()
		} else {
			stream.leave()
		}
	})()
	reason := stream.serve(nil, preface)
	if reason != Goodbye && reason != Left {
		// Without this net/http would write the last chunk, and the loss would look like an end.
		panic(http.ErrAbortHandler)
	}
}

// Accept makes a stream of a connection on which the transport does the reading, as WebSocket
// does after its upgrade. Nothing happens until Start is called, which must be.
func (s *Streams) Accept(conn net.Conn, sub *hub.Subscription, peer string) *Stream {
	return s.newStream(sub, peer, &connection{conn: conn, tls: overTLS(conn)})
}

// overTLS reports whether a connection, or one that it wraps, is a TLS connection.
func overTLS(conn net.Conn) bool {
	for {
		if _, ok := conn.(*tls.Conn); ok {
			return true
		}
		wrapper, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return false
		}
		conn = wrapper.NetConn()
	}
}

// jittered returns a time between d·from and d·to.
func jittered(d time.Duration, from, to float64) time.Duration {
	return time.Duration(float64(d) * (from + (to-from)*rand.Float64()))
}
