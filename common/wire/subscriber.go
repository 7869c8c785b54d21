package wire

import (
	"cmp"
	"slices"
	"time"

	"pushlab/common/event"
)

// A Subscriber is an open stream, as somebody sees it who watches the server.
type Subscriber struct {
	// Transport is the label of its transport.
	Transport string
	// Peer is its address.
	Peer string
	// Cursor is where in the log it is.
	Cursor event.ID
	// Topics are what it reads; nil means all.
	Topics []string
	// Delivered is how many events were written to it.
	Delivered int64
	// Opened is when it was.
	Opened time.Time
}

// Subscribers lists the open streams, the oldest first.
func (s *Streams) Subscribers() []Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Subscriber, 0, len(s.open))
	for stream := range s.open {
		stream.mu.Lock()
		sub := stream.sub
		stream.mu.Unlock()
		list = append(list, Subscriber{
			Transport: s.protocol.Name, Peer: stream.peer, Cursor: sub.Cursor(), Topics: sub.Topics(),
			Delivered: stream.delivered.Load(), Opened: s.began.Add(stream.since),
		})
	}
	slices.SortFunc(list, func(a, b Subscriber) int {
		return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.Peer, b.Peer))
	})
	return list
}
