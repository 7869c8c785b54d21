package load

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"pushlab/bench/result"
)

// A conns is a network of net.Conns, with a goroutine for each: for connections in memory, and for
// systems without epoll.
type conns struct {
	load    *Load
	live    context.Context // ended by close
	cancel  context.CancelFunc
	running sync.WaitGroup
	open    map[*subscriber]line // guarded by the load's mutex
}

// A line is a connection.
type line struct {
	cancel context.CancelFunc
	out    chan []byte // what is to be written beside what the reader answers; nil: nothing
}

// maxOut is how much a connection may have to write.
const maxOut = 4096

func newConns(l *Load) *conns {
	c := &conns{load: l, open: map[*subscriber]line{}}
	c.live, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *conns) connect(s *subscriber) error {
	ctx, cancel := context.WithCancel(c.live)
	to := line{cancel: cancel}
	if s.topic != "" {
		to.out = make(chan []byte, maxOut)
	}
	c.open[s] = to
	request := s.begin(nil)
	c.running.Go(func() {
		defer cancel()
		err := c.run(ctx, s, request, to.out)
		c.load.mu.Lock()
		defer c.load.mu.Unlock()
		if ctx.Err() == nil {
			c.load.lose(s, err)
		}
	})
	return nil
}

func (c *conns) disconnect(s *subscriber) {
	if to, ok := c.open[s]; ok {
		to.cancel()
		delete(c.open, s)
	}
}

func (c *conns) send(s *subscriber, b []byte) error {
	select {
	case c.open[s].out <- append([]byte(nil), b...): // it is the load's
		return nil
	default:
		return io.ErrShortWrite
	}
}

func (c *conns) close() {
	c.cancel()
	c.running.Wait()
}

// segments: what these connections are made of is not known.
func (c *conns) segments() (result.Segments, bool) { return result.Segments{}, false }

// run connects, and receives until ctx ends.
func (c *conns) run(ctx context.Context, s *subscriber, request []byte, out chan []byte) error {
	var stamp atomic.Int64
	conn, err := c.load.dial(ctx, &stamp)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if s.slow {
		if t, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
			if err := t.SetReadBuffer(slowBuffer); err != nil {
				return err
			}
		}
	}
	if err := c.write(s, conn, request); err != nil {
		return err
	}
	c.load.mu.Lock()
	if ctx.Err() == nil {
		s.asked()
	}
	c.load.mu.Unlock()
	answer := func(b []byte) error { return c.write(s, conn, b) }
	if out != nil { // all is written by one
		answer = func(b []byte) error {
			if len(b) > 0 {
				select {
				case out <- b:
				case <-ctx.Done():
				}
			}
			return nil
		}
		var writing sync.WaitGroup
		defer writing.Wait()
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		writing.Go(func() { c.writeAll(ctx, s, conn, out) })
	}
	buffer := make([]byte, readBuffer)
	for {
		most, err := c.load.pace(ctx, s, 0)
		if err != nil {
			return err
		}
		n, err := conn.Read(buffer[:min(most, len(buffer))])
		if err != nil {
			return err
		}
		c.load.mu.Lock()
		if ctx.Err() != nil {
			c.load.mu.Unlock()
			return ctx.Err()
		}
		c.load.arrive(stamp.Load())
		said, err := s.feed(buffer[:n])
		said = append([]byte(nil), said...) // it is the load's
		c.load.mu.Unlock()
		if err != nil {
			return err
		}
		if err := answer(said); err != nil {
			return err
		}
	}
}

// writeAll writes what there is until ctx ends. That the connection is lost is found by who reads it.
func (c *conns) writeAll(ctx context.Context, s *subscriber, conn net.Conn, out chan []byte) {
	for {
		select {
		case b := <-out:
			if c.write(s, conn, b) != nil {
				conn.Close()
			}
		case <-ctx.Done():
			return
		}
	}
}

func (c *conns) write(s *subscriber, conn net.Conn, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.load.mu.Lock()
	s.sent(len(p))
	c.load.mu.Unlock()
	_, err := conn.Write(p)
	return err
}
