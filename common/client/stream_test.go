package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/client"
	"pushlab/common/event"
)

var errRead = errors.New("read failed")

// A feed is what a stream reads from: batches that take their time, then an error, or silence. Close
// makes a read that waits fail.
type feed struct {
	batches []client.Batch
	takes   time.Duration // each
	err     error         // behind them; nil: silence
	with    error         // comes together with the last batch

	closed chan struct{}
	closes int
}

func (f *feed) stream(start string) *client.Stream {
	f.closed = make(chan struct{})
	return client.NewStream(start, f.read, f.close)
}

func (f *feed) read() (client.Batch, error) {
	ready := time.After(f.takes)
	if len(f.batches) == 0 {
		if f.err != nil {
			return client.Batch{}, f.err
		}
		ready = nil
	}
	select {
	case <-ready:
	case <-f.closed:
		return client.Batch{}, errRead
	}
	b := f.batches[0]
	f.batches = f.batches[1:]
	if len(f.batches) == 0 {
		return b, f.with
	}
	return b, nil
}

var errClose = errors.New("close failed")

func (f *feed) close() error {
	f.closes++
	close(f.closed)
	return errClose
}

func batch(seqs ...uint64) client.Batch {
	var b client.Batch
	for _, seq := range seqs {
		b.Events = append(b.Events, message(seq))
	}
	return b
}

// wantStream takes the next events, which must have these sequence numbers.
func wantStream(t *testing.T, s *client.Stream, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		e, err := s.Next(t.Context())
		if err != nil || e.ID.Seq != seq {
			t.Fatalf("event %d (%v), want %d", e.ID.Seq, err, seq)
		}
	}
}

func wantStreamEnd(t *testing.T, s *client.Stream, want error) {
	t.Helper()
	if e, err := s.Next(t.Context()); !errors.Is(err, want) {
		t.Fatalf("event %d, %v; want %v", e.ID.Seq, err, want)
	}
}

func TestStreamEndsBehindItsEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		feed *feed
		err  error
	}{
		{"a clean end", &feed{batches: []client.Batch{batch(1, 2), batch(3)}, err: io.EOF}, io.EOF},
		{"an error", &feed{batches: []client.Batch{batch(1, 2), batch(3)}, err: errRead}, errRead},
		{"an error that comes with events", &feed{batches: []client.Batch{batch(1), batch(2, 3)}, with: errRead}, errRead},
		{"reads that bring nothing", &feed{batches: []client.Batch{{}, batch(1, 2, 3), {}}, err: errRead}, errRead},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.feed.stream("")
			defer s.Close()
			wantStream(t, s, 1, 2, 3)
			wantStreamEnd(t, s, c.err)
			wantStreamEnd(t, s, c.err)
		})
	}
}

// Whatever the waits, and whenever they end, every event comes once and in order.
func TestStreamContextLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var f feed
		seq := uint64(0)
		for range rapid.IntRange(0, 10).Draw(r, "batches") {
			var b client.Batch
			for range rapid.IntRange(0, 3).Draw(r, "events") {
				seq++
				b.Events = append(b.Events, message(seq))
			}
			f.batches = append(f.batches, b)
		}
		f.takes = rapid.SampledFrom([]time.Duration{0, 1, 100}).Draw(r, "each takes")
		f.err = io.EOF
		waits := rapid.SliceOfN(rapid.SampledFrom([]time.Duration{-1, 0, 1, 30, 100, 300}), 1, 10).Draw(r, "waits")
		wrong := "" // rapid wants to be told outside the bubble
		synctest.Test(t, func(t *testing.T) {
			s := f.stream("")
			defer s.Close()
			got := uint64(0)
			for i := 0; ; i++ {
				wait := waits[i%len(waits)]
				if i > 1000 {
					wait = time.Hour
				}
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				e, err := s.Next(ctx)
				cancel()
				switch {
				case err == nil && e.ID.Seq == got+1:
					got++
				case err == nil:
					wrong = fmt.Sprintf("event %d after %d", e.ID.Seq, got)
					return
				case errors.Is(err, context.DeadlineExceeded):
				case errors.Is(err, io.EOF) && got == seq:
					return
				default:
					wrong = fmt.Sprintf("%v after event %d of %d", err, got, seq)
					return
				}
			}
		})
		if wrong != "" {
			r.Fatal(wrong)
		}
	})
}

func TestStreamReadsAheadOneBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{batches: []client.Batch{batch(1), batch(2), batch(3)}}
		s := f.stream("")
		defer s.Close()
		synctest.Wait()
		if got := 3 - len(f.batches); got != 1 {
			t.Errorf("it read %d batches before anybody asked; what nobody takes must stay with the sender", got)
		}
		wantStream(t, s, 1, 2, 3)
	})
}

func TestStreamClose(t *testing.T) {
	for _, c := range []struct {
		name  string
		feed  *feed
		first []uint64 // taken before Close
	}{
		{"while it reads", &feed{}, nil},
		{"while it reads on", &feed{batches: []client.Batch{batch(1)}}, []uint64{1}},
		{"while it has something to hand over", &feed{batches: []client.Batch{batch(1), batch(2)}}, []uint64{1}},
		{"while part of a batch was taken", &feed{batches: []client.Batch{batch(1, 2)}}, []uint64{1}},
		{"after the end", &feed{batches: []client.Batch{batch(1)}, err: io.EOF}, []uint64{1}},
		{"after an error", &feed{err: errRead}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 50 { // so that a choice left to chance would show
				synctest.Test(t, func(t *testing.T) {
					s := c.feed.clone().stream("")
					wantStream(t, s, c.first...)
					synctest.Wait()
					for range 2 {
						if err := s.Close(); err != errClose {
							t.Errorf("Close: %v", err)
						}
					}
					wantStreamEnd(t, s, client.ErrClosed)
					wantStreamEnd(t, s, client.ErrClosed)
				}) // nothing that reads is left, else the bubble does not end
			}
		})
	}
}

func (f *feed) clone() *feed {
	return &feed{batches: f.batches, takes: f.takes, err: f.err, with: f.with}
}

func TestStreamCloseEndsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &feed{}
		s := f.stream("")
		result := make(chan error)
		go func() {
			_, err := s.Next(t.Context())
			result <- err
		}()
		synctest.Wait()
		var closing sync.WaitGroup
		for range 3 { // from anywhere, and at a time
			closing.Go(func() { s.Close() })
		}
		if err := <-result; !errors.Is(err, client.ErrClosed) {
			t.Errorf("Next: %v", err)
		}
		closing.Wait()
		if f.closes != 1 {
			t.Errorf("the connection was closed %d times", f.closes)
		}
	})
}

func TestStreamCursor(t *testing.T) {
	foreign := event.Event{Topic: "message", Data: []byte("1")} // its server numbers in its own way
	for _, c := range []struct {
		name    string
		start   string
		batches []client.Batch
		want    []string // before the first event, and after each
	}{
		{"it follows the events", "mfrggzdf-0", []client.Batch{batch(1, 2), batch(3)},
			[]string{"mfrggzdf-0", "mfrggzdf-1", "mfrggzdf-2", "mfrggzdf-3"}},
		{"no start", "", []client.Batch{batch(1)}, []string{"", "mfrggzdf-1"}},
		{"control events too", "", []client.Batch{{Events: []event.Event{event.Open(place(4), nil), event.Beat(place(8)), event.NewGap(place(2), event.Gap{})}}},
			[]string{"", "mfrggzdf-4", "mfrggzdf-8", "mfrggzdf-2"}},
		{"events without an ID, the batch has a cursor", "0", []client.Batch{
			{Events: []event.Event{foreign, foreign}, Cursor: "2"}, {Events: []event.Event{foreign}, Cursor: "3"}},
			[]string{"0", "0", "2", "3"}}, // within a batch it may repeat, but not lose
		{"events without an ID, and no cursor", "0", []client.Batch{{Events: []event.Event{foreign}}}, []string{"0", "0"}},
		{"the batch's cursor counts behind its last event", "0", []client.Batch{
			{Events: []event.Event{message(1), message(2)}, Cursor: "mfrggzdf-9"}, batch(10)},
			[]string{"0", "mfrggzdf-1", "mfrggzdf-9", "mfrggzdf-10"}},
		{"an ID, and then none", "0", []client.Batch{{Events: []event.Event{message(1), foreign}}, {Events: []event.Event{foreign}, Cursor: "b"}},
			[]string{"0", "mfrggzdf-1", "mfrggzdf-1", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := (&feed{batches: c.batches, err: io.EOF}).stream(c.start)
			defer s.Close()
			var got []string
			var err error
			for err == nil {
				got = append(got, s.Cursor())
				_, err = s.Next(t.Context())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("cursors %q, want %q", got, c.want)
			}
			s.Close()
			if end := s.Cursor(); end != c.want[len(c.want)-1] {
				t.Errorf("cursor %q after Close", end)
			}
		})
	}
}

// A server may move the cursor without an event. Then it counts as soon as somebody waits for more.
func TestStreamCursorWithoutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&feed{batches: []client.Batch{batch(1), {Cursor: "mfrggzdf-7"}}}).stream("")
		defer s.Close()
		wantStream(t, s, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if e, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s %s, %v", e.Topic, e.ID, err)
		}
		if got := s.Cursor(); got != "mfrggzdf-7" {
			t.Errorf("cursor %q, want that of the batch", got)
		}
	})
}

// The reconnection time counts at once, also without an event, and with what breaks the stream.
func TestStreamRetry(t *testing.T) {
	named := func(retry time.Duration, seqs ...uint64) client.Batch {
		b := batch(seqs...)
		b.Retry = &retry
		return b
	}
	for _, c := range []struct {
		name  string
		feed  *feed
		want  time.Duration
		named bool
	}{
		{"none", &feed{batches: []client.Batch{batch(1)}, err: io.EOF}, 0, false},
		{"the last one", &feed{batches: []client.Batch{named(time.Second), batch(1), named(time.Minute), {}}, err: io.EOF}, time.Minute, true},
		{"zero", &feed{batches: []client.Batch{named(time.Second, 1), named(0)}, err: io.EOF}, 0, true},
		{"with an error", &feed{batches: []client.Batch{batch(1), named(time.Hour)}, with: errRead}, time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.feed.stream("")
			defer s.Close()
			if _, ok := s.Retry(); ok && c.want == 0 && !c.named {
				t.Error("there is one before anything was read")
			}
			for {
				if _, err := s.Next(t.Context()); err != nil {
					break
				}
			}
			if got, ok := s.Retry(); got != c.want || ok != c.named {
				t.Errorf("%v, %v; want %v, %v", got, ok, c.want, c.named)
			}
		})
	}
}

// The cursor may be asked for from anywhere, while somebody else waits.
func TestStreamCursorWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&feed{batches: []client.Batch{batch(1)}, takes: time.Second}).stream("start")
		var next sync.WaitGroup
		next.Go(func() { wantStream(t, s, 1) })
		synctest.Wait()
		if got := s.Cursor(); got != "start" {
			t.Errorf("cursor %q", got)
		}
		next.Wait()
		s.Close()
	})
}

// A lineDecoder knows a framing that is as simple as can be: a sequence number per line.
type lineDecoder struct{ rest string }

func (d *lineDecoder) Decode(dst []event.Event, p []byte) ([]event.Event, error) {
	lines := strings.SplitAfter(d.rest+string(p), "\n")
	for _, line := range lines[:len(lines)-1] {
		var seq uint64
		if _, err := fmt.Sscanf(line, "%d\n", &seq); err != nil {
			return dst, fmt.Errorf("no number: %q", line)
		}
		dst = append(dst, message(seq))
	}
	d.rest = lines[len(lines)-1]
	return dst, nil
}

func (d *lineDecoder) End() error {
	if d.rest != "" {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

func TestReader(t *testing.T) {
	for _, c := range []struct {
		name string
		body io.Reader
		want []uint64
		err  string
	}{
		{"a clean end", strings.NewReader("1\n2\n3\n"), []uint64{1, 2, 3}, "EOF"},
		{"nothing at all", strings.NewReader(""), nil, "EOF"},
		{"an end in the middle", strings.NewReader("1\n2\n3"), []uint64{1, 2}, "unexpected EOF"},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("10\n11\n")), []uint64{10, 11}, "EOF"},
		{"the end comes with the last bytes", iotest.DataErrReader(strings.NewReader("1\n2\n")), []uint64{1, 2}, "EOF"},
		{"an end in the middle comes with the last bytes", iotest.DataErrReader(strings.NewReader("1\n2")), []uint64{1}, "unexpected EOF"},
		{"reading fails", io.MultiReader(strings.NewReader("1\n2"), iotest.ErrReader(errRead)), []uint64{1}, "read failed"},
		{"reading fails with the last bytes", &dataAndError{"1\n2\n3", errRead}, []uint64{1, 2}, "read failed"},
		{"what came is wrong", strings.NewReader("1\n2\nx\n3\n"), []uint64{1, 2}, `no number: "x\n"`},
		{"what came is wrong, and then reading fails", &dataAndError{"1\nx\n", errRead}, []uint64{1}, `no number: "x\n"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := client.Reader(c.body, &lineDecoder{})
			var got []uint64
			var err error
			for err == nil {
				var b client.Batch
				b, err = read()
				for _, e := range b.Events {
					got = append(got, e.ID.Seq)
				}
			}
			if !slices.Equal(got, c.want) || err.Error() != c.err {
				t.Errorf("%d, %v; want %d, %s", got, err, c.want, c.err)
			}
		})
	}
}

// dataAndError returns all of its data with the error.
type dataAndError struct {
	data string
	err  error
}

func (r *dataAndError) Read(p []byte) (int, error) {
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, r.err
}

func TestReaderOfALongBody(t *testing.T) {
	var body bytes.Buffer
	const n = 10_000
	for i := range n {
		fmt.Fprintf(&body, "%d\n", i+1)
	}
	s := client.NewStream("", client.Reader(iotest.HalfReader(&body), &lineDecoder{}), func() error { return nil })
	defer s.Close()
	for i := range uint64(n) {
		wantStream(t, s, i+1)
	}
	wantStreamEnd(t, s, io.EOF)
}
