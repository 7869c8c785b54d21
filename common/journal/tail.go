package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/event"
	"pushlab/common/hub"
)

const (
	// fetchAhead is how many events the server may send to Tail before they are delivered.
	fetchAhead = 512
	// A server that says nothing to Tail for twice that long is taken for gone.
	heartbeat = time.Second
	// forgetAfter is when the server forgets a consumer that nobody asks any more.
	forgetAfter = 30 * time.Second
)

// Tail delivers the events after that ID, as they come. It asks the server as an ordered consumer of JetStream does, but
// looks itself after every interruption: the one of the client library begins anew in a stream that was made anew.
//
// Numbers always rise. One that is missing is that of an event that is no longer there.
func (s *Stream) Tail(ctx context.Context, after event.ID, deliver func(event.Event)) error {
	t := tail{s: s, epoch: after.Epoch, seq: after.Seq, deliver: deliver}
	wait, failed := 10*time.Millisecond, 0
	for begun := 0; ; begun++ {
		if begun > 0 {
			s.Stats.ConsumerResets.Add(1)
		}
		err := t.session(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, hub.ErrEpoch):
			return err
		}
		if failed++; t.following {
			wait, failed = 10*time.Millisecond, 0
		}
		if s.link.down() == nil { // else that was told, and is being waited for
			if failed == 5 {
				s.config.Logger.Warn("journal: the log cannot be followed; it is being tried again", "stream", s.config.Name, "after", t.seq, "err", err)
			}
			s.config.Logger.Debug("journal: following the log begins anew", "stream", s.config.Name, "after", t.seq, "err", err)
			if err := pause(ctx, wait); err != nil {
				return err
			}
			wait = min(2*wait, time.Second)
		}
		if err := s.link.wait(ctx); err != nil {
			return err
		}
	}
}

// A tail is one Tail.
type tail struct {
	s         *Stream
	epoch     string
	seq       uint64    // the last event that was delivered, or the one to begin behind
	at        time.Time // when the last one was appended; zero if none was delivered
	following bool      // the session has come so far
	deliver   func(event.Event)
}

// session follows the log with one consumer, until something interrupts that.
func (t *tail) session(ctx context.Context) error {
	t.following = false
	up, _ := t.s.link.now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(up, func() { cancel(context.Cause(up)) })()

	consumer, err := t.consumer(ctx)
	if err != nil {
		return err
	}
	defer t.s.forget(consumer)
	// Whether this is still our log is asked when there is a consumer: if it is now, it was when that was made.
	last, err := t.check(ctx)
	if err != nil {
		return err
	}
	if last < t.seq {
		return fmt.Errorf("%w: it ends at %d, before %d", hub.ErrEpoch, last, t.seq)
	}
	events, err := consumer.Messages(jetstream.PullMaxMessages(fetchAhead), jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(30*time.Second))
	if err != nil {
		return err
	}
	defer events.Stop()
	t.following = true

	checked := make(chan struct{})
	go func() { // the session waits for it
		defer close(checked)
		cancel(t.keepChecking(ctx))
	}()
	err = t.follow(ctx, events)
	cancel(err)
	<-checked
	return context.Cause(ctx)
}

func (t *tail) consumer(ctx context.Context) (jetstream.Consumer, error) {
	config := jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       t.seq + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: forgetAfter,
	}
	if !t.at.IsZero() {
		config.OptStartSeq = t.seq // once more, to see whether it is the same
	}
	return t.s.consumer(ctx, config)
}

// consumer has the server make a consumer, and waits until it can be asked.
func (s *Stream) consumer(ctx context.Context, config jetstream.ConsumerConfig) (c jetstream.Consumer, err error) {
	err = s.try(ctx, func(ctx context.Context) (err error) {
		c, err = s.js.CreateConsumer(ctx, s.config.Name, config)
		return err
	})
	if err == nil && s.onSeveral() {
		err = s.reach(ctx, c)
	}
	return c, err
}

// reach waits until requests reach a consumer. In a cluster it may be on another server than ours, which learns a little later
// where it is; a request that comes too early is refused, and the client library then waits for its heartbeat. One
// that no consumer understands changes nothing, and is answered as soon as it arrives.
func (s *Stream) reach(ctx context.Context, c jetstream.Consumer) error {
	return s.try(ctx, func(ctx context.Context) error {
		subject := jetstream.DefaultAPIPrefix + "CONSUMER.MSG.NEXT." + s.config.Name + "." + c.CachedInfo().Name
		for {
			_, err := s.nc.RequestWithContext(ctx, subject, []byte("{"))
			if !errors.Is(err, nats.ErrNoResponders) {
				return err
			}
			if err := pause(ctx, time.Millisecond); err != nil {
				return err
			}
		}
	})
}

// forget deletes a consumer, which the server would do by itself, later.
func (s *Stream) forget(c jetstream.Consumer) {
	asking, cancel, err := s.link.ask(context.Background(), time.Second)
	if err != nil {
		return
	}
	defer cancel()
	s.js.DeleteConsumer(asking, s.config.Name, c.CachedInfo().Name)
}

// check tells whether the log is the one that this tail follows, and where it ends.
func (t *tail) check(ctx context.Context) (last uint64, err error) {
	info, err := t.s.info(ctx)
	if err != nil {
		return 0, err
	}
	if epoch := epochOf(info); epoch != t.epoch {
		return 0, fmt.Errorf("%w: %s instead of %s", hub.ErrEpoch, epoch, t.epoch)
	}
	return info.State.LastSeq, nil
}

// keepChecking checks again and again, and whenever something else has found that the epoch changed.
func (t *tail) keepChecking(ctx context.Context) error {
	ticker := time.NewTicker(t.s.config.CheckEvery)
	defer ticker.Stop()
	for {
		over := t.s.life.ended()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-over:
		}
		if _, err := t.check(ctx); err != nil {
			return err
		}
	}
}

// follow delivers what comes.
func (t *tail) follow(ctx context.Context, events jetstream.MessagesContext) error {
	m := t.s.life.now()
	for count := uint64(1); ; count++ {
		msg, err := events.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != count {
			return fmt.Errorf("a message was lost on the way: %d came instead of %d", meta.Sequence.Consumer, count)
		}
		if seq := meta.Sequence.Stream; seq <= t.seq {
			if seq == t.seq && !meta.Timestamp.Equal(t.at) {
				if err := t.s.lostEnd(ctx, moment{m.turn, t.epoch, t.seq}, true); err != nil {
					return err
				}
				return fmt.Errorf("%w: %d is another event now", hub.ErrEpoch, seq)
			}
			continue
		}
		t.s.life.reached(m, meta.Sequence.Stream)
		t.seq, t.at = meta.Sequence.Stream, meta.Timestamp
		e, ok := t.s.event(t.epoch, msg, meta)
		if !ok {
			e = event.Event{ID: event.ID{Epoch: t.epoch, Seq: t.seq}} // nobody is to look for it
		}
		t.deliver(e)
	}
}

// event returns the event in a message, unless it is somebody else's message: on our subjects, but no event.
func (s *Stream) event(epoch string, msg jetstream.Msg, meta *jetstream.MsgMetadata) (event.Event, bool) {
	topic, data := s.topic(msg.Subject()), msg.Data()
	if event.CheckTopic(topic) != nil || !json.Valid(data) || bytes.ContainsAny(data, "\r\n") {
		s.Stats.Foreign.Add(1)
		return event.Event{}, false
	}
	return event.Event{ID: event.ID{Epoch: epoch, Seq: meta.Sequence.Stream}, Topic: topic, Data: data}, true
}
