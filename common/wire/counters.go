package wire

import "sync/atomic"

// A Reason says how a stream ended.
type Reason int

const (
	open Reason = iota // it has not
	// Goodbye: the server left, or the stream's time was over, and the peer was told.
	Goodbye
	// Left: the peer closed the connection.
	Left
	// Stalled: the peer accepted nothing for as long as a write may take.
	Stalled
	// Refused: the peer broke the protocol, and was told.
	Refused
	// Failed: the connection broke.
	Failed
	// Aborted: the server could not wait for the goodbye to be sent.
	Aborted

	reasons
)

// Reasons are all reasons, in order.
func Reasons() []Reason { return []Reason{Goodbye, Left, Stalled, Refused, Failed, Aborted} }

func (r Reason) String() string {
	return [reasons]string{"open", "goodbye", "left", "stalled", "refused", "failed", "aborted"}[r]
}

// Counters count what one transport did. Long polling, which has no streams, counts its answers
// in the same terms.
type Counters struct {
	// Open is how many streams, or waiting polls, there are now.
	Open atomic.Int64
	// Opened is how many there were.
	Opened atomic.Int64
	// Delivered is how many events were written; control events do not count.
	Delivered atomic.Int64
	// Writes is how many writes those events took: Delivered / Writes is events per write.
	Writes atomic.Int64
	// Bytes is how many bytes were written, control events and framing included, and the heads
	// of those responses that were taken over.
	Bytes atomic.Int64
	// Gaps is how often a subscriber was told that it lost events.
	Gaps atomic.Int64
	// Ended counts the ends by Reason.
	Ended [reasons]atomic.Int64
}
