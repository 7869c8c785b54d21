package second

import (
	"encoding/binary"
	"io"
	"net"
	"syscall"
	"time"
)

// A stamped connection knows when what was read last had come to this machine: the kernel says so (socket(7), SO_TIMESTAMP).
// When a goroutine gets round to reading it is about the client, and who reads the last of many would measure that.
type stamped struct {
	net.Conn
	raw  syscall.RawConn
	came time.Time
}

func stamp(conn net.Conn) (*stamped, error) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TIMESTAMP, 1)
	})
	if err == nil {
		err = refused
	}
	return &stamped{Conn: conn, raw: raw}, err
}

func (s *stamped) Read(b []byte) (n int, err error) {
	var about [64]byte // a header and a timeval, with room to spare (cmsg(3))
	length := 0
	closed := s.raw.Read(func(fd uintptr) bool {
		n, length, _, _, err = syscall.Recvmsg(int(fd), b, about[:], syscall.MSG_DONTWAIT)
		return err != syscall.EAGAIN && err != syscall.EINTR
	})
	switch {
	case closed != nil:
		return 0, closed
	case err != nil:
		return 0, err
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	messages, err := syscall.ParseSocketControlMessage(about[:length])
	s.came = time.Time{} // the kernel begins to stamp a moment after it was asked
	for _, m := range messages {
		if m.Header.Level == syscall.SOL_SOCKET && m.Header.Type == syscall.SCM_TIMESTAMP && len(m.Data) == 16 {
			seconds, microseconds := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
			s.came = time.Unix(int64(seconds), int64(microseconds)*1000)
		}
	}
	return n, err
}
