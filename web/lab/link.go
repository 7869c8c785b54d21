package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// A link leads from the proxies to the private server: a port of its own, to which nobody else can connect. Each
// connection is made together with its other end, so that it is known whose it is.
//
// While there is no server, or an old one is giving way to a new one, connections wait.
type link struct {
	lab      *Lab
	mu       sync.Mutex // held while a pair is made
	listener *net.TCPListener
	made     chan net.Conn

	peersMu sync.Mutex
	peers   map[string]*wired // by the address that the server knows
	wires   map[uint64]*wired // by the number of the client's connection
	unnamed uint64            // connections that had no address, and got one here
}

func openLink(l *Lab) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return &link{lab: l, listener: listener.(*net.TCPListener), made: make(chan net.Conn),
		peers: map[string]*wired{}, wires: map[uint64]*wired{}}, nil
}

// dial returns a proxy's end of a new connection, and gives the other one to the server.
func (k *link) dial(ctx context.Context, lane string, number uint64) (net.Conn, error) {
	client, server, err := k.pair(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.give(ctx, server, lane, number); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// give gives the server a connection; number is 0 if it is no single client's.
func (k *link) give(ctx context.Context, server net.Conn, lane string, number uint64) error {
	w := &wired{Conn: server, link: k, lane: lane, number: number, remote: server.RemoteAddr()}
	k.peersMu.Lock()
	if w.remote.Network() == "unix" { // there peers have no addresses, or all the same
		k.unnamed++
		w.remote = &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("@%d", k.unnamed)}
	}
	k.peers[w.remote.String()] = w
	if number != 0 {
		k.wires[number] = w
	}
	k.peersMu.Unlock()
	select {
	case k.made <- w:
		return nil
	case <-ctx.Done():
	}
	w.Close()
	k.forget(number)
	return ctx.Err()
}

// accept gives the server all connections of a listener, until that is closed and ctx has ended.
func (k *link) accept(ctx context.Context, l net.Listener, lane string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		k.give(ctx, c, lane, 0)
	}
}

// pair makes a connection to ourselves. A stranger who connects is hung up on.
func (k *link) pair(ctx context.Context) (client, server net.Conn, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	client, err = new(net.Dialer).DialContext(ctx, "tcp", k.listener.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	k.listener.SetDeadline(deadline)
	for {
		server, err = k.listener.Accept()
		if err != nil {
			client.Close()
			return nil, nil, err
		}
		if server.RemoteAddr().String() == client.LocalAddr().String() {
			return client, server, nil
		}
		server.Close()
	}
}

func (k *link) close() { k.listener.Close() }

// peer returns the connection that a server knows by that address.
func (k *link) peer(address string) *wired {
	k.peersMu.Lock()
	defer k.peersMu.Unlock()
	return k.peers[address]
}

// wire returns the server's side of a client's connection.
func (k *link) wire(number uint64) *wired {
	k.peersMu.Lock()
	defer k.peersMu.Unlock()
	return k.wires[number]
}

// forget forgets the server's side of a connection of which nothing more will be told.
func (k *link) forget(number uint64) {
	k.peersMu.Lock()
	defer k.peersMu.Unlock()
	delete(k.wires, number)
}

// listen returns what one life of the server listens on.
func (k *link) listen() net.Listener { return &linkListener{link: k, done: make(chan struct{})} }

type linkListener struct {
	link  *link
	close sync.Once
	done  chan struct{}
}

// Accept implements net.Listener.
func (l *linkListener) Accept() (net.Conn, error) {
	select {
	case <-l.done: // of two that are ready, this one
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.link.made:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *linkListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *linkListener) Addr() net.Addr { return l.link.listener.Addr() }

// A wired connection is the server's end of one: it notes when the server read and wrote what. With faults in between
// that is not when the client wrote and read it.
type wired struct {
	net.Conn
	link   *link
	lane   string
	number uint64
	remote net.Addr

	mu       sync.Mutex
	up, down int64  // bytes read and written
	marks    []mark // of writes, until the client's side has them
}

// A mark says that the server had written so many bytes at that time; 0 is a time not known.
type mark struct {
	offset int64
	at     time.Duration
}

// maxMarks is how many writes of a connection may be on their way to the client, until it is not told any more when
// each was.
const maxMarks = 4096

// Read implements net.Conn.
func (w *wired) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 && w.number != 0 {
		w.mu.Lock()
		w.up += int64(n)
		w.link.lab.pending.arrival(Arrival{Conn: w.number, Offset: w.up, At: w.link.lab.tap.Now()})
		w.mu.Unlock()
	}
	return n, err
}

// Write implements net.Conn. The mark is made before the bytes can be seen elsewhere.
func (w *wired) Write(b []byte) (int, error) {
	if w.number == 0 {
		return w.Conn.Write(b)
	}
	w.mark(len(b), w.link.lab.tap.Now())
	n, err := w.Conn.Write(b)
	if n < len(b) {
		w.mark(n-len(b), 0)
	}
	return n, err
}

// mark notes that n more bytes were written, or were not after all if n is negative.
func (w *wired) mark(n int, now time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down += int64(n)
	last := len(w.marks) - 1
	switch {
	case n < 0:
		if last >= 0 {
			w.marks[last].offset = w.down
		}
	case last+1 >= maxMarks:
		w.marks[last] = mark{offset: w.down}
	default:
		w.marks = append(w.marks, mark{w.down, now})
	}
}

// sent returns when the server wrote the byte before an offset, and forgets what was before. Offsets must not go down.
func (w *wired) sent(offset int64) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := 0
	for i < len(w.marks) && w.marks[i].offset < offset {
		i++
	}
	w.marks = w.marks[i:]
	if len(w.marks) == 0 {
		return 0
	}
	return w.marks[0].at
}

// CloseWrite ends the server's direction.
func (w *wired) CloseWrite() error {
	half, ok := w.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// RemoteAddr implements net.Conn.
func (w *wired) RemoteAddr() net.Addr { return w.remote }

// Close implements net.Conn.
func (w *wired) Close() error {
	w.link.peersMu.Lock()
	if k := w.remote.String(); w.link.peers[k] == w { // closed twice, the port may be another one's
		delete(w.link.peers, k)
	}
	w.link.peersMu.Unlock()
	return w.Conn.Close()
}
