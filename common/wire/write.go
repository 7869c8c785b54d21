package wire

import (
	"errors"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// A write gathers what goes out at once.
type write struct {
	*Stream
	alone  []byte  // one frame, shared with others and not to be modified, or
	buf    *[]byte // several, copied together
	sent   int     // how many of the bytes are out
	frames int
	events int
	end    Reason // set when nothing may follow

	space *[]*hub.Record // to poll into
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

// bytes returns what is to be written.
func (w *write) bytes() []byte {
	if w.buf != nil {
		return (*w.buf)[w.sent:]
	}
	return w.alone[w.sent:]
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
	w.gather() // what is pending goes out with it
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

// look gathers what there is to write now: what is pending; or a heartbeat, if it is time for one.
func (w *write) look(now time.Duration) {
	w.gather()
	if w.end != open {
		return
	}
	if w.isSilent(now) {
		w.end = Stalled
		return
	}
	if w.frames == 0 && w.isDue(now) {
		w.reader.Beat()
		w.control(event.Beat(w.sub.Cursor()))
	}
}

// gather adds everything that is pending.
func (w *write) gather() {
	if w.news.Load() {
		w.notes()
	}
	for w.end == open {
		records, err := w.sub.PollInto(*w.space)
		*w.space = records[:0]
		var gap *hub.GapError
		switch {
		case err == nil:
		case errors.As(err, &gap):
			w.control(gap.Event())
			w.streams.counters.Gaps.Add(1)
			continue // the events behind the gap go out with it
		default: // the hub is closed
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
		clear(records) // or the space would keep them
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

// notes does what others have noted: first what is in the inbox, since what the peer said before it
// left still gets its answers.
func (w *write) notes() {
	w.mu.Lock()
	w.news.Store(false)
	inbox, left, over, cut := w.inbox, w.left, w.over, w.cut
	w.inbox = nil
	w.tell()
	w.mu.Unlock()
	if cut {
		w.end = Aborted
		return
	}
	for _, m := range inbox {
		w.take(m)
		if w.end != open {
			return
		}
	}
	switch {
	case left:
		w.end = Left
	case over:
		w.goodbye()
	}
}

func (w *write) take(m message) {
	if !m.resubscribe {
		w.frame(m.frame)
		w.end = m.end
		return
	}
	start := hub.After(w.sub.Cursor())
	if m.start != nil {
		start = *m.start
	}
	w.sub.Close()
	sub := w.streams.hub.Subscribe(m.topics, start)
	w.mu.Lock()
	w.sub = sub // under the lock for those who list the streams
	w.mu.Unlock()
	sub.Notify(w.Stream)
	w.control(event.Open(w.sub.Start(), w.sub.Topics()))
}

// flush writes what was gathered, and waits until it is out.
func (w *write) flush() error {
	var err error
	if b := w.bytes(); len(b) > 0 && w.end != Aborted { // a frame may be empty
		err = w.out.write(b, w.streams.config.WriteDeadline)
	}
	w.done(err == nil, w.streams.clock())
	return err
}

// done counts what was written, and makes w ready for the next.
func (w *write) done(complete bool, now time.Duration) {
	if w.buf != nil {
		w.sent = len(*w.buf)
		if cap(*w.buf) <= maxPooled {
			buffers.Put(w.buf)
		}
		w.buf = nil
	} else {
		w.sent = len(w.alone)
	}
	if complete && w.end != Aborted {
		c := &w.streams.counters
		if w.events > 0 {
			c.Delivered.Add(int64(w.events))
			c.Writes.Add(1)
		}
		c.Bytes.Add(int64(w.sent))
		w.delivered.Add(int64(w.events))
		w.written += int64(w.sent)
		w.rest(now)
	}
	w.alone, w.sent, w.frames, w.events = nil, 0, 0, 0
}
