package source

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What a beat takes does not delay the ones after it, and missed beats are not made up for.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		start := time.Now()
		// How long each beat takes, in tenths of the interval, and when the beats come.
		takes := []int{0, 9, 0, 35, 0, 10, 0, 0}
		want := []int{10, 20, 30, 40, 75, 80, 90, 100}
		var got []int
		err := every(t.Context(), time.Second, func() error {
			got = append(got, int(time.Since(start)/(time.Second/10)))
			if len(got) == len(takes) {
				return enough
			}
			<-time.After(time.Duration(takes[len(got)-1]) * time.Second / 10)
			return nil
		})
		if !errors.Is(err, enough) {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("beats (-want +got):\n%s", diff)
		}
	})
}

func TestSleepUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := sleepUntil(t.Context(), start.Add(-time.Hour)); err != nil || time.Since(start) != 0 {
			t.Errorf("a time in the past: %v after %v, want nil at once", err, time.Since(start))
		}
		if err := sleepUntil(t.Context(), start.Add(time.Hour)); err != nil || time.Since(start) != time.Hour {
			t.Errorf("a time in an hour: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := sleepUntil(ctx, start.Add(2*time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ctx ended while waiting: %v", err)
		}
		if err := sleepUntil(ctx, start); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ctx had ended: %v", err)
		}
	})
}

func TestLater(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if got, want := later(start, 1.5e9), start.Add(1500*time.Millisecond); !got.Equal(want) {
		t.Errorf("later = %v, want %v", got, want)
	}
	for _, ns := range []float64{1e30, math.Inf(1)} {
		if got := later(start, ns); got.Year() < 2100 {
			t.Errorf("later by %g ns = %v, want the far future", ns, got)
		}
	}
}
