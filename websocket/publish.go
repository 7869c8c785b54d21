package websocket

import (
	"context"
	"errors"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
)

// publish publishes what a client said, and waits until the log has it. The goroutine that waits is the one that reads this
// connection, and no other; so a log that is slow holds back who publishes, one event at a time for each connection, while its
// stream goes on, and that of everybody else. Nothing is read meanwhile, pongs neither. The wait ends with the stream: then
// nobody is left to be told.
func (s *session) publish(op operation) (id event.ID, err error) {
	if op.Data == nil {
		return event.ID{}, errors.New("data is missing; give any JSON value")
	}
	key := ""
	if op.Key != nil {
		key = *op.Key
		if err := request.CheckKey(key); err != nil {
			return event.ID{}, err
		}
	}
	if err := s.config.MayPublish(s.stream.Peer()); err != nil {
		return event.ID{}, err
	}
	data, err := event.Compact(op.Data)
	if err != nil {
		return event.ID{}, err
	}
	logKey := s.grant.PublishKey(key)
	if s.hub.HasLog() {
		s.during(func(ctx context.Context) { id, err = s.hub.PublishOnce(ctx, logKey, op.Topic, data) })
	} else { // which never waits
		id, err = s.hub.PublishOnce(context.Background(), logKey, op.Topic, data)
	}
	problem, limit := request.PublishProblem(err, key)
	switch {
	case errors.Is(err, hub.ErrTooLarge):
		limit = request.LimitMessage
	case errors.Is(err, hub.ErrTopics):
		limit = request.LimitLogTopics
	}
	if limit != "" {
		s.config.Refused(limit)
	}
	if problem != nil {
		return event.ID{}, errors.New(problem.Detail)
	}
	return id, err
}

// during does what waits for the log, for at most request.PublishWait.
func (s *session) during(do func(ctx context.Context)) {
	s.publishing.Store(true)
	defer s.publishing.Store(false)
	s.stream.Heard() // whatever a heartbeat expected before it saw that
	s.stream.During(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, request.PublishWait)
		defer cancel()
		do(ctx)
	})
}
