package fault

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// A conn is a client's connection and the one to the server that belongs to it. All is guarded by
// the proxy's lock; nothing that can wait is done with it held. The goroutine in run owns both
// connections: the others only leave a note (finish), and run closes.
type conn struct {
	p      *Proxy
	id     uint64
	opened time.Time
	client net.Conn
	server net.Conn // nil until it is dialed

	own     Fault // from Once
	fault   Fault // own, and what is set
	cutter  cutter
	random  *rand.Rand
	started bool
	active  time.Time // when a byte last came

	up, down half
	talk     talk
	asking   bool   // a request's head is being collected, since the proxy may answer it
	head     []byte // of that request
	passing  bool   // forward is closed
	answered bool

	ended bool
	how   Kind // "": close at once

	admitted chan struct{} // closed when it is its turn
	forward  chan struct{} // closed when the server is wanted
	done     chan struct{} // closed when it has ended
	poke     chan struct{} // run should look at its timer again
}

func newConn(p *Proxy, id uint64, client net.Conn, now time.Time) *conn {
	c := &conn{
		p: p, id: id, client: client, opened: now, active: now,
		admitted: make(chan struct{}), forward: make(chan struct{}), done: make(chan struct{}), poke: make(chan struct{}, 1),
	}
	draw := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(p.config.Seed, id*4+stream)) }
	c.random = draw(0)
	c.up.init(c, "up", draw(1))
	c.down.init(c, "down", draw(2))
	return c
}

// apply has the connection obey what is set now. It is called with the lock held.
func (c *conn) apply(now time.Time) {
	if c.ended {
		return
	}
	c.fault = c.p.setting.with(c.own)
	c.cutter.set(c.fault.Cut, now, c.down.passed, c.random)
	c.up.apply(c.fault.Up, now)
	c.down.apply(c.fault.Down, now)
	c.due(now)
	notify(c.poke)
}

// due does what is to be done by now, and returns when it has to be called again; zero is never.
func (c *conn) due(now time.Time) (next time.Time) {
	if c.ended {
		return next
	}
	if c.cutter.due(now, c.down.passed) {
		c.end(c.cutter.cut.Kind, WhyCut, now)
	}
	for _, h := range []*half{&c.up, &c.down} {
		if h.cutter.due(now, h.passed) {
			h.shutNow(now)
		}
		next = sooner(next, h.cutter.at)
	}
	if idle := c.fault.Idle; idle.After > 0 && c.started && !c.silenced() && !c.ended {
		at := c.active.Add(idle.After)
		if !now.Before(at) {
			c.end(either(idle.Kind, FIN), WhyIdle, now)
		} else {
			next = sooner(next, at)
		}
	}
	return sooner(next, c.cutter.at)
}

func (c *conn) silenced() bool { return c.up.dead && c.down.dead }

// end ends the connection because of a fault.
func (c *conn) end(kind Kind, why string, now time.Time) {
	if kind != Silence {
		c.finish(kind, why, now)
		return
	}
	c.cutter.stop()
	if !c.silenced() {
		c.p.observe(Event{At: now, Kind: Silenced, Connection: c.id, Why: why})
		c.up.silence(now)
		c.down.silence(now)
	}
}

// finish notes that the connection has ended, and how run should close it. It is called with the
// lock held; the first call counts.
func (c *conn) finish(how Kind, why string, now time.Time) {
	if c.ended {
		return
	}
	c.ended, c.how = true, how
	if why == WhyCut || why == WhyIdle || why == WhyRefuse {
		c.p.total.Cut++
	}
	c.up.swallow(len(c.head))
	c.asking, c.head = false, nil
	c.up.clear()
	c.down.clear()
	c.p.observe(Event{At: now, Kind: Closed, Connection: c.id, For: now.Sub(c.opened), Why: why})
	c.p.remove(c, now)
	// Whoever reads or writes now has to stop, but must not lose the connection yet.
	past := time.Unix(1, 0)
	c.client.SetDeadline(past)
	if c.server != nil {
		c.server.SetDeadline(past)
	}
	close(c.done)
}

// run serves the connection, and returns when it is closed and all its goroutines are gone.
func (c *conn) run(ctx context.Context) {
	var work sync.WaitGroup
	admitted := c.admitted
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.p.mu.Lock()
		now := time.Now()
		next := c.due(now)
		ended := c.ended
		c.p.mu.Unlock()
		if ended {
			break
		}
		timer.Stop()
		var expired <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(now))
			expired = timer.C
		}
		select {
		case <-admitted:
			admitted = nil
			work.Go(func() { c.up.read(c.client) })
			work.Go(func() { c.down.write(c.client) })
			work.Go(func() { c.connect(ctx, &work) })
			continue
		case <-expired:
			continue
		case <-c.poke:
			continue
		case <-ctx.Done():
			c.p.mu.Lock()
			c.finish("", WhyProxy, time.Now())
			c.p.mu.Unlock()
		case <-c.done:
		}
		break
	}
	work.Wait()
	conns := []net.Conn{c.client}
	if c.server != nil {
		conns = append(conns, c.server)
	}
	if ctx.Err() != nil {
		hangUp("", 0, conns...)
	} else {
		// A proxy that is closed meanwhile does not wait for the peers.
		hung := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			select {
			case <-hung:
			case <-ctx.Done():
				for _, nc := range conns {
					nc.Close()
				}
			}
		})
		hangUp(c.how, c.p.config.Linger, conns...)
		close(hung)
		watch.Wait()
	}

	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.sockets--
}

// connect dials the server when there is something for it: at once, or when the proxy has decided
// not to answer by itself.
func (c *conn) connect(ctx context.Context, work *sync.WaitGroup) {
	c.p.mu.Lock()
	if c.p.answering(time.Now()) == nil && !c.ended {
		c.pass()
	}
	c.p.mu.Unlock()
	select {
	case <-c.forward:
	case <-c.done:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, c.p.config.DialTimeout)
	defer cancel()
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.done:
			cancel()
		case <-ctx.Done():
		}
	})
	server, err := c.p.config.Dial(ctx, c.client)
	cancel()
	watch.Wait()

	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	switch {
	case err != nil:
		c.finish(RST, WhyDial, time.Now())
	case c.ended:
		server.Close()
	default:
		c.server = server
		c.down.source, c.up.target = server, server
		c.down.pace()
		work.Go(func() { c.down.read(server) })
		work.Go(func() { c.up.write(server) })
	}
}

// pass has the server dialed.
func (c *conn) pass() {
	if !c.passing {
		c.passing = true
		close(c.forward)
	}
}

// asks takes bytes from the client, and gives those that are for the server to the half that passes
// them on. Of a request that the proxy may answer it keeps the head until it knows.
func (c *conn) asks(p []byte, now time.Time) {
	for len(p) > 0 {
		if !c.asking && c.talk.atRequest() && c.p.answering(now) != nil {
			c.asking = true
		}
		n, headEnds := c.talk.request(p)
		if !c.asking {
			c.up.push(p[:n], now)
			p = p[n:]
			c.pass()
			continue
		}
		c.head, p = append(c.head, p[:n]...), p[n:]
		if headEnds {
			if answer, ok := c.p.takeAnswer(now); ok {
				c.answer(answer, len(c.head)+len(p), now)
				return
			}
		}
		if headEnds || c.talk.opaque {
			c.giveUp(now)
		}
	}
}

// giveUp passes on a request that the proxy does not answer.
func (c *conn) giveUp(now time.Time) {
	c.up.push(c.head, now)
	c.asking, c.head = false, nil
	c.pass()
}

// answer has the proxy answer a request, whose size so far is given.
func (c *conn) answer(a Answer, size int, now time.Time) {
	c.p.total.Answered++
	c.p.observe(Event{At: now, Kind: Answered, Connection: c.id, Why: statusText(a.Status)})
	c.asking, c.head, c.answered = false, nil, true
	c.up.swallow(size)
	c.up.shut = true
	c.down.push(a.response(c.talk.asked[0], c.p.config.Header, now), now)
	c.down.pushEnd(false, now)
	c.down.shut = true // what the server still says is too late
}

// replies takes bytes from the server.
func (c *conn) replies(p []byte, now time.Time) {
	for len(p) > 0 {
		n, ends := c.talk.response(p)
		c.down.push(p[:n], now)
		if p = p[n:]; ends {
			c.down.flush(now)
		}
	}
}

// over is called when the end of a direction has passed, or was swallowed.
func (c *conn) over(h *half, now time.Time) {
	h.over = true
	switch {
	case c.answered && h == &c.down:
		c.finish(FIN, WhyAnswer, now)
	case c.up.over && c.down.over:
		why := WhyClient
		if h == &c.up { // then the other one was first
			why = WhyServer
		}
		c.finish(FIN, why, now)
	}
}

// A cutter knows when a cut is due.
type cutter struct {
	cut   Cut
	at    time.Time // zero: at no time
	bytes int64     // 0: at no size
}

// set has it obey a cut, counting from now if that is a new one.
func (k *cutter) set(cut Cut, now time.Time, passed int64, random *rand.Rand) {
	if cut == k.cut {
		return
	}
	*k = cutter{cut: cut}
	if cut.After > 0 {
		k.at = now.Add(max(0, cut.After+time.Duration(vary(random)*float64(cut.Jitter))))
	}
	if cut.Bytes > 0 {
		k.bytes = passed + max(1, cut.Bytes+int64(vary(random)*float64(cut.Spread)))
	}
	if cut.Kind != "" && cut.After == 0 && cut.Bytes == 0 {
		k.at = now
	}
}

// stop has it do nothing more.
func (k *cutter) stop() { k.at, k.bytes = time.Time{}, 0 }

func (k *cutter) due(now time.Time, passed int64) bool {
	return !k.at.IsZero() && !now.Before(k.at) || k.bytes > 0 && passed >= k.bytes
}

// vary draws a number from -1 to 1.
func vary(random *rand.Rand) float64 { return 2*random.Float64() - 1 }

// sooner returns the earlier of two times, of which a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hangUp closes connections. With FIN it first waits until the peers have closed as well, but no
// longer than linger: to close a socket that has something unread resets it.
func hangUp(how Kind, linger time.Duration, conns ...net.Conn) {
	switch how {
	case FIN:
		until := time.Now().Add(linger)
		for _, c := range conns {
			c.SetReadDeadline(until)
			closeWrite(c)
		}
		for _, c := range conns {
			io.Copy(io.Discard, reader1{c})
		}
	case RST:
		conns = slices.Clone(conns) // somebody else may be closing these
		for i, c := range conns {
			conns[i] = reset(c)
		}
	}
	for _, c := range conns {
		c.Close()
	}
}

// reader1 hides what else a connection can do from io.Copy.
type reader1 struct{ io.Reader }

// closeWrite sends a FIN, and tells whether the connection can do so and stay open to be read.
func closeWrite(c net.Conn) bool {
	s, ok := c.(interface{ CloseWrite() error })
	return ok && s.CloseWrite() == nil
}

// reset has the closing of a connection reset it, and returns what is to be closed for that: the outermost wrapper that
// can do so, since TLS would say goodbye first.
func reset(c net.Conn) net.Conn {
	for {
		if s, ok := c.(interface{ SetLinger(seconds int) error }); ok {
			s.SetLinger(0) // where that fails there is no RST: see the constant
			return c
		}
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = w.NetConn()
	}
}
