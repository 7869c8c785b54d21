package memhttp

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"

	"pushlab/common/kernel"
)

// A Kernel is a kernel.Kernel for the connections of Pipe, so that what sits on one can be tested in
// virtual time, against faults that real kernels have seldom, and with an eye on its manners: see
// Misuse. It may be used from any goroutine; its fields are set before.
//
// As in an operating system, a descriptor is the lowest number that is free, and free again as soon
// as the connection is closed.
type Kernel struct {
	// Seed chooses the faults.
	Seed uint64
	// Short is the probability that a send is cut short though there is room.
	Short float64
	// Again is the probability that it would block though there is room.
	Again float64
	// Spurious is the probability that Watch brings a notice at once though there is nothing to
	// read, and that Wait returns without any.
	Spurious float64
	// Fresh says that no number is given out twice, so that whoever uses the descriptor of a closed
	// connection gets at no other, and Misuse tells.
	Fresh bool
	// Hook is called in each Send before each of the batch. It may do anything, such as close the
	// peer, or sleep while others do things.
	Hook func(fd int)

	mu      sync.Mutex
	random  *rand.Rand
	conns   map[int]*conn
	fds     map[*conn]int
	next    int           // if Fresh
	sending map[*conn]int // how many sends have it
	writing map[*conn]int // how many Writes
	misuse  []string
}

var _ kernel.Kernel = (*Kernel)(nil)

// firstFD is the lowest descriptor: 0 to 2 are taken in every process.
const firstFD = 3

// Misuse returns what was done that must not be: a send or Watch on a descriptor whose connection is
// closed; closing a connection that a batch holds, or that is watched; two who write to a connection
// at the same time, be it by sends or Write; a sender or poller used by two at the same time, or
// after it was closed; an empty send. None of it fails reliably, or even visibly, on a real kernel.
func (k *Kernel) Misuse() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.misuse...)
}

// misused is called with the lock held.
func (k *Kernel) misused(format string, args ...any) {
	k.misuse = append(k.misuse, fmt.Sprintf(format, args...))
}

// happens reports whether something with that probability happens this time. It is called with the
// lock held.
func (k *Kernel) happens(probability float64) bool {
	return probability > 0 && k.rand().Float64() < probability
}

func (k *Kernel) rand() *rand.Rand {
	if k.random == nil {
		k.random = rand.New(rand.NewPCG(k.Seed, 0))
	}
	return k.random
}

// Name implements kernel.Kernel.
func (k *Kernel) Name() string { return "memory" }

// Descriptor implements kernel.Kernel.
func (k *Kernel) Descriptor(c net.Conn) (fd int, ok bool) {
	own, ok := c.(*conn)
	if !ok {
		return 0, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conns == nil {
		k.conns, k.fds = make(map[int]*conn), make(map[*conn]int)
		k.sending, k.writing = make(map[*conn]int), make(map[*conn]int)
		k.next = firstFD
	}
	if fd, ok := k.fds[own]; ok {
		return fd, true
	}
	own.kernel.Store(k)
	// Close first breaks it, and then looks whether there is a kernel, so one of the two sees the other.
	if own.in.isBroken() {
		return 0, false
	}
	fd = firstFD
	if k.Fresh {
		fd = k.next
		k.next++
	}
	for k.conns[fd] != nil {
		fd++
	}
	k.conns[fd], k.fds[own] = own, fd
	return fd, true
}

// closed frees the descriptor of a connection that was closed.
func (k *Kernel) closed(c *conn) {
	watched := c.in.isWatched()
	k.mu.Lock()
	defer k.mu.Unlock()
	fd, ok := k.fds[c]
	if !ok {
		return // it was closed before
	}
	if k.sending[c] > 0 {
		k.misused("descriptor %d was closed while a batch held it", fd)
	}
	if watched {
		k.misused("descriptor %d was closed while it was watched", fd)
	}
	delete(k.fds, c)
	delete(k.conns, fd)
}

// write is called before a Write to a connection that has a descriptor, written behind it.
func (k *Kernel) write(c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sending[c] > 0 || k.writing[c] > 0 {
		k.misused("descriptor %d was written to while somebody else wrote to it", k.fds[c])
	}
	k.writing[c]++
}

func (k *Kernel) written(c *conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writing[c]--
	if k.writing[c] == 0 {
		delete(k.writing, c)
	}
}

// NewSender implements kernel.Kernel.
func (k *Kernel) NewSender() (kernel.Sender, error) { return &sender{kernel: k}, nil }

type sender struct {
	kernel       *Kernel
	busy, closed bool // under the kernel's lock
}

func (s *sender) Send(batch []kernel.Send) {
	held := s.begin(batch)
	for i := range batch {
		if hook := s.kernel.Hook; hook != nil {
			hook(batch[i].FD)
		}
		batch[i].N, batch[i].Err = s.kernel.send(batch[i].FD, batch[i].Bytes)
	}
	s.end(held)
}

// begin takes hold of the connections of a batch.
func (s *sender) begin(batch []kernel.Send) (held []*conn) {
	k := s.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.busy || s.closed {
		k.misused("a sender was used by two at the same time, or after it was closed")
	}
	s.busy = true
	for _, s := range batch {
		c := k.conns[s.FD]
		if c == nil {
			continue // send tells
		}
		if k.sending[c] > 0 || k.writing[c] > 0 {
			k.misused("descriptor %d was in a batch while it was in another, or twice in the same, or written to", s.FD)
		}
		k.sending[c]++
		held = append(held, c)
	}
	return held
}

func (s *sender) end(held []*conn) {
	k := s.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	s.busy = false
	for _, c := range held {
		k.sending[c]--
		if k.sending[c] == 0 {
			delete(k.sending, c)
		}
	}
}

func (k *Kernel) send(fd int, p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.conns[fd]
	switch {
	case c == nil:
		k.misused("descriptor %d was sent to, and is closed", fd)
		return 0, os.NewSyscallError("send", syscall.EBADF)
	case len(p) == 0:
		k.misused("descriptor %d was sent nothing", fd)
		return 0, nil
	}
	if k.happens(k.Again) {
		p = nil
	} else if len(p) > 1 && k.happens(k.Short) {
		p = p[:1+k.rand().IntN(len(p)-1)]
	}
	return c.out.writeSome(p)
}

func (s *sender) Close() error {
	s.kernel.mu.Lock()
	defer s.kernel.mu.Unlock()
	if s.busy {
		s.kernel.misused("a sender was closed during a batch")
	}
	s.closed = true
	return nil
}

// writeSome writes what there is room for, and does not wait.
func (d *direction) writeSome(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended || d.broken {
		return 0, os.NewSyscallError("send", syscall.EPIPE)
	}
	n := min(d.size-len(d.queue), len(p))
	if n > 0 {
		d.queue = append(d.queue, p[:n]...)
		d.change()
	}
	return n, nil
}

// NewPoller implements kernel.Kernel.
func (k *Kernel) NewPoller() (kernel.Poller, error) {
	p := &poller{kernel: k}
	p.changed = sync.NewCond(&p.mu)
	return p, nil
}

// Locks are taken in this order: a kernel's, a direction's, a poller's.
type poller struct {
	kernel *Kernel

	mu              sync.Mutex
	changed         *sync.Cond
	ready           []uint64
	awake           bool // spuriously
	waiting, closed bool
}

// A watch stands in the direction that it is for.
type watch struct {
	key   uint64
	armed bool
}

func (p *poller) Watch(fd int, key uint64) error {
	k := p.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.isClosed() {
		return net.ErrClosed
	}
	c := k.conns[fd]
	if c == nil {
		k.misused("descriptor %d was watched, and is closed", fd)
		return os.NewSyscallError("epoll_ctl", syscall.EBADF)
	}
	if k.happens(k.Spurious) {
		p.wake()
	}
	c.in.watch(p, key, k.happens(k.Spurious))
	return nil
}

func (p *poller) Forget(fd int) {
	k := p.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	if c := k.conns[fd]; c != nil {
		c.in.forget(p)
	} else if !p.isClosed() {
		k.misused("descriptor %d was to be forgotten after it was closed", fd)
	}
}

func (p *poller) Wait(keys []uint64) ([]uint64, error) {
	p.begin()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.waiting = false }()
	for len(p.ready) == 0 && !p.awake && !p.closed {
		p.changed.Wait()
	}
	if p.closed {
		return keys, net.ErrClosed
	}
	keys = append(keys, p.ready...)
	p.ready, p.awake = p.ready[:0], false
	return keys, nil
}

func (p *poller) begin() {
	k := p.kernel
	k.mu.Lock()
	defer k.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		k.misused("a poller was waited for by two at the same time")
	}
	p.waiting = true
}

func (p *poller) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	p.closed = true
	p.changed.Broadcast()
	return nil
}

func (p *poller) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *poller) notice(key uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, key)
	p.changed.Broadcast()
}

func (p *poller) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.awake = true
	p.changed.Broadcast()
}

// watch has p told once, as key, that there is something to read, or at once.
func (d *direction) watch(p *poller, key uint64, atOnce bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watches == nil {
		d.watches = make(map[*poller]*watch)
	}
	d.watches[p] = &watch{key: key, armed: true}
	if atOnce || len(d.queue) > 0 || d.ended {
		d.notify()
	}
}

// notify is called with the lock held.
func (d *direction) notify() {
	for p, w := range d.watches {
		if w.armed {
			w.armed = false
			p.notice(w.key)
		}
	}
}

func (d *direction) forget(p *poller) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.watches, p)
}

// isWatched reports whether a poller that is open was not told to forget it.
func (d *direction) isWatched() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for p := range d.watches {
		if !p.isClosed() {
			return true
		}
	}
	return false
}
