// Package journaltest is the contract of a hub.Log as one suite, which runs against every implementation, and a NATS server for tests.
package journaltest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
)

// A Log is what the suite tests: a hub.Log that can be trimmed.
type Log interface {
	hub.Log
	Trim(ctx context.Context, upTo uint64) error
}

// A Backend is where logs are kept during one test. What it cannot do is nil; the cases that need it then do not apply.
type Backend struct {
	// Open opens the log of that configuration, which the suite closes. Its name is that of the log.
	Open func(t testing.TB, c journal.Config) Log
	// Lasts says that a log that is closed and opened again holds what it held.
	Lasts bool
	// Stop and Start interrupt the log while it is open.
	Stop, Start func(t testing.TB)
	// Recreate makes the log of that name anew while it is open.
	Recreate func(t testing.TB, name string)
}

// patience is how long the suite waits for what must happen.
const patience = 30 * time.Second

// Test runs the suite. open is called for each case; what it makes may live until the test's cleanup.
func Test(t *testing.T, open func(t testing.TB) Backend) {
	cases := []struct {
		name string
		test func(*testing.T, Backend)
	}{
		{"events are numbered from 1 without a hole, and delivered in order", testOrder},
		{"an event appended under a key is not appended again", testKeys},
		{"a key is remembered across a restart, and so is everything else", testRestart},
		{"a key cannot be used for another event", testKeyReused},
		{"a page has the topics that were asked for, and says how far it looked", testRead},
		{"a page holds as many bytes as were asked for, and one event at least", testReadBytes},
		{"a tail resumes after the event that it is told", testTailResumes},
		{"a tail ends with its context", testTailEnds},
		{"a tail does not begin beyond the end, nor in another epoch", testTailEpoch},
		{"a tail bridges an interruption: nothing is lost, nothing comes twice", testTailBridges},
		{"a log that was made anew has another epoch", testRecreated},
		{"while it is interrupted everything fails soon, and a retry appends once", testUnavailable},
		{"what is trimmed is gone, and the numbers go on", testTrim},
		{"the oldest events go: by count", testMaxEvents},
		{"the oldest events go: by bytes", testMaxBytes},
		{"the oldest events go: by age", testMaxAge},
		{"an event that the log can never hold is refused", testTooLarge},
		{"many append at once", testConcurrent},
		{"a context that has ended is why, and nothing else", testContext},
		{"it does what a model does", testModel},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// config is that of most cases. A second window would let keys be forgotten between two lines of a test.
func config() journal.Config {
	return journal.Config{
		Name:          "log",
		AppendTimeout: 1 * time.Second,
		CheckEvery:    50 * time.Millisecond,
		Logger:        slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// open opens a log for a case.
func (b Backend) open(t *testing.T, c journal.Config) Log {
	t.Helper()
	log := b.Open(t, c)
	t.Cleanup(func() { shut(t, log) })
	return log
}

func shut(t testing.TB, log Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := log.Close(ctx); err != nil {
		t.Error(err)
	}
}

func data(n int) []byte { return []byte(strconv.Itoa(n)) }

func appendOne(t testing.TB, log Log, e hub.Entry) event.ID {
	t.Helper()
	id, err := log.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// fill appends n events to a topic.
func fill(t testing.TB, log Log, topic string, n int) (last event.ID) {
	t.Helper()
	for i := range n {
		last = appendOne(t, log, hub.Entry{Topic: topic, Data: data(i)})
	}
	return last
}

func stateOf(t testing.TB, log Log) hub.LogState {
	t.Helper()
	state, err := log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func read(t testing.TB, log Log, after uint64, r hub.Range) hub.Page {
	t.Helper()
	page, err := log.Read(t.Context(), after, r)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// all reads everything after that number.
func all(t testing.TB, log Log, after uint64) []event.Event {
	t.Helper()
	return read(t, log, after, hub.Range{Events: 100_000, Bytes: 1 << 30}).Events
}

func seqs(events []event.Event) (out []uint64) {
	for _, e := range events {
		out = append(out, e.ID.Seq)
	}
	return out
}

// A tail is a Tail that runs.
type tail struct {
	mu     sync.Mutex
	events []event.Event
	more   chan struct{}
	done   chan error
	stop   context.CancelFunc
}

func follow(t *testing.T, log Log, after event.ID) *tail {
	ctx, stop := context.WithCancel(context.Background())
	f := &tail{more: make(chan struct{}, 1), done: make(chan error, 1), stop: stop}
	var running sync.WaitGroup
	running.Go(func() {
		f.done <- log.Tail(ctx, after, func(e event.Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
			select {
			case f.more <- struct{}{}:
			default:
			}
		})
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return f
}

// got returns what came, when it is n events.
func (f *tail) got(t *testing.T, n int) []event.Event {
	t.Helper()
	late := time.After(patience)
	for {
		f.mu.Lock()
		events := slices.Clone(f.events)
		f.mu.Unlock()
		if len(events) >= n {
			return events
		}
		select {
		case <-f.more:
		case err := <-f.done:
			t.Fatalf("Tail ended after %d of %d events: %v", len(events), n, err)
		case <-late:
			t.Fatalf("Tail delivered %d of %d events", len(events), n)
		}
	}
}

// ended returns the error of Tail.
func (f *tail) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.done:
		return err
	case <-time.After(patience):
		t.Fatal("Tail did not end")
		return nil
	}
}

func testOrder(t *testing.T, b Backend) {
	log := b.open(t, config())
	start := stateOf(t, log)
	if start.First != 1 || start.Last != 0 {
		t.Fatalf("a new log holds %d to %d", start.First, start.Last)
	}
	if _, err := event.ParseID(event.ID{Epoch: start.Epoch}.String()); err != nil {
		t.Fatal(err)
	}
	f := follow(t, log, event.ID{Epoch: start.Epoch})
	for i := range 100 {
		topic := []string{"a", "b.c"}[i%2]
		if id := appendOne(t, log, hub.Entry{Topic: topic, Data: data(i)}); id.Seq != uint64(i+1) || id.Epoch != start.Epoch {
			t.Fatalf("event %d is %v", i+1, id)
		}
	}
	for i, e := range f.got(t, 100) {
		if e.ID.Seq != uint64(i+1) || e.ID.Epoch != start.Epoch || string(e.Data) != strconv.Itoa(i) || e.Topic != []string{"a", "b.c"}[i%2] {
			t.Fatalf("event %d came as %v %s %s", i+1, e.ID, e.Topic, e.Data)
		}
	}
	if s := stateOf(t, log); s.First != 1 || s.Last != 100 || s.Bytes <= 0 || s.Epoch != start.Epoch {
		t.Fatalf("the state is %+v", s)
	}
}

func testKeys(t *testing.T, b Backend) {
	log := b.open(t, config())
	keyed := hub.Entry{Topic: "a", Data: data(1), Key: "\x00ü\nwho publishes\xff"}
	first := appendOne(t, log, keyed)
	fill(t, log, "a", 3)
	for range 3 {
		if id := appendOne(t, log, keyed); id != first {
			t.Fatalf("again it is %v, first it was %v", id, first)
		}
	}
	keyed.Key += "x"
	if id := appendOne(t, log, keyed); id.Seq != first.Seq+4 {
		t.Fatalf("another key gave %v", id)
	}
	if n := len(all(t, log, 0)); n != 5 {
		t.Fatalf("there are %d events", n)
	}
}

func testRestart(t *testing.T, b Backend) {
	if !b.Lasts {
		return
	}
	log := b.Open(t, config())
	keyed := hub.Entry{Topic: "a", Data: data(1), Key: "k"}
	first := appendOne(t, log, keyed)
	fill(t, log, "b", 20)
	was, had := stateOf(t, log), all(t, log, 0)
	shut(t, log)

	log = b.open(t, config())
	if now := stateOf(t, log); now != was {
		t.Fatalf("the state was %+v and is %+v", was, now)
	}
	if now := all(t, log, 0); fmt.Sprint(now) != fmt.Sprint(had) {
		t.Fatalf("it held %v and holds %v", had, now)
	}
	if id := appendOne(t, log, keyed); id != first {
		t.Fatalf("the key gives %v, it was %v", id, first)
	}
	if id := fill(t, log, "b", 1); id.Seq != was.Last+1 || id.Epoch != was.Epoch {
		t.Fatalf("the next event is %v", id)
	}
}

func testKeyReused(t *testing.T, b Backend) {
	log := b.open(t, config())
	first := appendOne(t, log, hub.Entry{Topic: "a", Data: data(1), Key: "k"})
	for _, other := range []hub.Entry{{Topic: "a", Data: data(2), Key: "k"}, {Topic: "b", Data: data(1), Key: "k"}} {
		if _, err := log.Append(t.Context(), other); !errors.Is(err, hub.ErrKeyReused) {
			t.Fatalf("%v: %v", other, err)
		}
	}
	// Whether it was another event cannot be said when the first is gone.
	if err := log.Trim(t.Context(), first.Seq); err != nil {
		t.Fatal(err)
	}
	if id := appendOne(t, log, hub.Entry{Topic: "a", Data: data(1), Key: "k"}); id != first {
		t.Fatalf("%v instead of %v", id, first)
	}
}

func testRead(t *testing.T, b Backend) {
	log := b.open(t, config())
	for i := range 90 {
		appendOne(t, log, hub.Entry{Topic: []string{"a", "b", "b.c"}[i%3], Data: data(i)})
	}
	for _, c := range []struct {
		after  uint64
		topics []string
		events int
		want   []uint64
		upTo   uint64
	}{
		{0, nil, 5, []uint64{1, 2, 3, 4, 5}, 5},
		{85, nil, 5, []uint64{86, 87, 88, 89, 90}, 90},
		{85, nil, 100, []uint64{86, 87, 88, 89, 90}, 90},
		{90, nil, 5, nil, 90},
		{0, []string{"a"}, 3, []uint64{1, 4, 7}, 7},
		{80, []string{"a"}, 10, []uint64{82, 85, 88}, 90},
		{80, []string{"a"}, 3, []uint64{82, 85, 88}, 90},
		{0, []string{"b", "b.c"}, 4, []uint64{2, 3, 5, 6}, 6},
		{80, []string{"a", "b.c"}, 10, []uint64{81, 82, 84, 85, 87, 88, 90}, 90},
		{88, []string{"a"}, 10, nil, 90},
		{0, []string{"never"}, 10, nil, 90},
		{0, []string{}, 10, nil, 90},
	} {
		page := read(t, log, c.after, hub.Range{Topics: c.topics, Events: c.events, Bytes: 1 << 20})
		// A page that is full may say that it looked further, if it did.
		if got := seqs(page.Events); !slices.Equal(got, c.want) || page.UpTo != c.upTo {
			t.Errorf("after %d, %d of %q: %v up to %d; want %v up to %d", c.after, c.events, c.topics, got, page.UpTo, c.want, c.upTo)
		}
		for _, e := range page.Events {
			if string(e.Data) != strconv.Itoa(int(e.ID.Seq)-1) || e.Topic != []string{"a", "b", "b.c"}[(e.ID.Seq-1)%3] {
				t.Errorf("%v is %s %s", e.ID, e.Topic, e.Data)
			}
		}
		if page.State.Last != 90 || page.State.First != 1 {
			t.Errorf("the page's state is %+v", page.State)
		}
	}
	// As a hub does: page after page, until there is no more.
	var got []uint64
	for after := uint64(0); after < 90; {
		page := read(t, log, after, hub.Range{Topics: []string{"b"}, Events: 7, Bytes: 1 << 20})
		if page.UpTo <= after {
			t.Fatalf("the page after %d goes up to %d", after, page.UpTo)
		}
		got, after = append(got, seqs(page.Events)...), page.UpTo
	}
	if len(got) != 30 || got[0] != 2 || got[29] != 89 {
		t.Fatalf("%v", got)
	}
}

func testReadBytes(t *testing.T, b Backend) {
	log := b.open(t, config())
	for range 100 {
		appendOne(t, log, hub.Entry{Topic: "a", Data: []byte(strconv.Quote(strings.Repeat("x", 998)))})
	}
	for bytes, want := range map[int]int{0: 1, 1: 1, 1000: 1, 1999: 1, 2000: 2, 60_500: 60, 1 << 20: 100} {
		page := read(t, log, 0, hub.Range{Events: 1000, Bytes: bytes})
		if len(page.Events) != want || page.UpTo != uint64(want) {
			t.Errorf("%d bytes: %d events up to %d, want %d", bytes, len(page.Events), page.UpTo, want)
		}
	}
}

func testTailResumes(t *testing.T, b Backend) {
	log := b.open(t, config())
	last := fill(t, log, "a", 50)
	for _, after := range []uint64{0, 1, 49, 50} {
		f := follow(t, log, event.ID{Epoch: last.Epoch, Seq: after})
		last = appendOne(t, log, hub.Entry{Topic: "b", Data: data(0)})
		got := f.got(t, int(last.Seq-after))
		for i, e := range got {
			if e.ID.Seq != after+uint64(i)+1 {
				t.Fatalf("after %d came %v", after, seqs(got))
			}
		}
		f.stop()
	}
}

func testTailEnds(t *testing.T, b Backend) {
	log := b.open(t, config())
	id := fill(t, log, "a", 3)
	f := follow(t, log, event.ID{Epoch: id.Epoch})
	f.got(t, 3)
	f.stop()
	if err := f.ended(t); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func testTailEpoch(t *testing.T, b Backend) {
	log := b.open(t, config())
	id := fill(t, log, "a", 3)
	for _, after := range []event.ID{{Epoch: id.Epoch, Seq: 4}, {Epoch: "zzzzzzzz", Seq: 1}, {Epoch: "zzzzzzzz"}} {
		if err := follow(t, log, after).ended(t); !errors.Is(err, hub.ErrEpoch) {
			t.Errorf("after %v: %v", after, err)
		}
	}
	if s := stateOf(t, log); s.Epoch != id.Epoch {
		t.Fatalf("somebody's wrong cursor has changed the epoch to %s", s.Epoch)
	}
}

func testTailBridges(t *testing.T, b Backend) {
	if b.Stop == nil {
		return
	}
	log := b.open(t, config())
	epoch := stateOf(t, log).Epoch
	f := follow(t, log, event.ID{Epoch: epoch})
	fill(t, log, "a", 10)
	f.got(t, 10)

	// Publishers go on meanwhile, each event under a key, until it is acknowledged.
	ctx, stop := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	var acked [2][]event.ID
	for p := range acked {
		publishers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				e := hub.Entry{Topic: "b", Data: data(i), Key: fmt.Sprint(p, "/", i)}
				for {
					id, err := log.Append(t.Context(), e)
					if err == nil {
						acked[p] = append(acked[p], id)
						break
					}
					if !errors.Is(err, hub.ErrUnavailable) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	reaches := func(n uint64) {
		late := time.After(patience)
		for {
			if s, err := log.State(t.Context()); err == nil && s.Last >= n {
				return
			}
			select {
			case <-late:
				t.Fatal("nothing is appended")
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	for round := range uint64(2) {
		reaches(100 * (round + 1))
		b.Stop(t)
		b.Start(t)
	}
	reaches(stateLast(log) + 50)
	stop()
	publishers.Wait()
	end := stateOf(t, log)
	if end.Epoch != epoch {
		t.Fatalf("the epoch was %s and is %s", epoch, end.Epoch)
	}
	got := f.got(t, int(end.Last))
	for i, e := range got {
		if e.ID.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.ID.Seq)
		}
	}
	for p, ids := range acked {
		for i, id := range ids {
			if e := got[id.Seq-1]; e.Topic != "b" || string(e.Data) != strconv.Itoa(i) {
				t.Fatalf("%v of publisher %d is %s, and was %d", id, p, e.Data, i)
			}
		}
	}
	if n := len(acked[0]) + len(acked[1]) + 10; n != len(got) {
		t.Fatalf("%d were acknowledged and %d delivered", n, len(got))
	}
}

func stateLast(log Log) uint64 {
	s, _ := log.State(context.Background())
	return s.Last
}

func testRecreated(t *testing.T, b Backend) {
	if b.Recreate == nil {
		return
	}
	c := config()
	log := b.open(t, c)
	id := fill(t, log, "a", 10)
	f := follow(t, log, event.ID{Epoch: id.Epoch})
	f.got(t, 10)
	b.Recreate(t, c.Name)
	if err := f.ended(t); !errors.Is(err, hub.ErrEpoch) {
		t.Fatal(err)
	}
	now := stateOf(t, log)
	if now.Epoch == id.Epoch || now.Last != 0 {
		t.Fatalf("it was %v and is %+v", id, now)
	}
	f = follow(t, log, event.ID{Epoch: now.Epoch})
	if id := fill(t, log, "a", 2); id != (event.ID{Epoch: now.Epoch, Seq: 2}) {
		t.Fatalf("%v", id)
	}
	f.got(t, 2)
}

func testUnavailable(t *testing.T, b Backend) {
	if b.Stop == nil {
		return
	}
	log := b.open(t, config())
	keyed := hub.Entry{Topic: "a", Data: data(1), Key: "k"}
	before := fill(t, log, "a", 3)
	b.Stop(t)
	for name, call := range map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error { _, err := log.Append(ctx, keyed); return err },
		"Read":   func(ctx context.Context) error { _, err := log.Read(ctx, 0, hub.Range{}); return err },
		"State":  func(ctx context.Context) error { _, err := log.State(ctx); return err },
		"Trim":   func(ctx context.Context) error { return log.Trim(ctx, 1) },
	} {
		begun := time.Now()
		err := call(t.Context())
		if took := time.Since(begun); !errors.Is(err, hub.ErrUnavailable) || took > 2*time.Second {
			t.Errorf("%s after %v: %v", name, took, err)
		}
	}
	b.Start(t)
	var ids []event.ID
	for late := time.Now().Add(patience); len(ids) < 3; {
		id, err := log.Append(t.Context(), keyed)
		switch {
		case err == nil:
			ids = append(ids, id)
		case !errors.Is(err, hub.ErrUnavailable) || time.Now().After(late):
			t.Fatal(err)
		}
	}
	if ids[0].Seq != before.Seq+1 || ids[1] != ids[0] || ids[2] != ids[0] {
		t.Fatalf("%v after %v", ids, before)
	}
}

func testTrim(t *testing.T, b Backend) {
	log := b.open(t, config())
	id := fill(t, log, "a", 20)
	f := follow(t, log, id)
	for _, c := range []struct{ upTo, first, last uint64 }{{0, 1, 20}, {5, 6, 20}, {3, 6, 20}, {20, 21, 20}, {99, 21, 20}} {
		if err := log.Trim(t.Context(), c.upTo); err != nil {
			t.Fatal(err)
		}
		if s := stateOf(t, log); s.First != c.first || s.Last != c.last || s.Epoch != id.Epoch {
			t.Fatalf("trimmed up to %d: %+v", c.upTo, s)
		}
	}
	if page := read(t, log, 0, hub.Range{Events: 10, Bytes: 1000}); len(page.Events) > 0 || page.UpTo != 20 || page.State.First != 21 {
		t.Fatalf("%+v", page)
	}
	if next := fill(t, log, "a", 1); next.Seq != 21 || next.Epoch != id.Epoch {
		t.Fatalf("%v", next)
	}
	f.got(t, 1)
	if got := all(t, log, 5); len(got) != 1 {
		t.Fatalf("%v", got)
	}
}

func testMaxEvents(t *testing.T, b Backend) {
	c := config()
	c.MaxEvents = 10
	log := b.open(t, c)
	fill(t, log, "a", 25)
	if s := stateOf(t, log); s.First != 16 || s.Last != 25 {
		t.Fatalf("%+v", s)
	}
	if got := seqs(all(t, log, 3)); len(got) != 10 || got[0] != 16 {
		t.Fatalf("%v", got)
	}
}

func testMaxBytes(t *testing.T, b Backend) {
	c := config()
	c.MaxBytes = 20_000
	log := b.open(t, c)
	for range 50 {
		appendOne(t, log, hub.Entry{Topic: "a", Data: []byte(strconv.Quote(strings.Repeat("x", 998)))})
	}
	s := stateOf(t, log)
	if s.Last != 50 || s.First < 30 || s.First > 35 || s.Bytes > c.MaxBytes {
		t.Fatalf("%+v", s)
	}
	if got := all(t, log, 0); got[0].ID.Seq != s.First {
		t.Fatalf("%v", seqs(got))
	}
}

func testMaxAge(t *testing.T, b Backend) {
	c := config()
	c.MaxAge = 200 * time.Millisecond
	log := b.open(t, c)
	id := fill(t, log, "a", 5)
	for late := time.Now().Add(patience); stateOf(t, log).First != 6; {
		if time.Now().After(late) {
			t.Fatalf("%+v", stateOf(t, log))
		}
	}
	if page := read(t, log, 2, hub.Range{Events: 10, Bytes: 1000}); len(page.Events) > 0 || page.UpTo != 5 {
		t.Fatalf("%+v", page)
	}
	if next := fill(t, log, "a", 1); next.Seq != 6 || next.Epoch != id.Epoch {
		t.Fatalf("%v", next)
	}
}

func testTooLarge(t *testing.T, b Backend) {
	c := config()
	c.MaxBytes = 20_000
	log := b.open(t, c)
	_, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(strconv.Quote(strings.Repeat("x", 30_000)))})
	if !errors.Is(err, hub.ErrTooLarge) {
		t.Fatal(err)
	}
	fill(t, log, "a", 1)
}

func testConcurrent(t *testing.T, b Backend) {
	c := config()
	c.Pending = 4
	c.AppendTimeout = patience
	log := b.open(t, c)
	f := follow(t, log, event.ID{Epoch: stateOf(t, log).Epoch})
	const publishers, each = 16, 25
	var ids [publishers][]event.ID
	var running sync.WaitGroup
	for p := range ids {
		running.Go(func() {
			for i := range each {
				id, err := log.Append(t.Context(), hub.Entry{Topic: "p" + strconv.Itoa(p), Data: data(i)})
				if err != nil {
					t.Error(err)
					return
				}
				ids[p] = append(ids[p], id)
			}
		})
	}
	running.Wait()
	got := f.got(t, publishers*each)
	if len(got) != publishers*each {
		t.Fatalf("%d were delivered", len(got))
	}
	for p, ids := range ids {
		for i, id := range ids {
			if e := got[id.Seq-1]; e.ID != id || e.Topic != "p"+strconv.Itoa(p) || string(e.Data) != strconv.Itoa(i) {
				t.Fatalf("%v is %v %s %s", id, e.ID, e.Topic, e.Data)
			}
		}
	}
}

func testContext(t *testing.T, b Backend) {
	log := b.open(t, config())
	fill(t, log, "a", 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, appending := log.Append(ctx, hub.Entry{Topic: "a", Data: data(1)})
	_, reading := log.Read(ctx, 0, hub.Range{Events: 1})
	_, asking := log.State(ctx)
	for name, err := range map[string]error{"Append": appending, "Read": reading, "State": asking} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, hub.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// testModel appends, trims, reads and restarts at random, and compares with a slice.
func testModel(t *testing.T, b Backend) {
	c := config()
	c.AppendTimeout = patience
	log := b.Open(t, c)
	defer func() { shut(t, log) }()
	// A quarter of what rapid does by itself, since each step asks a server several things; a flag says otherwise.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		checks.Value.Set("25")
		defer checks.Value.Set(checks.DefValue)
	}
	run, keysUsed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		if err := log.Trim(t.Context(), stateOf(t, log).Last); err != nil {
			rt.Fatal(err)
		}
		start := stateOf(t, log)
		first, last := start.First, start.Last
		var model []event.Event
		keys := map[string]event.Event{}
		topics := []string{"a", "b", "b.c", "quiet"}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				for range rapid.IntRange(1, 8).Draw(rt, "n") {
					last++
					e := event.Event{
						ID:    event.ID{Epoch: start.Epoch, Seq: last},
						Topic: rapid.SampledFrom(topics[:3]).Draw(rt, "topic"),
						Data:  []byte(strconv.Quote(strings.Repeat("x", rapid.IntRange(0, 40).Draw(rt, "size")))),
					}
					key := ""
					if rapid.Bool().Draw(rt, "keyed") {
						keysUsed++
						key = fmt.Sprint(run, "/", keysUsed)
						keys[key] = e
					}
					id, err := log.Append(t.Context(), hub.Entry{Topic: e.Topic, Data: e.Data, Key: key})
					if err != nil || id != e.ID {
						rt.Fatalf("appended as %v, want %v: %v", id, e.ID, err)
					}
					model = append(model, e)
				}
			},
			"again": func(rt *rapid.T) {
				for key, e := range keys { // any of them
					if e.ID.Seq < first {
						continue // a restart forgets the keys of events that are gone
					}
					id, err := log.Append(t.Context(), hub.Entry{Topic: e.Topic, Data: e.Data, Key: key})
					if err != nil || id != e.ID {
						rt.Fatalf("again it is %v, want %v: %v", id, e.ID, err)
					}
					break
				}
			},
			"trim": func(rt *rapid.T) {
				upTo := rapid.Uint64Range(first-1, last).Draw(rt, "up to")
				if err := log.Trim(t.Context(), upTo); err != nil {
					rt.Fatal(err)
				}
				for len(model) > 0 && model[0].ID.Seq <= upTo {
					model = model[1:]
				}
				first = max(first, upTo+1)
			},
			"read": func(rt *rapid.T) {
				after := rapid.Uint64Range(start.First-1, last).Draw(rt, "after")
				r := hub.Range{Events: rapid.IntRange(1, 40).Draw(rt, "events"), Bytes: rapid.IntRange(1, 400).Draw(rt, "bytes")}
				if rapid.Bool().Draw(rt, "some") {
					r.Topics = rapid.SliceOfNDistinct(rapid.SampledFrom(topics), 1, 4, rapid.ID[string]).Draw(rt, "topics")
					slices.Sort(r.Topics)
				}
				want, upTo := expect(model, after, last, r)
				page, err := log.Read(t.Context(), after, r)
				if err != nil || fmt.Sprint(page.Events) != fmt.Sprint(want) || page.UpTo != upTo {
					rt.Fatalf("after %d, %+v: %v up to %d, want %v up to %d (%v)", after, r, seqs(page.Events), page.UpTo, seqs(want), upTo, err)
				}
			},
			"restart": func(rt *rapid.T) {
				// A restart takes as long as a hundred other things.
				if !b.Lasts || rapid.IntRange(0, 99).Draw(rt, "whether") > 0 {
					return
				}
				shut(t, log)
				log = b.Open(t, c)
			},
			"": func(rt *rapid.T) {
				s, err := log.State(t.Context())
				if err != nil || s.First != first || s.Last != last || s.Epoch != start.Epoch {
					rt.Fatalf("%+v, want %d to %d: %v", s, first, last, err)
				}
			},
		})
	})
}

// expect returns what a page should be.
func expect(model []event.Event, after, last uint64, r hub.Range) (events []event.Event, upTo uint64) {
	left := r.Bytes
	for _, e := range model {
		if e.ID.Seq <= after || r.Topics != nil && !slices.Contains(r.Topics, e.Topic) {
			continue
		}
		if n := len(events); n > 0 && (n == r.Events || len(e.Data) > left) {
			return events, events[n-1].ID.Seq
		}
		events = append(events, e)
		left -= len(e.Data)
	}
	return events, last
}
