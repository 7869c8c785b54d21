package journal_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

// A read that begins beyond the end waits for it a while: another server of a cluster may have given that event already. Those who wait
// in vain are few, and are told the truth in the end.
func TestReadBeyondTheEnd(t *testing.T) {
	t.Parallel()
	server := journaltest.NewServer(t)
	server.Start(t)
	const patience = 300 * time.Millisecond
	log := server.Open(t, journal.Config{Patience: patience})
	defer log.Close(context.Background())
	add := func() {
		if _, err := log.Append(t.Context(), hub.Entry{Topic: "t", Data: []byte("1")}); err != nil {
			t.Error(err)
		}
	}
	add()

	reached := make(chan uint64, 1)
	go func() { // the test waits for it
		last, err := log.Until(t.Context(), 2)
		if err != nil {
			t.Error(err)
		}
		reached <- last
	}()
	add()
	if last := <-reached; last != 2 {
		t.Errorf("it was told of %d", last)
	}

	begun := time.Now()
	if last, err := log.Until(t.Context(), 7); err != nil || last != 2 || time.Since(begun) < patience {
		t.Errorf("an event that never was: %d, %v, after %v", last, err, time.Since(begun))
	}

	long := server.Open(t, journal.Config{Patience: time.Hour})
	defer long.Close(context.Background())
	waiting, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range journal.MaxAhead {
		readers.Go(func() {
			for waiting.Err() == nil { // the one below may have had its place
				long.Until(waiting, 7)
			}
		})
	}
	for { // until all of them wait
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_, err := long.Until(ctx, 7)
		full := errors.Is(err, hub.ErrUnavailable) && ctx.Err() == nil
		cancel()
		if full {
			break
		}
	}
	stop()
	readers.Wait()
}
