package load

import "testing"

func TestLedger(t *testing.T) {
	for name, c := range map[string]struct {
		came                          []int
		events, duplicated, reordered int64
	}{
		"all in order":          {[]int{5, 6, 7, 8}, 4, 0, 0},
		"none":                  {nil, 0, 0, 0},
		"one missing":           {[]int{5, 7, 8}, 3, 0, 0},
		"one twice":             {[]int{5, 6, 6, 7, 8}, 4, 1, 0},
		"one twice, much later": {[]int{5, 6, 7, 8, 5}, 4, 1, 0},
		"two exchanged":         {[]int{5, 7, 6, 8}, 4, 0, 1},
		"backwards":             {[]int{8, 7, 6, 5}, 4, 0, 3},
		"everything at once":    {[]int{6, 5, 5, 8}, 3, 1, 1},
	} {
		l := newLedger(5, 4)
		for _, n := range c.came {
			if !l.has(n) {
				t.Errorf("%s: event %d is not in the ledger", name, n)
				continue
			}
			l.observe(n)
		}
		if want := 4 - c.events + c.duplicated + c.reordered; l.faults() != want {
			t.Errorf("%s: %d faults, want %d", name, l.faults(), want)
		}
		if got := int64(l.came); got != c.events || l.duplicated != c.duplicated || l.reordered != c.reordered {
			t.Errorf("%s: %d events, %d duplicated, %d reordered; want %d, %d, %d",
				name, got, l.duplicated, l.reordered, c.events, c.duplicated, c.reordered)
		}
	}
	if l := newLedger(5, 4); l.has(4) || l.has(9) {
		t.Error("a ledger has events that are not its own")
	}
}
