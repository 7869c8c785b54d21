package fault_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushlab/common/fault"
)

// A wire is a proxy between real sockets.
type wire struct {
	t       *testing.T
	proxy   *fault.Proxy
	address net.Addr
	servers chan net.Conn
}

// A wrapped is a connection that hides what it is, as TLS does.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }
func (w wrapped) CloseWrite() error { return w.Conn.(interface{ CloseWrite() error }).CloseWrite() }

func newWire(t *testing.T, network, address string, config fault.Config) *wire {
	t.Helper()
	server, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		address += ".proxy"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, address: l.Addr(), servers: make(chan net.Conn, 10)}
	config.Dial = func(ctx context.Context, client net.Conn) (net.Conn, error) {
		if client.LocalAddr().String() != w.address.String() {
			t.Errorf("Dial is given a client of %v", client.LocalAddr())
		}
		c, err := new(net.Dialer).DialContext(ctx, network, server.Addr().String())
		return wrapped{c}, err
	}
	if config.Listen != nil {
		config.Listen = func() (net.Listener, error) { return net.Listen(network, w.address.String()) }
	}
	w.proxy = fault.New(config)
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.proxy.Serve(context.Background(), l); err != nil && !errors.Is(err, fault.ErrClosed) {
			t.Error(err)
		}
	})
	running.Go(func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			w.servers <- c
		}
	})
	t.Cleanup(func() {
		w.proxy.Close()
		server.Close()
		running.Wait()
	})
	return w
}

func (w *wire) pair() (client, server net.Conn) {
	w.t.Helper()
	client, err := net.Dial(w.address.Network(), w.address.String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { client.Close() })
	select {
	case server = <-w.servers:
		w.t.Cleanup(func() { server.Close() })
	case <-time.After(10 * time.Second):
		w.t.Fatal("the proxy does not connect")
	}
	deadline := time.Now().Add(30 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	return client, server
}

// hello sends a word through, each way.
func hello(t *testing.T, client, server net.Conn) {
	t.Helper()
	for _, ends := range [][2]net.Conn{{client, server}, {server, client}} {
		p := make([]byte, 5)
		io.WriteString(ends[0], "hello")
		if _, err := io.ReadFull(ends[1], p); err != nil || string(p) != "hello" {
			t.Fatalf("%q, %v", p, err)
		}
	}
}

// What a peer's next read says is what tells a FIN from a RST.
func TestTCPFinOrReset(t *testing.T) {
	for kind, want := range map[fault.Kind]error{fault.FIN: io.EOF, fault.RST: syscall.ECONNRESET} {
		w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{})
		client, server := w.pair()
		hello(t, client, server)
		// What the proxy has not read would turn a careless close into a reset.
		w.proxy.Set(fault.Fault{Up: fault.Line{Stall: true}, Down: fault.Line{Stall: true}})
		io.WriteString(client, "unread")
		io.WriteString(server, "unread")
		if n, err := w.proxy.Cut(kind); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for name, c := range map[string]net.Conn{"client": client, "server": server} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, want) {
				t.Errorf("%s: the %s reads %v, want %v", kind, name, err, want)
			}
			c.Close()
		}
	}
}

// A reset at one end comes out at the other.
func TestTCPResetPasses(t *testing.T) {
	w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{})
	client, server := w.pair()
	hello(t, client, server)
	client.(*net.TCPConn).SetLinger(0)
	client.Close()
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server reads %v", err)
	}
}

func TestTCPHalfClose(t *testing.T) {
	w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{})
	client, server := w.pair()
	w.proxy.Once(fault.Fault{Down: fault.Line{Cut: fault.Cut{Kind: fault.FIN}}})
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the client reads %v", err)
	}
	io.WriteString(client, "still here")
	client.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(server); string(got) != "still here" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A stall fills the buffers on the way, and then the sender has to wait; nothing is lost.
func TestTCPBackPressure(t *testing.T) {
	w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{MaxHeld: 1000})
	client, server := w.pair()
	hello(t, client, server)
	w.proxy.Set(fault.Fault{Down: fault.Line{Stall: true}})
	server.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	sent, chunk := 0, make([]byte, 64<<10)
	for {
		n, err := server.Write(chunk)
		if sent += n; errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil || sent > 1<<30 {
			t.Fatalf("after %d bytes: %v", sent, err)
		}
	}
	if s := w.proxy.State(); s.Down.Passed != 5 || s.Down.Held > 1000 {
		t.Errorf("%+v", s.Down)
	}
	w.proxy.Set(fault.Fault{})
	if _, err := io.ReadFull(client, make([]byte, sent)); err != nil {
		t.Errorf("of %d bytes: %v", sent, err)
	}
}

// Without Listen a connection is reset at once; with it nobody is listening.
func TestTCPRefuse(t *testing.T) {
	for _, listens := range []bool{false, true} {
		config := fault.Config{}
		if listens {
			config.Listen = func() (net.Listener, error) { return nil, nil } // newWire makes it a real one
		}
		w := newWire(t, "tcp", "127.0.0.1:0", config)
		old, _ := w.pair()
		if n, err := w.proxy.Once(fault.Fault{Refuse: fault.Always}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := old.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the old one reads %v", err)
		}
		c, err := net.Dial("tcp", w.address.String())
		if listens {
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("dialing: %v", err)
			}
		} else if err == nil {
			if _, err = c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("reading: %v", err)
			}
		}
		if c != nil {
			c.Close()
		}
		w.proxy.Reset()
		for until := time.Now().Add(10 * time.Second); ; {
			if c, err = net.Dial("tcp", w.address.String()); err == nil {
				c.Close()
				<-w.servers
				break
			}
			if time.Now().After(until) {
				t.Fatal(err)
			}
		}
		hello2, server := w.pair()
		hello(t, hello2, server)
	}
}

// A server that is killed refuses, and what was open is reset; one that was stopped has said that it is over.
func TestTCPRefuseAndReset(t *testing.T) {
	for _, reset := range []bool{false, true} {
		w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{Listen: func() (net.Listener, error) { return nil, nil }})
		client, server := w.pair()
		hello(t, client, server)
		f := fault.Fault{Refuse: fault.Always}
		if reset {
			f.Cut.Kind = fault.RST
		}
		if _, err := w.proxy.Once(f); err != nil {
			t.Fatal(err)
		}
		_, err := client.Read(make([]byte, 1))
		if reset && !errors.Is(err, syscall.ECONNRESET) || !reset && err != io.EOF {
			t.Errorf("reset: %v: the client reads %v", reset, err)
		}
		if _, err := net.Dial("tcp", w.address.String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialing: %v", err)
		}
	}
}

// A proxy that is closed, or whose listener cannot be had again, while it refuses.
func TestTCPRefuseAndClose(t *testing.T) {
	w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{Listen: func() (net.Listener, error) { return nil, nil }})
	w.proxy.Set(fault.Fault{Refuse: fault.Always})
	w.proxy.Close()

	gone := errors.New("the port is taken")
	p := fault.New(fault.Config{
		Dial:   func(context.Context, net.Conn) (net.Conn, error) { return nil, gone },
		Listen: func() (net.Listener, error) { return nil, gone },
	})
	p.Set(fault.Fault{Refuse: fault.Always})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- p.Serve(t.Context(), l) }()
	for until := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			break // it is refused, so Serve has begun
		}
		c.Close()
		if time.Now().After(until) {
			t.Fatal("not refused")
		}
	}
	p.Reset()
	if err := <-served; !errors.Is(err, gone) {
		t.Errorf("Serve: %v", err)
	}
}

func TestUnixSockets(t *testing.T) {
	for _, kind := range []fault.Kind{fault.FIN, fault.RST} {
		w := newWire(t, "unix", filepath.Join(t.TempDir(), "s"), fault.Config{})
		client, server := w.pair()
		hello(t, client, server)
		w.proxy.Set(fault.Fault{Down: fault.Line{Split: fault.Split{Size: 1}}})
		hello(t, client, server)
		w.proxy.Cut(kind)
		if n, err := client.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: the client reads %d, %v", kind, n, err)
		}
		if s := w.proxy.State(); s.Cut != 1 || s.Up.Passed != 10 {
			t.Errorf("%+v", s)
		}
	}
}

// Many at once, while faults come and go: for the race detector.
func TestTCPMany(t *testing.T) {
	w := newWire(t, "tcp", "127.0.0.1:0", fault.Config{Linger: time.Millisecond, MaxHeld: 10000})
	stop := make(chan struct{})
	var echo, clients sync.WaitGroup
	echo.Go(func() {
		for {
			select {
			case c := <-w.servers:
				echo.Go(func() {
					io.Copy(c, c)
					c.Close()
				})
			case <-stop:
				return
			}
		}
	})
	for range 8 {
		clients.Go(func() {
			for range 20 {
				c, err := net.Dial("tcp", w.address.String())
				if errors.Is(err, syscall.ECONNRESET) {
					continue // cut so early that connect notices
				} else if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(20 * time.Second))
				clients.Go(func() { io.Copy(io.Discard, c) })
				io.WriteString(c, strings.Repeat("x", 50000))
				c.(*net.TCPConn).CloseWrite()
			}
		})
	}
	done := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
	}()
	faults := []string{"none", "split=100", "delay=1ms±1ms", "down:buffer=4KiB/1ms", "rate=10MiB/s", "stall", "cut=rst@1KiB", "idle=1ms/rst", "connections=3"}
	for i := 0; ; i++ {
		select {
		case <-done:
			close(stop)
			echo.Wait()
			return
		default:
		}
		f, err := fault.Parse(faults[i%len(faults)])
		if err != nil {
			t.Fatal(err)
		}
		w.proxy.Set(f)
		w.proxy.State()
		if i%50 == 0 {
			w.proxy.Cut(fault.RST)
		}
	}
}
