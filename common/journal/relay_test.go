package journal

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// That nobody answers may mean that our server was not told yet who would. It is not the end of a read until that has had time.
func TestRelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		after := func(d time.Duration) func() error {
			return func() error {
				if time.Since(begun) < d {
					return nats.ErrNoResponders
				}
				return nil
			}
		}
		if err := untilRelayed(t.Context(), after(relay/2)); err != nil {
			t.Errorf("a consumer that is new: %v", err)
		}
		begun = time.Now()
		if err := untilRelayed(t.Context(), after(time.Hour)); !errors.Is(err, nats.ErrNoResponders) || time.Since(begun) > 2*relay {
			t.Errorf("a consumer that is gone, after %v: %v", time.Since(begun), err)
		}
	})
}
