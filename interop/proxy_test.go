package interop

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// A proxy passes TCP connections on, until the test has them break.
type proxy struct {
	t        *testing.T
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string     // of new connections; "" has them wait until there is one
	change *sync.Cond // of the target, or of ended
	ended  bool
	budget func() int // how many bytes of answer a new connection may pass on; nil is all
	open   map[*net.TCPConn]bool
	heads  []string // of the requests, one for each connection
	cuts   int
}

// newProxy starts a proxy, which ends with the test.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, listener: l, target: target, open: make(map[*net.TCPConn]bool)}
	p.change = sync.NewCond(&p.mu)
	p.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
		p.change.Broadcast()
		p.cut()
		p.running.Wait()
	})
	return p
}

func (p *proxy) url(scheme, path string) string {
	return scheme + "://" + p.listener.Addr().String() + path
}

// to sets the target of new connections; "" has them wait until there is another one.
func (p *proxy) to(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.change.Broadcast()
}

// limit has every new connection break after the number of bytes that budget returns.
func (p *proxy) limit(budget func() int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = budget
}

// cut breaks all connections, half of them with a reset.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		p.breakOff(c)
	}
}

func (p *proxy) breakOff(c *net.TCPConn) {
	if p.cuts++; p.cuts%2 == 0 {
		c.SetLinger(0)
	}
	c.Close()
}

// requests returns the heads of the requests that came, the first of each connection.
func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heads...)
}

func (p *proxy) serve(client *net.TCPConn) {
	defer client.Close()
	p.mu.Lock()
	for p.target == "" && !p.ended {
		p.change.Wait()
	}
	if p.ended {
		p.mu.Unlock()
		return
	}
	target, budget := p.target, -1
	if p.budget != nil {
		budget = p.budget()
	}
	number := len(p.heads)
	p.heads = append(p.heads, "")
	p.open[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.open, client)
		p.mu.Unlock()
	}()

	c, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	server := c.(*net.TCPConn)
	defer server.Close()

	var upstream sync.WaitGroup
	upstream.Go(func() {
		io.Copy(server, io.TeeReader(client, &head{p, number}))
		server.CloseWrite()
	})
	if budget >= 0 {
		io.CopyN(client, server, int64(budget))
		p.mu.Lock()
		p.breakOff(client)
		p.mu.Unlock()
		server.Close()
	} else {
		io.Copy(client, server)
		client.CloseWrite() // the client may still talk
	}
	upstream.Wait()
}

// A head notes the first request of a connection.
type head struct {
	*proxy
	number int
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !strings.Contains(h.heads[h.number], "\r\n\r\n") {
		h.heads[h.number] += string(b)
	}
	return len(b), nil
}
