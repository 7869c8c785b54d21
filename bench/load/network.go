package load

import (
	"context"
	"net"
	"sync"
	"time"
)

// A conns is a network of net.Conns, with a goroutine for each: for connections in memory, and for
// systems without epoll.
type conns struct {
	load    *Load
	live    context.Context // ended by close
	cancel  context.CancelFunc
	running sync.WaitGroup
	open    map[*subscriber]context.CancelFunc // guarded by the load's mutex
}

func newConns(l *Load) *conns {
	c := &conns{load: l, open: map[*subscriber]context.CancelFunc{}}
	c.live, c.cancel = context.WithCancel(context.Background())
	return c
}

func (c *conns) connect(s *subscriber) error {
	ctx, cancel := context.WithCancel(c.live)
	c.open[s] = cancel
	request := s.begin(nil)
	c.running.Go(func() {
		defer cancel()
		err := c.run(ctx, s, request)
		c.load.mu.Lock()
		defer c.load.mu.Unlock()
		if ctx.Err() == nil {
			c.load.lose(s, err)
		}
	})
	return nil
}

func (c *conns) disconnect(s *subscriber) {
	if cancel, ok := c.open[s]; ok {
		cancel()
		delete(c.open, s)
	}
}

func (c *conns) close() {
	c.cancel()
	c.running.Wait()
}

// run connects, and receives until ctx ends.
func (c *conns) run(ctx context.Context, s *subscriber, request []byte) error {
	conn, err := c.load.dialer.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := c.write(conn, request); err != nil {
		return err
	}
	c.load.mu.Lock()
	if ctx.Err() == nil {
		s.asked()
	}
	c.load.mu.Unlock()
	buffer := make([]byte, readBuffer)
	for {
		n, err := conn.Conn.Read(buffer)
		if err != nil {
			return err
		}
		c.load.mu.Lock()
		if ctx.Err() != nil {
			c.load.mu.Unlock()
			return ctx.Err()
		}
		c.load.now = time.Since(c.load.base)
		answer, err := s.feed(buffer[:n])
		answer = append([]byte(nil), answer...) // it is the load's
		c.load.mu.Unlock()
		if err != nil {
			return err
		}
		if err := c.write(conn, answer); err != nil {
			return err
		}
	}
}

func (c *conns) write(conn net.Conn, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.load.mu.Lock()
	c.load.out += int64(len(p))
	c.load.mu.Unlock()
	_, err := conn.Write(p)
	return err
}
