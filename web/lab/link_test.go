package lab

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"pushlab/common/fault"
	"pushlab/common/hub"
	"pushlab/common/tap"
)

// newLink returns a link of a lab that does nothing.
func newLink(t *testing.T) *link {
	t.Helper()
	l := &Lab{tap: tap.New(tap.Config{}), ctx: t.Context()}
	l.pending.ready, l.pending.clock = make(hub.Signal, 1), l.tap.Now
	k, err := openLink(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	return k
}

// TestLink: a proxy's connection comes out at the server as that client's; a stranger's does not come out at all.
func TestLink(t *testing.T) {
	k := newLink(t)
	l := k.listen()
	defer l.Close()
	stranger, err := net.Dial("tcp", k.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	type end struct {
		conn net.Conn
		err  error
	}
	accepted := make(chan end, 1)
	go func() {
		c, err := l.Accept()
		accepted <- end{c, err}
	}()
	client, err := k.dial(t.Context(), "sse", 7)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server := <-accepted
	if server.err != nil {
		t.Fatal(server.err)
	}
	defer server.conn.Close()
	w := k.peer(server.conn.RemoteAddr().String())
	if w == nil || w != server.conn || w.lane != "sse" || w.number != 7 || k.wire(7) != w {
		t.Errorf("the server's end is %+v", w)
	}
	if _, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Error("the stranger is served")
	}

	// What each side does is noted.
	io.WriteString(client, "hello")
	if _, err := io.ReadFull(server.conn, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	taken := k.lab.pending.take()
	if last := taken.arrived[len(taken.arrived)-1]; last.Conn != 7 || last.Offset != 5 || last.At == 0 {
		t.Errorf("arrived: %+v", taken.arrived)
	}
	io.WriteString(server.conn, "hello")
	if w.sent(5) == 0 || w.sent(6) != 0 {
		t.Errorf("sent: %v, %v", w.sent(5), w.sent(6))
	}

	server.conn.Close()
	if k.peer(w.RemoteAddr().String()) != nil || k.wire(7) != w { // what it has sent may still be on its way
		t.Error("what is closed is not forgotten, or too much of it")
	}
	k.forget(7)
	if k.wire(7) != nil {
		t.Error("it is not forgotten")
	}

	// Without a server it waits, and gives up in time.
	l.Close()
	if _, err := l.Accept(); err != net.ErrClosed {
		t.Errorf("Accept on a closed listener: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := k.dial(ctx, "sse", 8); err != context.DeadlineExceeded {
		t.Errorf("dialing without a server: %v", err)
	}
	if k.wire(8) != nil && k.peers[k.wire(8).RemoteAddr().String()] != nil {
		t.Error("who gave up is still there")
	}
}

// TestLateWire: of a client that is gone before it is connected to the server, nothing is kept.
func TestLateWire(t *testing.T) {
	k := newLink(t)
	server := k.listen()
	defer server.Close()
	n := &lane{lab: k.lab, name: "sse", numbers: map[uint64]uint64{}}
	k.lab.link = k
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := n.listen(inner)
	defer listener.Close()
	for _, gone := range []bool{false, true} {
		browser, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer browser.Close()
		client, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		number := client.(*tap.Conn).Number()
		if gone {
			n.observe(fault.Event{Kind: fault.Closed, Connection: n.accepted})
			k.forget(number) // as the observer does
		}
		accepted := make(chan net.Conn, 1)
		go func() {
			c, _ := server.Accept()
			accepted <- c
		}()
		c, err := n.dial(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		defer (<-accepted).Close()
		if kept := k.wire(number) != nil; kept == gone {
			t.Errorf("gone: %t; its wire is kept: %t", gone, kept)
		}
	}
}

// TestMarks: of each byte is known when it was sent, as far as that is kept.
func TestMarks(t *testing.T) {
	w := &wired{}
	w.mark(10, 1)
	w.mark(10, 2)
	w.mark(-4, 0) // of which so many were not written after all
	w.mark(4, 3)
	for _, c := range []struct {
		offset int64
		want   time.Duration
	}{{1, 1}, {10, 1}, {11, 2}, {16, 2}, {17, 3}, {20, 3}, {21, 0}} {
		if got := w.sent(c.offset); got != c.want {
			t.Errorf("the byte before %d was sent at %v, want %v", c.offset, got, c.want)
		}
	}
	w = &wired{}
	for i := range maxMarks + 10 {
		w.mark(1, time.Duration(i+1))
	}
	if len(w.marks) != maxMarks {
		t.Errorf("%d marks are kept", len(w.marks))
	}
	if first, last := w.sent(5), w.sent(maxMarks+5); first != 5 || last != 0 {
		t.Errorf("too many: %v and %v", first, last)
	}
	w.mark(1, 100)
	if got := w.sent(maxMarks + 11); got != 100 {
		t.Errorf("what comes behind them: %v", got)
	}
}
