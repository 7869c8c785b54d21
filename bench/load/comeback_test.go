package load

import (
	"testing"
	"testing/synctest"
	"time"

	"pushlab/sse"
)

// A timeline has every connect, and never too many points.
func TestTimelineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Load{base: time.Now()}
		l.begin()
		connects := 0
		for range 3000 {
			time.Sleep(70 * time.Millisecond)
			l.opened++
			connects++
			l.note(1, 0)
		}
		l.note(0, 2)
		got := l.Timeline()
		sum, gaps := 0, 0
		for i, p := range got.Points {
			sum, gaps = sum+p.Connects, gaps+p.Gaps
			if i > 0 && p.Connected < got.Points[i-1].Connected {
				t.Fatalf("step %d has fewer than the one before", i)
			}
		}
		if len(got.Points) > maxPoints || got.Width != 400*time.Millisecond || sum != connects || gaps != 2 || got.Points[len(got.Points)-1].Connected != 3000 {
			t.Errorf("%d points of %v with %d connects", len(got.Points), got.Width, sum)
		}
	})
}

// What is missing is silent unless a gap was announced just there.
func TestLedgerKnowsWhatWasTold(t *testing.T) {
	for name, c := range map[string]struct {
		come []int // a gap is -1
		want int64
	}{
		"all":                      {[]int{10, 11, 12, 13}, 0},
		"silent":                   {[]int{10, 13}, 2},
		"told":                     {[]int{10, -1, 13}, 0},
		"told at the end":          {[]int{10, 11, -1}, 0},
		"told at the beginning":    {[]int{-1, 13}, 0},
		"told, and silent later":   {[]int{-1, 11, 13}, 1},
		"silent, and told later":   {[]int{11, -1, 13}, 1},
		"nothing, without a word":  {nil, 4},
		"nothing, but it was told": {[]int{-1}, 0},
		"told of nothing":          {[]int{10, 11, -1, 12, 13}, 0},
	} {
		s := newSubscriber(sse.Name)
		s.load.subscribers = []*subscriber{s}
		for _, n := range c.come {
			a := arrival{n: n}
			if n < 0 {
				a.control = "$gap"
			}
			if err := s.observe(a); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.load.Silent(4); got != c.want {
			t.Errorf("%s: %d are missing without a word, not %d", name, got, c.want)
		}
	}
}
