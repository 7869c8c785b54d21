package hub

import (
	"container/list"

	"pushlab/common/event"
)

// The log's bookkeeping: what is retained, of which topic, and what was lost of it. The hub's
// mutex guards all of it.
type ring struct {
	epoch   string
	head    uint64 // sequence number of the newest event
	evicted uint64 // sequence number of the newest evicted event; retained are those above it
	bytes   int64  // sum of the retained records' charges
	records deque

	topics map[string]*topicLog
	// Topics of which nothing is retained, longest quiet first. They are remembered, so that a
	// cursor can be told whether it lost any of their events, up to a limit.
	quiet     *list.List
	maxQuiet  int
	forgotten uint64 // newest evicted event of all topics that are no longer remembered
}

// A topicLog indexes one topic's events, so that catching up on it does not scan the others.
type topicLog struct {
	name    string
	records deque
	evicted uint64 // sequence number of the topic's newest evicted event; 0: none was
	count   uint64 // how many of its events were evicted
	counted bool   // count is exact: the topic was never forgotten
	quiet   *list.Element
}

func newRing(epoch string, maxQuiet int) ring {
	return ring{epoch: epoch, topics: make(map[string]*topicLog), quiet: list.New(), maxQuiet: maxQuiet}
}

func (l *ring) id(seq uint64) event.ID { return event.ID{Epoch: l.epoch, Seq: seq} }

func (l *ring) append(r *Record) {
	l.head = r.ID.Seq
	l.bytes += r.charge
	l.records.push(r)
	t := l.topics[r.Topic]
	if t == nil {
		// The topic is new, or it was forgotten; then it may have lost events up to that mark.
		t = &topicLog{name: r.Topic, evicted: l.forgotten, counted: l.forgotten == 0}
		l.topics[r.Topic] = t
	}
	if t.quiet != nil {
		l.quiet.Remove(t.quiet)
		t.quiet = nil
	}
	t.records.push(r)
}

// skip empties the ring: what is up to seq is not in it, and nothing is known of it.
func (l *ring) skip(seq uint64) {
	*l = newRing(l.epoch, l.maxQuiet)
	l.head, l.evicted, l.forgotten = seq, seq, seq
}

// advance notes that there is nothing between the head and seq.
func (l *ring) advance(seq uint64) { l.head = max(l.head, seq) }

// evict drops the oldest event.
func (l *ring) evict() {
	r := l.records.pop()
	l.bytes -= r.charge
	l.evicted = r.ID.Seq
	t := l.topics[r.Topic]
	t.records.pop() // the oldest event is the oldest of its topic
	t.evicted = r.ID.Seq
	t.count++
	if t.records.len == 0 {
		t.quiet = l.quiet.PushBack(t)
		if l.quiet.Len() > l.maxQuiet {
			l.forget()
		}
	}
}

// makeRoom makes room for a topic, if it is new, and reports whether there is.
func (l *ring) makeRoom(topic string) bool { return l.topics[topic] != nil || l.forget() }

// forget forgets the topic that has been quiet for longest, and reports whether there was one.
func (l *ring) forget() bool {
	longest := l.quiet.Front()
	if longest == nil {
		return false
	}
	t := l.quiet.Remove(longest).(*topicLog)
	l.forgotten = t.evicted // quiet topics are in the order of their last eviction
	delete(l.topics, t.name)
	return true
}

// lost reports whether an event of the topic after seq was evicted.
func (l *ring) lost(topic string, seq uint64) bool {
	if t := l.topics[topic]; t != nil {
		return t.evicted > seq
	}
	return l.forgotten > seq
}
