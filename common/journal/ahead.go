package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/hub"
)

// maxAhead is how many reads may wait at a time until the leader has what they begin behind; those of a cursor that never was wait in
// vain, and must not hold up others.
const maxAhead = 8

// until asks for the state of the stream until it reaches that number. Of several servers, the leader may be the last to count an
// event that a follower has given to another node already, and somebody who was given it there may be here now. So it is not
// believed at once that there is no such event, but after Patience.
func (s *Stream) until(ctx context.Context, seq uint64) (*jetstream.StreamInfo, error) {
	select {
	case s.ahead <- struct{}{}:
		defer func() { <-s.ahead }()
	default:
		return nil, fmt.Errorf("%w: %d reads begin beyond its end, and wait for it, which is the limit; read again later", hub.ErrUnavailable, maxAhead)
	}
	for begun := time.Now(); ; {
		info, err := s.info(ctx)
		waited := time.Since(begun)
		switch {
		case err != nil:
			return nil, err
		case info.State.LastSeq >= seq:
			s.config.Logger.Debug("journal: the leader was behind what another server has given", "stream", s.config.Name, "seq", seq, "waited", waited)
			return info, nil
		case waited >= s.config.Patience:
			return info, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
	}
}
