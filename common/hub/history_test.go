package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/journal/history"
)

// TestOneLog: whatever publishers do at once, and again, it is as if they had done it one after the other, and each subscriber
// sees that order.
func TestOneLog(t *testing.T) {
	const publishers, each, subscribers = 8, 300, 4
	h := New(Config{})
	began := time.Now()

	var mu sync.Mutex
	var operations []history.Operation
	var deliveries []history.Delivery

	// publish is an attempt, whose answer may get lost.
	publish := func(key, topic, data string, lost bool) {
		o := history.Operation{Key: key, Content: topic + " " + data, Call: time.Since(began)}
		id, err := h.PublishOnce(context.Background(), key, topic, []byte(data))
		o.Return = time.Since(began)
		if err != nil {
			t.Error(err)
		}
		if !lost {
			o.ID = id
		}
		mu.Lock()
		defer mu.Unlock()
		operations = append(operations, o)
	}
	var publishing, reading sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 0))
			for i := range each {
				topic, data, key := fmt.Sprint("t", r.IntN(3)), fmt.Sprintf(`"%d of %d"`, i, p), ""
				switch r.IntN(4) {
				case 0: // nothing goes wrong
				case 1: // it is tried until an answer comes
					key = fmt.Sprintf("%d-%d", p, i)
					for range 1 + r.IntN(2) {
						publish(key, topic, data, true)
					}
				case 2: // it is tried again while the first attempt is under way
					key = fmt.Sprintf("%d-%d", p, i)
					publishing.Go(func() { publish(key, topic, data, false) })
				case 3: // nobody asks again
					publish("", topic, data, true)
					continue
				}
				publish(key, topic, data, false)
			}
		})
	}
	for s := range subscribers {
		reading.Go(func() {
			cursor, part := event.ID{}, 0
			for again := true; again; part++ {
				start := Earliest()
				if part > 0 {
					start = After(cursor)
				}
				sub := h.Subscribe(nil, start)
				for {
					records, err := sub.Next(context.Background())
					if again = !errors.Is(err, ErrClosed); !again {
						break
					} else if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, r := range records {
						deliveries = append(deliveries, history.Delivery{Node: fmt.Sprint("subscriber ", s), ID: r.ID, Content: r.Topic + " " + string(r.Data)})
					}
					mu.Unlock()
					cursor = records[len(records)-1].ID
					if s%2 == 0 && cursor.Seq%5 == 0 {
						break // it comes back from where it was
					}
				}
				sub.Close()
			}
		})
	}
	publishing.Wait()
	h.Close()
	reading.Wait()
	if err := history.Check(operations, deliveries); err != nil {
		t.Error(err)
	}
	if want := publishers * each; int(h.State().Head.Seq) != want || len(deliveries) != subscribers*want {
		t.Errorf("%d events, delivered %d times, by %d operations; want %d, %d times", h.State().Head.Seq, len(deliveries), len(operations), want, subscribers*want)
	}
}
