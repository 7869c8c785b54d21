package journal

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// relay is how long the servers may take to tell each other of a consumer that is new, or gone.
const relay = time.Second

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
