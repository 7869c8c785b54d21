package hub

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"pushlab/common/event"
)

// BenchmarkPublish publishes one event at a time to subscribers who read along. "others" are
// subscribers of other topics, who must cost nothing.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct{ same, others, all, topics int }{
		{0, 0, 0, 1},
		{1, 0, 0, 1},
		{1_000, 0, 0, 1},
		{10_000, 0, 0, 1},
		{0, 10_000, 0, 1},
		{1, 10_000, 0, 1},
		{1_000, 10_000, 0, 1},
		{0, 0, 1_000, 1},
		{1_000, 0, 0, 10},
		{1_000, 10_000, 100, 10},
	} {
		b.Run(fmt.Sprintf("same=%d/others=%d/all=%d/topics=%d", c.same, c.others, c.all, c.topics), func(b *testing.B) {
			h := New(Config{})
			var readers sync.WaitGroup
			subscribe := func(topics []string) {
				s := h.Subscribe(topics, Start{})
				readers.Go(func() {
					defer s.Close()
					for {
						if _, err := s.Next(context.Background()); err == ErrClosed {
							return
						}
					}
				})
			}
			topic := func(i int) string { return fmt.Sprintf("t%d", i%c.topics) }
			for i := range c.same {
				subscribe([]string{topic(i)})
			}
			for i := range c.others {
				subscribe([]string{fmt.Sprintf("other%d", i%100)})
			}
			for range c.all {
				subscribe(nil)
			}
			data, _ := event.Text("0123456789012345678901234567890123456789012345678901234567890123456789")
			names := make([]string, c.topics)
			for i := range names {
				names[i] = topic(i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := h.Publish(context.Background(), names[i%c.topics], data); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.StopTimer()
			h.Close()
			readers.Wait()
		})
	}
}

// BenchmarkPublishToParked publishes to subscribers who were woken once and never look again: the
// publisher's own cost, without that of the readers who share its processors.
func BenchmarkPublishToParked(b *testing.B) {
	for _, c := range []struct{ same, others int }{{0, 0}, {10, 0}, {10, 100_000}, {1_000, 0}, {10_000, 0}} {
		b.Run(fmt.Sprintf("same=%d/others=%d", c.same, c.others), func(b *testing.B) {
			h := New(Config{})
			for range c.same {
				defer h.Subscribe([]string{"same"}, Start{}).Close()
			}
			for i := range c.others {
				defer h.Subscribe([]string{fmt.Sprintf("other%d", i%100)}, Start{}).Close()
			}
			data, _ := event.Text("0123456789012345678901234567890123456789012345678901234567890123456789")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Publish(context.Background(), "same", data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNext reads a full log in batches.
func BenchmarkNext(b *testing.B) {
	for _, topics := range []int{0, 1, 10, 100} {
		b.Run(fmt.Sprintf("topics=%d", topics), func(b *testing.B) {
			h := New(Config{})
			var chosen []string
			for i := range topics {
				chosen = append(chosen, fmt.Sprintf("t%d", i))
			}
			data, _ := event.Text("0123456789012345678901234567890123456789012345678901234567890123456789")
			for i := range 10_000 {
				if _, err := h.Publish(context.Background(), fmt.Sprintf("t%d", i%100), data); err != nil {
					b.Fatal(err)
				}
			}
			events := 0
			for b.Loop() {
				s := h.Subscribe(chosen, Earliest())
				for {
					records, err := s.Poll()
					if err != nil {
						b.Fatal(err)
					}
					if len(records) == 0 {
						break
					}
					events += len(records)
				}
				s.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
		})
	}
}
