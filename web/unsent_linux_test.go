package web_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"pushlab/web"
)

// TestUnsent: the system does not take megabytes for a subscriber that does not read.
func TestUnsent(t *testing.T) {
	listener, err := web.Listen(t.Context(), "localhost:0", web.Socket{})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	subscriber, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const most = 1 << 20 // what may be unsent, and what the subscriber's system takes
	taken := 0
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		for events := make([]byte, 16<<10); failure == nil && taken <= most; {
			var n int
			n, failure = syscall.Write(int(fd), events)
			taken += max(n, 0)
		}
		return true // though it would block
	})
	if err != nil {
		t.Fatal(err)
	}
	if taken > most {
		t.Errorf("the system has taken %d bytes, though nobody reads them", taken)
	} else if !errors.Is(failure, syscall.EAGAIN) {
		t.Error(failure)
	}
	t.Logf("taken: %d bytes", taken)
}
