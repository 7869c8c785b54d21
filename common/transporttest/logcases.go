package transporttest

import (
	"context"
	"errors"
	"testing"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
)

// startOnLog starts a transport whose hub holds three events of a log.
func startOnLog(t *testing.T, tr Transport) (*fixture, *journal.Memory) {
	log := journal.NewMemory(journal.Config{})
	f := start(t, tr, hub.Config{Log: log, History: 3, Batch: 4}, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- f.hub.Follow(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		f.hub.Close()
		cancel()
		if err := <-over; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow: %v", err)
		}
	})
	<-ready
	return f, log
}

func resumesBehindTheRing(t *testing.T, tr Transport) {
	f, log := startOnLog(t, tr)
	f.publish("a", 6)
	f.publish("b", 2)
	f.publish("a", 2)
	c := f.dial(client.Options{After: f.id(2).String()})
	c.want("$open:2 a:3 a:4 a:5 a:6 b:7 b:8 a:9 a:10")
	f.publish("b", 1)
	c.want("b:11")
	f.dial(client.Options{After: f.id(1).String(), Topics: []string{"b"}}).want("$open:1 b:7 b:8 b:11")
	f.dial(client.Options{After: client.Earliest}).want("$open:0 a:1 a:2 a:3 a:4 a:5 a:6 b:7 b:8 a:9 a:10 b:11")
	if err := log.Trim(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	late := f.dial(client.Options{After: f.id(2).String()})
	late.want("$open:2")
	late.wantGap(f.id(2).String(), f.id(5), 3)
	late.want("a:6 b:7 b:8 a:9 a:10 b:11")
	c.want("") // it has seen it all before
	f.publish("a", 1)
	c.want("a:12")
}

func outlivesItsLog(t *testing.T, tr Transport) {
	f, log := startOnLog(t, tr)
	f.publish("a", 5)
	c := f.dial(client.Options{After: f.id(5).String()})
	c.want("$open:5")
	log.Suspend()
	if _, err := f.hub.Publish(context.Background(), "a", []byte("1")); !errors.Is(err, hub.ErrUnavailable) {
		t.Errorf("publishing without the log: %v", err)
	}
	behind := f.dial(client.Options{After: f.id(1).String()})
	behind.want("$open:1")
	log.Resume()
	f.publish("a", 1)
	c.want("a:6")
	behind.want("a:2 a:3 a:4 a:5 a:6")
	before := f.id(6)
	log.Recreate()
	f.publish("b", 1)
	if e := c.next(); e.Topic != event.GapTopic || e.ID.Epoch == before.Epoch || e.ID.Seq != 0 {
		t.Errorf("after the log was made anew came %s", e.Envelope())
	}
	c.want("b:1")
}
