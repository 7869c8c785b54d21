package kernel

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Write returns the kernel that sends with one system call for each socket. It works everywhere on
// Linux; elsewhere it is an error.
func Write() (Kernel, error) {
	return &linux{name: "write", sender: func() (Sender, error) { return writer{}, nil }}, nil
}

// sendFlags: to wait for nothing, and not to be killed by SIGPIPE, though Go would not let it.
const sendFlags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

type writer struct{}

// Send sends. The system calls are raw: they do not tell the scheduler that this thread may be gone
// for long. It is not, since they never block, and telling costs one or two tenths of a microsecond,
// of the three or so that a send takes. Between two sends the goroutine can be preempted as anywhere.
func (writer) Send(batch []Send) {
	for i := range batch {
		s := &batch[i]
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.FD),
			uintptr(unsafe.Pointer(&s.Bytes[0])), uintptr(len(s.Bytes)), sendFlags, 0, 0)
		if errno != 0 {
			n = 0
		}
		s.N, s.Err = int(n), broken(errno)
	}
}

func (writer) Close() error { return nil }

// broken returns what a failed send says about the connection: nothing, if it may well succeed later.
func broken(errno syscall.Errno) error {
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM:
		return nil
	}
	return os.NewSyscallError("send", errno)
}
