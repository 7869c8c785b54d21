package lab

import (
	"testing"
	"unicode/utf8"

	"pushlab/common/event"
)

// TestData: an event has just as many bytes as are wanted, and is what an event's data may be.
func TestData(t *testing.T) {
	for _, kind := range kinds {
		for size := minSize; size < 300; size++ {
			for _, n := range []uint64{1, 9, 10, 12345, 1e10, 1e12 - 1} {
				b := Source{Kind: kind, Size: size}.data(n)
				compact, err := event.Compact(b)
				if len(b) != size || err != nil || string(compact) != string(b) || !utf8.Valid(b) {
					t.Fatalf("%s of %d bytes, event %d: %d bytes, %q, %v", kind, size, n, len(b), b, err)
				}
			}
		}
		if b := (Source{Kind: kind, Size: maxSize}).data(7); len(b) != maxSize {
			t.Errorf("%s: %d bytes", kind, len(b))
		}
	}
	seen := map[string]bool{} // small ones can be told apart, too
	for n := range uint64(1000) {
		seen[string(Source{Kind: "json", Size: minSize}.data(n))] = true
	}
	if len(seen) != 1000 {
		t.Errorf("of 1000 events %d are different", len(seen))
	}
}
