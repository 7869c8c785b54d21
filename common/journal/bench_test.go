package journal_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/embedded"
	"pushlab/common/journal/journaltest"
)

// payload is what each event holds: 256 bytes.
var payload = []byte(strconv.Quote(strings.Repeat("x", 254)))

// onBackends runs a benchmark on each backend: what a directory and a server on loopback cost, beside memory.
func onBackends(b *testing.B, run func(*testing.B, hub.Log)) {
	config := journal.Config{MaxBytes: 2 << 30, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	directory := func(b *testing.B, always bool) hub.Log {
		log, err := embedded.Open(b.Context(), b.TempDir(), embedded.Config{Config: config, SyncAlways: always})
		if err != nil {
			b.Fatal(err)
		}
		return log
	}
	for _, backend := range []struct {
		name string
		open func(b *testing.B) hub.Log
	}{
		{"memory", func(*testing.B) hub.Log { return journal.NewMemory(config) }},
		{"file", func(b *testing.B) hub.Log { return directory(b, false) }},
		{"file-always", func(b *testing.B) hub.Log { return directory(b, true) }},
		{"nats", func(b *testing.B) hub.Log {
			s := journaltest.NewServer(b)
			s.Start(b)
			return s.Open(b, config)
		}},
		{"nats-3", func(b *testing.B) hub.Log { // three replicas, of which this one machine does the work
			return openCluster(b, journaltest.NewCluster(b, 3), 0, config)
		}},
	} {
		b.Run("log="+backend.name, func(b *testing.B) {
			log := backend.open(b)
			run(b, log)
			b.StopTimer()
			if err := log.Close(context.Background()); err != nil {
				b.Error(err)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, publishers := range []int{1, 32} {
		for _, keyed := range []bool{false, true} {
			b.Run(fmt.Sprintf("publishers=%d/keyed=%v", publishers, keyed), func(b *testing.B) {
				onBackends(b, func(b *testing.B, log hub.Log) {
					work := make(chan hub.Entry, publishers)
					var running sync.WaitGroup
					for range publishers {
						running.Go(func() {
							for e := range work {
								if _, err := log.Append(b.Context(), e); err != nil {
									b.Error(err)
								}
							}
						})
					}
					for i := 0; b.Loop(); i++ {
						e := hub.Entry{Topic: "bench", Data: payload}
						if keyed {
							e.Key = strconv.Itoa(i)
						}
						work <- e
					}
					close(work)
					running.Wait()
				})
			})
		}
	}
}

// BenchmarkDeliver measures from the beginning of an append until Tail has delivered it.
func BenchmarkDeliver(b *testing.B) {
	onBackends(b, func(b *testing.B, log hub.Log) {
		state, err := log.State(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		delivered := make(chan event.Event)
		var tail sync.WaitGroup
		tail.Go(func() {
			log.Tail(ctx, event.ID{Epoch: state.Epoch}, func(e event.Event) { delivered <- e })
		})
		for b.Loop() {
			var appending sync.WaitGroup
			appending.Go(func() {
				if _, err := log.Append(b.Context(), hub.Entry{Topic: "bench", Data: payload}); err != nil {
					b.Error(err)
				}
			})
			<-delivered
			appending.Wait()
		}
		stop()
		tail.Wait()
	})
}

// BenchmarkRead reads pages out of the middle of 50,000 events; one in a hundred is of another topic.
func BenchmarkRead(b *testing.B) {
	const events = 50_000
	onBackends(b, func(b *testing.B, log hub.Log) {
		work := make(chan string)
		var filling sync.WaitGroup
		for range 32 {
			filling.Go(func() {
				for topic := range work {
					if _, err := log.Append(b.Context(), hub.Entry{Topic: topic, Data: payload}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for i := range events {
			topic := "loud"
			if i%100 == 0 {
				topic = "quiet"
			}
			work <- topic
		}
		close(work)
		filling.Wait()
		for _, r := range []struct {
			name   string
			topics []string
			events int
			after  uint64
		}{
			{"events=1000/topics=all", nil, 1000, events / 2},
			{"events=100/topics=all", nil, 100, events / 2},
			{"events=10/topics=all", nil, 10, events / 2},
			{"events=100/topics=quiet", []string{"quiet"}, 100, events / 2},
			{"events=10/topics=all/end", nil, 1000, events - 10},
		} {
			b.Run(r.name, func(b *testing.B) {
				for b.Loop() {
					page, err := log.Read(b.Context(), r.after, hub.Range{Topics: r.topics, Events: r.events, Bytes: 1 << 20})
					if err != nil || len(page.Events) < min(r.events, 10) {
						b.Fatal(len(page.Events), err)
					}
				}
			})
		}
	})
}
