package tap

import (
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Tap records connections for sessions. Its methods may be called from any goroutine. It has no
// goroutines: what is too old goes when something new comes.
type Tap struct {
	config Config
	began  time.Time
	conns  atomic.Uint64 // that there have been
	heads  atomic.Int64  // that are kept, of connections that nobody has claimed

	mu       sync.Mutex
	sessions map[string]*Session
}

// New returns a Tap without sessions.
func New(config Config) *Tap {
	return &Tap{config: config.withDefaults(), began: time.Now(), sessions: map[string]*Session{}}
}

// Now is the time on the clock of the records.
func (t *Tap) Now() time.Duration { return time.Since(t.began) }

// Began is when that clock began.
func (t *Tap) Began() time.Time { return t.began }

// Open returns a new session, with a key that nobody can guess.
func (t *Tap) Open() (*Session, error) {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if len(t.sessions) >= t.config.Sessions && !t.evict(now) {
		return nil, ErrSessions
	}
	s := newSession(t, rand.Text())
	t.sessions[s.key] = s
	return s, nil
}

// expire ends sessions that nobody has used for too long.
func (t *Tap) expire(now time.Duration) {
	for key, s := range t.sessions {
		if quiet, alone := s.quiet(now); alone && quiet > t.config.SessionAge {
			delete(t.sessions, key)
			s.end()
		}
	}
}

// evict ends the session that was quiet for longest, of those that nobody watches.
func (t *Tap) evict(now time.Duration) bool {
	var oldest *Session
	var longest time.Duration
	for _, s := range t.sessions {
		if quiet, alone := s.quiet(now); alone && (oldest == nil || quiet > longest) {
			oldest, longest = s, quiet
		}
	}
	if oldest == nil {
		return false
	}
	delete(t.sessions, oldest.key)
	oldest.end()
	return true
}

// Session returns the session with that key.
func (t *Tap) Session(key string) (*Session, bool) {
	now := t.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	s, ok := t.sessions[key]
	return s, ok
}

func (t *Tap) remove(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sessions[s.key] == s {
		delete(t.sessions, s.key)
	}
}

// Close ends all sessions.
func (t *Tap) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sessions {
		s.end()
	}
	clear(t.sessions)
}

// A Listener wraps the connections that it accepts.
type Listener struct {
	net.Listener
	tap *Tap
}

// Listen returns a listener whose connections are a *Conn each, unless they come from another machine. Over TLS it is to
// wrap the TLS listener; what it wraps is served by HTTP/1.1 then, since net/http does not recognise TLS below it.
func (t *Tap) Listen(l net.Listener) *Listener { return &Listener{l, t} }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || !l.tap.config.Remote && !local(conn.RemoteAddr()) {
		return conn, err
	}
	return l.tap.wrap(conn, Up), nil
}

// local reports whether an address is of this machine, or none.
func local(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return true
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	return ok && ip.Unmap().IsLoopback()
}

func (t *Tap) wrap(conn net.Conn, reads Direction) *Conn {
	c := &Conn{Conn: conn, tap: t, reads: reads, number: t.conns.Add(1)}
	c.tcp, _ = conn.(*net.TCPConn)
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok && c.tcp == nil { // TLS
		c.tcp, _ = inner.NetConn().(*net.TCPConn)
	}
	return c
}

// Client returns the client's end of a connection, recorded for a session from the beginning on.
func (t *Tap) Client(conn net.Conn, s *Session, lane string) (*Conn, error) {
	c := t.wrap(conn, Down)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.join(s, lane); err != nil {
		return nil, err
	}
	return c, nil
}

type contextKey struct{}

// ConnContext is for http.Server: it has FromContext find the connection of a request.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	for {
		if c, ok := conn.(*Conn); ok {
			return context.WithValue(ctx, contextKey{}, c)
		}
		inner, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return ctx
		}
		conn = inner.NetConn()
	}
}

// FromContext returns the connection that a request came by, and nil if it is not recorded. Claim and
// Release may be called on that.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}
