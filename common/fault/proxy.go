package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// ErrClosed is returned by the methods of a proxy that was closed.
var ErrClosed = errors.New("fault: the proxy is closed")

// Config is what New needs. Only Dial has no default.
type Config struct {
	// Dial connects to the server, once for each connection of a client, which it is given to tell whose
	// it is. What it returns may outlive the context: that bounds the dialing only.
	Dial func(ctx context.Context, client net.Conn) (net.Conn, error)
	// DialTimeout is how long that may take. 0: 10 s.
	DialTimeout time.Duration
	// Listen makes the listener anew after the proxy has refused connections. With it the listener
	// is closed meanwhile, and who dials is refused as by a server that is not running. Without it a
	// connection is accepted and reset at once.
	Listen func() (net.Listener, error)

	// Seed is where all that is drawn comes from.
	Seed uint64
	// MaxConnections is how many may be open, those that wait included; others are reset. 0: 256.
	MaxConnections int
	// MaxHeld is how many bytes may be held in each direction of a connection. When there are so
	// many, the proxy stops reading. No buffer can be larger. 0: 256 KiB; at most 1 GiB.
	MaxHeld int
	// Linger is how long to wait for the peer's FIN after our own, before the socket is closed. To
	// close at once could reset the connection. 0: 1 s.
	Linger time.Duration

	// Header is added to the proxy's own answers; Access-Control-Allow-Origin lets a page see them.
	Header http.Header
	// Observe is told of everything, in order, one event at a time. It must return at once, and must
	// not call the proxy.
	Observe func(Event)
}

func (c Config) withDefaults() Config {
	c.DialTimeout = either(c.DialTimeout, 10*time.Second)
	c.MaxConnections = either(c.MaxConnections, 256)
	c.MaxHeld = min(either(c.MaxHeld, 256<<10), maxSize)
	c.Linger = either(c.Linger, time.Second)
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	return c
}

// A Proxy passes connections on to a server, with faults. Its methods may be called by many
// goroutines at once.
type Proxy struct {
	config Config

	mu      sync.Mutex // guards all below, and all connections
	setting Fault
	refuse  [2]time.Time  // until when: by the setting, by Once
	answers [2]burst      // of the setting, of Once
	changed chan struct{} // closed, and made anew, when refuse changes
	conns   []*conn       // open or waiting, in the order of coming
	sockets int           // clients' connections, those included that are being closed
	total   State         // the counters of what is gone
	serves  map[*serve]bool
	closed  bool
	serving sync.WaitGroup // Serve
}

// A burst is an Answer that is given for a while.
type burst struct {
	answer Answer
	until  time.Time
	left   int
}

// The two sources of what is not a connection's own.
const (
	bySetting = iota
	byOnce
)

// New makes a proxy that does nothing wrong yet.
func New(config Config) *Proxy {
	if config.Dial == nil {
		panic("fault: Config.Dial is missing")
	}
	return &Proxy{config: config.withDefaults(), changed: make(chan struct{}), serves: make(map[*serve]bool)}
}

// A serve is one call of Serve.
type serve struct {
	cancel   context.CancelFunc
	listener net.Listener
	down     bool // closed, until the proxy accepts connections again
}

// Serve passes on the connections that come to l, until ctx ends or the proxy is closed, which is no
// error. Then it closes the listener and all its connections, and returns when all is done. It may
// be called for several listeners.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &serve{cancel: cancel, listener: l}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		cancel()
		l.Close()
		return ErrClosed
	}
	p.serves[s] = true
	p.serving.Add(1)
	if p.refusing(time.Now()) > 0 {
		p.takeDown(s)
	}
	p.mu.Unlock()

	var running sync.WaitGroup
	running.Go(func() {
		<-ctx.Done()
		p.mu.Lock()
		defer p.mu.Unlock()
		s.listener.Close()
	})
	err := p.accept(ctx, s, &running)
	cancel()
	running.Wait()
	p.mu.Lock()
	delete(p.serves, s)
	p.mu.Unlock()
	p.serving.Done()
	return err
}

func (p *Proxy) accept(ctx context.Context, s *serve, running *sync.WaitGroup) error {
	l := s.listener // which only this goroutine replaces
	for {
		client, err := l.Accept()
		if err == nil {
			p.admit(ctx, client, running)
			continue
		}
		p.mu.Lock()
		down := s.down
		p.mu.Unlock()
		if down && ctx.Err() == nil {
			l, err = p.listenAgain(ctx, s)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("fault: %w", err)
		}
	}
}

// takeDown closes a listener while connections are refused. It is called with the lock held.
func (p *Proxy) takeDown(s *serve) {
	if p.config.Listen != nil && !s.down {
		s.down = true
		s.listener.Close()
	}
}

// listenAgain waits until connections are accepted again.
func (p *Proxy) listenAgain(ctx context.Context, s *serve) (net.Listener, error) {
	for {
		p.mu.Lock()
		left, changed := p.refusing(time.Now()), p.changed
		p.mu.Unlock()
		if left <= 0 {
			break
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	l, err := p.config.Listen()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.listener, s.down = l, false
	if ctx.Err() != nil {
		l.Close()
	}
	if p.refusing(time.Now()) > 0 {
		p.takeDown(s)
	}
	return l, nil
}

// admit begins to serve a connection, or refuses it.
func (p *Proxy) admit(ctx context.Context, client net.Conn, running *sync.WaitGroup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.total.Accepted++
	limit := p.setting.Limit
	full := limit.Connections > 0 && p.served() >= limit.Connections
	why := ""
	switch {
	case p.refusing(now) > 0:
		why = WhyRefuse
	case p.sockets >= p.config.MaxConnections, full && limit.Refuse:
		why = WhyFull
	}
	if why != "" {
		p.total.Refused++
		hangUp(RST, 0, client)
		p.observe(Event{At: now, Kind: Refused, Connection: p.total.Accepted, Why: why})
		return
	}
	c := newConn(p, p.total.Accepted, client, now)
	p.sockets++
	p.conns = append(p.conns, c)
	if full {
		p.observe(Event{At: now, Kind: Queued, Connection: c.id})
	}
	p.next(now)
	c.apply(now)
	running.Go(func() { c.run(ctx) })
}

// served counts the connections that do not wait.
func (p *Proxy) served() (n int) {
	for _, c := range p.conns {
		if c.started {
			n++
		}
	}
	return n
}

// next begins to serve those that have waited the longest, if there is room.
func (p *Proxy) next(now time.Time) {
	served := p.served()
	for _, c := range p.conns {
		if limit := p.setting.Limit.Connections; limit > 0 && served >= limit {
			return
		}
		if !c.started {
			c.started, c.active = true, now
			close(c.admitted)
			p.observe(Event{At: now, Kind: Opened, Connection: c.id})
			served++
		}
	}
}

// remove takes a connection that has ended off the list.
func (p *Proxy) remove(c *conn, now time.Time) {
	i := slices.Index(p.conns, c)
	p.conns = slices.Delete(p.conns, i, i+1)
	p.count(&c.up, c.up.traffic())
	p.count(&c.down, c.down.traffic())
	p.next(now)
}

// count adds to the traffic of those that are gone.
func (p *Proxy) count(h *half, t Traffic) {
	total := &p.total.Down
	if h == &h.c.up {
		total = &p.total.Up
	}
	*total = total.plus(t)
}

// observe is called with the lock held.
func (p *Proxy) observe(e Event) { p.config.Observe(e) }

// Set has f be what is wrong from now on, on the connections that are open and on those that come.
// It replaces what was set before; the times in it begin anew. What Once did is not touched.
func (p *Proxy) Set(f Fault) error {
	if err := p.check(f); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	now := time.Now()
	p.setting = f
	p.refuse[bySetting], p.answers[bySetting] = time.Time{}, burst{}
	p.observe(Event{At: now, Kind: Changed, Why: f.String()})
	p.begin(f, bySetting, now)
	p.next(now)
	for _, c := range slices.Clone(p.conns) { // some of which may end
		c.apply(now)
	}
	return nil
}

// Once has f happen now. The connections that are open have it for the rest of their lives, in
// addition to what is set and before it; those that come later have not. To refuse, and to answer,
// begin now and end by themselves, or with Reset. Once returns how many connections were open.
func (p *Proxy) Once(f Fault) (int, error) {
	if err := p.check(f); err != nil {
		return 0, err
	}
	if f.Limit != (Limit{}) {
		return 0, errors.New("fault: connections is a setting; it cannot happen once")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, ErrClosed
	}
	now, open := time.Now(), slices.Clone(p.conns)
	p.observe(Event{At: now, Kind: Changed, Why: "once: " + f.String()})
	p.begin(f, byOnce, now)
	f.Refuse, f.Answer = 0, Answer{}
	for _, c := range open {
		c.own = c.own.with(f)
		if f.Cut.Kind != "" {
			c.cutter = cutter{} // even if it is the same as before
		}
		c.apply(now)
	}
	return len(open), nil
}

// Cut ends all connections that are open, now, and returns how many.
func (p *Proxy) Cut(kind Kind) (int, error) { return p.Once(Fault{Cut: Cut{Kind: kind}}) }

// Reset ends all faults: what was set, and what Once has begun. What is lost stays lost.
func (p *Proxy) Reset() error {
	p.mu.Lock()
	for _, c := range p.conns {
		c.own = Fault{}
	}
	p.refuse, p.answers = [2]time.Time{}, [2]burst{}
	p.mu.Unlock()
	return p.Set(Fault{})
}

func (p *Proxy) check(f Fault) error {
	if err := f.Check(); err != nil {
		return err
	}
	if n := max(f.Up.Buffer.Size, f.Down.Buffer.Size); n > p.config.MaxHeld {
		return fmt.Errorf("fault: a buffer of %s is more than this proxy holds; use at most %s",
			size(int64(n)), size(int64(p.config.MaxHeld)))
	}
	return nil
}

// begin starts what f does to the proxy as a whole.
func (p *Proxy) begin(f Fault, by int, now time.Time) {
	if f.Answer.Status != 0 {
		b := burst{answer: f.Answer, left: f.Answer.Requests}
		if f.Answer.For > 0 {
			b.until = now.Add(f.Answer.For)
		}
		p.answers[by] = b
	}
	if f.Refuse > 0 {
		p.refuse[by] = now.Add(f.Refuse)
		for s := range p.serves {
			p.takeDown(s)
		}
		how := FIN
		if f.Cut.Kind == RST && f.Cut.After == 0 && f.Cut.Bytes == 0 {
			how = RST // not as a program that ends, but as one that is killed
		}
		for _, c := range slices.Clone(p.conns) {
			c.finish(how, WhyRefuse, now)
		}
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// refusing returns how much longer connections are refused.
func (p *Proxy) refusing(now time.Time) (left time.Duration) {
	for _, until := range p.refuse {
		if !until.IsZero() {
			left = max(left, until.Sub(now))
		}
	}
	if left > maxTime {
		left = Always
	}
	return left
}

// answering returns the burst of which the next answer would be one. Those of Once go first.
func (p *Proxy) answering(now time.Time) *burst {
	for i := range p.answers {
		b := &p.answers[len(p.answers)-1-i]
		if !b.until.IsZero() && !now.Before(b.until) {
			*b = burst{}
		}
		if b.answer.Status != 0 {
			return b
		}
	}
	return nil
}

// takeAnswer returns the answer to a request, if the proxy is to give one.
func (p *Proxy) takeAnswer(now time.Time) (a Answer, ok bool) {
	b := p.answering(now)
	if b == nil {
		return Answer{}, false
	}
	a = b.answer
	if b.left--; a.Requests > 0 && b.left == 0 {
		*b = burst{}
	}
	return a, true
}

// State tells how things stand.
func (p *Proxy) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.total
	s.At, s.Setting, s.Connections = time.Now(), p.setting, []Connection{}
	s.Refusing = p.refusing(s.At)
	if b := p.answering(s.At); b != nil {
		left := b.answer
		if left.Requests > 0 {
			left.Requests = b.left
		}
		if !b.until.IsZero() {
			left.For = b.until.Sub(s.At)
		}
		s.Answering = left.String()
	}
	for _, c := range p.conns {
		seen := Connection{
			ID: c.id, Client: c.client.RemoteAddr().String(), Since: c.opened, Queued: !c.started,
			Silenced: c.up.dead && c.down.dead, Own: c.own, Up: c.up.traffic(), Down: c.down.traffic(),
		}
		s.Up, s.Down = s.Up.plus(seen.Up), s.Down.plus(seen.Down)
		s.Connections = append(s.Connections, seen)
	}
	return s
}

// Close ends every Serve, and returns when they have returned.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	for s := range p.serves {
		s.cancel()
	}
	p.mu.Unlock()
	p.serving.Wait()
	return nil
}

func statusText(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }
