package access

import (
	"context"
	"fmt"
	"time"
)

// A Grant is what somebody may do. It must not be modified. A nil Grant lets everybody do everything: it is
// that of a server which controls no access.
type Grant struct {
	// Publish and Subscribe are the topics that he may publish on, and subscribe to.
	Publish, Subscribe Topics
	// Expires is when all that ends. Zero is never.
	Expires time.Time

	publisher publisher // see PublishKey
}

// Subscription returns the topics of a subscription for which those were named; nil is none, and means all
// that are granted. The answer is nil if those are all that there are. It fails if a topic is not granted, and
// if those that are cannot be listed: a prefix has no end, and part of what was asked for would be a loss that
// nobody sees.
func (g *Grant) Subscription(named []string) ([]string, error) {
	if g == nil {
		return named, nil
	}
	if named == nil {
		if g.Subscribe.HasAll() {
			return nil, nil
		}
		return g.Subscribe.list()
	}
	for _, topic := range named {
		if !g.Subscribe.Has(topic) {
			return nil, fmt.Errorf("access: the token does not let its bearer subscribe to %.128q", topic)
		}
	}
	return named, nil
}

// CheckPublish fails if a topic may not be published on.
func (g *Grant) CheckPublish(topic string) error {
	if g == nil || g.Publish.Has(topic) {
		return nil
	}
	return fmt.Errorf("access: the token does not let its bearer publish on %.128q", topic)
}

// CheckTime fails if the grant has ended.
func (g *Grant) CheckTime(now time.Time) error {
	if g == nil || g.Expires.IsZero() || now.Before(g.Expires) {
		return nil
	}
	return errExpired
}

// With returns a context with the grant of those on whose behalf it is.
func With(ctx context.Context, g *Grant) context.Context {
	return context.WithValue(ctx, contextKey{}, g)
}

// From returns the grant of a context; nil, which grants everything, if it has none.
func From(ctx context.Context) *Grant {
	g, _ := ctx.Value(contextKey{}).(*Grant)
	return g
}

type contextKey struct{}
