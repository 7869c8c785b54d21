package client

import (
	"cmp"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/common/event"
)

// A Conn is one connection to a server, by whatever transport.
type Conn interface {
	// Next returns the next event, control events included, and waits for it as long as ctx
	// lasts; that it ran out does not harm the connection. After any other error only Close is
	// of use. The clean end of a stream, after the server's goodbye, is io.EOF.
	Next(ctx context.Context) (event.Event, error)
	// Cursor returns where to resume: behind the last event that Next returned.
	Cursor() string
	// Close ends the connection; a Next that waits fails.
	Close() error
}

// A Stream reads ahead on a connection, in a goroutine of its own, so that waiting for an event
// can be given up without losing part of it. It is the Conn of the streaming transports. Next must
// not be called twice at a time; Close may be called from anywhere.
type Stream struct {
	close    func() error
	closing  sync.Once
	closeErr error
	batches  chan Batch
	closed   chan struct{}
	reading  sync.WaitGroup
	failure  error // set before batches is closed
	begin    time.Time
	sign     atomic.Int64 // when the other end last gave a sign of life: nanoseconds after begin
	retry    atomic.Pointer[time.Duration]

	mu     sync.Mutex // guards what follows: anybody may ask for the cursor
	batch  Batch
	last   event.ID // of the last event that was given out
	cursor string   // counts if last is zero
}

// A Batch is what one read brought.
type Batch struct {
	// Events are in order.
	Events []event.Event
	// Cursor is where to resume behind them. It may be empty if the last one has an ID.
	Cursor string
	// Forget says that there is no place to resume any more: a foreign server took it back.
	Forget bool
	// Retry is the reconnection time, if the server named one.
	Retry *time.Duration
}

// NewStream starts to read. Start is the cursor before the first event. Each call of read returns
// what came, or an error, which ends the stream behind the events that came with it. Close has to
// make a read that waits fail.
func NewStream(start string, read func() (Batch, error), close func() error) *Stream {
	s := &Stream{cursor: start, close: close, begin: time.Now(), batches: make(chan Batch), closed: make(chan struct{})}
	s.reading.Go(func() { s.read(read) })
	return s
}

func (s *Stream) read(read func() (Batch, error)) {
	defer close(s.batches)
	for {
		batch, err := read()
		if err == nil {
			s.Touch()
		}
		if batch.Retry != nil {
			s.retry.Store(batch.Retry)
		}
		if len(batch.Events) > 0 || batch.Cursor != "" || batch.Forget {
			select {
			case s.batches <- batch:
			case <-s.closed:
				s.failure = ErrClosed
				return
			}
		}
		if err != nil {
			s.failure = err
			return
		}
	}
}

// Next implements Conn.
func (s *Stream) Next(ctx context.Context) (event.Event, error) {
	select {
	case <-s.closed: // WHATWG HTML, section 9.2.6 (SSE-25): also if there is something left that came before
		return event.Event{}, ErrClosed
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.batch.Events) == 0 {
		s.mu.Unlock()
		batch, err := s.wait(ctx)
		s.mu.Lock()
		if err != nil {
			return event.Event{}, err
		}
		s.batch = batch
		s.finishBatch()
	}
	e := s.batch.Events[0]
	s.batch.Events = s.batch.Events[1:]
	if !e.ID.IsZero() {
		s.last = e.ID
	}
	s.finishBatch()
	return e, nil
}

// finishBatch moves the cursor behind the batch, if all its events were given out.
func (s *Stream) finishBatch() {
	if len(s.batch.Events) == 0 && (s.batch.Cursor != "" || s.batch.Forget) {
		s.last, s.cursor = event.ID{}, s.batch.Cursor
	}
}

// Touch notes a sign of life that is no event, and that read does not return for, such as a ping.
func (s *Stream) Touch() { s.sign.Store(int64(time.Since(s.begin))) }

// Quiet returns how long the other end has given no sign of life: nothing that could be read, not
// even part of an event.
func (s *Stream) Quiet() time.Duration { return time.Since(s.begin) - time.Duration(s.sign.Load()) }

// Retry returns the reconnection time that the server named last, and whether it has named one.
func (s *Stream) Retry() (time.Duration, bool) {
	retry := s.retry.Load()
	if retry == nil {
		return 0, false
	}
	return *retry, true
}

func (s *Stream) wait(ctx context.Context) (Batch, error) {
	select {
	case batch, ok := <-s.batches:
		if ok {
			return batch, nil
		}
		select {
		case <-s.closed: // whatever reading then failed with
			return Batch{}, ErrClosed
		default:
			return Batch{}, s.failure
		}
	case <-s.closed:
		return Batch{}, ErrClosed
	case <-ctx.Done():
		return Batch{}, ctx.Err()
	}
}

// Cursor implements Conn.
func (s *Stream) Cursor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		return s.cursor
	}
	return s.last.String()
}

// Close implements Conn. It waits until nothing is read any more.
func (s *Stream) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		s.closeErr = s.close()
		s.reading.Wait()
	})
	return s.closeErr
}

// A Decoder makes events of a response's body.
type Decoder interface {
	// Decode appends the events that p completes to dst, and does not keep p.
	Decode(dst []event.Event, p []byte) ([]event.Event, error)
	// End tells what the end of the body means: io.EOF if it was a clean one.
	End() error
}

// Reader returns the read function of a Stream that decodes a body.
func Reader(body io.Reader, decoder Decoder) func() (Batch, error) {
	buf := make([]byte, 4<<10)
	return func() (batch Batch, err error) {
		// RFC 9112, section 8 (HTTP-02): net/http calls the end of a body that was cut unexpected.
		n, readErr := body.Read(buf)
		batch.Events, err = decoder.Decode(nil, buf[:n])
		if err == nil && readErr == io.EOF {
			readErr = decoder.End()
		}
		return batch, cmp.Or(err, readErr)
	}
}
