package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"pushlab/common/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func publish(t testing.TB, h *Hub, topic, data string) event.ID {
	t.Helper()
	id, err := h.Publish(context.Background(), topic, []byte(data))
	if err != nil {
		t.Fatalf("Publish(%q): %v", topic, err)
	}
	return id
}

func seqs(records []*Record) string {
	var b []string
	for _, r := range records {
		b = append(b, fmt.Sprint(r.ID.Seq))
	}
	return strings.Join(b, " ")
}

func poll(t testing.TB, s *Subscription) string {
	t.Helper()
	records, err := s.Poll()
	if err != nil {
		t.Fatalf("Poll: %v", err)
	}
	return seqs(records)
}

func wantGap(t testing.TB, s *Subscription, want GapError) {
	t.Helper()
	_, err := s.Poll()
	var gap *GapError
	if !errors.As(err, &gap) {
		t.Fatalf("Poll: %v, want a gap", err)
	}
	if *gap != want {
		t.Errorf("gap %+v, want %+v", *gap, want)
	}
}

func TestNextReturnsAllThatIsPending(t *testing.T) {
	h := New(Config{})
	s := h.Subscribe(nil, Start{})
	defer s.Close()
	for range 3 {
		publish(t, h, "a", "1")
	}
	if got := poll(t, s); got != "1 2 3" {
		t.Errorf("got %q", got)
	}
	if got := poll(t, s); got != "" {
		t.Errorf("got %q again", got)
	}
}

func TestTopicsAreAFilter(t *testing.T) {
	h := New(Config{})
	all := h.Subscribe(nil, Start{})
	ab := h.Subscribe([]string{"b", "a", "a"}, Start{})
	none := h.Subscribe([]string{}, Start{})
	for _, topic := range []string{"a", "c", "b", "c", "a", ""} {
		publish(t, h, topic, "1")
	}
	for _, c := range []struct {
		name string
		sub  *Subscription
		want string
	}{{"all", all, "1 2 3 4 5 6"}, {"a and b", ab, "1 3 5"}, {"none", none, ""}} {
		if got := poll(t, c.sub); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := c.sub.Cursor(); got != h.State().Head {
			t.Errorf("%s: cursor %s, want the head, as everything was seen", c.name, got)
		}
		c.sub.Close()
	}
}

// TestSetHistory: the log shrinks at once, and grows when there is something to keep.
func TestSetHistory(t *testing.T) {
	h := New(Config{History: 5})
	late := h.Subscribe(nil, Start{})
	defer late.Close()
	for range 5 {
		publish(t, h, "a", "1")
	}
	h.SetHistory(2)
	if s := h.State(); s.Events != 2 || s.Oldest.Seq != 3 {
		t.Errorf("the log holds %+v", s)
	}
	wantGap(t, late, GapError{After: h.ring.id(0).String(), Resume: h.ring.id(3), Missed: 3, Counted: true})
	if got := poll(t, late); got != "4 5" {
		t.Errorf("then comes %q", got)
	}
	h.SetHistory(4)
	for range 4 {
		publish(t, h, "a", "1")
	}
	if s := h.State(); s.Events != 4 {
		t.Errorf("the log holds %+v", s)
	}
}

// TestReopen: a closed log holds what it held, and goes on behind it.
func TestReopen(t *testing.T) {
	h := New(Config{})
	publish(t, h, "a", "1")
	h.Close()
	if _, err := h.Publish(context.Background(), "a", []byte("1")); err != ErrClosed {
		t.Errorf("Publish on a closed hub: %v", err)
	}
	h.Reopen()
	if id := publish(t, h, "a", "1"); id.Seq != 2 {
		t.Errorf("the next event is %v", id)
	}
	s := h.Subscribe(nil, Earliest())
	defer s.Close()
	if got := poll(t, s); got != "1 2" {
		t.Errorf("got %q", got)
	}
	if got := poll(t, s); got != "" { // and no ErrClosed
		t.Errorf("got %q", got)
	}
}

// TestObserve: whoever observes is told of each event, in order, before anybody can read it.
func TestObserve(t *testing.T) {
	var seen []uint64
	var readers []*Subscription
	h := New(Config{Observe: func(e event.Event) {
		seen = append(seen, e.ID.Seq) // under the hub's lock, or the race detector would find it
		for _, s := range readers {
			select {
			case <-s.Ready():
				t.Errorf("a reader was woken for %v already", e.ID)
			default:
			}
		}
	}})
	readers = append(readers, h.Subscribe(nil, Start{}))
	defer readers[0].Close()
	publish(t, h, "a", "1")
	if got := poll(t, readers[0]); got != "1" {
		t.Errorf("got %q", got)
	}
	<-readers[0].Ready()
	readers = nil
	var publishing sync.WaitGroup
	for range 4 {
		publishing.Go(func() {
			for range 50 {
				h.Publish(context.Background(), "a", []byte("1"))
			}
		})
	}
	publishing.Wait()
	for i, seq := range seen {
		if seq != uint64(i+1) {
			t.Fatalf("event %d was the observer's number %d", seq, i+1)
		}
	}
	if len(seen) != 201 {
		t.Errorf("%d events were observed", len(seen))
	}
}

// TestOthersAreLeftAlone: publishing touches nobody who is not concerned.
func TestOthersAreLeftAlone(t *testing.T) {
	h := New(Config{})
	other, same, all := h.Subscribe([]string{"b", "c"}, Start{}), h.Subscribe([]string{"a"}, Start{}), h.Subscribe(nil, Start{})
	publish(t, h, "a", "1")
	woken := func(s *Subscription) bool {
		select {
		case <-s.Ready():
			return true
		default:
			return false
		}
	}
	if woken(other) || !woken(same) || !woken(all) {
		t.Error("those of the topic, and of all topics, are to be woken, and nobody else")
	}
}

func TestStart(t *testing.T) {
	h := New(Config{History: 3})
	epoch := h.State().Head.Epoch
	id := func(seq uint64) event.ID { return event.ID{Epoch: epoch, Seq: seq} }
	for range 5 {
		publish(t, h, "a", "1")
	}
	other := event.ID{Epoch: "bbbbbbbb", Seq: 4}
	gap := func(after string) *GapError { return &GapError{After: after, Resume: id(2)} }
	lost := &GapError{After: id(1).String(), Resume: id(2), Missed: 1, Counted: true}
	for _, c := range []struct {
		name  string
		start Start
		open  event.ID
		gap   *GapError
		want  string
	}{
		{"now", Start{}, id(5), nil, ""},
		{"the zero ID is now", After(event.ID{}), id(5), nil, ""},
		{"earliest", Earliest(), id(2), nil, "3 4 5"},
		{"after the head", After(id(5)), id(5), nil, ""},
		{"after a retained event", After(id(4)), id(4), nil, "5"},
		{"just before the oldest", After(id(2)), id(2), nil, "3 4 5"},
		{"older than the oldest", After(id(1)), id(1), lost, "3 4 5"},
		{"as text", AfterText(id(1).String()), id(1), lost, "3 4 5"},
		{"ahead of the head", After(id(6)), id(6), gap(id(6).String()), "3 4 5"},
		{"another epoch", After(other), other, gap(other.String()), "3 4 5"},
		{"no cursor at all", AfterText("yesterday"), event.Unknown, gap("yesterday"), "3 4 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h.Subscribe(nil, c.start)
			defer s.Close()
			if s.Start() != c.open || s.Cursor() != c.open {
				t.Errorf("starts at %v (cursor %v), want %v", s.Start(), s.Cursor(), c.open)
			}
			if want := c.gap != nil || c.want != ""; s.Pending() != want {
				t.Errorf("Pending() = %v", !want)
			}
			if c.gap != nil {
				wantGap(t, s, *c.gap)
			}
			if got := poll(t, s); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNoGapForOtherTopics(t *testing.T) {
	h := New(Config{History: 2})
	s := h.Subscribe([]string{"quiet"}, Start{})
	defer s.Close()
	for range 10 {
		publish(t, h, "loud", "1")
	}
	if got := poll(t, s); got != "" {
		t.Errorf("got %q", got)
	}
	publish(t, h, "quiet", "1")
	if got := poll(t, s); got != "11" {
		t.Errorf("got %q", got)
	}
	publish(t, h, "quiet", "1")
	for range 10 {
		publish(t, h, "loud", "1")
	}
	head := h.State()
	wantGap(t, s, GapError{After: event.ID{Epoch: head.Head.Epoch, Seq: 11}.String(), Resume: head.Oldest, Missed: 1, Counted: true})
}

func TestForgottenTopicGivesAGap(t *testing.T) {
	h := New(Config{History: 1, QuietTopics: 2})
	first := publish(t, h, "a", "1")
	publish(t, h, "a", "1")
	for i := range 4 {
		publish(t, h, fmt.Sprintf("b%d", i), "1")
	}
	if n := h.State().Topics; n != 3 {
		t.Fatalf("%d topics are known, want one that is retained and two quiet ones", n)
	}
	s := h.Subscribe([]string{"a"}, After(first))
	defer s.Close()
	wantGap(t, s, GapError{After: first.String(), Resume: h.State().Oldest})
	// What was never forgotten still counts exactly.
	s = h.Subscribe([]string{"b2"}, After(first))
	defer s.Close()
	if _, err := s.Poll(); err == nil {
		t.Error("the event of b2 was lost without a gap")
	}
}

func TestBytesBoundTheLog(t *testing.T) {
	const limit = 64 << 10
	h := New(Config{HistoryBytes: limit, History: 1 << 30})
	for _, name := range []string{"one", "two"} {
		h.Encoding(name, func(dst []byte, e event.Event) []byte { return e.AppendEnvelope(dst) })
	}
	data, _ := json.Marshal(strings.Repeat("x", 1000))
	for range 1000 {
		publish(t, h, "a", string(data))
		if got := h.State().Bytes; got > limit {
			t.Fatalf("%d bytes retained, the limit is %d", got, limit)
		}
	}
	if n := h.State().Events; n < 10 || n > limit/3000 {
		t.Errorf("%d events retained: two encodings of 1 kB were to be charged with each", n)
	}
	big, _ := json.Marshal(strings.Repeat("x", limit))
	before := h.State()
	if _, err := h.Publish(context.Background(), "a", big); !errors.Is(err, ErrTooLarge) {
		t.Errorf("publishing more than the log holds: %v", err)
	}
	if after := h.State(); after != before {
		t.Errorf("a refused event changed the log: %+v, before %+v", after, before)
	}
}

func TestPublishRefusesBadTopics(t *testing.T) {
	h := New(Config{})
	for _, topic := range []string{"$open", "a b", ".a", "a.", "a..b", strings.Repeat("a", event.MaxTopic+1)} {
		if _, err := h.Publish(context.Background(), topic, []byte("1")); err == nil {
			t.Errorf("topic %q was accepted", topic)
		}
	}
	if got := h.State().Head.Seq; got != 0 {
		t.Errorf("%d events were published", got)
	}
}

func TestBatchIsBounded(t *testing.T) {
	h := New(Config{Batch: 3, BatchBytes: 1 << 20})
	s := h.Subscribe(nil, Start{})
	two := h.Subscribe([]string{"a", "b"}, Start{})
	defer s.Close()
	defer two.Close()
	for _, topic := range strings.Fields("a b c a b c a b") {
		publish(t, h, topic, "1")
	}
	for _, want := range []string{"1 2 3", "4 5 6", "7 8", ""} {
		if got := poll(t, s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, want := range []string{"1 2 4", "5 7 8", ""} {
		if got := poll(t, two); got != want {
			t.Errorf("two topics: got %q, want %q", got, want)
		}
	}
	h = New(Config{BatchBytes: 100})
	s = h.Subscribe(nil, Start{})
	defer s.Close()
	for range 2 {
		publish(t, h, "a", `"`+strings.Repeat("x", 200)+`"`)
	}
	for _, want := range []string{"1", "2"} {
		if got := poll(t, s); got != want {
			t.Errorf("large events: got %q, want %q", got, want)
		}
	}
}

// TestMore: whether a poll left something behind, which nothing else tells of.
func TestMore(t *testing.T) {
	h := New(Config{Batch: 2})
	s, a := h.Subscribe(nil, Start{}), h.Subscribe([]string{"a"}, Start{})
	check := func(s *Subscription, want string, more bool) {
		t.Helper()
		if got := poll(t, s); got != want || s.More() != more {
			t.Errorf("got %q, more: %v; want %q, %v", got, s.More(), want, more)
		}
	}
	check(s, "", false)
	for _, topic := range strings.Fields("a a b a b") {
		publish(t, h, topic, "1")
	}
	check(s, "1 2", true)
	check(s, "3 4", true)
	check(s, "5", false)
	check(a, "1 2", true)
	check(a, "4", false) // behind it are only others
	publish(t, h, "a", "1")
	h.Close()
	check(s, "6", true) // ErrClosed
	if _, err := s.Poll(); !errors.Is(err, ErrClosed) {
		t.Errorf("Poll: %v", err)
	}
}

func TestEncodeOnce(t *testing.T) {
	h := New(Config{})
	var calls atomic.Int64
	count := func(dst []byte, e event.Event) []byte {
		calls.Add(1)
		return append(e.AppendEnvelope(dst), '\n')
	}
	enc := h.Encoding("line", count)
	if h.Encoding("line", count) != enc {
		t.Error("the same name gave another encoding")
	}
	const readers, events = 16, 100
	var wg sync.WaitGroup
	frames := make([][]*byte, readers)
	for i := range readers {
		s := h.Subscribe(nil, Start{})
		wg.Go(func() {
			defer s.Close()
			for len(frames[i]) < events {
				records, err := s.Next(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range records {
					frames[i] = append(frames[i], &enc.Frame(r)[0])
				}
			}
		})
	}
	for range events {
		publish(t, h, "a", "1")
	}
	wg.Wait()
	if calls.Load() != events {
		t.Errorf("%d events were framed %d times for %d readers", events, calls.Load(), readers)
	}
	for i := range readers {
		for j := range events {
			if frames[i][j] != frames[0][j] {
				t.Fatalf("reader %d got other bytes for event %d", i, j)
			}
		}
	}
}

func TestClose(t *testing.T) {
	h := New(Config{})
	waiting := h.Subscribe([]string{"b"}, Start{})
	behind := h.Subscribe(nil, Start{})
	nothing := h.Subscribe([]string{}, Start{})
	publish(t, h, "a", "1")
	var wg sync.WaitGroup
	for _, s := range []*Subscription{waiting, nothing} {
		wg.Go(func() {
			if _, err := s.Next(context.Background()); err != ErrClosed {
				t.Errorf("waiting: %v", err)
			}
		})
	}
	h.Close()
	wg.Wait()
	if got := poll(t, behind); got != "1" {
		t.Errorf("behind: got %q, want what was pending", got)
	}
	if _, err := behind.Poll(); err != ErrClosed {
		t.Errorf("behind: %v", err)
	}
	late := h.Subscribe(nil, Earliest())
	if got := poll(t, late); got != "1" {
		t.Errorf("late: got %q", got)
	}
	if _, err := h.Publish(context.Background(), "a", []byte("1")); err != ErrClosed {
		t.Errorf("Publish: %v", err)
	}
	late.Close()
	late.Close()
	if _, err := late.Next(context.Background()); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	waiting.Close()
	behind.Close()
	nothing.Close()
	if n := h.State().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	h := New(Config{})
	s := h.Subscribe(nil, Start{})
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("nothing pending: %v", err)
	}
	publish(t, h, "a", "1")
	if records, err := s.Next(ctx); err != nil || len(records) != 1 {
		t.Errorf("pending, but got %d events and %v", len(records), err)
	}
}

// TestModel runs random operations against a model that keeps everything for ever.
func TestModel(t *testing.T) {
	topics := []string{"a", "b", "c", "d.e"}
	rapid.Check(t, func(t *rapid.T) {
		config := Config{
			History:      rapid.IntRange(1, 12).Draw(t, "history"),
			HistoryBytes: rapid.Int64Range(700, 6000).Draw(t, "historyBytes"),
			Batch:        rapid.IntRange(1, 8).Draw(t, "batch"),
			BatchBytes:   rapid.IntRange(1, 600).Draw(t, "batchBytes"),
		}
		h := New(config)
		var published []event.Event // published[i] has sequence number i+1
		type reader struct {
			*Subscription
			cursor  uint64 // everything of its topics up to here was given, or announced as lost
			foreign bool
		}
		var readers []*reader
		wants := func(r *reader, e event.Event) bool {
			if r.Topics() == nil {
				return true
			}
			for _, topic := range r.Topics() {
				if topic == e.Topic {
					return true
				}
			}
			return false
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				topic := rapid.SampledFrom(topics).Draw(t, "topic")
				data := strconv.Quote(strings.Repeat("x", rapid.IntRange(0, 300).Draw(t, "size")))
				id, err := h.Publish(context.Background(), topic, []byte(data))
				if err != nil {
					t.Fatal(err)
				}
				published = append(published, event.Event{ID: id, Topic: topic, Data: json.RawMessage(data)})
				if id.Seq != uint64(len(published)) {
					t.Fatalf("event %d has the sequence number %d", len(published), id.Seq)
				}
			},
			"subscribe": func(t *rapid.T) {
				var chosen []string
				if !rapid.Bool().Draw(t, "all") {
					chosen = append([]string{}, rapid.SliceOfDistinct(rapid.SampledFrom(topics), rapid.ID[string]).Draw(t, "topics")...)
				}
				r := &reader{}
				state := h.State()
				switch rapid.SampledFrom([]string{"now", "earliest", "after", "ahead", "foreign"}).Draw(t, "start") {
				case "now":
					r.Subscription, r.cursor = h.Subscribe(chosen, Start{}), state.Head.Seq
				case "earliest":
					r.Subscription, r.cursor = h.Subscribe(chosen, Earliest()), state.Oldest.Seq
				case "after":
					r.cursor = rapid.Uint64Range(0, state.Head.Seq).Draw(t, "after")
					r.Subscription = h.Subscribe(chosen, After(event.ID{Epoch: state.Head.Epoch, Seq: r.cursor}))
				case "ahead":
					seq := state.Head.Seq + rapid.Uint64Range(1, 5).Draw(t, "by")
					r.Subscription, r.foreign = h.Subscribe(chosen, After(event.ID{Epoch: state.Head.Epoch, Seq: seq})), true
				case "foreign":
					r.Subscription, r.foreign = h.Subscribe(chosen, After(event.Unknown)), true
				}
				readers = append(readers, r)
			},
			"shrink": func(t *rapid.T) {
				config.History = rapid.IntRange(1, config.History).Draw(t, "history")
				h.SetHistory(config.History)
			},
			"close": func(t *rapid.T) {
				if len(readers) == 0 {
					t.Skip("nobody is there")
				}
				i := rapid.IntRange(0, len(readers)-1).Draw(t, "who")
				readers[i].Close()
				readers = append(readers[:i], readers[i+1:]...)
			},
			"poll": func(t *rapid.T) {
				if len(readers) == 0 {
					t.Skip("nobody is there")
				}
				r := readers[rapid.IntRange(0, len(readers)-1).Draw(t, "who")]
				oldest := h.State().Oldest.Seq
				var lost, held []event.Event
				for _, e := range published[r.cursor:] {
					switch {
					case !wants(r, e):
					case e.ID.Seq <= oldest:
						lost = append(lost, e)
					default:
						held = append(held, e)
					}
				}
				pending := r.Pending()
				records, err := r.Poll()
				if pending != (err != nil || len(records) > 0) {
					t.Fatalf("Pending said %v, Poll gave %d events and %v", pending, len(records), err)
				}
				var gap *GapError
				if errors.As(err, &gap) {
					if len(lost) == 0 && !r.foreign {
						t.Fatalf("a gap without a loss: %v", gap)
					}
					if gap.Counted && gap.Missed != uint64(len(lost)) {
						t.Fatalf("%v, but %d were", gap, len(lost))
					}
					if r.Topics() == nil && !r.foreign && !gap.Counted {
						t.Fatalf("a subscription to all topics cannot count its loss: %v", gap)
					}
					if gap.Resume.Seq != oldest {
						t.Fatalf("%v, but the oldest is after %d", gap, oldest)
					}
					r.cursor, r.foreign = oldest, false
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(lost) > 0 || r.foreign {
					t.Fatalf("%d events were lost without a gap", len(lost))
				}
				if len(records) == 0 && len(held) > 0 || len(records) > min(config.Batch, len(held)) {
					t.Fatalf("got %d events of %d", len(records), len(held))
				}
				bytes := 0
				for i, record := range records {
					if string(record.Envelope()) != string(held[i].Envelope()) {
						t.Fatalf("event %d is %s, want %s", i, record.Envelope(), held[i].Envelope())
					}
					bytes += len(record.Envelope())
					r.cursor = record.ID.Seq
				}
				if bytes > config.BatchBytes && len(records) > 1 {
					t.Fatalf("a batch of %d events has %d bytes, the limit is %d", len(records), bytes, config.BatchBytes)
				}
				if len(records) == len(held) {
					r.cursor = h.State().Head.Seq
				}
				if r.Cursor().Seq != r.cursor {
					t.Fatalf("the cursor is %v, want %d", r.Cursor(), r.cursor)
				}
			},
			"": func(t *rapid.T) {
				state := h.State()
				if state.Events > config.History || state.Bytes > config.HistoryBytes {
					t.Fatalf("over the bounds %+v: %+v", config, state)
				}
				if uint64(state.Events) != state.Head.Seq-state.Oldest.Seq {
					t.Fatalf("the retained events are not all between the oldest and the head: %+v", state)
				}
				if state.Subscriptions != len(readers) {
					t.Fatalf("%d subscriptions, want %d", state.Subscriptions, len(readers))
				}
				if n := len(published); n > 0 && state.Oldest.Seq > 0 {
					// Nothing is evicted before it must be.
					last := newRecord(published[state.Oldest.Seq-1], 0)
					if state.Events < config.History && state.Bytes+last.charge <= config.HistoryBytes {
						t.Fatalf("event %d was evicted, but there is room: %+v", state.Oldest.Seq, state)
					}
				}
			},
		})
	})
}

// TestManyAtOnce has publishers and readers of different speeds share one small log.
func TestManyAtOnce(t *testing.T) {
	const publishers, readers, each = 8, 24, 2_000
	h := New(Config{History: 500, HistoryBytes: 100_000})
	topics := []string{"a", "b", "c"}
	var all [publishers*each + 1]atomic.Pointer[string] // topic by sequence number

	var reading, publishing sync.WaitGroup
	for i := range readers {
		var chosen []string
		if i%4 > 0 {
			chosen = topics[:i%4]
		}
		s := h.Subscribe(chosen, Start{})
		reading.Go(func() {
			defer s.Close()
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			cursor, got, missed := uint64(0), 0, uint64(0)
			wants := func(seq uint64) bool {
				topic := all[seq].Load()
				for _, c := range chosen {
					if topic != nil && c == *topic {
						return true
					}
				}
				return chosen == nil
			}
			for {
				records, err := s.Next(context.Background())
				var gap *GapError
				switch {
				case errors.As(err, &gap):
					if gap.Resume.Seq <= cursor || !gap.Counted || gap.Missed == 0 {
						t.Errorf("reader %d at %d: %v", i, cursor, gap)
					}
					missed += gap.Missed
					cursor = gap.Resume.Seq
				case err == ErrClosed:
					total := 0
					for seq := 1; seq < len(all); seq++ {
						if wants(uint64(seq)) {
							total++
						}
					}
					if got+int(missed) != total {
						t.Errorf("reader %d: got %d and missed %d of %d events", i, got, missed, total)
					}
					return
				case err != nil:
					t.Errorf("reader %d: %v", i, err)
					return
				}
				for _, r := range records {
					if r.ID.Seq <= cursor {
						t.Errorf("reader %d: event %d after %d", i, r.ID.Seq, cursor)
					}
					cursor = r.ID.Seq
					got++
				}
				for range rng.IntN(i + 1) { // the higher, the slower
					runtime.Gosched()
				}
			}
		})
	}
	for p := range publishers {
		publishing.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(p)))
			for range each {
				topic := topics[rng.IntN(len(topics))]
				id, err := h.Publish(context.Background(), topic, []byte(`"some data that takes some room in the log"`))
				if err != nil {
					t.Error(err)
					return
				}
				all[id.Seq].Store(&topic)
			}
		})
	}
	publishing.Wait()
	h.Close()
	reading.Wait()
}
