package hub

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
)

// TestDrainIsFlat: subscriptions end evenly over the window, and not in the order in which they came; who has something to
// read gets it before.
func TestDrainIsFlat(t *testing.T) {
	const readers, parts, window = 1_000, 20, 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		topics := [][]string{nil, {}, {"a"}, {"a", "b", "c"}}
		ends := make(chan [2]int, readers) // who, in which part
		var begin time.Time
		for i := range readers {
			s := h.Subscribe(topics[i%len(topics)], Start{})
			go func() {
				defer s.Close()
				got := 0
				for {
					records, err := s.Next(context.Background())
					if err != nil {
						want := 1 // who reads nothing gets nothing
						if s.Topics() != nil && len(s.Topics()) == 0 {
							want = 0
						}
						if err != ErrClosed || got != want {
							t.Errorf("reader %d of %v ended with %v after %d events", i, s.Topics(), err, got)
						}
						break
					}
					got += len(records)
				}
				ends <- [2]int{i, int(time.Since(begin) * parts / window)}
			}()
		}
		synctest.Wait()
		begin = time.Now()
		publish(t, h, "a", "1")
		h.Drain(context.Background(), window)
		if took := time.Since(begin); took > window || took < window*9/10 {
			t.Errorf("it took %v, want almost %v", took, window)
		}
		synctest.Wait()
		var histogram [parts]int
		last, falls := 0, 0
		for range readers {
			end := <-ends
			histogram[end[1]]++
			if end[0] < last {
				falls++
			}
			last = end[0]
		}
		for part, n := range histogram {
			if n < readers/parts-1 || n > readers/parts+1 {
				t.Errorf("%d of %d end in part %d of %d: %v", n, readers, part, parts, histogram)
			}
		}
		if falls < readers/4 {
			t.Errorf("they end in the order in which they came: only %d are before one that came earlier", falls)
		}
		if !h.State().Closed {
			t.Error("the hub is not closed")
		}
	})
}

// TestDrainOfFew: to send a few away takes no time, whatever the window.
func TestDrainOfFew(t *testing.T) {
	for readers, most := range map[int]time.Duration{0: 0, 1: 0, few: 0, few + 1: (few + 1) * brisk} {
		t.Run(fmt.Sprintf("readers=%d", readers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(Config{})
				for range readers {
					defer h.Subscribe(nil, Start{}).Close()
				}
				begin := time.Now()
				h.Drain(context.Background(), time.Hour)
				if took := time.Since(begin); took > most {
					t.Errorf("it took %v, want at most %v", took, most)
				}
			})
		})
	}
}

// TestWhileItDrains: nothing is published any more, those whose time has not come wait, who comes gets what there is and
// its end at once, and who goes is not waited for.
func TestWhileItDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		publish(t, h, "a", "1")
		var waiting []*Subscription
		for range 1_000 {
			waiting = append(waiting, h.Subscribe(nil, Start{}))
		}
		begin := time.Now()
		drained := make(chan struct{})
		go func() {
			h.Drain(context.Background(), time.Second)
			close(drained)
		}()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if _, err := h.Publish(context.Background(), "a", []byte("2")); err != ErrClosed {
			t.Errorf("Publish: %v", err)
		}
		ended := 0
		for _, s := range waiting {
			pending := s.Pending()
			_, err := s.Poll()
			if err != nil && err != ErrClosed || pending != (err != nil) {
				t.Fatalf("Pending said %v, Poll %v", pending, err)
			}
			if err != nil {
				ended++
			}
		}
		if ended < 499 || ended > 501 {
			t.Errorf("%d have ended after half of the time", ended)
		}
		late := h.Subscribe(nil, Earliest())
		defer late.Close()
		if got := poll(t, late); got != "1" || !late.More() {
			t.Errorf("who comes late got %q", got)
		}
		if _, err := late.Poll(); err != ErrClosed {
			t.Errorf("and then %v", err)
		}
		for _, s := range waiting {
			s.Close()
		}
		<-drained
		if took := time.Since(begin); took > 502*time.Millisecond {
			t.Errorf("it took %v, though all had gone after half a second", took)
		}
		h.Reopen()
		publish(t, h, "a", "2")
		again := h.Subscribe(nil, Earliest())
		defer again.Close()
		if got := poll(t, again); got != "1 2" {
			t.Errorf("reopened, it has %q", got)
		}
	})
}

// TestDrainSkipsWhoHasGone: the time of those who go by themselves is not waited for, wherever in the list they are; the others
// still have theirs.
func TestDrainSkipsWhoHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		var waiting []*Subscription
		for range 1_000 {
			waiting = append(waiting, h.Subscribe(nil, Start{}))
		}
		begin := time.Now()
		drained := make(chan struct{})
		go func() {
			h.Drain(context.Background(), time.Second)
			close(drained)
		}()
		synctest.Wait()
		for _, s := range waiting[:900] { // before the turn of nearly all
			s.Close()
		}
		<-drained
		if took := time.Since(begin); took < 90*time.Millisecond || took > 110*time.Millisecond {
			t.Errorf("it took %v, for a tenth of those for whom it would have taken a second", took)
		}
		for _, s := range waiting[900:] {
			s.Close()
		}
	})
}

// TestDrainIsCutShort: when its context ends, all subscriptions do.
func TestDrainIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		for range 1_000 {
			s := h.Subscribe(nil, Start{})
			defer s.Close()
			defer func() {
				if _, err := s.Poll(); err != ErrClosed {
					t.Errorf("Poll: %v", err)
				}
			}()
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begin := time.Now()
		h.Drain(ctx, time.Hour)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestTopics: the log knows no more topics than it may. Quiet ones make room, and who resumes from before their last event
// is told that something may be lost; events that are retained do not.
func TestTopics(t *testing.T) {
	h := New(Config{History: 3, Topics: 4})
	other := h.Subscribe([]string{"other"}, After(h.State().Head))
	defer other.Close()
	for _, topic := range []string{"a", "b", "c", "d"} { // a is quiet then
		publish(t, h, topic, "1")
	}
	if got := poll(t, other); got != "" {
		t.Errorf("got %q", got)
	}
	behind := h.Subscribe([]string{"other"}, After(event.ID{Epoch: h.State().Head.Epoch}))
	defer behind.Close()
	publish(t, h, "e", "1") // a is forgotten, b is quiet
	if n := h.State().Topics; n != 4 {
		t.Errorf("%d topics are known", n)
	}
	if got := poll(t, other); got != "" { // and no gap
		t.Errorf("got %q", got)
	}
	if _, err := behind.Poll(); !errors.As(err, new(*GapError)) {
		t.Errorf("from before what was forgotten: %v, want a gap", err)
	}
	h = New(Config{Topics: 4})
	for _, topic := range []string{"a", "b", "c", "d", "a"} {
		publish(t, h, topic, "1")
	}
	if _, err := h.Publish(context.Background(), "e", []byte("1")); !errors.Is(err, ErrTopics) {
		t.Errorf("a fifth topic: %v", err)
	}
	publish(t, h, "d", "1")
	if state := h.State(); state.Head.Seq != 6 || state.Topics != 4 {
		t.Errorf("%+v", state)
	}
}
