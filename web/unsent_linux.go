package web

import (
	"net"

	"golang.org/x/sys/unix"
)

// maxUnsent is how much the system may keep for a TCP connection that it has not sent yet, in bytes. By itself it takes
// up to net.ipv4.tcp_wmem, megabytes as a rule, for a subscriber that does not read; the server would find out only then,
// and what is in there can neither be given up nor shared with others. What has been sent and waits to be acknowledged
// does not count: a fast connection stays fast.
const maxUnsent = 128 << 10

// limitUnsent sets the limit for the connections of a listener, which they do not inherit from it.
func limitUnsent(l net.Listener) net.Listener { return unsentListener{l} }

type unsentListener struct{ net.Listener }

func (l unsentListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		// It is not what the connection is for: a system that does not know the limit, an emulated one, goes without.
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
			})
		}
	}
	return conn, err
}
