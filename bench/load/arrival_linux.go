package load

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize is how much room a stamp takes beside the data (cmsg(3)).
const controlSize = 64

// askStamps has the kernel stamp what comes to a socket (socket(7), SO_TIMESTAMPNS). One that does not gives no stamps.
func askStamps(fd int) { unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }

// A receiver reads sockets with the stamp of what it reads. It serves one goroutine, and any number of sockets.
type receiver struct {
	header  unix.Msghdr
	data    unix.Iovec
	control [controlSize]byte
}

// receive reads from a socket without waiting. The stamp is that of the last byte, and 0 if there is none.
func (r *receiver) receive(fd int, p []byte) (n int, stamp int64, err error) {
	r.data.Base = unsafe.SliceData(p)
	r.data.SetLen(len(p))
	r.header = unix.Msghdr{Iov: &r.data, Control: &r.control[0]}
	r.header.SetIovlen(1)
	r.header.SetControllen(controlSize)
	// It does not block, so the scheduler need not be told.
	read, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.header)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, 0, errno
	}
	about := (*unix.Cmsghdr)(unsafe.Pointer(&r.control[0]))
	if int(r.header.Controllen) >= unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) && about.Level == unix.SOL_SOCKET && about.Type == unix.SCM_TIMESTAMPNS {
		stamp = (*unix.Timespec)(unsafe.Pointer(&r.control[unix.CmsgLen(0)])).Nano()
	}
	return int(read), stamp, nil
}

// A stampedConn is a connection that remembers the stamp of what was read last.
type stampedConn struct {
	*net.TCPConn
	raw   syscall.RawConn
	stamp *atomic.Int64

	receiver receiver // of who reads
}

// stamped has a connection put its stamps there, if it is one of TCP.
func stamped(conn net.Conn, stamp *atomic.Int64) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	raw.Control(func(fd uintptr) { askStamps(int(fd)) }) // if it is closed, reading will tell
	return &stampedConn{TCPConn: tcp, raw: raw, stamp: stamp}
}

// Read is TCPConn's, with a stamp.
func (c *stampedConn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	var stamp int64
	closed := c.raw.Read(func(fd uintptr) bool {
		n, stamp, err = c.receiver.receive(int(fd), p)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	switch {
	case closed != nil:
		return 0, closed
	case err != nil:
		return 0, &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
	case n == 0:
		return 0, io.EOF
	}
	c.stamp.Store(stamp)
	return n, nil
}
