package lab

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"pushlab/common/fault"
	"pushlab/common/tap"
)

// names are the lanes, in the order of the lesson.
var names = []string{"longpoll", "httpstream", "sse", "websocket"}

// A lane is a port of the learner's: its connections are recorded, and go through a proxy that breaks them if it is told
// to.
type lane struct {
	lab   *Lab
	name  string
	port  int
	proxy *fault.Proxy

	mu       sync.Mutex
	between  *between          // the proxy and the server; nil: nothing is
	accepted uint64            // connections, as the proxy counts them
	numbers  map[uint64]uint64 // what the tap calls those
}

// openLane listens on a free port.
func openLane(l *Lab, name string) (*lane, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	n := &lane{lab: l, name: name, port: listener.Addr().(*net.TCPAddr).Port, numbers: map[uint64]uint64{}}
	seed := fnv.New64a()
	seed.Write([]byte(l.id + name)) // never fails
	n.proxy = fault.New(fault.Config{
		Dial:           n.dial,
		Listen:         n.listenAgain,
		Seed:           seed.Sum64(),
		MaxConnections: maxConnections,
		Header:         http.Header{"Access-Control-Allow-Origin": {l.origin}, "Access-Control-Allow-Credentials": {"true"}, "Vary": {"Origin"}},
		Observe:        n.observe,
	})
	l.running.Go(func() {
		if err := n.proxy.Serve(l.ctx, n.listen(listener)); err != nil {
			l.config.Logger.Error("a lane of a lab has failed", "lab", l.id, "lane", name, "error", err)
			l.tap.Note(name, "the lane is lost: "+err.Error())
		}
	})
	return n, nil
}

func (n *lane) listen(l net.Listener) net.Listener {
	return numbered{n.lab.tap.Listen(l, n.name), n}
}

// listenAgain listens on the same port after connections were refused. Meanwhile another program may have got the port
// for a connection of its own, from which it soon parts.
func (n *lane) listenAgain() (net.Listener, error) {
	l, err := listenAgain(n.lab.ctx, n.port)
	if err != nil {
		return nil, err
	}
	return n.listen(l), nil
}

func listenAgain(ctx context.Context, port int) (net.Listener, error) {
	for tries := 100; ; tries-- {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || tries == 0 || !sleep(ctx, 50*time.Millisecond) {
			return l, err
		}
	}
}

// A numbered listener counts as the proxy does, which calls it.
type numbered struct {
	net.Listener
	lane *lane
}

// Accept implements net.Listener.
func (l numbered) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.lane.mu.Lock()
	defer l.lane.mu.Unlock()
	l.lane.accepted++
	l.lane.numbers[l.lane.accepted] = c.(*tap.Conn).Number()
	return c, nil
}

// dial connects a client to the private server.
func (n *lane) dial(ctx context.Context, client net.Conn) (net.Conn, error) {
	n.mu.Lock()
	b := n.between
	n.mu.Unlock()
	if b != nil {
		return b.nginx.Dial(ctx)
	}
	number := client.(*tap.Conn).Number()
	server, err := n.lab.link.dial(ctx, n.name, number)
	if !n.open(number) { // it has ended meanwhile: who forgets what has ended may have been here already
		n.lab.link.forget(number)
	}
	return server, err
}

// open reports whether the end of a connection is still to be told.
func (n *lane) open(number uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, open := range n.numbers {
		if open == number {
			return true
		}
	}
	return false
}

// observe passes on what happens in the proxy, with the tap's number of the connection.
func (n *lane) observe(e fault.Event) {
	number := uint64(0)
	if e.Connection != 0 {
		n.mu.Lock()
		number = n.numbers[e.Connection]
		if e.Kind == fault.Closed || e.Kind == fault.Refused {
			delete(n.numbers, e.Connection)
		}
		n.mu.Unlock()
	}
	n.lab.pending.fault(Fault{
		Lane: n.name, At: e.At.Sub(n.lab.tap.Began()), Kind: e.Kind, Connection: number,
		Direction: e.Direction, Bytes: e.Bytes, For: e.For, Why: e.Why,
	})
}
