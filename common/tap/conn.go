package tap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Conn is a connection that is recorded.
type Conn struct {
	net.Conn
	tap    *Tap
	tcp    *net.TCPConn // below, if it is one
	reads  Direction    // which way what is read goes
	number uint64
	lane   string

	mu       sync.Mutex
	offset   [2]int64 // by direction: how many bytes have gone
	parser   *Parser
	finished [2]bool
	linger   bool // Close will reset the connection
	closed   bool
}

func newConn(t *Tap, conn net.Conn, reads Direction, lane string) *Conn {
	c := &Conn{Conn: conn, tap: t, reads: reads, number: t.conns.Add(1), lane: lane, parser: NewParser()}
	c.tcp, _ = conn.(*net.TCPConn)
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok && c.tcp == nil { // TLS
		c.tcp, _ = inner.NetConn().(*net.TCPConn)
	}
	text := fmt.Sprintf("%v → %v", c.RemoteAddr(), c.LocalAddr())
	if reads == Down {
		text = fmt.Sprintf("%v → %v", c.LocalAddr(), c.RemoteAddr())
	}
	c.append(&Record{Kind: Opened, At: t.Now(), Text: text, Info: info(c.tcp)})
	return c
}

// Number is the Conn of its records.
func (c *Conn) Number() uint64 { return c.number }

func slot(dir Direction) int {
	if dir == Up {
		return 0
	}
	return 1
}

func (c *Conn) writes() Direction {
	if c.reads == Up {
		return Down
	}
	return Up
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 || err != nil {
		c.didRead(b[:n], err)
	}
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	began := c.tap.Now()
	n, err := c.Conn.Write(b)
	c.didWrite(b[:n], err, began)
	return n, err
}

// CloseWrite ends the direction away from here, where the connection can.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	err := half.CloseWrite()
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.finish(c.writes())
	}
	return err
}

// SetLinger is that of a TCP connection. With 0 Close resets the connection.
func (c *Conn) SetLinger(seconds int) error {
	if c.tcp == nil {
		return errors.ErrUnsupported
	}
	err := c.tcp.SetLinger(seconds)
	c.mu.Lock()
	c.linger = err == nil && seconds == 0
	c.mu.Unlock()
	return err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		kind, text := Closed, ""
		if c.linger {
			kind, text = Reset, "by us"
		}
		c.append(&Record{Kind: kind, Dir: c.writes(), At: c.tap.Now(), Text: text, Info: info(c.tcp)})
	}
	c.mu.Unlock()
	return c.Conn.Close()
}

// NetConn returns the connection below, as that of crypto/tls does. What is read from or written to it is not recorded.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// didRead is called after each Read.
func (c *Conn) didRead(b []byte, err error) {
	now := c.tap.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(b) > 0 {
		c.bytes(c.reads, b, &Record{At: now})
	}
	c.failed(err, c.reads, now)
}

// didWrite is called after each Write.
func (c *Conn) didWrite(b []byte, err error, began time.Duration) {
	now := c.tap.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := c.writes()
	if len(b) > 0 {
		c.bytes(dir, b, &Record{At: began, Took: now - began})
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.append(&Record{Kind: Stalled, Dir: dir, At: now, Took: now - began, Text: "the peer accepts no more", Info: info(c.tcp)})
	} else {
		c.failed(err, dir, now)
	}
}

// bytes records what was read or written, with the secrets in it overwritten.
func (c *Conn) bytes(dir Direction, b []byte, r *Record) {
	data := bytes.Clone(b)
	r.Kind, r.Dir, r.Offset, r.N = Bytes, dir, c.offset[slot(dir)], len(data)
	c.offset[slot(dir)] += int64(len(data))
	c.parse(r, data)
	if most := c.tap.config.RecordBytes; len(data) > most {
		data = bytes.Clone(data[:most])
	}
	r.Data, r.Info = data, info(c.tcp)
	c.append(r)
}

// parse parses a record's bytes. It keeps of the result what may be half of all that is kept: one Write can complete
// more than that.
func (c *Conn) parse(r *Record, data []byte) {
	room := c.tap.config.Bytes / 2
	for len(data) > 0 {
		n := min(len(data), maxHead)
		parsed := c.parser.feed(r.Dir, data[:n], r.At)
		data = data[n:]
		for _, m := range parsed.Messages {
			if room -= messageSize; room >= 0 {
				r.Messages = append(r.Messages, m)
			}
		}
		for _, root := range parsed.Spans {
			r.Cost.add(root)
			if room -= sizeOf(root); room >= 0 {
				r.Spans = append(r.Spans, root)
			}
		}
	}
	if room < 0 {
		r.Text = "not all that was found in these bytes is kept"
	}
}

// failed records how a direction has ended, if it has.
func (c *Conn) failed(err error, dir Direction, now time.Duration) {
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		// A deadline for reading is how net/http takes a connection back from its own reader.
	case errors.Is(err, io.EOF):
		c.finish(dir)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		c.append(&Record{Kind: Reset, Dir: c.reads, At: now, Text: "by the peer", Info: info(c.tcp)})
	default:
		c.append(&Record{Kind: Failed, Dir: dir, At: now, Text: err.Error(), Info: info(c.tcp)})
	}
}

// finish records the end of a direction, once.
func (c *Conn) finish(dir Direction) {
	if c.finished[slot(dir)] {
		return
	}
	c.finished[slot(dir)] = true
	now := c.tap.Now()
	r := &Record{Kind: Finished, Dir: dir, At: now, Offset: c.offset[slot(dir)], Parsed: c.parser.End(dir, now), Info: info(c.tcp)}
	for _, root := range r.Spans {
		r.Cost.add(root)
	}
	c.append(r)
}

// append adds a record of this connection.
func (c *Conn) append(r *Record) {
	r.Conn, r.Lane = c.number, c.lane
	c.tap.append(r)
}
