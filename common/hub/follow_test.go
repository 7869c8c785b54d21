package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/event"
)

// follow runs a hub on a log, until the test is over.
func follow(t interface {
	Cleanup(func())
	Errorf(string, ...any)
}, l Log, c Config) *Hub {
	c.Log = l
	h := New(c)
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- h.Follow(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
	})
	<-ready
	return h
}

// soon polls until nothing more comes, and tells what came: sequence numbers, and gaps as "!from>to".
func soon(s *Subscription) string {
	var all []string
	for {
		synctest.Wait()
		records, err := s.Poll()
		var gap *GapError
		switch {
		case errors.As(err, &gap):
			_, after, _ := strings.Cut(gap.After, "-")
			all = append(all, fmt.Sprintf("!%s>%d", after, gap.Resume.Seq))
			continue
		case err != nil:
			return strings.Join(append(all, err.Error()), " ")
		case len(records) > 0:
			all = append(all, seqs(records))
			continue
		case !s.Behind() && !s.More():
			return strings.Join(all, " ")
		}
		select { // a read that failed is tried again after a second
		case <-s.Ready():
		case <-time.After(2 * askAgain):
			if s.Behind() {
				return strings.Join(append(all, "reading"), " ")
			}
		}
	}
}

func fill(l *fakeLog, n int) {
	for i := range n {
		l.Append(context.Background(), Entry{Topic: string(rune('a' + i%2)), Data: []byte("1")})
	}
}

// TestFollow: what is in the log before, and what comes later, from whomever.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 10)
		h := follow(t, l, Config{History: 4, Batch: 3})
		other := follow(t, l, Config{})
		at := func(seq uint64) Start { return After(event.ID{Epoch: l.epoch, Seq: seq}) }
		if s := h.State(); s.Head.Seq != 10 || s.Oldest.Seq != 0 || s.Events != 4 || s.Log.Last != 10 || s.LogError != nil {
			t.Errorf("%+v", s)
		}
		a := []string{"a"}
		for _, c := range []struct {
			topics []string
			start  Start
			want   string
		}{
			{nil, Start{}, ""},
			{nil, at(10), ""},
			{nil, at(7), "8 9 10"},
			{nil, at(5), "6 7 8 9 10"},
			{nil, at(0), "1 2 3 4 5 6 7 8 9 10"},
			{nil, Earliest(), "1 2 3 4 5 6 7 8 9 10"},
			{a, at(3), "5 7 9"},
			{a, Earliest(), "1 3 5 7 9"},
			{[]string{"quiet"}, Earliest(), ""},
			{[]string{}, Earliest(), ""},
			{nil, at(11), "!11>0 1 2 3 4 5 6 7 8 9 10"},
			{a, AfterText("junk"), "!>0 1 3 5 7 9"},
		} {
			s := h.Subscribe(c.topics, c.start)
			if got := soon(s); got != c.want {
				t.Errorf("%v of %v: %q, want %q", c.start, c.topics, got, c.want)
			}
			s.Close()
		}
		s, late := h.Subscribe(nil, Start{}), h.Subscribe(a, at(0))
		defer s.Close()
		defer late.Close()
		if id := publish(t, other, "a", "11"); id != h.ring.id(11) {
			t.Errorf("the id is %v", id)
		}
		if got := soon(s); got != "11" {
			t.Errorf("got %q", got)
		}
		if got := soon(late); got != "1 3 5 7 9 11" {
			t.Errorf("got %q", got)
		}
	})
}

// TestLostLog: while the log is away, streams stay, and publishing fails at once; who is behind waits.
func TestLostLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 10)
		h := follow(t, l, Config{History: 2})
		live, behind := h.Subscribe(nil, Start{}), h.Subscribe(nil, Earliest())
		defer live.Close()
		defer behind.Close()
		l.setDown(true)
		if _, err := h.Publish(t.Context(), "a", []byte("1")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("publishing: %v", err)
		}
		if got := soon(live) + soon(behind); got != "reading" || behind.Pending() {
			t.Errorf("got %q", got)
		}
		if s := h.State(); !errors.Is(s.LogError, ErrUnavailable) || s.Reads != 1 {
			t.Errorf("%+v", s)
		}
		l.setDown(false)
		publish(t, h, "a", "1")
		if got := soon(live); got != "11" {
			t.Errorf("got %q", got)
		}
		if got := soon(behind); got != "1 2 3 4 5 6 7 8 9 10 11" {
			t.Errorf("got %q", got)
		}
		if s := h.State(); s.LogError != nil || s.Reads != 0 {
			t.Errorf("%+v", s)
		}
		l.setDown(true)
		again := h.Subscribe(nil, Earliest())
		if got := soon(again); got != "reading" {
			t.Errorf("got %q", got)
		}
		h.Close() // who is behind does not hold that up
		if _, err := again.Poll(); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		again.Close()
		if s := h.State(); s.Reads != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestNewEpoch: a log that is made anew gives a gap to all, and never numbers that were there before.
func TestNewEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 10)
		h := follow(t, l, Config{History: 4})
		live, topic, behind := h.Subscribe(nil, Start{}), h.Subscribe([]string{"a"}, Start{}), h.Subscribe(nil, Earliest())
		before := live.Cursor()
		l.recreate()
		fill(l, 12)
		if got := soon(live); got != "!10>0 1 2 3 4 5 6 7 8 9 10 11 12" {
			t.Errorf("got %q", got)
		}
		if got := soon(topic); got != "!10>0 1 3 5 7 9 11" {
			t.Errorf("got %q", got)
		}
		if got := soon(behind); got != "!0>0 1 2 3 4 5 6 7 8 9 10 11 12" {
			t.Errorf("got %q", got)
		}
		if c := live.Cursor(); c.Epoch == before.Epoch || c.Epoch != l.epoch || c.Seq != 12 {
			t.Errorf("the cursor was %v, and is %v", before, c)
		}
		l.recreate()
		if c := live.Cursor(); c.Seq != 12 {
			t.Errorf("the cursor is %v", c)
		}
		for _, s := range []*Subscription{live, topic, behind} {
			s.Close()
		}
	})
}

// TestTrim: what the log deletes is lost to those who are before it, and is not given from the ring either.
func TestTrim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 10)
		h := follow(t, l, Config{})
		all, topic := h.Subscribe(nil, Earliest()), h.Subscribe([]string{"b"}, Earliest())
		ring := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 4}))
		l.trim(7)
		time.Sleep(2 * askAgain)
		earliest := h.Subscribe(nil, Earliest())
		for _, c := range []struct {
			sub  *Subscription
			want string
		}{
			{all, "7 8 9 10"}, // from the oldest
			{topic, "8 10"},
			{ring, "!4>6 7 8 9 10"},
			{earliest, "7 8 9 10"},
		} {
			if got := soon(c.sub); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			c.sub.Close()
		}
		l.trim(11)
		time.Sleep(2 * askAgain)
		if s := h.State(); s.Events != 0 || s.Oldest.Seq != 10 || s.Head.Seq != 10 {
			t.Errorf("%+v", s)
		}
	})
}

// TestEarliestIsLapped: who began with the oldest event is told of what he loses later, as anybody is.
func TestEarliestIsLapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 4)
		h := follow(t, l, Config{History: 4})
		s := h.Subscribe(nil, Earliest())
		defer s.Close()
		if got := soon(s); got != "1 2 3 4" {
			t.Errorf("got %q", got)
		}
		fill(l, 8)
		l.trim(8)
		synctest.Wait()
		if got := soon(s); got != "!4>7 8 9 10 11 12" {
			t.Errorf("got %q", got)
		}
	})
}

// TestTrimInTheMiddle: what is deleted while a page is read is no hole in it that nobody is told of.
func TestTrimInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		topics []string
		start  uint64 // 0: the earliest
		want   string
	}{
		{nil, 1, "2 3 !3>7 8 9 10 11 12"},
		{nil, 0, "8 9 10 11 12"},
		{[]string{"a"}, 1, "!1>7 9 11"},
		{[]string{"a"}, 0, "9 11"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newFakeLog()
			fill(l, 12)
			h := follow(t, l, Config{History: 2})
			l.halfway = func() { l.trim(8) }
			start := Earliest()
			if c.start > 0 {
				start = After(event.ID{Epoch: l.epoch, Seq: c.start})
			}
			s := h.Subscribe(c.topics, start)
			defer s.Close()
			if got := soon(s); got != c.want {
				t.Errorf("%v from %d: got %q, want %q", c.topics, c.start, got, c.want)
			}
		})
	}
}

// TestNobodysNumber: a number that is no event of ours costs those at the head nothing.
func TestNobodysNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 3)
		l.do(func() { l.events = append(l.events, event.Event{ID: event.ID{Epoch: l.epoch, Seq: 4}}) })
		fill(l, 1)
		h := follow(t, l, Config{})
		s, before := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 1})), l.reads
		defer s.Close()
		l.do(func() { l.events = append(l.events, event.Event{ID: event.ID{Epoch: l.epoch, Seq: 6}}) })
		synctest.Wait()
		if s := h.State(); s.Head.Seq != 6 || s.Events != 4 {
			t.Errorf("%+v", s)
		}
		fill(l, 1)
		if got := soon(s); got != "2 3 5 7" || l.reads != before {
			t.Errorf("got %q by %d reads", got, l.reads-before)
		}
	})
}

// TestAnotherWasQuicker: a cursor that is ahead of the ring, though not of the log, is no gap, and loses nothing.
func TestAnotherWasQuicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 4)
		h := follow(t, l, Config{})
		l.hold(true)
		fill(l, 4)
		s, ahead := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 6})), h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 9}))
		if got := soon(s); got != "7 8" {
			t.Errorf("got %q", got)
		}
		if got := soon(ahead); got != "!9>0 1 2 3 4" {
			t.Errorf("got %q", got)
		}
		l.hold(false)
		fill(l, 2)
		if got := soon(s) + ", " + soon(ahead); got != "9 10, 5 6 7 8 9 10" {
			t.Errorf("got %q", got)
		}
		s.Close()
		ahead.Close()
	})
}

// TestEmptyPage: what comes while the log is asked for what follows a cursor that is ahead of the ring, and has nothing, is there as soon
// as the subscription is woken: nobody wakes it twice.
func TestEmptyPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 4)
		h := follow(t, l, Config{})
		l.hold(true)
		fill(l, 1)
		s := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 5}))
		defer s.Close()
		if records, err := s.Poll(); len(records) > 0 || err != nil || !s.Behind() {
			t.Fatalf("got %v, %v", records, err)
		}
		synctest.Wait() // the page is there, and empty
		l.hold(false)
		fill(l, 1)
		synctest.Wait()
		<-s.Ready()
		if records, err := s.Poll(); seqs(records) != "6" || err != nil {
			t.Errorf("got %q, %v", seqs(records), err)
		}
	})
}

// TestReadsAreBounded: however many are behind, so many parts are read at a time, and those who stand at the same place share one.
func TestReadsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 400)
		h := follow(t, l, Config{History: 2})
		before := l.reads
		l.slow = time.Second
		var subs []*Subscription
		for i := range 300 {
			s := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: uint64(i / 2)}))
			subs = append(subs, s)
			s.Poll()
		}
		live := h.Subscribe(nil, Start{})
		begin := time.Now()
		publish(t, h, "a", "1")
		synctest.Wait()
		if got := poll(t, live); got != "401" || time.Since(begin) > 0 {
			t.Errorf("who is at the head gets %q after %v", got, time.Since(begin))
		}
		for i, s := range subs {
			if got := strings.Count(soon(s), " ") + 1; got != 401-i/2 {
				t.Errorf("subscription %d got %d events", i, got)
			}
			s.Close()
		}
		live.Close()
		if n := l.reads - before; l.most != maxReads || n < 150 || n > 150+150-maxWaiting {
			t.Errorf("%d reads, %d at a time", n, l.most)
		}
		if r := &h.upstream.reads; len(r.pages)+len(r.waiting)+len(r.failed) > 0 {
			t.Errorf("%d, %d and %d pages are left", len(r.pages), len(r.waiting), len(r.failed))
		}
	})
}

// TestReadsBesideEachOther: a read that takes long does not hold up one that was asked for later.
func TestReadsBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		fill(l, 10)
		h := follow(t, l, Config{History: 2})
		l.slow = time.Second
		first := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 1}))
		defer first.Close()
		first.Poll()
		<-time.After(600 * time.Millisecond)
		second, begin := h.Subscribe(nil, After(event.ID{Epoch: l.epoch, Seq: 3})), time.Now()
		defer second.Close()
		second.Poll()
		<-second.Ready()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the second read took %v", took)
		}
	})
}

// TestFollowModel: two hubs on one log, with everything that may happen to it, and a subscriber that goes from one to the other.
func TestFollowModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := followModel{
			history: rapid.IntRange(1, 5).Draw(rt, "history"),
			batch:   rapid.IntRange(1, 4).Draw(rt, "batch"),
			topics:  rapid.SampledFrom([][]string{nil, {"a"}, {"a", "b"}, {}}).Draw(rt, "topics"),
			start:   rapid.SampledFrom([]Start{{}, Earliest()}).Draw(rt, "start"),
		}
		steps := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) step {
			return step{
				rapid.SampledFrom([]string{"publish", "publish", "publish", "read", "read", "away", "back", "hold", "release", "trim", "recreate", "wait", "switch"}).Draw(rt, "what"),
				rapid.IntRange(0, 1).Draw(rt, "hub"),
				rapid.IntRange(0, 2).Draw(rt, "n"),
			}
		})).Draw(rt, "steps")
		var failure error
		synctest.Test(t, func(t *testing.T) { failure = m.run(t, steps) })
		if failure != nil {
			rt.Fatal(failure)
		}
	})
}

type step struct {
	what   string
	hub, n int
}

type followModel struct {
	history, batch int
	topics         []string
	start          Start
	forgiven       []event.ID
	begun          bool // sub has been given something, or has a cursor: from then on it is told of every loss
	log            *fakeLog
	hubs           []*Hub
	sub            *Subscription
	all            []event.Event // of sub's topics, in this epoch
	want           []event.Event // what sub has to get next, unless it is deleted before
}

func (m *followModel) run(t *testing.T, steps []step) error {
	m.log = newFakeLog()
	for range 2 {
		m.hubs = append(m.hubs, follow(t, m.log, Config{History: m.history, Batch: m.batch}))
	}
	m.sub = m.hubs[0].Subscribe(m.topics, m.start)
	defer func() { m.sub.Close() }()
	for i, s := range append(steps, step{what: "back"}, step{what: "release"}, step{what: "wait"}) {
		if err := m.do(s); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	for pending := true; pending; pending = m.sub.More() || m.sub.Behind() || m.sub.Pending() {
		if err := m.read(); err != nil {
			return err
		}
	}
	if err := m.read(); err != nil { // moves the cursor over other topics
		return err
	}
	m.forgive()
	if c := m.sub.Cursor(); c.Epoch != m.log.epoch || c.Seq != m.log.last() || len(m.want) > 0 {
		return fmt.Errorf("in the end the cursor is %v, the log at %d, and %v did not come", c, m.log.last(), m.want)
	}
	return nil
}

func (m *followModel) do(s step) error {
	switch l := m.log; s.what {
	case "publish":
		topic := string(rune('a' + s.n))
		id, err := m.hubs[s.hub].Publish(context.Background(), topic, []byte("1"))
		if (err != nil) != l.down {
			return fmt.Errorf("publishing: %v, while the log is down: %v", err, l.down)
		}
		if err == nil && (m.topics == nil || slices.Contains(m.topics, topic)) {
			m.all = append(m.all, event.Event{ID: id, Topic: topic})
			m.want = append(m.want, m.all[len(m.all)-1])
		}
	case "read":
		return m.read()
	case "away", "back":
		l.setDown(s.what == "away")
	case "hold", "release":
		l.hold(s.what == "hold")
	case "trim":
		l.trim(l.first + uint64(s.n))
	case "recreate":
		l.recreate()
		m.all, m.want = nil, nil
	case "wait":
		<-time.After(2 * askAgain)
	case "switch":
		cursor := m.sub.Cursor()
		m.forgive()
		m.begun = true
		m.sub.Close()
		m.sub = m.hubs[s.hub].Subscribe(m.topics, After(cursor))
	}
	return nil
}

// forgive lets events go that were deleted before anything was given to who asked for the earliest.
func (m *followModel) forgive() {
	for !m.begun && m.start == Earliest() && len(m.want) > 0 && m.want[0].ID.Seq < m.log.first {
		m.forgiven = append(m.forgiven, m.want[0].ID) // from a ring that has not heard of it, it may come all the same
		m.want = m.want[1:]
	}
}

func (m *followModel) read() error {
	synctest.Wait()
	records, err := m.sub.Poll()
	if gap := (*GapError)(nil); errors.As(err, &gap) {
		m.begun = true
		// That a hub which has not heard of a new epoch yet took a cursor in it for a foreign one may lead back.
		if gap.Resume.Epoch == m.log.epoch {
			after := slices.IndexFunc(m.all, func(e event.Event) bool { return e.ID.Seq > gap.Resume.Seq })
			m.want = nil
			if after >= 0 {
				m.want = m.all[after:]
			}
		}
		return nil
	}
	for _, r := range records {
		if r.ID.Epoch != m.log.epoch {
			continue // it was in the ring before the log was made anew
		}
		if len(m.want) > 0 && m.want[0].ID != r.ID {
			m.forgive()
		}
		m.begun = true
		if slices.Contains(m.forgiven, r.ID) {
			continue
		}
		if len(m.want) == 0 || m.want[0].ID != r.ID || m.want[0].Topic != r.Topic {
			return fmt.Errorf("got %v, want %v", r.ID, m.want)
		}
		m.want = m.want[1:]
	}
	return err
}
