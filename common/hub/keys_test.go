package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/event"
)

// once publishes under a key, and returns the sequence number.
func once(h *Hub, key, topic, data string) (uint64, error) {
	id, err := h.PublishOnce(context.Background(), key, topic, []byte(data))
	return id.Seq, err
}

func TestPublishOnce(t *testing.T) {
	h := New(Config{HistoryBytes: 4000, Topics: 2})
	sub := h.Subscribe(nil, Start{})
	defer sub.Close()
	large := `"` + strings.Repeat("x", 4000) + `"`
	for i, c := range []struct {
		key, topic, data string
		seq              uint64
		err              error
	}{
		{"", "a", "1", 1, nil},
		{"", "a", "1", 2, nil}, // no key
		{"k", "a", "1", 3, nil},
		{"k", "a", "1", 3, nil},
		{"", "a", "1", 4, nil},
		{"k", "a", "1", 3, nil},
		{"k", "a", "2", 0, ErrKeyReused},
		{"k", "b", "1", 0, ErrKeyReused},
		{"k", "", "1", 0, ErrKeyReused},
		{"l", "", "1", 5, nil},
		{"l", event.DefaultTopic, "1", 5, nil}, // which is meant by none
		{"K", "a", "1", 6, nil},                // case counts
		{"m", "a", large, 0, ErrTooLarge},
		{"m", "a", "1", 7, nil}, // what was not published has used no key
		{"n", "c", "1", 0, ErrTopics},
		{"n", "a", "1", 8, nil},
	} {
		if seq, err := once(h, c.key, c.topic, c.data); seq != c.seq || !errors.Is(err, c.err) {
			t.Errorf("%d: %+v: %d, %v", i, c, seq, err)
		}
	}
	if _, err := once(h, "o", "$a", "1"); err == nil {
		t.Error("a bad topic is good with a key")
	}
	if got := poll(t, sub); got != "1 2 3 4 5 6 7 8" {
		t.Errorf("subscribers get %s", got)
	}
	h.Close()
	if _, err := once(h, "k", "a", "1"); err != ErrClosed {
		t.Errorf("a closed hub: %v", err)
	}
}

// TestKeyOfWhatIsGone: the key counts though the log does not hold the event any more.
func TestKeyOfWhatIsGone(t *testing.T) {
	h := New(Config{History: 1})
	for i := range 5 {
		if seq, err := once(h, fmt.Sprint(i), "a", "1"); seq != uint64(i+1) || err != nil {
			t.Error(seq, err)
		}
	}
	if seq, err := once(h, "0", "a", "1"); seq != 1 || err != nil {
		t.Error(seq, err)
	}
}

// TestKeyWindow: a key counts for as long as the window, from its first use on, however often it comes again.
func TestKeyWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{})
		for i, c := range []struct {
			wait time.Duration
			seq  uint64
		}{{0, 1}, {time.Minute, 1}, {time.Minute, 1}, {1, 2}, {2 * time.Minute, 2}, {time.Second, 3}} {
			time.Sleep(c.wait)
			if seq, err := once(h, "k", "a", "1"); seq != c.seq || err != nil {
				t.Errorf("%d: %d, %v; want %d", i, seq, err, c.seq)
			}
		}
		time.Sleep(time.Hour)
		if seq, err := once(h, "k", "other", "2"); seq != 4 || err != nil {
			t.Errorf("a forgotten key, for another event: %d, %v", seq, err)
		}
	})
}

// TestKeyLimit: a new key is refused while there are as many as there may be; known ones, and events without one, are not.
func TestKeyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 100
		h := New(Config{Keys: limit})
		for i := range limit {
			if _, err := once(h, fmt.Sprint(i), "a", "1"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		for range 2 {
			if _, err := once(h, "new", "a", "1"); !errors.Is(err, ErrKeys) || !strings.Contains(err.Error(), "100 within 2m0s") {
				t.Errorf("a key too many: %v", err)
			}
		}
		if seq, err := once(h, "7", "a", "1"); seq != 8 || err != nil {
			t.Error(seq, err)
		}
		if seq, err := once(h, "", "a", "1"); seq != limit+1 || err != nil {
			t.Error(seq, err)
		}
		time.Sleep(21 * time.Second) // the first one's time is over
		if seq, err := once(h, "new", "a", "1"); seq != limit+2 || err != nil {
			t.Error(seq, err)
		}
		if _, err := once(h, "another", "a", "1"); !errors.Is(err, ErrKeys) {
			t.Error(err)
		}
		// When the time of all is over there is room for as many again, at once.
		time.Sleep(time.Hour)
		for i := range limit {
			if _, err := once(h, fmt.Sprint("b", i), "a", "1"); err != nil {
				t.Fatal(i, err)
			}
		}
		if n := len(h.keys.uses); n > limit {
			t.Errorf("%d keys are remembered", n)
		}
	})
}

// TestKeysModel compares with a list of all uses.
func TestKeysModel(t *testing.T) {
	type step struct {
		wait             int // seconds
		key, topic, data string
	}
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, 10, 11}).Draw(t, "wait"),
			rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f", "g", "h"}).Draw(t, "key"),
			rapid.SampledFrom([]string{"t", "u"}).Draw(t, "topic"), rapid.SampledFrom([]string{"1", "2"}).Draw(t, "data"),
		}
	}), 0, 100)
	rapid.Check(t, func(r *rapid.T) {
		limit, script := rapid.IntRange(1, 6).Draw(r, "limit"), steps.Draw(r, "steps")
		var wrong error // a bubble cannot end what runs outside it
		synctest.Test(t, func(*testing.T) {
			type used struct {
				at      time.Time
				content string
				seq     uint64
			}
			const window = 10 * time.Second
			h := New(Config{Keys: limit, KeyWindow: window, History: 3})
			model := map[string]used{}
			head := uint64(0)
			for i, s := range script {
				time.Sleep(time.Duration(s.wait) * time.Second)
				for k, u := range model {
					if time.Since(u.at) > window {
						delete(model, k)
					}
				}
				wantSeq, wantErr := uint64(0), error(nil)
				switch u, known := model[s.key]; {
				case known && u.content != s.topic+s.data:
					wantErr = ErrKeyReused
				case known:
					wantSeq = u.seq
				case s.key != "" && len(model) >= limit:
					wantErr = ErrKeys
				default:
					head++
					wantSeq = head
					if s.key != "" {
						model[s.key] = used{time.Now(), s.topic + s.data, head}
					}
				}
				if seq, err := once(h, s.key, s.topic, s.data); seq != wantSeq || !errors.Is(err, wantErr) || h.State().Head.Seq != head {
					wrong = fmt.Errorf("step %d, %+v: %d, %v, and the head is %d; want %d, %v, %d", i, s, seq, err, h.State().Head.Seq, wantSeq, wantErr, head)
					return
				}
				if n := len(h.keys.uses); n > limit {
					wrong = fmt.Errorf("step %d: %d keys are remembered", i, n)
					return
				}
			}
		})
		if wrong != nil {
			r.Fatal(wrong)
		}
	})
}

// BenchmarkPublishOnce publishes with keys: none, one that is new each time while as many as there may be are remembered and
// forgotten, and one that is known.
func BenchmarkPublishOnce(b *testing.B) {
	data, _ := event.Text(strings.Repeat("0123456789", 7))
	for _, kind := range []string{"none", "new", "known"} {
		b.Run("key="+kind, func(b *testing.B) {
			h := New(Config{Keys: 1 << 16, KeyWindow: 1}) // which is always over
			names := make([]string, 1<<17)
			for i := range names {
				switch kind {
				case "new":
					names[i] = fmt.Sprintf("%043d", i)
				case "known":
					names[i] = strings.Repeat("k", 43)
				}
			}
			if kind == "known" {
				h.keys.window = time.Hour
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := h.PublishOnce(context.Background(), names[i%len(names)], "same", data); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
