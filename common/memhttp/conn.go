package memhttp

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Pipe returns the two ends of a connection in memory. Each direction holds up to size bytes that
// were written and not yet read, as a socket's buffers do; then writing waits. Unlike net.Pipe it
// has that buffer, and an end can close its direction alone (CloseWrite).
func Pipe(size int) (a, b net.Conn) {
	ab, ba := newDirection(size), newDirection(size)
	return &conn{in: ba, out: ab}, &conn{in: ab, out: ba}
}

// A direction is a bounded queue of bytes.
type direction struct {
	size int

	mu       sync.Mutex
	changed  *sync.Cond
	queue    []byte
	ended    bool // nothing more will be written
	broken   bool // nothing more will be read
	deadline [2]deadline
	watches  map[*poller]*watch
}

// The two sides of a direction.
const (
	reading = iota
	writing
)

type deadline struct {
	timer *time.Timer
	over  bool
}

func newDirection(size int) *direction {
	d := &direction{size: size}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// change tells whoever waits that something has changed. It is called with the lock held.
func (d *direction) change() {
	d.changed.Broadcast()
	if len(d.queue) > 0 || d.ended {
		d.notify()
	}
}

func (d *direction) read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.broken:
			return 0, net.ErrClosed
		case d.deadline[reading].over:
			return 0, os.ErrDeadlineExceeded
		case len(d.queue) > 0:
			n := copy(p, d.queue)
			d.queue = d.queue[n:]
			d.change()
			return n, nil
		case d.ended:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		d.changed.Wait()
	}
}

func (d *direction) write(p []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.ended:
			return n, net.ErrClosed
		case d.broken:
			return n, io.ErrClosedPipe // what a socket calls a broken pipe
		case d.deadline[writing].over:
			return n, os.ErrDeadlineExceeded
		}
		room := min(d.size-len(d.queue), len(p))
		d.queue = append(d.queue, p[:room]...)
		n, p = n+room, p[room:]
		if room > 0 {
			d.change()
		}
		if len(p) == 0 {
			return n, nil
		}
		d.changed.Wait()
	}
}

func (d *direction) end(side int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if side == writing {
		d.ended = true
	} else {
		d.broken, d.queue = true, nil
	}
	d.setDeadline(side, time.Time{})
	d.change()
}

// setDeadline is called with the lock held.
func (d *direction) setDeadline(side int, t time.Time) {
	limit := &d.deadline[side]
	if limit.timer != nil {
		limit.timer.Stop()
	}
	*limit = deadline{}
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait <= 0 {
		limit.over = true
	} else {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.deadline[side].timer == timer {
				d.deadline[side].over = true
				d.change()
			}
		})
		limit.timer = timer
	}
	d.change()
}

func (d *direction) setDeadlineLocking(side int, t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setDeadline(side, t)
}

func (d *direction) isBroken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

type conn struct {
	in, out *direction
	kernel  atomic.Pointer[Kernel] // that has a descriptor for it, if one has
}

func (c *conn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *conn) Write(p []byte) (int, error) {
	if k := c.kernel.Load(); k != nil {
		defer k.written(c)
		k.write(c)
	}
	return c.out.write(p)
}

// CloseWrite ends the direction away from this end: the peer reads what was written, and then EOF.
func (c *conn) CloseWrite() error {
	c.out.end(writing)
	return nil
}

func (c *conn) Close() error {
	c.out.end(writing)
	c.in.end(reading)
	if k := c.kernel.Load(); k != nil {
		k.closed(c)
	}
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.setDeadline(c.in, reading, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(c.out, writing, t) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) setDeadline(d *direction, side int, t time.Time) error {
	if c.in.isBroken() { // by Close; after CloseWrite a deadline may be set, and does nothing
		return net.ErrClosed
	}
	d.setDeadlineLocking(side, t)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return addr{} }
func (c *conn) RemoteAddr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }
