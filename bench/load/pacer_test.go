package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// published runs a pacer for a second at 10 events/s and returns when each event was published.
func published(t *testing.T, sleep func(time.Duration), publish func(n int)) (at []time.Duration) {
	t.Helper()
	start := time.Now().Add(time.Second)
	count, err := Pacer{Rate: 10, Sleep: sleep}.Run(t.Context(), start, 10, func(n int, due time.Time) error {
		if want := start.Add(time.Duration(n) * 100 * time.Millisecond); !due.Equal(want) {
			t.Errorf("event %d is due %v after the start, not %v", n, due.Sub(start), want.Sub(start))
		}
		at = append(at, time.Since(start))
		publish(n)
		return nil
	})
	if count != 10 || err != nil {
		t.Errorf("%d events and the error %v, not 10 and none", count, err)
	}
	return at
}

func every(ms ...int) (times []time.Duration) {
	for _, n := range ms {
		times = append(times, time.Duration(n)*time.Millisecond)
	}
	return times
}

func TestPacerPublishesWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := published(t, nil, func(int) {})
		if want := every(0, 100, 200, 300, 400, 500, 600, 700, 800, 900); !slices.Equal(at, want) {
			t.Errorf("published at %v, not %v", at, want)
		}
	})
}

// What one event is late must not move those behind it: that is what open loop means.
func TestPacerCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := published(t, nil, func(n int) {
			if n == 2 {
				time.Sleep(250 * time.Millisecond)
			}
		})
		if want := every(0, 100, 200, 450, 450, 500, 600, 700, 800, 900); !slices.Equal(at, want) {
			t.Errorf("published at %v, not %v", at, want)
		}
	})
}

func TestPacerSleepsOnlyTheLastBit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept []time.Duration
		published(t, func(d time.Duration) {
			slept = append(slept, d)
			time.Sleep(d - d/4) // cut short, as by a signal
		}, func(int) {})
		if len(slept) == 0 || slices.Max(slept) > fine {
			t.Errorf("it slept for %v; the longest should be at most %v", slept, fine)
		}
	})
}

func TestPacerKeepsNoDrift(t *testing.T) {
	p := Pacer{Rate: 3}
	if got := p.Due(3 * 86400 * 365); got != 365*24*time.Hour {
		t.Errorf("after a year of 3 events/s the next is due after %v", got)
	}
}

func TestPacerEnds(t *testing.T) {
	broken := errors.New("broken")
	for name, publish := range map[string]func(cancel func()) error{
		"when ctx ends":      func(cancel func()) error { cancel(); return nil },
		"when publish fails": func(func()) error { return broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				calls := 0
				n, err := Pacer{Rate: 1}.Run(ctx, time.Now(), 10, func(int, time.Time) error {
					if calls++; calls == 4 {
						return publish(cancel)
					}
					return nil
				})
				want, reason := 4, context.Canceled // the fourth was published, and then nothing more
				if name == "when publish fails" {
					want, reason = 3, broken
				}
				if n != want || calls != 4 || !errors.Is(err, reason) {
					t.Errorf("%d published in %d calls, error %v; want %d in 4 calls, %v", n, calls, err, want, reason)
				}
			})
		})
	}
}

func ExamplePacer() {
	p := Pacer{Rate: 40}
	start := time.Now()
	n, err := p.Run(context.Background(), start, 3, func(n int, due time.Time) error {
		fmt.Println("event", n, "is due after", due.Sub(start))
		return nil
	})
	fmt.Println(n, err)
	// Output:
	// event 0 is due after 0s
	// event 1 is due after 25ms
	// event 2 is due after 50ms
	// 3 <nil>
}
