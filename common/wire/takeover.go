package wire

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// An output is where a stream's bytes go.
type output interface {
	// write writes all of b, and fails with os.ErrDeadlineExceeded when the peer accepts
	// nothing for as long as stall, or up to a quarter longer.
	write(b []byte, stall time.Duration) error
	// abort ends it at once, from any goroutine. A write that is under way fails.
	abort()
}

// A connection is an output that was taken over.
type connection struct {
	conn    net.Conn
	http    bool // it carries an HTTP response
	tls     bool
	aborted atomic.Bool
}

// takeOver takes over the connection of a response on plain HTTP/1.x, with what middleware has put
// into w.Header(). It returns the head of the response, which is to be written first.
func takeOver(w http.ResponseWriter, r *http.Request) (c *connection, head []byte, ok bool) {
	hijacker, ok := w.(http.Hijacker) // not through Unwrap: a wrapper may transform the body
	if !ok || r.TLS != nil || r.ProtoMajor != 1 {
		return nil, nil, false
	}
	conn, _, err := hijacker.Hijack() // what a client sends after its request is not looked at
	if err != nil {
		return nil, nil, false
	}
	h := w.Header()
	// RFC 9110, section 6.6.1: an origin server with a clock sends Date.
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	// RFC 9112, section 9.6 (HTTP-10): this connection serves no further request.
	h.Set("Connection", "close")
	var b bytes.Buffer
	if r.ProtoAtLeast(1, 1) {
		// RFC 9112, section 6.1: a body of unknown length is chunked.
		h.Set("Transfer-Encoding", "chunked")
		b.WriteString("HTTP/1.1 200 OK\r\n")
	} else {
		// HTTP/1.0 has no chunks: there the end of the connection ends the body, section 6.3 (HTTP-03).
		b.WriteString("HTTP/1.0 200 OK\r\n")
	}
	h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return &connection{conn: conn, http: true}, b.Bytes(), true
}

// Read reads what is there and forgets it (Reader). A subscriber has nothing to say after its request,
// but that it leaves must be noticed.
func (c *connection) Read() error {
	var b [512]byte
	_, err := c.conn.Read(b[:])
	return err
}

// Beat does nothing (Reader).
func (c *connection) Beat() {}

// patience is in how many parts the time for a write is spent, to see in each whether the peer
// accepts anything: it is the precision with which a stall is noticed.
const patience = 4

func (c *connection) write(b []byte, stall time.Duration) error {
	parts := patience
	if c.tls {
		parts = 1 // crypto/tls fails for good when a write times out, so there is one try
	}
	for left := parts; ; left-- {
		if stall > 0 {
			if err := c.conn.SetWriteDeadline(time.Now().Add(stall / time.Duration(parts))); err != nil {
				return err
			}
		}
		if c.aborted.Load() { // after the deadline was set, which would undo that of abort
			return net.ErrClosed
		}
		n, err := c.conn.Write(b)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.tls || n == 0 && left == 1:
			return err
		case n > 0:
			b, left = b[n:], parts+1 // slow, but it moves
		}
	}
}

// closeWrite tells the peer that nothing more comes, where the connection can close by halves.
func (c *connection) closeWrite() bool {
	half, ok := c.conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// setReadDeadline limits how long the peer may still be read.
func (c *connection) setReadDeadline(d time.Duration) {
	c.conn.SetReadDeadline(time.Now().Add(d)) // of a connection that is broken: reading it fails anyhow
	if c.aborted.Load() {
		c.abort()
	}
}

func (c *connection) abort() {
	c.aborted.Store(true)
	c.conn.SetDeadline(past)
}

// past is a deadline that ends what waits.
var past = time.Unix(1, 0)

// A response is an output that net/http still owns: over TLS or HTTP/2, or a writer that was
// wrapped.
type response struct {
	w       http.ResponseWriter
	flush   *http.ResponseController // of w: flushes the outermost wrapper that holds bytes back (SSE-32)
	control *http.ResponseController // of the innermost writer
	aborted atomic.Bool
}

func newResponse(w http.ResponseWriter, r *http.Request) *response {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close") // as on a connection that is taken over; HTTP/2 has no such field: RFC 9113, section 8.2.2 (HTTP-05)
	}
	o := &response{w: w, flush: http.NewResponseController(w), control: http.NewResponseController(innermost(w))}
	// A server's WriteTimeout is for answers that end. Each write has its own.
	o.control.SetWriteDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	return o
}

// innermost returns the writer below all wrappers. Some of them flush without telling of errors.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// write gives the peer that time for all of b: net/http does not tell how much of it was accepted.
func (o *response) write(b []byte, stall time.Duration) error {
	if stall > 0 {
		// A writer that knows no deadlines has a server that looks after itself.
		if err := o.control.SetWriteDeadline(time.Now().Add(stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	if o.aborted.Load() { // after the deadline was set, which would undo that of abort
		return net.ErrClosed
	}
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	if err := o.flush.Flush(); err != nil {
		return err
	}
	// Nothing is left to flush, but a wrapper may not have told of an error.
	if err := o.control.Flush(); err != nil {
		return err
	}
	if stall > 0 {
		// Over HTTP/2 the deadline would end a stream that has nothing to write just then.
		o.control.SetWriteDeadline(time.Time{})
	}
	return nil
}

// finish leaves the end of the body to net/http, with as much time as a write has.
func (o *response) finish(stall time.Duration) {
	if stall > 0 {
		o.control.SetWriteDeadline(time.Now().Add(stall))
	}
}

func (o *response) abort() {
	o.aborted.Store(true)
	o.control.SetWriteDeadline(past)
}
