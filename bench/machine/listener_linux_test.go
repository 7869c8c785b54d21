package machine

import (
	"net"
	"os"
	"testing"
)

func TestListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if pid := Listener(port); pid != os.Getpid() {
		t.Errorf("process %d listens, not %d", os.Getpid(), pid)
	}
	l.Close()
	if pid := Listener(port); pid != 0 {
		t.Errorf("nobody listens, but process %d is found", pid)
	}
}
