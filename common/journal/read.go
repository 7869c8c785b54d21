package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/hub"
)

// Read returns a page of what the log holds, with a consumer of its own, which the server forgets afterwards.
func (s *Stream) Read(ctx context.Context, after uint64, r hub.Range) (hub.Page, error) {
	before, err := s.info(ctx)
	if err == nil && before.State.LastSeq < after && before.Config.Replicas > 1 {
		before, err = s.until(ctx, after)
	}
	if err != nil {
		return hub.Page{}, err
	}
	page := hub.Page{UpTo: after}
	if end := before.State.LastSeq; after < end && (r.Topics == nil || len(r.Topics) > 0) {
		if page, err = s.read(ctx, epochOf(before), after, end, r); err != nil {
			return hub.Page{}, err
		}
	} else {
		page.UpTo = max(after, end)
	}
	// Asked afterwards, so that whatever was deleted while this read is known to be.
	info, err := s.info(ctx)
	if err != nil {
		return hub.Page{}, err
	}
	page.State = stateOf(info)
	page.State.Last = max(page.State.Last, before.State.LastSeq) // another server may have answered
	if page.State.Epoch != epochOf(before) {
		return hub.Page{}, fmt.Errorf("%w: it got another epoch while it was read; read again", hub.ErrUnavailable)
	}
	return page, nil
}

func (s *Stream) read(ctx context.Context, epoch string, after, end uint64, r hub.Range) (hub.Page, error) {
	asking, cancel, err := s.link.ask(ctx, s.config.ReadTimeout)
	if err != nil {
		return hub.Page{}, err
	}
	defer cancel()
	p := reading{s: s, page: hub.Page{UpTo: after}, events: max(r.Events, 1), bytes: r.Bytes}
	for _, topic := range slices.Compact(slices.Clone(r.Topics)) {
		p.subjects = append(p.subjects, s.prefix+topic)
	}
	consumer, err := s.consumer(asking, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after + 1,
		FilterSubjects:    p.subjects,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: forgetAfter,
	})
	if err != nil {
		return hub.Page{}, s.failed(ctx, asking, err)
	}
	defer s.forget(consumer)

	p.pending = consumer.CachedInfo().NumPending
	for p.pending > 0 && !p.full {
		got, err := p.fetch(asking, epoch, consumer)
		if err != nil {
			return hub.Page{}, s.failed(ctx, asking, err)
		}
		if got == 0 { // what was pending has been deleted meanwhile, or the server is slow
			p.doubt = true
			break
		}
	}
	if p.full {
		return p.page, nil
	}
	// There is nothing else. But a consumer may be on a server that has not got everything yet; only the leader knows.
	if p.doubt || s.onSeveral() {
		switch missing, err := p.missing(asking, end); {
		case err != nil:
			return hub.Page{}, s.failed(ctx, asking, err)
		case missing:
			return p.page, nil
		}
	}
	p.page.UpTo = max(p.page.UpTo, end)
	return p.page, nil
}

func (s *Stream) onSeveral() bool {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.clustered
}

// A reading is one Read.
type reading struct {
	s        *Stream
	subjects []string
	page     hub.Page
	events   int    // how many there is still room for
	bytes    int    // likewise
	largest  int    // of those that came, in bytes
	pending  uint64 // how many the consumer has yet to give
	count    uint64 // how many it gave
	full     bool   // there is no room, though there may be more
	doubt    bool   // it did not give what it said it had
}

// fetch asks the consumer for as many events as there should be room for, and takes those that fit.
func (p *reading) fetch(ctx context.Context, epoch string, c jetstream.Consumer) (got int, err error) {
	batch := min(p.events, 32) // how large they are is not known yet
	if p.largest > 0 {
		batch = min(p.events, max(p.bytes/p.largest, 1))
	}
	result, err := c.FetchNoWait(min(batch, int(min(p.pending, 1<<20))))
	if err != nil {
		return 0, err
	}
	for {
		var msg jetstream.Msg
		select {
		case next, ok := <-result.Messages():
			if !ok {
				return got, result.Error()
			}
			msg = next
		case <-ctx.Done():
			return got, ctx.Err()
		}
		meta, err := msg.Metadata()
		if err != nil {
			return got, err
		}
		if p.count++; meta.Sequence.Consumer != p.count {
			return got, errors.New("a message was lost on the way")
		}
		got++
		p.take(epoch, msg, meta)
	}
}

// take adds an event to the page, if there is room.
func (p *reading) take(epoch string, msg jetstream.Msg, meta *jetstream.MsgMetadata) {
	if p.full {
		return
	}
	size := len(msg.Data())
	if len(p.page.Events) > 0 && size > p.bytes {
		p.full = true
		return
	}
	p.largest = max(p.largest, size, 1)
	p.bytes -= size
	p.page.UpTo, p.pending = meta.Sequence.Stream, meta.NumPending
	if e, ok := p.s.event(epoch, msg, meta); ok {
		p.page.Events = append(p.page.Events, e)
		p.events--
	}
	p.full = p.pending > 0 && (p.events <= 0 || p.bytes <= 0)
}

// missing asks the leader whether there is an event of the topics after what was read, up to that number.
func (p *reading) missing(ctx context.Context, end uint64) (bool, error) {
	subjects := p.subjects
	if subjects == nil {
		subjects = []string{p.s.prefix + ">"}
	}
	for _, subject := range subjects {
		m, found, err := p.s.get(ctx, getRequest{Seq: p.page.UpTo + 1, Subject: subject})
		if err != nil {
			return false, err
		}
		if found && m.Seq <= end {
			// The other server will have it soon. Who asks again at once should not do so in a hurry.
			pause(ctx, 20*time.Millisecond)
			return true, nil
		}
	}
	return false, nil
}
