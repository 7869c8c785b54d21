package kernel

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A linux is a kernel; both poll in the same way.
type linux struct {
	name   string
	sender func() (Sender, error)
}

func (k *linux) Name() string               { return k.name }
func (k *linux) NewSender() (Sender, error) { return k.sender() }

func (k *linux) Descriptor(conn net.Conn) (fd int, ok bool) {
	var raw syscall.RawConn
	var err error
	// By type, not by method: what embeds a connection has its methods, but may do more in Write.
	switch conn := conn.(type) {
	case *net.TCPConn:
		raw, err = conn.SyscallConn()
	case *net.UnixConn:
		raw, err = conn.SyscallConn()
	default:
		return 0, false
	}
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(own uintptr) { fd = int(own) }) // not File, which duplicates
	return fd, err == nil
}

// notice is what a poller asks for: something to read (EPOLLIN), or an end of the peer's that stands
// behind bytes which nobody has read yet (EPOLLRDHUP). EPOLLERR and EPOLLHUP come unasked. With
// EPOLLONESHOT a notice disarms the descriptor, and since it is not edge-triggered, asking again
// while there still is something to read brings the next one at once.
const notice = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT

// A poller is an epoll instance.
//
// An epoll descriptor can itself be watched: it is readable when there are notices. The runtime's
// own poller does that here, as for every os.File that does not block. So to wait parks a goroutine,
// while to wait in epoll_wait(2) would hold a thread, and with it some time of the scheduler's, which
// has to find out that it waits.
type poller struct {
	file  *os.File
	raw   syscall.RawConn // of file
	fetch func(fd uintptr) bool

	mu     sync.RWMutex // held where fd is used outside of raw, so that Close does not close it there
	fd     int
	closed bool

	events [128]unix.EpollEvent // what fetch has fetched
	n      int
	err    error
}

func (k *linux) NewPoller() (Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not ask the runtime to watch it
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	p.fetch = func(fd uintptr) bool {
		// It takes what there is and does not wait. If there is nothing, the runtime does.
		p.n, p.err = unix.EpollWait(int(fd), p.events[:], 0)
		return p.n != 0
	}
	p.raw, err = p.file.SyscallConn()
	if err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // fails if the runtime does not watch it
	}
	if err != nil {
		p.file.Close()
		return nil, fmt.Errorf("kernel: epoll: %w", err)
	}
	return p, nil
}

func (p *poller) Watch(fd int, key uint64) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return net.ErrClosed
	}
	event := unix.EpollEvent{Events: notice, Fd: int32(key), Pad: int32(key >> 32)} // epoll_data is 64 bits of the caller's
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &event)
	if err == unix.ENOENT { // it was not watched before
		err = unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &event)
	}
	return os.NewSyscallError("epoll_ctl", err)
}

func (p *poller) Forget(fd int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.closed {
		unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) // fails if it is not watched, which is as well
	}
}

func (p *poller) Wait(keys []uint64) ([]uint64, error) {
	err := p.raw.Read(p.fetch)
	switch {
	case p.isClosed():
		return keys, net.ErrClosed
	case err != nil:
		return keys, fmt.Errorf("kernel: epoll: %w", err)
	case p.err != nil && p.err != unix.EINTR: // if it is EINTR, there just are no notices this time
		return keys, os.NewSyscallError("epoll_wait", p.err)
	}
	for _, event := range p.events[:max(p.n, 0)] {
		keys = append(keys, uint64(uint32(event.Fd))|uint64(uint32(event.Pad))<<32)
	}
	return keys, nil
}

func (p *poller) isClosed() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.closed
}

func (p *poller) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	return p.file.Close()
}
