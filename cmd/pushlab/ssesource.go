package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/source"
	"pushlab/sse"
)

// An sseSource passes on the events of another server, which may be any that speaks SSE.
type sseSource struct {
	url    string
	logger *slog.Logger
}

func newSSESource(logger *slog.Logger) func(string) (source.Source, error) {
	return func(text string) (source.Source, error) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("source: sse:%.100s: give the URL of an event stream, such as sse:http://localhost:8080/sse", text)
		}
		return &sseSource{url: text, logger: logger}, nil
	}
}

// Run implements source.Source. It reconnects as often as it has to.
func (s *sseSource) Run(ctx context.Context, publish source.Publish) error {
	dial := func(ctx context.Context, after string) (client.Conn, error) {
		return sse.Dial(ctx, s.url, client.Options{After: after})
	}
	follower := client.Follow(dial, "", client.Policy{Logger: s.logger})
	defer follower.Close()
	for {
		e, err := follower.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case e.Topic == event.GapTopic:
			s.logger.Warn("the other server lost events before this one could read them", "gap", string(e.Data))
			continue
		case e.Control():
			continue
		}
		if err := publish(ctx, e.Topic, e.Data); err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "source: "))
		}
	}
}
