package lab

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/tap"
)

// TestData: an event has just as many bytes as are wanted, and is what an event's data may be.
func TestData(t *testing.T) {
	for _, kind := range kinds {
		for size := minSize; size < 300; size++ {
			for _, n := range []uint64{1, 9, 10, 12345, 1e10, 1e12 - 1} {
				b := Source{Kind: kind, Size: size}.data(n)
				compact, err := event.Compact(b)
				if len(b) != size || err != nil || string(compact) != string(b) || !utf8.Valid(b) {
					t.Fatalf("%s of %d bytes, event %d: %d bytes, %q, %v", kind, size, n, len(b), b, err)
				}
			}
		}
		if b := (Source{Kind: kind, Size: maxSize}).data(7); len(b) != maxSize {
			t.Errorf("%s: %d bytes", kind, len(b))
		}
	}
	seen := map[string]bool{} // small ones can be told apart, too
	for n := range uint64(1000) {
		seen[string(Source{Kind: "json", Size: minSize}.data(n))] = true
	}
	if len(seen) != 1000 {
		t.Errorf("of 1000 events %d are different", len(seen))
	}
}

// TestBridgeLimit: of a main log with more events a second than a lab may make, no more than those come in, and a note
// tells it; in the next second they come again.
func TestBridgeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newStillLab(t)
		ctx, cancel := context.WithCancel(t.Context())
		l.ctx, l.config.Main = ctx, hub.New(hub.Config{})
		var running sync.WaitGroup
		running.Go(l.bridge)
		defer running.Wait()
		defer cancel()
		synctest.Wait() // until it has subscribed
		notes := func() (n int) {
			for batch, _, _ := l.tap.Poll(0); len(batch.Records) > 0; batch, _, _ = l.tap.Poll(batch.Records[len(batch.Records)-1].Seq) {
				for _, r := range batch.Records {
					if r.Kind == tap.Noted && strings.Contains(r.Text, "more than 1000 events a second") {
						n++
					}
				}
			}
			return n
		}
		publish := func(n int) {
			for range n { // one at a time, so that the log is not lapped, while no time passes
				if _, err := l.config.Main.Publish(ctx, "a", []byte("1")); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
		}
		for _, c := range []struct{ publish, events, notes int }{
			{maxRate, maxRate, 0},
			{1, maxRate, 1},
			{500, maxRate, 1},
			{0, maxRate, 1}, // a second later
			{maxRate + 1, 2 * maxRate, 2},
		} {
			if c.publish == 0 {
				time.Sleep(time.Second + time.Millisecond) // of the bubble's time
			}
			publish(c.publish)
			if events := l.hub.State().Events; events != c.events || notes() != c.notes {
				t.Fatalf("after %d more there are %d events and %d notes, want %d and %d", c.publish, events, notes(), c.events, c.notes)
			}
		}
	})
}
