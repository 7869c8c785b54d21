package hub

import (
	"context"
	"errors"

	"pushlab/common/event"
)

// ErrUnavailable is in the errors of a Log that cannot be reached, or cannot store now. What was to be appended may have
// been: append it again with the same key, later.
var ErrUnavailable = errors.New("the log is not available")

// ErrKeyReused is in the error of Append for a key under which something else was appended.
var ErrKeyReused = errors.New("the idempotency key was used for another event")

// A Log gives events their order and keeps them, so that they outlive this process, and hubs of several processes have the
// same ones under the same IDs. A hub without one keeps its events in its ring alone.
//
// The sequence numbers of a log rise; one that is missing was deleted. All methods may be called from any goroutine.
type Log interface {
	// Append puts an entry behind all others, and returns its ID once it is stored as safely as the log promises. An entry
	// whose key was used within the window of the log is not appended again: the ID is that of the first. It fails with
	// ErrUnavailable, with ErrTooLarge, with ErrKeyReused, or because ctx has ended; after the first and the last of these
	// nobody knows whether it was appended.
	Append(ctx context.Context, e Entry) (event.ID, error)
	// Tail calls deliver for each event after that ID, in order, as it comes, until ctx has ended; then it returns the
	// error of ctx. It bridges interruptions. It fails with ErrEpoch if the log is, or becomes, another than that of the
	// ID. deliver must not wait. A number that is no event of the hub's is delivered as an event without a topic; one that is left
	// out was deleted.
	Tail(ctx context.Context, after event.ID, deliver func(event.Event)) error
	// Read returns what the log holds after that sequence number. It fails with ErrUnavailable, or because ctx has ended.
	Read(ctx context.Context, after uint64, r Range) (Page, error)
	// State returns what the log holds. It fails with ErrUnavailable, or because ctx has ended.
	State(ctx context.Context) (LogState, error)
	// Close lets go of the log, when no other method is running.
	Close(ctx context.Context) error
}

// ErrEpoch is returned by Log.Tail when the log is not the one that it began in: it was made anew, or may have lost its end.
var ErrEpoch = errors.New("the log has another epoch")

// An Entry is an event that has no place yet.
type Entry struct {
	Topic string
	Data  []byte // a compact JSON value
	// Key makes appending idempotent; the caller has put into it who appends. Default: it is appended each time.
	Key string
}

// A Range bounds what Read returns.
type Range struct {
	Topics []string // sorted; nil is all
	Events int      // how many at most
	Bytes  int      // how many of data at most; one event is always returned
}

// A Page is what Read returns.
type Page struct {
	Events []event.Event
	// UpTo is the sequence number up to which there is nothing else of these topics.
	UpTo uint64
	// State is that of the log, not older than the events.
	State LogState
}

// LogState is what a log holds.
type LogState struct {
	Epoch string
	// First is the sequence number of the oldest event; that of the next one if there is none.
	First uint64
	// Last is the sequence number of the newest event that there ever was.
	Last  uint64
	Bytes int64
}
