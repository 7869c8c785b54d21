package wire

import (
	"errors"
	"os"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// run is the write loop. It writes the head, the preface and the open event, and then whatever
// comes; it returns when nothing more is to be written. Left is closed when the peer is gone.
func (s *Stream) run(head, preface []byte, left <-chan struct{}) Reason {
	defer func() { s.sub.Close() }() // the subscription may be another by then
	defer close(s.done)
	config := &s.streams.config

	beat := time.NewTimer(time.Hour)
	defer beat.Stop()
	rest := func() {
		if config.Heartbeat > 0 {
			beat.Reset(jittered(config.Heartbeat, 0.9, 1))
		} else {
			beat.Stop()
		}
	}
	w := write{Stream: s}
	w.open(head, preface)
	for {
		w.gather()
		if w.empty() {
			select {
			case <-s.sub.Ready():
				continue
			case m := <-s.inbox:
				w.take(m)
			case <-beat.C:
				s.onBeat()
				w.gather() // which moves the cursor over what is of other topics
				if w.end == open {
					w.control(event.Beat(s.sub.Cursor()))
				}
			case <-left:
				select {
				case <-s.cut:
					return Aborted // it was us who closed the connection
				default:
				}
				w.end = Left
				w.messages() // what the peer said before it left still gets its answers
			case <-s.cut:
				return Aborted
			}
		}
		if err := w.flush(); err != nil {
			select {
			case <-s.cut:
				return Aborted
			default:
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return Stalled
			}
			return Failed
		}
		if w.end != open {
			return w.end
		}
		rest()
	}
}

// A write gathers what goes out at once.
type write struct {
	*Stream
	alone  []byte  // one frame, shared with others and not to be modified, or
	buf    *[]byte // several, copied together
	frames int
	events int
	end    Reason // set when nothing may follow
}

// buffers holds the buffers of writes that carry more than one frame, so that a stream that waits
// has none.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled is the largest buffer worth keeping: a full batch in its framing.
const maxPooled = 512 << 10

func (w *write) empty() bool { return w.frames == 0 && w.end == open }

// buffer returns the buffer to append a further frame to.
func (w *write) buffer() *[]byte {
	if w.buf == nil {
		w.buf = buffers.Get().(*[]byte)
		*w.buf = append((*w.buf)[:0], w.alone...)
		w.alone = nil
	}
	w.frames++
	return w.buf
}

// open adds the head, and the preface with the open event: in one chunk, if they go in chunks.
func (w *write) open(head, preface []byte) {
	b := w.buffer()
	*b = append(*b, head...)
	first := func(dst []byte) []byte {
		return w.inner(append(dst, preface...), event.Open(w.sub.Start(), w.sub.Topics()))
	}
	if w.chunked {
		*b = appendChunk(*b, first)
	} else {
		*b = first(*b)
	}
}

// control adds a control event.
func (w *write) control(e event.Event) {
	b := w.buffer()
	if w.chunked {
		*b = w.encoding.Append(*b, e)
	} else {
		*b = w.inner(*b, e)
	}
}

// inner appends an event's frame without a chunk around it.
func (w *write) inner(dst []byte, e event.Event) []byte {
	if w.streams.protocol.HTTP {
		return w.streams.protocol.AppendFrame(dst, e)
	}
	return w.encoding.Append(dst, e) // which has no chunks
}

// frame adds a frame that was made before.
func (w *write) frame(frame []byte) {
	if w.frames == 0 {
		w.alone = frame
		w.frames++
		return
	}
	b := w.buffer()
	*b = append(*b, frame...)
}

// gather adds everything that is pending.
func (w *write) gather() {
	w.messages()
	for w.end == open {
		records, err := w.sub.Poll()
		var gap *hub.GapError
		switch {
		case errors.As(err, &gap):
			w.control(gap.Event())
			w.streams.counters.Gaps.Add(1)
			continue // the events behind the gap go out with it
		case err != nil: // the hub is closed
			w.goodbye()
		}
		for _, r := range records {
			frame := w.encoding.Frame(r)
			if w.streams.protocol.HTTP && !w.chunked {
				frame = content(frame)
			}
			w.frame(frame)
		}
		w.events += len(records)
		return
	}
}

func (w *write) goodbye() {
	w.control(event.Bye(w.sub.Cursor(), jittered(w.streams.config.Retry, 0.5, 1.5)))
	switch {
	case w.chunked:
		w.frame(lastChunk)
	case !w.streams.protocol.HTTP:
		w.frame(w.streams.protocol.Trailer)
	}
	w.end = Goodbye
}

// messages takes what waits in the inbox; no more than that, or a peer that never stops asking would
// make one endless write of the answers.
func (w *write) messages() {
	for range inboxSize {
		select {
		case m := <-w.inbox:
			w.take(m)
			if m.end != open {
				return
			}
		default:
			return
		}
	}
}

func (w *write) take(m message) {
	if !m.resubscribe {
		w.frame(m.frame)
		if m.end != open {
			w.end = m.end
		}
		return
	}
	start := hub.After(w.sub.Cursor())
	if m.start != nil {
		start = *m.start
	}
	w.sub.Close()
	w.sub = w.streams.hub.Subscribe(m.topics, start)
	w.control(event.Open(w.sub.Start(), w.sub.Topics()))
}

// flush writes what was gathered, and counts it.
func (w *write) flush() error {
	b := w.alone
	if w.buf != nil {
		b = *w.buf
	}
	var err error
	if len(b) > 0 { // a frame may be empty
		err = w.out.write(b, w.streams.config.WriteDeadline)
	}
	if w.buf != nil {
		if cap(*w.buf) <= maxPooled {
			buffers.Put(w.buf)
		}
		w.buf = nil
	}
	events := w.events
	w.alone, w.frames, w.events = nil, 0, 0
	if err != nil || len(b) == 0 {
		return err
	}
	c := &w.streams.counters
	if events > 0 {
		c.Delivered.Add(int64(events))
		c.Writes.Add(1)
	}
	c.Bytes.Add(int64(len(b)))
	w.delivered += int64(events)
	w.written += int64(len(b))
	return nil
}
