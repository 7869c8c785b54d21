package load

import (
	"testing"

	"pushlab/bench/result"
)

// What a subscriber does for an event, of which the load has many at a time, must cost little beside
// what receiving costs.
func BenchmarkSubscriber(b *testing.B) {
	for _, transport := range result.Transports() {
		b.Run("transport="+transport, func(b *testing.B) {
			s := newSubscriber(transport)
			if _, err := s.feed(streamOf(transport, 0, 0)); err != nil {
				b.Fatal(err)
			}
			event := Framing(transport)(nil, 12, appendData(nil, 12, 34, 128))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.feed(event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The same events from a server that is not ours: bare, and with a cursor that is remembered.
func BenchmarkSubscriberOfOthers(b *testing.B) {
	for _, c := range []struct {
		name string
		how  Subscription
	}{
		{"none", Subscription{}},
		{"id", Subscription{Cursors: []Cursor{{From: "id", To: "query:after"}}}},
		{"json", Subscription{Cursors: []Cursor{{From: "json:id", To: "query:after"}}}},
	} {
		b.Run("cursor="+c.name, func(b *testing.B) {
			s := subscriberOf("sse", c.how)
			s.begin(nil)
			if _, err := s.feed(streamOf("sse", 0, 0)); err != nil {
				b.Fatal(err)
			}
			event := Framing("sse")(nil, 12, appendData(nil, 12, 34, 128))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.feed(event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
