package peers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"pushlab/bench/load"
	"pushlab/longpoll"
	"pushlab/websocket"
)

// A floor is the server that does the least: whatever the publisher sends goes to every subscriber,
// by one non-blocking send(2) for each, in a loop without goroutines, timers or buffers. It answers
// the requests of subscribers without looking at more than the path. Who has no room loses the event.
type floor struct {
	epoll, listener, wake int
	conns                 []*floorConn // by descriptor
	subscribers           []*floorConn
	frames                [][]byte // of long polling: what was published
	buffer                []byte
}

// A floorConn is a connection of the floor.
type floorConn struct {
	fd    int
	input []byte // not complete yet
	kind  floorKind
	at    int  // in subscribers
	next  int  // a poller's next frame
	polls bool // a poller that waits
}

type floorKind int

// maxHead is how long a request may be, in bytes.
const maxHead = 4 << 10

const (
	unknown floorKind = iota
	publishes
	streams
	pollers
)

// Floor serves the floor on a port of its own, which it tells on out, until ctx ends.
func Floor(ctx context.Context, out io.Writer) error {
	f := &floor{buffer: make([]byte, 64<<10)}
	port, err := f.listen()
	if err != nil {
		return fmt.Errorf("bench: the floor: %w", err)
	}
	defer unix.Close(f.epoll)
	defer unix.Close(f.listener)
	defer unix.Close(f.wake)
	stop := context.AfterFunc(ctx, func() {
		one := [8]byte{1}
		unix.Write(f.wake, one[:]) // cannot fail: the counter is 0
	})
	defer stop()
	fmt.Fprintf(out, "floor: listening on http://127.0.0.1:%d\n", port)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = f.run()
	for _, c := range f.conns {
		if c != nil {
			unix.Close(c.fd)
		}
	}
	return err
}

func (f *floor) listen() (port int, err error) {
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return 0, os.NewSyscallError("epoll_create1", err)
	}
	if f.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return 0, os.NewSyscallError("eventfd", err)
	}
	if f.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(f.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(f.listener, 4096); err != nil {
		return 0, os.NewSyscallError("listen", err)
	}
	for _, fd := range []int{f.listener, f.wake} {
		if err := f.watch(fd); err != nil {
			return 0, err
		}
	}
	address, err := unix.Getsockname(f.listener)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	return address.(*unix.SockaddrInet4).Port, nil
}

func (f *floor) watch(fd int) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
}

func (f *floor) run() error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(f.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); fd {
			case f.wake:
				return nil
			case f.listener:
				if err := f.accept(); err != nil {
					return err
				}
			default:
				if c := f.conns[fd]; c != nil && !f.receive(c) {
					f.close(c)
				}
			}
		}
	}
}

func (f *floor) accept() error {
	for {
		fd, _, err := unix.Accept4(f.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
		case unix.EAGAIN:
			return nil
		case unix.ECONNABORTED, unix.EINTR:
			continue
		default:
			return os.NewSyscallError("accept4", err)
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		for len(f.conns) <= fd {
			f.conns = append(f.conns, nil)
		}
		f.conns[fd] = &floorConn{fd: fd}
		if err := f.watch(fd); err != nil {
			return err
		}
	}
}

func (f *floor) close(c *floorConn) {
	if c.kind == streams || c.kind == pollers {
		last := f.subscribers[len(f.subscribers)-1]
		f.subscribers[c.at], last.at = last, c.at
		f.subscribers = f.subscribers[:len(f.subscribers)-1]
	}
	f.conns[c.fd] = nil
	unix.Close(c.fd)
}

// receive reads what there is. It reports whether the connection goes on.
func (f *floor) receive(c *floorConn) bool {
	n, err := readNow(c.fd, f.buffer)
	if err != nil || n == 0 {
		return err == unix.EAGAIN
	}
	c.input = append(c.input, f.buffer[:n]...)
	switch c.kind {
	case publishes:
		f.publish(c)
	case streams:
		c.input = c.input[:0]
	default:
		return f.request(c)
	}
	return true
}

// request answers a request, when it is complete.
func (f *floor) request(c *floorConn) bool {
	end := bytes.Index(c.input, []byte("\r\n\r\n"))
	if end < 0 {
		return len(c.input) < maxHead
	}
	first := c.kind == unknown
	path, _, _ := bytes.Cut(c.input, []byte("?"))
	path = path[bytes.IndexByte(path, '/')+1:]
	answer := floorStream
	switch {
	case bytes.HasPrefix(c.input, []byte("POST")):
		c.kind = publishes
		c.input = append(c.input[:0], c.input[end+4:]...)
		f.publish(c)
		return true
	case !first: // a poll
		c.input = c.input[:0]
		c.polls = true
		f.answer(c)
		return true
	case string(path) == longpoll.Name:
		c.kind, c.next, answer = pollers, len(f.frames), floorPoll
	case string(path) == websocket.Name:
		c.kind, answer = streams, floorSocket
	default:
		c.kind = streams
	}
	c.input = nil
	c.at, f.subscribers = len(f.subscribers), append(f.subscribers, c)
	_, err := sendNow(c.fd, answer)
	return err == nil
}

// What the floor answers to the first request of a subscriber.
var (
	floorSocket = []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	floorStream = []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	floorPoll   = []byte("HTTP/1.1 204 No Content\r\nPushlab-Cursor: " + load.ReferenceEpoch + "-0\r\n\r\n")
)

// publish sends what of the publisher's frames is complete.
func (f *floor) publish(c *floorConn) {
	for len(c.input) >= 4 {
		end := 4 + int(binary.BigEndian.Uint32(c.input))
		if len(c.input) < end {
			return
		}
		f.broadcast(c.input[4:end])
		c.input = c.input[:copy(c.input, c.input[end:])]
	}
}

// broadcast is what it is all about.
func (f *floor) broadcast(frame []byte) {
	if len(f.subscribers) == 0 {
		return
	}
	if f.subscribers[0].kind == pollers {
		f.frames = append(f.frames, bytes.Clone(frame))
		for _, c := range f.subscribers {
			f.answer(c)
		}
		return
	}
	for _, c := range f.subscribers {
		sendNow(c.fd, frame) // whoever has no room, or is gone, loses it
	}
}

// answer answers a poll that waits, if there is something for it.
func (f *floor) answer(c *floorConn) {
	if c.polls && c.next < len(f.frames) {
		sendNow(c.fd, f.frames[c.next])
		c.next++
		c.polls = false
	}
}
