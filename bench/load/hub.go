package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pushlab/bench/result"
	"pushlab/common/hub"
)

// PublishToHub returns a publisher that puts events into a hub of this process, with size bytes of data each.
// It must be closed.
func PublishToHub(h *hub.Hub, size int) *Publisher {
	p := &Publisher{size: size, goodbye: func() {}}
	p.encode = func(dst []byte, _ int, data []byte) []byte { return append(dst, data...) }
	p.send = func(data []byte) error {
		_, err := h.Publish(context.Background(), Topic, data)
		if err == nil {
			p.taken.Add(1)
		}
		return err
	}
	return p
}

// A readers is a network without connections: each subscriber is a goroutine that reads a subscription of
// a hub, as a transport's goroutine does, and does nothing with the events but to enter them.
type readers struct {
	load    *Load
	hub     *hub.Hub
	live    context.Context // ended by close
	cancel  context.CancelFunc
	running sync.WaitGroup
	open    map[*subscriber]context.CancelFunc // guarded by the load's mutex
}

func newReaders(l *Load, h *hub.Hub) *readers {
	r := &readers{load: l, hub: h, open: map[*subscriber]context.CancelFunc{}}
	r.live, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *readers) connect(s *subscriber) error {
	ctx, cancel := context.WithCancel(r.live)
	r.open[s] = cancel
	sub := r.hub.Subscribe([]string{Topic}, hub.Start{})
	r.load.open(s)
	r.running.Go(func() {
		defer cancel()
		defer sub.Close()
		err := r.read(ctx, s, sub)
		r.load.mu.Lock()
		defer r.load.mu.Unlock()
		if ctx.Err() == nil {
			r.load.lose(s, err)
		}
	})
	return nil
}

// read enters what comes until ctx ends.
func (r *readers) read(ctx context.Context, s *subscriber, sub *hub.Subscription) error {
	took := 0
	for {
		if _, err := r.load.pace(ctx, s, took); err != nil {
			return err
		}
		records, err := sub.Next(ctx)
		var gap *hub.GapError
		switch {
		case errors.As(err, &gap):
			r.load.mu.Lock()
			err := s.observe(arrival{control: gap.Event().Topic})
			r.load.mu.Unlock()
			if err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		if took, err = r.enter(s, records); err != nil {
			return err
		}
	}
}

// enter enters events, which came now. It returns how many bytes of data they have.
func (r *readers) enter(s *subscriber, records []*hub.Record) (bytes int, err error) {
	r.load.mu.Lock()
	defer r.load.mu.Unlock()
	r.load.now = time.Since(r.load.base)
	for _, record := range records {
		var a arrival
		if _, ours := a.read(record.Data, formOf(record.Data)); !ours {
			return bytes, foreign(record.Data)
		}
		if err := s.observe(a); err != nil {
			return bytes, fmt.Errorf("the hub: %w", err)
		}
		bytes += len(record.Data)
	}
	if s.slow && r.load.sipping {
		r.load.taken += int64(bytes)
	}
	return bytes, nil
}

// send is not for readers, who have nothing to send by.
func (r *readers) send(*subscriber, []byte) error { return errors.ErrUnsupported }

// segments: there are no connections.
func (r *readers) segments() (result.Segments, bool) { return result.Segments{}, false }

func (r *readers) disconnect(s *subscriber) {
	if cancel, ok := r.open[s]; ok {
		cancel()
		delete(r.open, s)
	}
}

func (r *readers) close() {
	r.cancel()
	r.running.Wait()
}
