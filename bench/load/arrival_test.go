package load

import (
	"testing"
	"time"
)

// What waited to be read has come when the kernel says.
func TestArrive(t *testing.T) {
	for name, c := range map[string]struct {
		stamped func(now time.Time) int64
		waited  time.Duration
	}{
		"no stamp":                     {func(time.Time) int64 { return 0 }, 0},
		"long ago":                     {func(now time.Time) int64 { return now.Add(-time.Second).UnixNano() }, time.Second},
		"the clock was set back":       {func(now time.Time) int64 { return now.Add(time.Hour).UnixNano() }, 0},
		"the clock was set by an hour": {func(now time.Time) int64 { return now.Add(-time.Hour).UnixNano() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := &Load{base: time.Now()}
			before := time.Since(l.base)
			l.arrive(c.stamped(time.Now()))
			after := time.Since(l.base)
			if slack := after - before; l.waited < c.waited || l.waited > c.waited+slack || l.now < before-l.waited || l.now > after-l.waited {
				t.Errorf("it came at %v and waited %v; it was read between %v and %v", l.now, l.waited, before, after)
			}
		})
	}
}
