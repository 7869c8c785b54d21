package hub

import (
	"strings"
	"sync"
	"sync/atomic"

	"pushlab/common/event"
)

const (
	// maxEncodings is how many encodings a hub can have: two for each transport.
	maxEncodings = 8
	// encodingOverhead is what an encoding may add to an envelope: a chunk's size, an SSE
	// block's fields, a frame header.
	encodingOverhead = 96
	// recordOverhead is what a record costs beside its envelope: itself, its allocations, its
	// places in the log and in its topic.
	recordOverhead = 256
)

// A Record is an event in the log, with the bytes that transports made of it.
type Record struct {
	event.Event
	envelope []byte // Event.Data is a part of it
	charge   int64  // what the record counts for in the log's byte bound

	framing sync.Mutex // held while a frame is made, so that it is made once
	frames  [maxEncodings]atomic.Pointer[[]byte]
}

// newRecord makes the record of an event that may be framed in n encodings.
func newRecord(e event.Event, n int) *Record {
	r := &Record{Event: e, envelope: e.Envelope()}
	end := len(r.envelope) - 1
	r.Data = r.envelope[end-len(e.Data) : end : end]
	r.Topic = strings.Clone(e.Topic) // it may be part of a whole request line, which would live on with it
	r.charge = chargeOf(len(r.envelope), n)
	return r
}

// chargeOf returns the charge of an event with an envelope of that size, which may be framed in n encodings.
func chargeOf(envelope, n int) int64 {
	return int64(recordOverhead + envelope + n*(envelope+encodingOverhead))
}

// Envelope returns the event's envelope. It must not be modified.
func (r *Record) Envelope() []byte { return r.envelope }

// An Encoding is one way to frame events for the wire. It frames each event once, and remembers
// the bytes in the event's record.
type Encoding struct {
	name   string
	slot   int
	append func(dst []byte, e event.Event) []byte
}

// Encoding returns the hub's encoding of that name, which appends an event's frame to dst as
// appendFrame does. The name stands for the bytes: a second call with the same name returns the
// first's encoding. A hub has room for eight; the ninth panics.
//
// Make encodings before events are published: a frame is charged to the log's byte bound if its
// encoding was known when the event came.
func (h *Hub) Encoding(name string, appendFrame func(dst []byte, e event.Event) []byte) *Encoding {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.encodings {
		if e.name == name {
			return e
		}
	}
	if len(h.encodings) == maxEncodings {
		panic("hub: more than 8 encodings; share one by giving the same name")
	}
	e := &Encoding{name: name, slot: len(h.encodings), append: appendFrame}
	h.encodings = append(h.encodings, e)
	return e
}

// Frame returns the record's frame in this encoding. The caller must not modify it: every
// subscriber of the transport is sent the same bytes.
func (e *Encoding) Frame(r *Record) []byte {
	if b := r.frames[e.slot].Load(); b != nil {
		return *b
	}
	r.framing.Lock()
	defer r.framing.Unlock()
	if b := r.frames[e.slot].Load(); b != nil {
		return *b
	}
	b := e.append(make([]byte, 0, len(r.envelope)+encodingOverhead), r.Event)
	r.frames[e.slot].Store(&b)
	return b
}

// Append appends the frame of an event that is not in the log, a control event, to dst.
func (e *Encoding) Append(dst []byte, ev event.Event) []byte { return e.append(dst, ev) }
