package fault_test

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/fault"
	"pushlab/common/memhttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bench has a proxy in memory, on which the test is the client and the server. It runs in virtual
// time, and is only for the inside of a bubble.
type bench struct {
	t     *testing.T
	proxy *fault.Proxy
	start time.Time
	size  int // of the buffers of connections
	end   context.CancelFunc

	toProxy *listener
	servers chan net.Conn
	dialed  *tape // of the latest connection to the server

	mu     sync.Mutex
	events []fault.Event
	served error
}

// newBench starts a proxy, which ends with the test.
func newBench(t *testing.T, config fault.Config) *bench {
	b := &bench{t: t, start: time.Now(), size: 64 << 10, servers: make(chan net.Conn, 100)}
	b.toProxy = &listener{conns: make(chan net.Conn, 100), closed: make(chan struct{})}
	if config.Dial == nil {
		config.Dial = func(context.Context, net.Conn) (net.Conn, error) {
			ours, theirs := memhttp.Pipe(b.size)
			b.servers <- theirs
			b.dialed = &tape{Conn: ours, start: b.start}
			return b.dialed, nil
		}
	}
	config.Observe = func(e fault.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	}
	b.proxy = fault.New(config)
	ctx, cancel := context.WithCancel(t.Context())
	b.end = cancel
	var serving sync.WaitGroup
	serving.Go(func() { b.served = b.proxy.Serve(ctx, b.toProxy) })
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		if b.served != nil {
			t.Errorf("Serve: %v", b.served)
		}
	})
	return b
}

func (b *bench) set(text string) {
	b.t.Helper()
	f, err := fault.Parse(text)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.proxy.Set(f); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

func (b *bench) once(text string) int {
	b.t.Helper()
	f, err := fault.Parse(text)
	if err != nil {
		b.t.Fatal(err)
	}
	n, err := b.proxy.Once(f)
	if err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
	return n
}

// connect returns the client's end of a new connection, and the tape of what the proxy does to it.
func (b *bench) connect() (client net.Conn, proxys *tape) {
	client, end := memhttp.Pipe(b.size)
	proxys = &tape{Conn: end, start: b.start}
	b.toProxy.conns <- proxys
	b.t.Cleanup(func() { client.Close() })
	synctest.Wait()
	return client, proxys
}

// accept returns the server's end of the next connection that the proxy has made.
func (b *bench) accept() net.Conn {
	b.t.Helper()
	synctest.Wait()
	select {
	case server := <-b.servers:
		b.t.Cleanup(func() { server.Close() })
		return server
	default:
		b.t.Fatal("the proxy has not dialed")
		return nil
	}
}

// pair returns both ends of a connection through the proxy.
func (b *bench) pair() (client, server net.Conn, proxys *tape) {
	b.t.Helper()
	client, proxys = b.connect()
	return client, b.accept(), proxys
}

// log returns the events as text, one on a line, without the kinds that are left out.
func (b *bench) log(without ...fault.EventKind) string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, e := range b.events {
		if !slices.Contains(without, e.Kind) {
			lines = append(lines, e.At.Sub(b.start).String()+" "+string(e.Kind)+" "+e.Why)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// A listener hands out connections that the test has made.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// A tape is the proxy's end of a connection, and keeps what the proxy does with it: each write by
// itself, and the end.
type tape struct {
	net.Conn
	start time.Time

	mu  sync.Mutex
	did []string // "1s hello", "2s FIN", "2s RST"
	rst bool
	fin bool
}

func (c *tape) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = append(c.did, time.Since(c.start).String()+" "+what)
}

func (c *tape) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n > 0 {
		c.note(string(p[:n]))
	}
	return n, err
}

func (c *tape) CloseWrite() error {
	if !c.fin && !c.rst {
		c.note("FIN")
	}
	c.fin = true
	return c.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

func (c *tape) SetLinger(seconds int) error {
	if seconds == 0 {
		c.rst = true
	}
	return nil
}

func (c *tape) Close() error {
	if c.rst {
		c.note("RST")
	} else if !c.fin {
		c.note("FIN")
	}
	return c.Conn.Close()
}

// list returns what the proxy has done.
func (c *tape) list() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.did)
}

func (c *tape) wants(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := c.list(); !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("to write %.20q: %v", text, err)
	}
	synctest.Wait()
}
