package source

import (
	"context"
	"encoding/json"
	"fmt"

	"pushlab/common/event"
)

// Publish hands one event to the log; topic "" means event.DefaultTopic. The data is one compact
// JSON value in valid UTF-8, and from now on the log's: a source does not touch it again.
//
// Publish may block, for as long as the log needs to take the event or until ctx ends. An error
// ends the source.
type Publish func(ctx context.Context, topic string, data json.RawMessage) error

// A Source makes events.
type Source interface {
	// Run publishes events, one after the other and from one goroutine, until the source has no
	// more of them or ctx ends; both give nil. Any other end is an error that tells the user what
	// to do. Run is called once.
	Run(ctx context.Context, publish Publish) error
}

// run is the loop of one kind of source. It may return ctx.Err() when ctx ends.
type run func(ctx context.Context, publish Publish) error

// named is the Source that Parse returns: what is the same for all kinds is written here, once.
type named struct {
	name string
	run  run
}

// Run implements Source.
func (s named) Run(ctx context.Context, publish Publish) error {
	err := s.run(ctx, func(ctx context.Context, topic string, data json.RawMessage) error {
		// Asked here, so that a source stops even if its Publish never looks at ctx.
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := publish(ctx, topic, data); err != nil {
			if topic == "" {
				topic = event.DefaultTopic
			}
			return fmt.Errorf("the log did not take an event on topic %q: %w", topic, err)
		}
		return nil
	})
	if err == nil || ctx.Err() != nil {
		// Once ctx has ended, an error only tells in what place that was noticed.
		return nil
	}
	return fmt.Errorf("source: %s: %w", s.name, err)
}

// none is the source without events. It is exhausted from the start.
func none(context.Context, Publish) error { return nil }
