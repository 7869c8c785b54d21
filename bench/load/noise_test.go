package load

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// In virtual time nothing is late, unless it is made to be.
func TestNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet, err := Noise(t.Context(), time.Second, time.Sleep)
		if err != nil || quiet.Count != 1000 || quiet.Max != 0 {
			t.Errorf("%v; %+v", err, quiet)
		}
		late, err := Noise(t.Context(), 100*time.Millisecond, func(d time.Duration) { time.Sleep(d + 300*time.Microsecond) })
		if err != nil || late.Count != 100 || late.P50 != 300*time.Microsecond || late.Max != late.P50 {
			t.Errorf("%v; %+v", err, late)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if cut, err := Noise(ctx, time.Second, time.Sleep); err != nil || cut.Count > 51 {
			t.Errorf("%v; %+v", err, cut)
		}
	})
}
