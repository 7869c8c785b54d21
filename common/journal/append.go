package journal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// overhead is what the server stores with each event at most, beside its subject and its data, in bytes.
const overhead = 128

// Append appends an entry, and returns its ID once the server has acknowledged it: see the package comment for what that
// is worth. An entry with a key is sent again when the connection was lost or no answer came, until AppendTimeout is over.
func (s *Stream) Append(ctx context.Context, e hub.Entry) (event.ID, error) {
	begun := time.Now()
	id, err := s.append(ctx, e)
	if s.config.Appended != nil {
		s.config.Appended(time.Since(begun), err)
	}
	return id, err
}

func (s *Stream) append(ctx context.Context, e hub.Entry) (event.ID, error) {
	if err := s.fits(e); err != nil {
		return event.ID{}, err
	}
	if err := s.link.down(); err != nil {
		return event.ID{}, err
	}
	waiting, cancel := context.WithTimeoutCause(ctx, s.config.AppendTimeout, fmt.Errorf(
		"%w: it did not answer within %v; append again with the same key, more slowly", hub.ErrUnavailable, s.config.AppendTimeout))
	defer cancel()
	select {
	case s.places <- struct{}{}:
	default:
		if err := s.place(ctx, waiting); err != nil {
			return event.ID{}, err
		}
	}
	s.Stats.Appending.Add(1)
	defer func() {
		s.Stats.Appending.Add(-1)
		<-s.places
	}()

	msg := &nats.Msg{Subject: s.prefix + e.Topic, Data: e.Data}
	if e.Key == "" {
		return s.send(ctx, waiting, msg, s.config.AppendTimeout)
	}
	msg.Header = nats.Header{nats.MsgIdHdr: {messageID(e.Key)}}
	between := 20 * time.Millisecond
	for patience := s.config.AppendTimeout / 5; ; patience *= 2 {
		id, err := s.send(ctx, waiting, msg, patience)
		if !errors.Is(err, hub.ErrUnavailable) || s.link.wait(waiting) != nil || pause(waiting, between) != nil {
			return id, err
		}
		between *= 2
		s.Stats.Resent.Add(1)
	}
}

// fits tells whether an entry can be stored at all.
func (s *Stream) fits(e hub.Entry) error {
	size := int64(len(s.prefix) + len(e.Topic) + len(e.Data) + overhead)
	s.life.mu.Lock()
	limit := s.life.maxBytes
	s.life.mu.Unlock()
	if payload := s.nc.MaxPayload(); payload > 0 && (limit <= 0 || payload < limit) {
		limit = payload
	}
	if limit > 0 && size > limit {
		return fmt.Errorf("%w: it takes %d bytes, and the NATS servers (max_payload) and the stream (--journal-bytes) allow %d", hub.ErrTooLarge, size, limit)
	}
	return nil
}

// place waits for a place among those who wait for their answer.
func (s *Stream) place(ctx, waiting context.Context) error {
	select {
	case s.places <- struct{}{}:
		// With hardly any time left the answer would come too late, and nobody would know what became of it.
		if end, _ := waiting.Deadline(); time.Until(end) > s.config.AppendTimeout/10 {
			return nil
		}
		<-s.places
	case <-waiting.Done():
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return fmt.Errorf("%w: %d appends wait for their answer already, which is the limit, and none got it within %v; append again, more slowly",
		hub.ErrUnavailable, cap(s.places), s.config.AppendTimeout)
}

// messageID is the form in which a key travels: keys may hold any byte, and be long.
func messageID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// send sends a message once, and waits for the answer.
func (s *Stream) send(ctx, waiting context.Context, msg *nats.Msg, timeout time.Duration) (event.ID, error) {
	asking, cancel, err := s.link.ask(waiting, timeout)
	if err != nil {
		return event.ID{}, err
	}
	defer cancel()
	m := s.life.now()
	ack, err := s.js.PublishMsg(asking, msg, jetstream.WithRetryWait(100*time.Millisecond))
	if err != nil {
		return event.ID{}, s.notAppended(ctx, asking, err)
	}
	if ack.Stream != s.config.Name {
		return event.ID{}, fmt.Errorf("journal: the stream %q takes our subjects %s>; one of the two needs another name", ack.Stream, s.prefix)
	}
	id := event.ID{Epoch: m.epoch, Seq: ack.Sequence}
	switch {
	case ack.Duplicate:
		if err := s.sameAs(ctx, ack.Sequence, msg); err != nil {
			return event.ID{}, err
		}
	case ack.Sequence <= m.last:
		// That number was given before, to another event.
		if err := s.lostEnd(ctx, m, true); err != nil {
			return event.ID{}, err
		}
		id.Epoch = s.life.now().epoch
		return id, nil
	}
	if !s.life.reached(m, ack.Sequence) {
		return event.ID{}, fmt.Errorf("%w: it got another epoch while this was appended; append it again with the same key", hub.ErrUnavailable)
	}
	return id, nil
}

func (s *Stream) notAppended(ctx, asking context.Context, err error) error {
	api := new(jetstream.APIError)
	switch errors.As(err, &api); {
	case api.ErrorCode == codeTooLarge, errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w", hub.ErrTooLarge, err)
	case api.ErrorCode != 0 && ctx.Err() == nil:
		return fmt.Errorf("%w: the NATS server refuses the event (%w); append again later, and look at its storage and its log", hub.ErrUnavailable, err)
	}
	return s.failed(ctx, asking, err)
}

// sameAs tells whether the event with that number is what the message says. One that is gone counts as that.
func (s *Stream) sameAs(ctx context.Context, seq uint64, msg *nats.Msg) error {
	stored, found, err := s.get(ctx, getRequest{Seq: seq})
	if err != nil || !found {
		return err
	}
	if stored.Subject != msg.Subject || string(stored.Data) != string(msg.Data) {
		return hub.ErrKeyReused
	}
	return nil
}

// A getRequest asks for one message: that with the number, or the first one of the subject from there on.
type getRequest struct {
	Seq     uint64 `json:"seq"`
	Subject string `json:"next_by_subj,omitempty"`
}

type stored struct {
	Subject string `json:"subject"`
	Seq     uint64 `json:"seq"`
	Data    []byte `json:"data"`
}

// get asks for one message. The leader answers: other replicas, which a direct get may ask, can be behind.
func (s *Stream) get(ctx context.Context, r getRequest) (m stored, found bool, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return m, false, fmt.Errorf("journal: %w", err)
	}
	var got struct {
		Error   *jetstream.APIError
		Message *stored
	}
	err = s.try(ctx, func(ctx context.Context) error {
		got.Error, got.Message = nil, nil // those of the time before, which the answer may not replace
		answer, err := s.nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+s.config.Name, body)
		switch {
		case err != nil:
			return err
		case json.Unmarshal(answer.Data, &got) != nil || got.Error == nil && got.Message == nil:
			return errors.New("the answer holds no message")
		case got.Error != nil && got.Error.ErrorCode != jetstream.JSErrCodeMessageNotFound:
			return got.Error
		}
		return nil
	})
	if err != nil || got.Message == nil {
		return m, false, err
	}
	return *got.Message, true, nil
}
