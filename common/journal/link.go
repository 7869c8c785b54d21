package journal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/hub"
)

// Stats are what a node may want to count. All of it may be read at any time.
type Stats struct {
	// Reconnects is how often the connection was lost and made again.
	Reconnects atomic.Uint64
	// ConsumerResets is how often Tail had to begin anew at the server, after the first time.
	ConsumerResets atomic.Uint64
	// Appending is how many appends wait for their answer now.
	Appending atomic.Int64
	// Resent is how often an append was sent again, under its key, because no answer came.
	Resent atomic.Uint64
	// Foreign is how many messages in the stream were left out because they are no events: somebody else's.
	Foreign atomic.Uint64
	// Renewed is how often the epoch changed while the log was open.
	Renewed atomic.Uint64
}

// A link knows whether the servers can be asked now.
type link struct {
	mu sync.Mutex
	// up lasts while they can be asked; its cause is why they no longer can.
	up  context.Context
	end context.CancelCauseFunc
	// back is closed when they can be asked again.
	back chan struct{}

	disconnected, suspended error // why they cannot be
}

func newLink() *link {
	l := &link{back: make(chan struct{})}
	close(l.back)
	l.up, l.end = context.WithCancelCause(context.Background())
	return l
}

// now returns the context of the time in which the servers can be asked, which may be over, and what is closed when the
// next one begins.
func (l *link) now() (up context.Context, back <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up, l.back
}

// down returns why the servers cannot be asked now, or nil.
func (l *link) down() error {
	up, _ := l.now()
	return context.Cause(up)
}

func (l *link) connect(lost error) { l.change(func() { l.disconnected = lost }) }

func (l *link) suspend(why error) { l.change(func() { l.suspended = why }) }

func (l *link) change(set func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	set()
	why := l.suspended
	if why == nil {
		why = l.disconnected
	}
	switch isDown := l.up.Err() != nil; {
	case why != nil && isDown: // for another reason perhaps, which has to be the one that is told
		l.up, l.end = context.WithCancelCause(context.Background())
		l.end(why)
	case why != nil:
		l.back = make(chan struct{})
		l.end(why)
	case isDown:
		l.up, l.end = context.WithCancelCause(context.Background())
		close(l.back)
	}
}

// wait waits until the servers can be asked.
func (l *link) wait(ctx context.Context) error {
	_, back := l.now()
	select {
	case <-back:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask returns a context for one question to the servers. It ends after the time, or when the connection is lost. Its
// cause is then an error that wraps hub.ErrUnavailable; so is what ask returns when the servers cannot be asked at all.
func (l *link) ask(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc, error) {
	up, _ := l.now()
	if err := context.Cause(up); err != nil {
		return nil, nil, err
	}
	asking, cancel := context.WithCancelCause(ctx)
	asking, timer := context.WithTimeoutCause(asking, timeout, fmt.Errorf(
		"%w: the NATS servers did not answer within %v; try again, and look at their logs", hub.ErrUnavailable, timeout))
	unwatch := context.AfterFunc(up, func() { cancel(context.Cause(up)) })
	return asking, func() { unwatch(); timer(); cancel(nil) }, nil
}

// try asks a question that may be asked twice until it is answered, or ReadTimeout is over. One that reaches a server as it
// stops, or while a leader is elected, is never answered, so it is asked again after a while, and after longer ones.
func (s *Stream) try(ctx context.Context, question func(context.Context) error) error {
	asking, cancel, err := s.link.ask(ctx, s.config.ReadTimeout)
	if err != nil {
		return err
	}
	defer cancel()
	for patience := s.config.ReadTimeout / 10; ; patience *= 2 {
		once, done := context.WithTimeout(asking, patience)
		err := question(once)
		late := once.Err() != nil
		done()
		api := new(jetstream.APIError)
		switch {
		case err == nil:
			return nil
		case asking.Err() != nil, !late && !(errors.As(err, &api) && api.ErrorCode == codeNotNow):
			return s.failed(ctx, asking, err)
		case !late && pause(asking, 50*time.Millisecond) != nil:
			return s.failed(ctx, asking, err)
		}
	}
}

// watch has the link and the log follow the connection.
func (s *Stream) watch() {
	var lostAt time.Time // the handlers are called one after the other
	s.nc.SetDisconnectErrHandler(func(_ *nats.Conn, err error) {
		if s.closing.Load() {
			return
		}
		lostAt = time.Now()
		s.link.connect(fmt.Errorf("%w: the connection to the NATS servers is lost, and being made again; try again", hub.ErrUnavailable))
		s.config.Logger.Warn("journal: the connection to the NATS servers is lost, and being made again", "stream", s.config.Name, "err", err)
	})
	s.nc.SetReconnectHandler(func(nc *nats.Conn) {
		s.Stats.Reconnects.Add(1)
		s.link.connect(nil)
		s.config.Logger.Info("journal: the connection to the NATS servers is back", "stream", s.config.Name,
			"server", nc.ConnectedServerName(), "after", time.Since(lostAt).Round(time.Millisecond))
	})
	s.nc.SetClosedHandler(func(*nats.Conn) {
		s.link.connect(fmt.Errorf("%w: the log was closed", hub.ErrUnavailable))
		s.onceClosed.Do(func() { close(s.closed) })
	})
	switch { // what happened before there were handlers
	case s.nc.IsClosed():
		s.link.connect(fmt.Errorf("%w: the connection was closed", hub.ErrUnavailable))
		s.onceClosed.Do(func() { close(s.closed) })
	case !s.nc.IsConnected():
		s.link.connect(fmt.Errorf("%w: the connection to the NATS servers is lost, and being made again; try again", hub.ErrUnavailable))
		if s.nc.IsConnected() {
			s.link.connect(nil)
		}
	}
	s.nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if network := new(net.OpError); errors.As(err, &network) {
			return // the connection is lost, which is told above
		}
		s.config.Logger.Warn("journal: the NATS servers say that something is wrong", "stream", s.config.Name, "err", err)
	})
}
