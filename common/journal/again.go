package journal

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// askAgain is how long to wait for an answer before the question is asked again; each time it is twice that. A question that
	// comes while no server leads is never answered, and an election takes about as long as one may have to wait at all.
	askAgain = time.Second
	// relay is how long the servers may take to tell each other of a consumer that is new, or gone.
	relay = time.Second
)

// again asks a question that does no harm when it is asked twice, and asks again while no answer comes, until ReadTimeout is over.
func (s *Stream) again(ctx context.Context, question func(context.Context) error) error {
	asking, cancel, err := s.link.ask(ctx, s.config.ReadTimeout)
	if err != nil {
		return err
	}
	defer cancel()
	for wait := askAgain; ; wait *= 2 {
		attempt, end := context.WithTimeout(asking, wait)
		err := question(attempt)
		late := attempt.Err() != nil
		end()
		switch {
		case err == nil:
			return nil
		case asking.Err() != nil, !late:
			return s.failed(ctx, asking, err)
		}
	}
}

// untilRelayed calls a function until it does not fail because the server that we are connected with knows nobody who would
// answer, for as long as that can be because it was not told yet.
func untilRelayed(ctx context.Context, do func() error) error {
	for begun := time.Now(); ; {
		err := do()
		if !errors.Is(err, nats.ErrNoResponders) || time.Since(begun) > relay || pause(ctx, 10*time.Millisecond) != nil {
			return err
		}
	}
}
