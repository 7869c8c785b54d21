package tap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The states of a connection.
const (
	waiting  = iota // nobody has claimed it yet: the head of its request is kept
	claimed         // a session records it
	released        // nothing is recorded, for good
)

// A Conn is a connection that can be recorded. At first it keeps the head of the request that is under way,
// and no more, until Claim says whose it is, or Release that it is nobody's. What is written to a connection that nobody
// has claimed is the answer to a request that was nobody's: the request is forgotten, and the next one can be claimed.
//
// A *Conn that is nil cannot be claimed, and may be released.
type Conn struct {
	net.Conn
	tap    *Tap
	tcp    *net.TCPConn // below, if it is one
	reads  Direction    // which way what is read goes
	number uint64
	state  atomic.Int32

	mu       sync.Mutex
	offset   [2]int64 // by direction: how many bytes have gone
	head     []byte   // of a connection that waits
	headAt   int64    // where it begins
	headTime time.Duration
	headCut  bool // there was more than is kept

	session  *Session
	lane     string
	parser   *Parser
	finished [2]bool
	linger   bool // Close will reset the connection
}

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
	if c.state.Load() != released && (n > 0 || err != nil) {
		c.didRead(b[:n], err)
	}
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	if c.state.Load() == released {
		return c.Conn.Write(b)
	}
	began := c.tap.Now()
	n, err := c.Conn.Write(b)
	c.didWrite(b[:n], err, began)
	return n, err
}

// ReadFrom implements io.ReaderFrom: a connection that is not recorded may send a file without copying it.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	if from, ok := c.Conn.(io.ReaderFrom); ok && c.state.Load() == released {
		return from.ReadFrom(r)
	}
	return io.Copy(onlyWriter{c}, r)
}

type onlyWriter struct{ io.Writer }

// CloseWrite ends the direction away from here, where the connection can.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	err := half.CloseWrite()
	if err == nil {
		c.happened(func() { c.finish(c.writes()) })
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
	c.happened(func() {
		kind, text := Closed, ""
		if c.linger {
			kind, text = Reset, "by us"
		}
		c.append(&Record{Kind: kind, Dir: c.writes(), At: c.tap.Now(), Text: text, Info: info(c.tcp)})
	})
	c.Stop()
	return c.Conn.Close()
}

// NetConn returns the connection below, as that of crypto/tls does. What is read from or written to it is not recorded.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Claim has a session record the connection from the request on that is under way. A lane names what
// the session uses it for. To claim it again, for the next request, changes the lane.
func (c *Conn) Claim(key, lane string) error {
	if c == nil {
		return ErrReleased
	}
	s, ok := c.tap.Session(key)
	if !ok {
		return ErrUnknown
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state.Load() {
	case released:
		return ErrReleased
	case claimed:
		if c.session != s {
			return ErrClaimed
		}
		c.lane = lane
		return nil
	}
	return c.join(s, lane)
}

// join adds the connection to a session. It is called with mu held.
func (c *Conn) join(s *Session, lane string) error {
	if err := s.attach(c); err != nil {
		return err
	}
	head, at, when, missing := c.head, c.headAt, c.headTime, c.headCut
	up, down := c.offset[0], c.offset[1]
	if head == nil && !missing {
		at, when = up, c.tap.Now()
	}
	c.head = nil // it is the session's now
	if len(head) > 0 || missing {
		c.tap.heads.Add(-1)
		c.headCut = false
	}
	c.session, c.lane, c.parser = s, lane, newParser(at, down)
	c.state.Store(claimed)
	text := fmt.Sprintf("%v → %v", c.RemoteAddr(), c.LocalAddr())
	if c.reads == Down {
		text = fmt.Sprintf("%v → %v", c.LocalAddr(), c.RemoteAddr())
	}
	c.append(&Record{Kind: Opened, At: when, Text: text, Info: info(c.tcp)})
	if missing {
		c.append(&Record{Kind: Bytes, Dir: Up, At: when, Offset: at, N: int(up - at),
			Parsed: c.parser.Missing(Up, up-at, when), Text: "a head that is too long to be kept"})
	} else if len(head) > 0 {
		c.bytes(Up, at, head, &Record{At: when})
	}
	return nil
}

// Release says that the connection is nobody's: what was kept is forgotten, and nothing is recorded any more. It returns
// the connection below, which can take the place of this one. A connection that was claimed stays as it is, and is returned itself.
func (c *Conn) Release() net.Conn {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() == claimed {
		return c
	}
	c.forget()
	c.state.Store(released)
	return c.Conn
}

// Stop has nothing be recorded any more, claimed or not.
func (c *Conn) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	c.state.Store(released)
	if c.session != nil {
		c.session.detach(c)
		c.session, c.parser = nil, nil
	}
}

// forget forgets the head of a request.
func (c *Conn) forget() {
	if c.head != nil || c.headCut {
		c.tap.heads.Add(-1)
		clear(c.head)
		c.head, c.headCut = nil, false
	}
}

// didRead is called after each Read.
func (c *Conn) didRead(b []byte, err error) {
	now := c.tap.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.offset[slot(c.reads)]
	c.offset[slot(c.reads)] += int64(len(b))
	switch c.state.Load() {
	case waiting:
		c.keep(b, at, now)
	case claimed:
		if len(b) > 0 {
			c.bytes(c.reads, at, bytes.Clone(b), &Record{At: now})
		}
		c.failed(err, c.reads, now)
	}
}

// keep keeps what is read of a head.
func (c *Conn) keep(b []byte, at int64, now time.Duration) {
	if len(b) == 0 {
		return
	}
	if c.head == nil && !c.headCut {
		c.headAt, c.headTime = at, now
		if c.tap.heads.Add(1) > int64(c.tap.config.Heads) {
			c.headCut = true
		}
	}
	if now-c.headTime > c.tap.config.HeadAge || len(c.head)+len(b) > c.tap.config.HeadBytes {
		clear(c.head)
		c.head, c.headCut = nil, true
	}
	if !c.headCut {
		c.head = append(c.head, b...)
	}
}

// didWrite is called after each Write.
func (c *Conn) didWrite(b []byte, err error, began time.Duration) {
	now := c.tap.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := c.writes()
	at := c.offset[slot(dir)]
	c.offset[slot(dir)] += int64(len(b))
	switch c.state.Load() {
	case waiting:
		c.forget()
	case claimed:
		if len(b) > 0 {
			c.bytes(dir, at, bytes.Clone(b), &Record{At: began, Took: now - began})
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.append(&Record{Kind: Stalled, Dir: dir, At: now, Took: now - began, Text: "the peer accepts no more", Info: info(c.tcp)})
		} else {
			c.failed(err, dir, now)
		}
	}
}

// bytes records what was read or written. It keeps data, and overwrites the secrets in it.
func (c *Conn) bytes(dir Direction, at int64, data []byte, r *Record) {
	r.Kind, r.Dir, r.Offset, r.N = Bytes, dir, at, len(data)
	c.parse(r, data)
	if most := c.tap.config.RecordBytes; len(data) > most {
		data = bytes.Clone(data[:most])
	}
	r.Data, r.Info = data, info(c.tcp)
	c.append(r)
}

// parse parses a record's bytes. It keeps of the result what may be half of a session: one Write can complete more than all
// of that.
func (c *Conn) parse(r *Record, data []byte) {
	room := c.tap.config.SessionBytes / 2
	for len(data) > 0 {
		n := min(len(data), maxHead)
		parsed := c.parser.feed(r.Dir, data[:n], r.At)
		data = data[n:]
		for _, m := range parsed.Messages {
			if room -= messageCost; room >= 0 {
				r.Messages = append(r.Messages, m)
			}
		}
		for _, root := range parsed.Spans {
			if room -= costOf(root); room >= 0 {
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
	c.append(&Record{Kind: Finished, Dir: dir, At: now, Parsed: c.parser.End(dir, now), Info: info(c.tcp)})
}

// happened does something if the connection is claimed.
func (c *Conn) happened(do func()) {
	if c.state.Load() != claimed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() == claimed && c.session != nil {
		do()
	}
}

// append adds a record to the session. It is called with mu held.
func (c *Conn) append(r *Record) {
	r.Conn, r.Lane = c.number, c.lane
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.append(r)
}
