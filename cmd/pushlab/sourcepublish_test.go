package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/source"
)

// An awayLog is a log that is away from time to time. It holds what was appended, once for each key.
type awayLog struct {
	hub.Log
	attempts int
	byKey    map[string]int
	data     []string
	away     func(attempt int) (before, after bool) // Append fails: before it has stored the event, or after that
}

func (l *awayLog) Append(ctx context.Context, e hub.Entry) (event.ID, error) {
	l.attempts++
	before, after := l.away(l.attempts)
	if before {
		return event.ID{}, fmt.Errorf("no leader: %w", hub.ErrUnavailable)
	}
	if len(e.Data) > 100 {
		return event.ID{}, fmt.Errorf("%w: much", hub.ErrTooLarge)
	}
	if e.Key == "" || l.byKey[e.Key] == 0 {
		l.data = append(l.data, string(e.Data))
		l.byKey[e.Key] = len(l.data)
	}
	if after {
		return event.ID{}, fmt.Errorf("no answer: %w", hub.ErrUnavailable)
	}
	return event.ID{Epoch: "mfrggzdf", Seq: uint64(l.byKey[e.Key])}, nil
}

// TestSourceWaitsForTheLog: what a source says while the log is away is there once, and in order, when it is back.
func TestSourceWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &awayLog{byKey: map[string]int{}, away: func(attempt int) (before, after bool) {
			return attempt%4 == 1 || attempt%4 == 2, attempt%4 == 3
		}}
		var logged lockedBuffer
		logger := slog.New(slog.NewTextHandler(&logged, nil))
		s, err := source.Parse("-", source.Env{Stdin: strings.NewReader("1\n2\n" + strings.Repeat("x", 200) + "\n3\n4"), Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		runSource(t.Context(), s, "-", hub.New(hub.Config{Log: log}), logger)
		if got := strings.Join(log.data, " "); got != "1 2 3 4" {
			t.Errorf("the log has %s", got)
		}
		for what, want := range map[string]int{"the source waits": 4, "the source goes on": 3, "was dropped": 1, "a source has ended": 1} {
			if n := strings.Count(logged.String(), what); n != want {
				t.Errorf("%q is logged %d times, want %d:\n%s", what, n, want, logged.String())
			}
		}
	})
}

// TestSourceEnds: with the server, though the log is away, and because of what waiting does not mend.
func TestSourceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &awayLog{away: func(int) (before, after bool) { return true, false }}
		publish := sourcePublish(hub.New(hub.Config{Log: log}), "-", slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := publish(ctx, "a", []byte("1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if log.attempts < 720 || log.attempts > 1600 {
			t.Errorf("%d attempts in an hour", log.attempts)
		}
		h := hub.New(hub.Config{})
		h.Close()
		if err := sourcePublish(h, "-", slog.New(slog.DiscardHandler))(t.Context(), "a", []byte("1")); !errors.Is(err, hub.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestSourceNeedsNoKey: in memory nothing is in doubt, and a source must not use up the keys of publishers.
func TestSourceNeedsNoKey(t *testing.T) {
	h := hub.New(hub.Config{Keys: 1})
	publish := sourcePublish(h, "-", slog.New(slog.DiscardHandler))
	for range 3 {
		if err := publish(t.Context(), "a", []byte("1")); err != nil {
			t.Error(err)
		}
	}
}
