package load

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"pushlab/bench/result"
)

// newNetwork returns the cheapest network that there is for the load.
func newNetwork(l *Load) (network, error) {
	if l.dialer.dial != nil {
		return newConns(l), nil
	}
	return newPoller(l)
}

// A poller is a network of raw sockets, all read by one goroutine. For an event that comes alone it
// takes about 6 µs, most of them the kernel's; a goroutine for each connection takes 8.
type poller struct {
	load     *Load
	epoll    int
	wake     int // an eventfd, which says that it is to end
	server   unix.Sockaddr
	family   int
	of       []*subscriber // by descriptor
	buffer   []byte
	receiver receiver
	dials    int
	ended    result.Segments // of connections that are closed
	running  sync.WaitGroup
}

const (
	readAtOnce = 256 << 10 // bytes
	perSource  = 10_000    // connections from one address, which has about 28,000 ports
)

func newPoller(l *Load) (*poller, error) {
	address, err := net.ResolveTCPAddr("tcp", l.dialer.address)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	p := &poller{load: l, buffer: make([]byte, readAtOnce)}
	if ip := address.IP.To4(); ip != nil {
		p.family, p.server = unix.AF_INET, &unix.SockaddrInet4{Port: address.Port, Addr: [4]byte(ip)}
	} else {
		p.family, p.server = unix.AF_INET6, &unix.SockaddrInet6{Port: address.Port, Addr: [16]byte(address.IP.To16())}
	}
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(p.epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := p.watch(unix.EPOLL_CTL_ADD, p.wake, unix.EPOLLIN); err != nil {
		unix.Close(p.wake)
		unix.Close(p.epoll)
		return nil, err
	}
	p.running.Go(p.run)
	return p, nil
}

func (p *poller) watch(operation, fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, operation, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}))
}

// connect begins to connect; that it has is said by EPOLLOUT.
func (p *poller) connect(s *subscriber) error {
	fd, err := unix.Socket(p.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if s.slow { // before it connects, or the window would be larger
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, slowBuffer)
	}
	if err == nil {
		err = p.dial(fd)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	for len(p.of) <= fd {
		p.of = append(p.of, nil)
	}
	p.of[fd], s.fd = s, fd
	return nil
}

func (p *poller) dial(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	askStamps(fd)
	// A loopback address is as good as another, and each has its own ports.
	if server, ok := p.server.(*unix.SockaddrInet4); ok && server.Addr[0] == 127 {
		source := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + p.dials/perSource%250)}}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err := unix.Bind(fd, source); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	p.dials++
	if err := unix.Connect(fd, p.server); err != nil && err != unix.EINPROGRESS {
		return os.NewSyscallError("connect", err)
	}
	return p.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLOUT)
}

func (p *poller) disconnect(s *subscriber) {
	if s.fd == 0 {
		return
	}
	p.of[s.fd] = nil
	if !s.slow {
		p.ended = p.ended.Plus(segmentsOf(s.fd))
	}
	unix.Close(s.fd) // which takes it out of epoll too
	s.fd = 0
}

func (p *poller) segments() (result.Segments, bool) {
	all := p.ended
	for _, s := range p.load.subscribers {
		if s.fd != 0 && !s.slow {
			all = all.Plus(segmentsOf(s.fd))
		}
	}
	return all, true
}

// segmentsOf asks the kernel about a socket. What it does not tell is none.
func segmentsOf(fd int) result.Segments {
	i, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return result.Segments{}
	}
	return result.Segments{
		In: int64(i.Segs_in), Out: int64(i.Segs_out), DataIn: int64(i.Data_segs_in), DataOut: int64(i.Data_segs_out),
		Retransmits: int64(i.Total_retrans),
	}
}

func (p *poller) close() {
	one := [8]byte{1}
	unix.Write(p.wake, one[:]) // cannot fail: the counter is 0
	p.running.Wait()
	for _, s := range p.load.subscribers {
		p.disconnect(s)
	}
	unix.Close(p.wake)
	unix.Close(p.epoll)
}

// run receives for all subscribers.
func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			panic(os.NewSyscallError("epoll_wait", err)) // the descriptor is ours
		}
		p.load.mu.Lock()
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == p.wake {
				p.load.mu.Unlock()
				return
			}
			if s := p.of[e.Fd]; s != nil {
				if err := p.serve(s, e.Events); err != nil {
					p.load.lose(s, err)
				}
			}
		}
		p.load.mu.Unlock()
	}
}

// serve does what a subscriber's socket is ready for.
func (p *poller) serve(s *subscriber, ready uint32) error {
	if ready&unix.EPOLLOUT != 0 { // it is connected, or could not be
		if code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
			return os.NewSyscallError("connect", unix.Errno(code))
		}
		if err := p.watch(unix.EPOLL_CTL_MOD, s.fd, unix.EPOLLIN); err != nil {
			return err
		}
		p.load.dials++
		if err := p.send(s, s.begin(p.load.answer[:0])); err != nil {
			return err
		}
		s.asked()
		return nil
	}
	if s.slow && p.load.sipping { // it is not asked whether there is something to read
		if ready&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			return unix.ECONNRESET
		}
		return nil
	}
	return p.receive(s, p.buffer)
}

// receive reads what there is, or as much of it as there is room for.
func (p *poller) receive(s *subscriber, buffer []byte) error {
	n, stamp, err := p.receiver.receive(s.fd, buffer)
	switch {
	case err == unix.EAGAIN:
		return nil
	case err != nil:
		return os.NewSyscallError("read", err)
	case n == 0:
		return io.EOF
	}
	p.load.arrive(stamp)
	answer, err := s.feed(buffer[:n])
	if err != nil || len(answer) == 0 {
		return err
	}
	return p.send(s, answer)
}

// send writes a request or a pong. The socket has room for it: the server reads them.
func (p *poller) send(s *subscriber, b []byte) error {
	n, err := rawSend(s.fd, b)
	s.sent(max(n, 0))
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

func (p *poller) hold(s *subscriber) error { return p.watch(unix.EPOLL_CTL_MOD, s.fd, 0) }

func (p *poller) release(s *subscriber) error {
	// It would take long to read megabytes by a window of a few kilobytes. That it does is no reason to fail.
	unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, readAtOnce)
	unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_WINDOW_CLAMP, 1<<16-1)
	return p.watch(unix.EPOLL_CTL_MOD, s.fd, unix.EPOLLIN)
}

func (p *poller) sip(s *subscriber, n int) error { return p.receive(s, p.buffer[:n]) }

// rawSend does not block, so the scheduler need not be told.
func rawSend(fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
