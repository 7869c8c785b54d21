package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"pushlab/common/event"
)

// ErrClosed is returned by Next after Close.
var ErrClosed = errors.New("client: closed")

// ErrIdle is why a connection was given up on which nothing came for too long.
var ErrIdle = errors.New("client: nothing came, not even a heartbeat")

// Policy says when to reconnect. A zero field means its default.
type Policy struct {
	// MinBackoff is the longest delay before the first attempt after a failure; each further
	// failure doubles it, up to MaxBackoff. The delay itself is drawn evenly from zero to that,
	// so that the clients of a server that died do not come back together. Defaults 500 ms, 30 s.
	MinBackoff, MaxBackoff time.Duration
	// Idle is how long a connection may be silent before it is taken for dead. It should be a
	// few of the server's heartbeats. Negative is for ever. Default 60 s.
	Idle time.Duration
	// Attempts is how many times in a row connecting may fail before Next returns the error.
	// Default: as often as it takes.
	Attempts int
	// Logger is told of lost connections. Default: nobody is.
	Logger *slog.Logger
}

func (p Policy) withDefaults() Policy {
	p.MinBackoff = cmp.Or(p.MinBackoff, 500*time.Millisecond)
	p.MaxBackoff = cmp.Or(p.MaxBackoff, 30*time.Second)
	p.Idle = cmp.Or(p.Idle, time.Minute)
	p.Logger = cmp.Or(p.Logger, slog.New(slog.DiscardHandler))
	return p
}

// A Dialer connects to a server and resumes at the cursor; "" is from now on.
type Dialer func(ctx context.Context, after string) (Conn, error)

// A Follower is a subscription that outlives its connections. It belongs to one goroutine.
type Follower struct {
	dial     Dialer
	policy   Policy
	conn     Conn
	cursor   string
	failures int       // in a row
	retryAt  time.Time // no attempt before
	closed   bool
}

// Follow returns a follower, which connects when Next is called.
func Follow(dial Dialer, after string, policy Policy) *Follower {
	return &Follower{dial: dial, policy: policy.withDefaults(), cursor: after}
}

// Next returns the next event or gap. It reconnects as often as it has to, and fails only when ctx
// ends, when connecting failed for good (with an error that has a method Permanent and says so, as
// a StatusError does) or as often as the policy allows, or with ErrClosed.
func (f *Follower) Next(ctx context.Context) (event.Event, error) {
	for {
		if f.closed {
			return event.Event{}, ErrClosed
		}
		if f.conn == nil {
			if err := f.connect(ctx); err != nil {
				return event.Event{}, err
			}
		}
		e, err := f.next(ctx)
		if ctx.Err() != nil && err != nil {
			return event.Event{}, ctx.Err()
		}
		if err != nil {
			f.lose(err)
			continue
		}
		if e.Topic == event.OpenTopic {
			continue // a server that greets and then falls over still counts as failing
		}
		f.failures = 0
		switch e.Topic {
		case event.BeatTopic:
		case event.ByeTopic:
			f.leave(e)
		default:
			return e, nil
		}
	}
}

func (f *Follower) next(ctx context.Context) (event.Event, error) {
	if f.policy.Idle < 0 {
		return f.conn.Next(ctx)
	}
	idle, cancel := context.WithTimeoutCause(ctx, f.policy.Idle, ErrIdle)
	defer cancel()
	e, err := f.conn.Next(idle)
	if err != nil && context.Cause(idle) == ErrIdle {
		err = ErrIdle
	}
	return e, err
}

// connect waits for its time and dials, until it succeeds.
func (f *Follower) connect(ctx context.Context) error {
	for {
		if err := sleepUntil(ctx, f.retryAt); err != nil {
			return err
		}
		conn, err := f.dial(ctx, f.cursor)
		if err == nil {
			f.conn = conn
			f.policy.Logger.Debug("connected", "cursor", f.cursor)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var permanent interface{ Permanent() bool }
		if errors.As(err, &permanent) && permanent.Permanent() {
			return err
		}
		f.lose(err)
		if f.policy.Attempts > 0 && f.failures >= f.policy.Attempts {
			return fmt.Errorf("client: giving up after %d attempts: %w", f.failures, err)
		}
	}
}

// lose drops the connection, if there is one, and plans the next attempt.
func (f *Follower) lose(err error) {
	f.drop()
	delay := f.policy.MaxBackoff
	if f.failures < 32 {
		delay = min(delay, f.policy.MinBackoff<<f.failures)
	}
	f.failures++
	delay = rand.N(delay + 1)
	var status *StatusError
	if errors.As(err, &status) {
		delay += status.RetryAfter
	}
	f.retryAt = time.Now().Add(delay)
	f.policy.Logger.Info("connection lost", "error", err, "retry", delay.Round(time.Millisecond), "cursor", f.cursor)
}

// leave drops the connection because the server asked for it. The delay that it named is jittered
// already.
func (f *Follower) leave(bye event.Event) {
	f.drop()
	delay, err := event.ParseBye(bye)
	if err != nil {
		delay = rand.N(f.policy.MinBackoff + 1)
	}
	f.retryAt = time.Now().Add(delay)
	f.policy.Logger.Info("the server leaves", "retry", delay.Round(time.Millisecond), "cursor", f.cursor)
}

func (f *Follower) drop() {
	if f.conn != nil {
		f.cursor = cmp.Or(f.conn.Cursor(), f.cursor)
		f.conn.Close() // it is of no use any more, whatever this says
		f.conn = nil
	}
}

// Cursor returns where another follower would resume.
func (f *Follower) Cursor() string {
	if f.conn != nil {
		return cmp.Or(f.conn.Cursor(), f.cursor)
	}
	return f.cursor
}

// Close ends the subscription.
func (f *Follower) Close() error {
	f.closed = true
	f.drop()
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	wait := time.Until(t)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
