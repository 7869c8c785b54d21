package load

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
)

// readingHub returns a load of 3 subscribers that read a hub: 5 events of warm-up, 20 that are measured.
func readingHub(t *testing.T, h *hub.Hub) *Load {
	t.Helper()
	l, err := New(Config{Hub: h, Base: time.Now(), Subscribers: 3, WarmUp: 5, Measured: 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Connect(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// What the hub gives its readers is entered, with all that is wrong with it.
func TestReadersOfAHub(t *testing.T) {
	for name, c := range map[string]struct {
		events []int // what is published
		want   Account
	}{
		"all":        {[]int{0, 1, 2, 3, 4, 5, 6, 7}, Account{Delivered: 9}},
		"lost":       {[]int{0, 1, 2, 3, 4, 5, 7}, Account{Delivered: 6}},
		"duplicated": {[]int{0, 1, 2, 3, 4, 5, 6, 6, 7}, Account{Delivered: 9, Duplicated: 3}},
		"reordered":  {[]int{0, 1, 2, 3, 4, 6, 5, 7}, Account{Delivered: 9, Reordered: 3}},
		"warm-up":    {[]int{0, 1, 2, 3, 5, 6, 7}, Account{Delivered: 9, WarmUpFaults: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hub.New(hub.Config{})
				l := readingHub(t, h)
				p := PublishToHub(h, 128)
				for _, n := range c.events {
					if err := p.Publish(n, 0); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if got := l.Account(); got != c.want || p.Acked() != len(c.events) {
					t.Errorf("%d acknowledged; account %+v, want %+v", p.Acked(), got, c.want)
				}
				p.Close()
			})
		})
	}
}

// Whom the log laps is told so, and an event that is not ours ends the reader.
func TestReadersOfAHubAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{History: 2})
		l := readingHub(t, h)
		l.mu.Lock() // nobody can enter anything meanwhile
		p := PublishToHub(h, 128)
		for n := range 10 {
			if err := p.Publish(n, 0); err != nil {
				t.Fatal(err)
			}
		}
		l.mu.Unlock()
		synctest.Wait()
		// Who was told of one gap while the log went on may be lapped again.
		if a, silent := l.Account(), l.Silent(5); a.Gaps < 3 || a.Delivered != 6 || silent != 0 {
			t.Errorf("%+v, %d missing without a word", a, silent)
		}
		if _, err := h.Publish(context.Background(), Topic, []byte(`"hello"`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if lost, err := l.Lost(); lost != 3 || err == nil {
			t.Errorf("%d lost, %v", lost, err)
		}
	})
}
