package tap

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned when the Tap was closed, and there are no further records.
var ErrClosed = errors.New("tap: closed")

// maxBatch is how many records a Batch has at most.
const maxBatch = 512

// A Tap records connections, from their beginning on, for those who watch it. Its methods may be called from
// any goroutine. It has no goroutines: what is too old goes when something new comes.
type Tap struct {
	config Config
	began  time.Time
	conns  atomic.Uint64 // that there have been

	mu       sync.Mutex
	records  []*Record // without holes
	size     int
	next     uint64 // the Seq of the next record
	whole    uint64 // the Seq of the first record that shrink has left as it was
	outlines int    // the size of those before
	changed  chan struct{}
	closed   bool
	kept     map[uint64]*keptBytes // by number of the connection
}

// keptBytes are those of a connection that the records hold.
type keptBytes struct {
	bytes int
	seqs  []uint64 // of the records that hold them
}

// New returns a Tap that has recorded nothing.
func New(config Config) *Tap {
	return &Tap{config: config.withDefaults(), began: time.Now(), next: 1, changed: make(chan struct{}), kept: map[uint64]*keptBytes{}}
}

// Now is the time on the clock of the records.
func (t *Tap) Now() time.Duration { return time.Since(t.began) }

// Began is when that clock began.
func (t *Tap) Began() time.Time { return t.began }

// Close ends the recording: connections go on as they are, and no records come any more.
func (t *Tap) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.changed)
	}
}

// listener records the connections that it accepts.
type listener struct {
	net.Listener
	tap  *Tap
	lane string
}

// Listen returns a listener whose connections are a *Conn each. A lane names what they are used for.
func (t *Tap) Listen(l net.Listener, lane string) net.Listener { return &listener{l, t, lane} }

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(l.tap, conn, Up, l.lane), nil
}

// Client returns the client's end of a connection, recorded.
func (t *Tap) Client(conn net.Conn, lane string) *Conn { return newConn(t, conn, Down, lane) }

// A Batch is some of the records.
type Batch struct {
	Records []*Record `json:"records"`
	// Missed is how many records were dropped before the first one, because the watcher was too slow.
	Missed uint64 `json:"missed,omitempty"`
}

// Last returns the Seq of the last one.
func (b Batch) Last() uint64 { return b.Records[len(b.Records)-1].Seq }

// Next returns the records behind after, at most 512, in order. It waits until there is one, as long as ctx lasts, and
// returns ErrClosed when there will be none. How often it is called is up to the watcher.
func (t *Tap) Next(ctx context.Context, after uint64) (Batch, error) {
	for {
		batch, changed, err := t.Poll(after)
		if len(batch.Records) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		}
	}
}

// Last returns the Seq of the newest record, 0 if there is none.
func (t *Tap) Last() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next - 1
}

// Poll is Next without the wait. If there is no record, the channel is closed when there is, or when the Tap is.
func (t *Tap) Poll(after uint64) (batch Batch, changed <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next <= after+1 {
		if t.closed {
			err = ErrClosed
		}
		return Batch{}, t.changed, err
	}
	first := t.next - uint64(len(t.records))
	if after+1 < first {
		batch.Missed = first - after - 1
		after = first - 1
	}
	from := int(after + 1 - first)
	batch.Records = slices.Clone(t.records[from:min(len(t.records), from+maxBatch)])
	return batch, t.changed, nil
}

// Record returns the record with that Seq, if it is still there. Of an old one only the outline may be left.
func (t *Tap) Record(seq uint64) (*Record, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.index(seq)
	if !ok {
		return nil, false
	}
	return t.records[i], true
}

// Bytes returns the bytes of a record, and those before it in which its spans begin, as far as they are kept; and
// where in the direction they begin.
func (t *Tap) Bytes(r *Record) (from int64, b []byte) {
	start := r.Offset
	for _, s := range r.Spans {
		start = min(start, s.Start)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	from, pieces := r.Offset, [][]byte{r.Data}
	if k := t.kept[r.Conn]; k != nil {
		last, _ := slices.BinarySearch(k.seqs, r.Seq)
		for _, seq := range slices.Backward(k.seqs[:last]) {
			i, ok := t.index(seq)
			if !ok || from <= start {
				break
			}
			before := t.records[i]
			if before.Dir != r.Dir {
				continue
			}
			if len(before.Data) < before.N || before.Offset+int64(before.N) != from {
				break // there is a hole
			}
			from, pieces = before.Offset, append(pieces, before.Data)
		}
	}
	slices.Reverse(pieces)
	b = slices.Concat(pieces...)
	if skip := start - from; skip > 0 { // the oldest piece began before what was asked for
		from, b = start, b[skip:]
	}
	return from, b
}

func (t *Tap) index(seq uint64) (int, bool) {
	first := t.next - uint64(len(t.records))
	if seq < first || seq >= t.next {
		return 0, false
	}
	return int(seq - first), true
}

// Note adds a record for something that is none of a connection's bytes, such as that a fault was injected. Lane may be "".
func (t *Tap) Note(lane, text string) {
	t.append(&Record{Kind: Noted, Lane: lane, At: t.Now(), Text: text})
}

// append adds a record.
func (t *Tap) append(r *Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	r.Seq = t.next
	t.next++
	t.records = append(t.records, r)
	t.size += r.size()
	if len(r.Data) > 0 {
		t.keep(r)
	}
	t.shrink()
	close(t.changed)
	t.changed = make(chan struct{})
}

// shrink takes from the oldest records what is over the limit. First that is their bytes and spans, so that a watcher who is
// late for a moment misses nothing; and when the outlines take a quarter of the room, the oldest go.
func (t *Tap) shrink() {
	drop := 0
	for t.size > t.config.Bytes && drop < len(t.records)-1 {
		t.whole = max(t.whole, t.next-uint64(len(t.records)-drop))
		if i, _ := t.index(t.whole); i < len(t.records)-1 && t.outlines < t.config.Bytes/4 {
			t.outline(i)
			t.whole++
			t.outlines += t.records[i].size()
			continue
		}
		oldest := t.records[drop]
		if oldest.Seq < t.whole {
			t.outlines -= oldest.size()
		}
		t.size -= oldest.size()
		t.forget(oldest)
		t.records[drop] = nil
		drop++
	}
	t.records = t.records[drop:]
}

// keep counts a record's bytes, and takes away the oldest of its connection if they are too many.
func (t *Tap) keep(r *Record) {
	k := t.kept[r.Conn]
	if k == nil {
		k = &keptBytes{}
		t.kept[r.Conn] = k
	}
	k.bytes += len(r.Data)
	k.seqs = append(k.seqs, r.Seq)
	for k.bytes > t.config.ConnBytes && len(k.seqs) > 1 {
		i, _ := t.index(k.seqs[0])
		t.outline(i)
	}
}

// outline takes the bytes and spans from a record. Others may be reading the old one.
func (t *Tap) outline(i int) {
	old := t.records[i]
	t.forget(old)
	t.records[i] = old.Outline()
	t.size += t.records[i].size() - old.size()
}

// forget counts a record's bytes no more.
func (t *Tap) forget(r *Record) {
	k := t.kept[r.Conn]
	if k == nil || len(r.Data) == 0 {
		return
	}
	k.bytes -= len(r.Data)
	k.seqs = k.seqs[1:] // it is the oldest
	if len(k.seqs) == 0 {
		delete(t.kept, r.Conn)
	}
}
