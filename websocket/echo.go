package websocket

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/request"
)

// maxEcho is how large a message an Echo takes by default, in bytes.
const maxEcho = 16 << 20

// An Echo sends every message back as it came, text as text and binary as binary. It has nothing to
// do with events: it is the endpoint that protocol test suites ask for, to see how a server reads
// and writes frames, and it treats violations exactly as a Handler does.
type Echo struct {
	config Config

	mu     sync.Mutex
	closed bool
	open   map[*gorilla.Conn]struct{}
	ended  sync.Cond // signalled when open shrinks
}

// NewEcho returns an echo endpoint. Of the configuration it uses AllowedOrigins, MaxMessage (whose
// default is 16 MiB here), WriteDeadline, Logger, Refused for what comes too late, and ReadDeadline, which is
// here for a whole message from the end of the one before: it has no heartbeats that would find out who has gone.
func NewEcho(config Config) *Echo {
	config.MaxMessage = cmp.Or(config.MaxMessage, maxEcho)
	config.WriteDeadline = cmp.Or(config.WriteDeadline, 10*time.Second)
	config.Logger = cmp.Or(config.Logger, slog.New(slog.DiscardHandler))
	e := &Echo{config: config.withDefaults(), open: make(map[*gorilla.Conn]struct{})}
	e.ended.L = &e.mu
	return e
}

// ServeHTTP upgrades the connection and serves it until it ends. One goroutine reads and writes, so
// that gorilla's own answers to pings and violations come between two messages.
func (e *Echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	problem := request.CheckMethod(r, http.MethodGet, http.MethodHead)
	if problem == nil {
		problem = checkUpgrade(r, e.config.AllowedOrigins)
	}
	if problem != nil {
		problem.ServeHTTP(w, r)
		return
	}
	upgrader := gorilla.Upgrader{
		ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		CheckOrigin:       func(*http.Request) bool { return true }, // checkUpgrade did
		EnableCompression: e.config.Compress && acceptDeflate(r.Header),
		Error:             answerUpgradeError,
	}
	conn, err := upgrader.Upgrade(hijacker{w, func(c net.Conn) net.Conn { return &frames{Conn: c} }}, r, nil)
	if err != nil {
		return // it was answered
	}
	if !e.add(conn) {
		conn.Close()
		return
	}
	defer e.remove(conn)
	err = e.serve(conn)
	e.config.Logger.Debug("an echo ended", "peer", r.RemoteAddr, "error", err)
}

// serve echoes until the connection ends, and says how it did.
func (e *Echo) serve(conn *gorilla.Conn) error {
	defer conn.Close()
	conn.SetReadLimit(int64(e.config.MaxMessage))
	for {
		conn.SetReadDeadline(until(e.config.ReadDeadline))
		messageType, message, err := readMessage(conn, e.config.MaxMessage)
		var timeout net.Error // gorilla keeps no more of os.ErrDeadlineExceeded
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			e.config.Refused(request.LimitArrival)
			e.refuse(conn, gorilla.ClosePolicyViolation)
		case errors.Is(err, errTooBig):
			e.refuse(conn, gorilla.CloseMessageTooBig)
		case errors.Is(err, errHeader):
			e.refuse(conn, gorilla.CloseProtocolError)
		case err == nil && messageType == gorilla.TextMessage && !utf8.Valid(message):
			// RFC 6455, section 8.1 (WS-10). Gorilla leaves this to its caller.
			err = errors.New("text is not UTF-8")
			e.refuse(conn, gorilla.CloseInvalidFramePayloadData)
		}
		if err != nil {
			return e.leave(conn, err)
		}
		conn.SetWriteDeadline(e.deadline())
		if err := conn.WriteMessage(messageType, message); err != nil {
			return err
		}
	}
}

// refuse tells the peer what it did. That it does not arrive is the peer's loss.
func (e *Echo) refuse(conn *gorilla.Conn, code int) {
	conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, ""), e.deadline())
}

func (e *Echo) deadline() time.Time { return until(e.config.WriteDeadline) }

// until returns the end of that time; negative is for ever.
func until(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// leave lets the close frame that was written last arrive: to close a socket that has unread input
// would reset it, and might take the frame away from the peer.
func (e *Echo) leave(conn *gorilla.Conn, reason error) error {
	c := conn.NetConn()
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, c) // until the peer has closed, or a second has passed
	}
	return reason
}

func (e *Echo) add(conn *gorilla.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.open[conn] = struct{}{}
	}
	return !e.closed
}

func (e *Echo) remove(conn *gorilla.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.open, conn)
	e.ended.Broadcast()
}

// Shutdown tells all peers that the server goes away (close code 1001), and waits until they have
// answered, or ctx ends; then it cuts off those that have not, and returns the context's error.
func (e *Echo) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	goodbye := gorilla.FormatCloseMessage(gorilla.CloseGoingAway, "")
	var telling sync.WaitGroup
	defer telling.Wait()
	for conn := range e.open {
		// This may run beside the writer, and waits while that one writes.
		telling.Go(func() { conn.WriteControl(gorilla.CloseMessage, goodbye, time.Now().Add(time.Second)) })
	}
	stop := context.AfterFunc(ctx, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for conn := range e.open {
			conn.Close()
		}
	})
	defer stop()
	for len(e.open) > 0 {
		e.ended.Wait()
	}
	return ctx.Err()
}
