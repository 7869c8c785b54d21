package wire

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"

	"pushlab/common/hub"
	"pushlab/common/kernel"
)

// An Engine waits and writes for streams that have nothing to do, so that such a stream needs
// neither a goroutine nor a buffer: it is parked. One engine may serve any number of Streams.
//
//	hub ── wake ──▶ pump ── a batch of sends ──▶ sockets      nothing else is needed while all is well
//	                  └── a stream that would block, or ends ──▶ its own goroutine, until it has caught up
//	sockets ── readable ──▶ poller ──▶ a goroutine that reads what there is
//
// A nil Engine parks nothing: every stream has its own goroutines.
type Engine struct {
	kernel  kernel.Kernel
	poller  kernel.Poller
	pumps   []*pump
	running sync.WaitGroup

	mu    sync.Mutex
	byFD  []*Stream // the streams that are watched, by file descriptor
	joins uint32    // tells apart streams that have the same descriptor one after the other
}

// NewEngine returns an engine that reaches sockets through the kernel.
func NewEngine(k kernel.Kernel) (*Engine, error) {
	poller, err := k.NewPoller()
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	e := &Engine{kernel: k, poller: poller}
	for range runtime.GOMAXPROCS(0) {
		sender, err := k.NewSender()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("wire: %w", err), e.Close())
		}
		p := &pump{sender: sender, ready: make(hub.Signal, 1), done: make(chan struct{})}
		e.pumps = append(e.pumps, p)
		e.running.Go(p.run)
	}
	e.running.Go(e.watch)
	return e, nil
}

// Close ends the engine, and waits for its goroutines. All Streams that use it must have been shut
// down before. A second call returns net.ErrClosed.
func (e *Engine) Close() error {
	err := e.poller.Close()
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	for _, p := range e.pumps {
		close(p.done)
	}
	e.running.Wait()
	for _, p := range e.pumps {
		err = errors.Join(err, p.sender.Close())
	}
	return err
}

// Name says how the engine sends; "goroutine" if there is none.
func (e *Engine) Name() string {
	if e == nil {
		return "goroutine"
	}
	return e.kernel.Name()
}

// A place is a stream's in an engine.
type place struct {
	engine  *Engine
	pump    *pump
	fd      int32
	join    uint32
	member  int32 // index in the pump's members; guarded by their lock
	batched bool  // the pump's alone
}

// join gives a stream its place, if its connection can be parked.
func (e *Engine) join(s *Stream, conn net.Conn) bool {
	if e == nil {
		return false
	}
	fd, ok := e.kernel.Descriptor(conn)
	if !ok {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.joins++
	p := e.pumps[e.joins%uint32(len(e.pumps))]
	s.place = place{engine: e, pump: p, fd: int32(fd), join: e.joins}
	for len(e.byFD) <= fd {
		e.byFD = append(e.byFD, nil)
	}
	e.byFD[fd] = s
	if p.members.add(s) {
		p.ready.Wake()
	}
	return true
}

// leave gives it up. It must be called before the connection is closed, since then the next one may
// get the same descriptor.
func (p *place) leave(s *Stream) {
	p.engine.mu.Lock()
	p.engine.byFD[p.fd] = nil
	p.engine.mu.Unlock()
	p.engine.poller.Forget(int(p.fd))
	p.pump.members.remove(s)
}

// watch has the stream be told when there is something to read, once.
func (p *place) watch() error {
	return p.engine.poller.Watch(int(p.fd), uint64(p.join)<<32|uint64(p.fd))
}

// watch tells streams that they have something to read.
func (e *Engine) watch() {
	var keys []uint64
	for {
		var err error
		if keys, err = e.poller.Wait(keys[:0]); err != nil {
			return // it was closed
		}
		for _, key := range keys {
			if s := e.stream(key); s != nil {
				s.readable()
			}
		}
	}
}

// stream returns the stream that a notice is for, unless it has left.
func (e *Engine) stream(key uint64) *Stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.byFD[uint32(key)]; s != nil && s.place.join == uint32(key>>32) {
		return s
	}
	return nil
}
