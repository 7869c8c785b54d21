package wire

import (
	"sync"

	"pushlab/common/hub"
	"pushlab/common/kernel"
)

// Who serves a stream that has an engine.
const (
	running int32 = iota // a goroutine of its own
	idle                 // the pump, and there is nothing to do
	queued               // the pump, which is about to look
)

// A pump sends to so many streams at once, or fewer if their bytes are that many: who catches up needs
// a buffer.
const (
	maxBatch      = 512
	maxBatchBytes = 4 << 20
)

// A pump serves parked streams: it looks at each that was woken, and writes to many at once.
type pump struct {
	sender kernel.Sender
	ready  hub.Signal
	done   chan struct{}

	mu    sync.Mutex
	queue []*Stream // who was woken
	spare []*Stream // room for the next queue

	members members

	batch batch
}

// A batch is what a pump writes at once. It is reused.
type batch struct {
	writes []write
	sends  []kernel.Send
	space  []*hub.Record
}

// wake has the pump look at a stream, if the stream is parked. One that is not looks by itself before
// it parks.
func (p *pump) wake(s *Stream) {
	if s.state.CompareAndSwap(idle, queued) {
		p.enqueue(s)
	}
}

// enqueue puts a stream behind those who were woken before.
func (p *pump) enqueue(s *Stream) {
	p.mu.Lock()
	p.queue = append(p.queue, s)
	first := len(p.queue) == 1
	p.mu.Unlock()
	if first {
		p.ready.Wake()
	}
}

// park hands the stream over to its pump, if it has one; it must not be touched any more then.
func (s *Stream) park() bool {
	if s.ready != nil {
		return false
	}
	sub := s.sub
	s.state.Store(idle)
	// What came before that woke nobody.
	if sub.Pending() || s.news.Load() {
		s.Wake()
	}
	return true
}

// run serves the pump's streams until it is done.
func (p *pump) run() {
	for {
		select {
		case <-p.ready:
		case <-p.members.tick():
			p.members.wake()
		case <-p.done:
			return
		}
		// Those who are woken meanwhile come next, but they must not keep the pump from the time.
		for queue := p.take(); len(queue) > 0; {
			queue = p.serve(queue)
		}
	}
}

// take returns the streams that were woken. It is valid until the next call.
func (p *pump) take() []*Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := p.queue
	clear(p.spare) // or it would keep streams that have ended
	p.queue, p.spare = p.spare[:0], queue
	return queue
}

// serve writes what there is for the first streams of the queue, one batch, and returns the others.
func (p *pump) serve(queue []*Stream) (rest []*Stream) {
	b := &p.batch
	for bytes := 0; len(queue) > 0 && len(b.sends) < maxBatch && bytes < maxBatchBytes; {
		s := queue[0]
		queue = queue[1:]
		// One that has gone to a goroutine and come back may be in the queue twice, but not in a
		// batch: were its first send cut short, its second would follow with a hole between them.
		if s.place.batched {
			p.enqueue(s)
			continue
		}
		if !s.state.CompareAndSwap(queued, idle) {
			continue
		}
		// From here on, what comes wakes it again.
		w := write{Stream: s, space: &b.space}
		w.look(s.streams.clock())
		if w.empty() {
			continue
		}
		if len(w.bytes()) == 0 || w.end == Aborted {
			p.written(&w, 0, nil)
			continue
		}
		s.place.batched = true
		b.writes = append(b.writes, w)
		b.sends = append(b.sends, kernel.Send{FD: int(s.place.fd), Bytes: w.bytes()})
		bytes += len(w.bytes())
	}
	p.sender.Send(b.sends)
	for i := range b.sends {
		w, send := &b.writes[i], &b.sends[i]
		w.place.batched = false
		p.written(w, send.N, send.Err)
	}
	clear(b.writes)
	clear(b.sends)
	b.writes, b.sends = b.writes[:0], b.sends[:0]
	return queue
}

// written goes on after n bytes of a stream's were written. What is more than that needs a goroutine.
func (p *pump) written(w *write, n int, err error) {
	w.sent += n
	switch {
	case err != nil:
		p.end(w.Stream, w.failure(err))
		w.done(false, 0)
	case len(w.bytes()) > 0 && w.end != Aborted:
		w.state.Store(running)
		go w.Stream.resume(*w)
	default:
		end := w.end
		w.done(true, w.streams.clock())
		if end != open {
			p.end(w.Stream, end)
		} else if w.sub.More() {
			w.Wake() // nobody else does
		}
	}
}

func (p *pump) end(s *Stream, reason Reason) {
	s.state.Store(running)
	go s.finish(reason)
}
