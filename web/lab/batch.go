package lab

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/fault"
	"pushlab/common/hub"
	"pushlab/common/tap"
)

// A Batch is what observers are told: what has happened since the last one, and what has changed. Times are nanoseconds
// on the lab's clock.
type Batch struct {
	Now time.Duration `json:"now"`
	// Dropped is how many records are missing before these, because there were too many; and faults, arrivals and
	// published events among these.
	Dropped uint64    `json:"dropped,omitempty"`
	Records []Record  `json:"records,omitempty"`
	Arrived []Arrival `json:"arrived,omitempty"`
	Log     *Log      `json:"log,omitempty"`
	Faults  []Fault   `json:"faults,omitempty"`
	// Streams, Proxies and State are absent if they are as before.
	Streams []Stream         `json:"streams,omitzero"`
	Proxies map[string]Proxy `json:"proxies,omitempty"`
	State   *State           `json:"state,omitempty"`
}

// A Record is the outline of a tap.Record. The bytes and their spans are to be had by its Seq.
type Record struct {
	Seq    uint64         `json:"seq"`
	Lane   string         `json:"lane,omitempty"`
	Conn   uint64         `json:"conn,omitempty"`
	Kind   tap.RecordKind `json:"kind"`
	At     time.Duration  `json:"at"`
	Took   time.Duration  `json:"took,omitempty"`
	Dir    tap.Direction  `json:"dir,omitempty"`
	Offset int64          `json:"offset,omitempty"`
	N      int            `json:"n,omitempty"`
	Text   string         `json:"text,omitempty"`
	// Cost is how many bytes of what the record has completed were head, framing and payload.
	Cost [3]int64 `json:"cost,omitzero"`
	// Info is there in the last record of a connection: segments out and in, those with data out and in, retransmits, the
	// round-trip time, and bytes that wait in the socket.
	Info     []int64   `json:"info,omitempty"`
	Messages []Message `json:"messages,omitempty"`
}

// A Message is a tap.Message.
type Message struct {
	tap.Message
	// Sent is when the server wrote the end of it, which with a fault in between is long before.
	Sent time.Duration `json:"sent,omitempty"`
}

// An Arrival says that the bytes of a connection before Offset have reached the server.
type Arrival struct {
	Conn   uint64        `json:"conn"`
	Offset int64         `json:"offset"`
	At     time.Duration `json:"at"`
}

// A Log is the log of the private hub.
type Log struct {
	Head      string      `json:"head"`
	Oldest    string      `json:"oldest"` // the cursor from which the retained events follow
	Events    int         `json:"events"`
	Bytes     int64       `json:"bytes"`
	History   int         `json:"history"`
	Published []Published `json:"published,omitempty"` // since the last batch
}

// A Published event is one that came into the log.
type Published struct {
	ID    string        `json:"id"`
	At    time.Duration `json:"at"`
	N     int           `json:"n"` // bytes of data
	Topic string        `json:"topic"`
}

// A Fault is a fault.Event of a lane. Connection is the Conn of the records.
type Fault struct {
	Lane       string          `json:"lane"`
	At         time.Duration   `json:"at"`
	Kind       fault.EventKind `json:"kind"`
	Connection uint64          `json:"connection,omitempty"`
	Direction  string          `json:"direction,omitempty"`
	Bytes      int             `json:"bytes,omitempty"`
	For        time.Duration   `json:"for,omitempty"`
	Why        string          `json:"why,omitempty"`
}

// A Stream is a subscriber, or a poll that waits.
type Stream struct {
	Lane      string        `json:"lane"`
	Transport string        `json:"transport"`
	Conn      uint64        `json:"conn,omitempty"`
	Cursor    string        `json:"cursor,omitempty"`
	Topics    []string      `json:"topics"` // null is all
	Delivered int64         `json:"delivered"`
	Opened    time.Duration `json:"opened"`
}

// A Proxy is what a lane's proxy holds of what the server has sent, has swallowed of it, and how many connections are open.
type Proxy struct {
	Held      int64 `json:"held"`
	Swallowed int64 `json:"swallowed"`
	Open      int   `json:"open"`
}

// outline returns what observers are told of a record.
func outline(r *tap.Record) Record {
	o := Record{Seq: r.Seq, Lane: r.Lane, Conn: r.Conn, Kind: r.Kind, At: r.At, Took: r.Took, Dir: r.Dir, Offset: r.Offset, N: r.N, Text: r.Text,
		// What cannot be read is content, for all that is known.
		Cost: [3]int64{r.Cost.Head, r.Cost.Framing, r.Cost.Payload + r.Cost.Opaque}}
	for _, m := range r.Messages {
		if m.Kind != tap.ChunkMessage { // which the spans show
			o.Messages = append(o.Messages, Message{Message: m})
		}
	}
	return o
}

// info returns what the kernel counts, in a compact form.
func info(i *tap.Info) []int64 {
	return []int64{int64(i.SegmentsOut), int64(i.SegmentsIn), int64(i.DataOut), int64(i.DataIn), int64(i.Retransmits), int64(i.RTT), int64(i.Unsent)}
}

// pending is what is to be told with the next batch. Its methods may be called with any lock held: they never wait.
type pending struct {
	ready hub.Signal
	clock func() time.Duration

	mu        sync.Mutex
	published []Published
	faults    []Fault
	arrived   []Arrival
	dropped   uint64   // what had no room in these
	closed    []uint64 // connections
	state     bool     // it has changed
	all       bool     // somebody is new, and knows nothing
}

func (p *pending) note(set func()) {
	p.mu.Lock()
	set()
	p.mu.Unlock()
	p.ready.Wake()
}

// add appends to a list that may not grow for ever. What has no room is counted.
func add[T any](p *pending, list *[]T, item T) {
	if len(*list) >= maxPending {
		p.dropped++
		return
	}
	*list = append(*list, item)
}

// publish notes an event: it is hub.Config.Observe.
func (p *pending) publish(e event.Event) {
	p.note(func() {
		add(p, &p.published, Published{ID: e.ID.String(), At: p.clock(), N: len(e.Data), Topic: e.Topic})
	})
}

func (p *pending) fault(f Fault) {
	p.note(func() {
		add(p, &p.faults, f)
		if f.Kind == fault.Closed {
			p.closed = append(p.closed, f.Connection)
		}
	})
}

func (p *pending) arrival(a Arrival) { p.note(func() { add(p, &p.arrived, a) }) }

func (p *pending) changed() { p.note(func() { p.state = true }) }

func (p *pending) newcomer() { p.note(func() { p.all = true }) }

// taken is what was pending.
type taken struct {
	published []Published
	faults    []Fault
	arrived   []Arrival
	dropped   uint64
	closed    []uint64
	state     bool
	all       bool
}

func (p *pending) take() taken {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := taken{p.published, p.faults, p.arrived, p.dropped, p.closed, p.state, p.all}
	p.published, p.faults, p.arrived, p.dropped, p.closed, p.state, p.all = nil, nil, nil, 0, nil, false, false
	return t
}

// empty tells whether there is nothing to tell.
func (b *Batch) empty() bool {
	return len(b.Records) == 0 && b.Dropped == 0 && len(b.Arrived) == 0 && b.Log == nil && len(b.Faults) == 0 && b.Streams == nil && b.Proxies == nil && b.State == nil
}

// A memory tells whether something has changed since the last time.
type memory map[string][]byte

// news reports whether it has.
func (m memory) news(name string, value any) bool {
	b, err := json.Marshal(value)
	if err != nil {
		panic("lab: " + err.Error()) // these values always marshal
	}
	if slices.Equal(m[name], b) {
		return false
	}
	m[name] = b
	return true
}
