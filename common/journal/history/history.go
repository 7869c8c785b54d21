// Package history checks what publishers were told of a log against what its subscribers saw, faults and all: is it as if there
// were one log, to which each event was appended once, between the time when its publisher asked for that and the time when he
// was told?
//
// # What is checked
//
// A history is a list of operations, each a call of Append or a POST, and a list of what each node delivered. Operations with one
// key are attempts to append one event, which has taken place at the latest when the first of them was acknowledged. An
// operation without a key is an event of its own. [Check] fails unless
//
//   - each event that was acknowledged is in the log, once, under the ID that its publisher was told (a);
//   - an event that was acknowledged before another one was asked for has the lower ID (b);
//   - one of which nobody knows is in the log at most once, and nothing is that nobody asked for (c);
//   - all nodes deliver the same event under the same ID, in the order of the IDs, and leave out none that another one has (d).
//
// # Why that is linearizability
//
// The log of a history is what its nodes have delivered, by ID; (d) makes that a function. An append-only log that tells
// positions is linearizable if each event in it can be given a moment, not before its call and not after its first
// acknowledgement, such that the moments rise with the IDs; what is not in the log has no moment, which only an operation of
// unknown outcome may lack, and no acknowledged one does, by (a).
//
// If there are such moments then (b) holds: let A be acknowledged before B is called; then A's moment is before B's, and so is
// its ID. If B's outcome is unknown, but B is in the log, that is no different; so (b) is asked of such a B, too.
//
// If (b) holds there are such moments: to the event of each ID give the latest call of all events up to that ID, itself included.
// That rises with the IDs (those who have the same moment take place one right after the other), and is not before its own call.
// Nor is it after its own acknowledgement: else an event with a lower ID was called after this one was acknowledged, against (b).
//
// So the check sorts by ID, and goes through the log once: there is nothing to search for, as there is in a check of objects
// that do not tell the order. The tests compare it with a search.
package history

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"pushlab/common/event"
)

// An Operation is an attempt to publish an event. One that was certainly not carried out, since it was refused, is none.
type Operation struct {
	// Call and Return are when it was begun, and when its outcome was known, by one clock for all operations.
	Call, Return time.Duration
	// Key is its idempotency key, with who publishes in it. Default: none.
	Key string
	// Content is what tells the event from all others, which no others may have: topic and data, as a rule.
	Content string
	// ID is the event's, as the publisher was told. Zero: the outcome is not known, and Return does not count.
	ID event.ID
}

// A Delivery is an event as a node gave it to a subscriber.
type Delivery struct {
	// Node names one stream: its deliveries follow each other without a gap. What comes after a gap that was told, or when
	// somebody began anew, is of another one.
	Node    string
	ID      event.ID
	Content string
}

// What can be wrong: in the errors of Check.
var (
	// ErrLost: an event was acknowledged, and is not in the log.
	ErrLost = errors.New("lost")
	// ErrTwice: an event has two places.
	ErrTwice = errors.New("twice")
	// ErrElsewhere: an event is not where its publisher was told, but another one.
	ErrElsewhere = errors.New("elsewhere")
	// ErrInvented: nobody asked for an event.
	ErrInvented = errors.New("invented")
	// ErrEarly: an event is before one that was acknowledged before it was asked for.
	ErrEarly = errors.New("too early")
	// ErrDisagree: nodes have different events under one ID.
	ErrDisagree = errors.New("disagreement")
	// ErrStream: a node's IDs do not rise.
	ErrStream = errors.New("out of order")
	// ErrHole: a node has left out an event that another one delivered.
	ErrHole = errors.New("left out")
	// ErrKey: different events were acknowledged under one key.
	ErrKey = errors.New("key reused")
	// ErrEpoch: there are IDs of several logs.
	ErrEpoch = errors.New("several epochs")
	// ErrInput: the history cannot be checked, since events that are to be different have the same content.
	ErrInput = errors.New("ambiguous history")
)

// maxTold is how many violations an error tells of.
const maxTold = 20

// Check returns nil if the history is that of one log, else an error of all kinds of violations that were found, with the first
// ones in words.
func Check(operations []Operation, deliveries []Delivery) error {
	c := checker{log: map[uint64]string{}, place: map[string]uint64{}}
	c.deliver(deliveries)
	c.publish(operations)
	c.realTime()
	return errors.Join(c.wrong...)
}

// A checker collects violations.
type checker struct {
	wrong  []error
	epoch  string
	log    map[uint64]string // content, by sequence number
	place  map[string]uint64 // the reverse
	events []published       // those that have a place
}

// A published event is what the operations with one key came to.
type published struct {
	content   string
	seq       uint64        // 0: it is in no log
	call, ack time.Duration // the first of its operations, and of their acknowledgements; those that never were are never
}

const never = time.Duration(math.MaxInt64)

func (c *checker) report(kind error, format string, args ...any) {
	switch {
	case len(c.wrong) < maxTold:
		c.wrong = append(c.wrong, fmt.Errorf("history: %w: %s", kind, fmt.Sprintf(format, args...)))
	case !slices.ContainsFunc(c.wrong, func(err error) bool { return errors.Is(err, kind) }):
		c.wrong = append(c.wrong, fmt.Errorf("history: %w, too", kind))
	}
}

// seq returns an ID's sequence number, if it is of the same log as all others.
func (c *checker) seq(id event.ID) uint64 {
	c.epoch = cmp.Or(c.epoch, id.Epoch)
	if id.Epoch != c.epoch {
		c.report(ErrEpoch, "%s, beside those of %s", id, c.epoch)
	}
	return id.Seq
}

// deliver makes the log of what was delivered: (d).
func (c *checker) deliver(deliveries []Delivery) {
	streams := map[string][]uint64{}
	for _, d := range deliveries {
		seq := c.seq(d.ID)
		if stream := streams[d.Node]; len(stream) > 0 && seq <= stream[len(stream)-1] {
			c.report(ErrStream, "%s delivered %d behind %d", d.Node, seq, stream[len(stream)-1])
		} else {
			streams[d.Node] = append(stream, seq)
		}
		if content, found := c.log[seq]; found && content != d.Content {
			c.report(ErrDisagree, "%d is %q at %s, and was %q before", seq, d.Content, d.Node, content)
			continue
		}
		c.log[seq] = d.Content
		if place, found := c.place[d.Content]; found && place != seq {
			c.report(ErrTwice, "%q is %d and %d", d.Content, place, seq)
			continue
		}
		c.place[d.Content] = seq
	}
	var all []uint64
	for seq := range c.log {
		all = append(all, seq)
	}
	slices.Sort(all)
	for node, stream := range streams {
		from, _ := slices.BinarySearch(all, stream[0])
		for i, seq := range all[from:] {
			if i == len(stream) {
				break // it was delivered no further
			}
			if stream[i] != seq {
				c.report(ErrHole, "%s delivered %d, and not %d before", node, stream[i], seq)
				break
			}
		}
	}
}

// publish finds out what each event came to: (a) and (c).
func (c *checker) publish(operations []Operation) {
	byKey, byContent := map[string]int{}, map[string]int{}
	for _, o := range operations {
		i, again := byKey[o.Key]
		if o.Key == "" || !again {
			i = len(c.events)
			c.events = append(c.events, published{content: o.Content, call: o.Call, ack: never})
			if o.Key != "" {
				byKey[o.Key] = i
			}
			if other, taken := byContent[o.Content]; taken && other != i {
				c.report(ErrInput, "%q was published under several keys, or without one", o.Content)
			}
			byContent[o.Content] = i
		}
		e := &c.events[i]
		if e.content != o.Content {
			c.report(ErrKey, "under %q were %q and %q", o.Key, e.content, o.Content)
			continue
		}
		e.call = min(e.call, o.Call)
		if o.ID.IsZero() {
			continue
		}
		e.ack = min(e.ack, o.Return)
		seq := c.seq(o.ID)
		if e.seq != 0 && e.seq != seq {
			c.report(ErrTwice, "%q was acknowledged as %d and as %d", e.content, e.seq, seq)
		}
		e.seq = seq
		switch content, found := c.log[seq]; {
		case !found:
			c.report(ErrLost, "%q was acknowledged as %d, and nobody has that", e.content, seq)
		case content != e.content:
			c.report(ErrElsewhere, "%q was acknowledged as %d, and that is %q", e.content, seq, content)
		}
	}
	for content, seq := range c.place {
		if i, asked := byContent[content]; !asked {
			c.report(ErrInvented, "%d is %q", seq, content)
		} else if c.events[i].seq == 0 {
			c.events[i].seq = seq // nobody was told
		}
	}
}

// realTime compares the order of the IDs with that of time: (b).
func (c *checker) realTime() {
	events := slices.DeleteFunc(c.events, func(e published) bool { return e.seq == 0 })
	slices.SortFunc(events, func(a, b published) int { return cmp.Compare(a.seq, b.seq) })
	var latest published // of those before, the one that was asked for last
	for i, e := range events {
		if i > 0 && latest.call > e.ack {
			c.report(ErrEarly, "%q is %d, and was asked for at %v, when %q, which is %d, had been acknowledged, at %v",
				latest.content, latest.seq, latest.call, e.content, e.seq, e.ack)
		}
		if i == 0 || e.call > latest.call {
			latest = e
		}
	}
}
