package journal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"pushlab/common/hub"
)

// A question that got lost, since no server led when it came, is asked again long before the time for an answer is over.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Stream{config: Config{ReadTimeout: 5 * time.Second}, link: newLink()}
		lost := 2 // how many of the questions get no answer
		asked := 0
		question := func(ctx context.Context) error {
			if asked++; asked > lost {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		begun := time.Now()
		if err := s.again(t.Context(), question); err != nil || time.Since(begun) != 3*time.Second {
			t.Errorf("answered after %v: %v", time.Since(begun), err)
		}

		lost, asked, begun = 100, 0, time.Now()
		if err := s.again(t.Context(), question); !errors.Is(err, hub.ErrUnavailable) || time.Since(begun) != 5*time.Second {
			t.Errorf("without an answer, after %v: %v", time.Since(begun), err)
		}

		asked = 0
		refused := errors.New("refused")
		err := s.again(t.Context(), func(context.Context) error { asked++; return refused })
		if !errors.Is(err, refused) || asked != 1 {
			t.Errorf("an answer that says no, asked for %d times: %v", asked, err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		lost = 100
		if err := s.again(ctx, question); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, hub.ErrUnavailable) {
			t.Errorf("who asks has no more time: %v", err)
		}
	})
}

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
