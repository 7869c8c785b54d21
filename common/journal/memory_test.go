package journal_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
)

// TestMemoryInVirtualTime checks that the log in memory works in a bubble: ages pass, a tail is idle while it waits, and
// what breaks it is seen at once.
func TestMemoryInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := journal.NewMemory(journal.Config{MaxAge: time.Hour, KeyWindow: time.Minute})
		keyed := hub.Entry{Topic: "a", Data: []byte(`1`), Key: "k"}
		add := func(e hub.Entry) event.ID {
			id, err := log.Append(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		first := add(keyed)
		ctx, stop := context.WithCancel(t.Context())
		var got []event.ID
		var ended error
		go func() {
			ended = log.Tail(ctx, event.ID{Epoch: first.Epoch}, func(e event.Event) { got = append(got, e.ID) })
		}()
		synctest.Wait()
		if len(got) != 1 || got[0] != first || add(keyed) != first {
			t.Fatalf("%v", got)
		}
		time.Sleep(time.Minute)
		if id := add(keyed); id.Seq != 2 { // the key is forgotten
			t.Fatalf("%v", id)
		}
		log.Suspend()
		if _, err := log.Append(t.Context(), keyed); !errors.Is(err, hub.ErrUnavailable) {
			t.Fatal(err)
		}
		log.Resume()
		time.Sleep(time.Hour)
		if state, err := log.State(t.Context()); err != nil || state.First != 3 || state.Last != 2 {
			t.Fatalf("%+v, %v", state, err)
		}
		log.Lose(1)
		synctest.Wait()
		if !errors.Is(ended, hub.ErrEpoch) || len(got) != 2 {
			t.Fatalf("%v, %v", got, ended)
		}
		if id := add(keyed); id.Seq != 2 || id.Epoch == first.Epoch { // the key was lost with its event
			t.Fatalf("%v", id)
		}
		stop()
	})
}
