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
//
// A server may name the time itself. In a goodbye, or by Retry-After, it is for once; the reconnection
// time of Server-Sent Events (the field retry) is kept until the server names another, and takes the
// place of MinBackoff: as WHATWG HTML, section 9.2.3 wants, no attempt comes sooner. It is doubled for
// each further failure, up to MaxBackoff, and up to a quarter longer by chance. Of more than an hour,
// an hour counts.
type Policy struct {
	// MinBackoff is the longest delay before the first attempt after a failure; each further
	// failure doubles it, up to MaxBackoff. The delay itself is drawn evenly from zero to that,
	// so that the clients of a server that died do not come back together: RFC 6455, section
	// 7.2.3 (WS-13). Negative is no delay.
	// Defaults 500 ms, 30 s.
	MinBackoff, MaxBackoff time.Duration
	// Idle is how long a connection may be silent, and how long connecting may take, before it
	// is taken for dead. It should be a few of the server's heartbeats. Negative is for ever.
	// Default 60 s.
	Idle time.Duration
	// Attempts is how many times in a row connecting may fail before Next returns the error. A
	// connection that ends before it brought anything counts as a failure to connect. Default:
	// as often as it takes.
	Attempts int
	// Logger is told of lost connections. Default: nobody is.
	Logger *slog.Logger
}

func (p Policy) withDefaults() Policy {
	p.MinBackoff = max(0, cmp.Or(p.MinBackoff, 500*time.Millisecond))
	p.MaxBackoff = max(0, cmp.Or(p.MaxBackoff, 30*time.Second))
	p.Idle = cmp.Or(p.Idle, time.Minute)
	p.Logger = cmp.Or(p.Logger, slog.New(slog.DiscardHandler))
	return p
}

// A Dialer connects to a server and resumes at the cursor; "" is from now on. Its context ends when
// it returns, so that only the handshake may depend on it.
type Dialer func(ctx context.Context, after string) (Conn, error)

// A Follower is a subscription that outlives its connections. It belongs to one goroutine.
type Follower struct {
	dial     Dialer
	policy   Policy
	conn     Conn
	cursor   string
	silence  time.Duration // how long Next has waited for the connection since something came
	failures int           // in a row, lost connections included
	attempts int           // in a row to connect, of which none brought anything yet
	retry    time.Duration // the reconnection time that a server named; negative: none did
	retryAt  time.Time     // no attempt before
	closed   bool
}

// Follow returns a follower, which connects when Next is called.
func Follow(dial Dialer, after string, policy Policy) *Follower {
	return &Follower{dial: dial, policy: policy.withDefaults(), cursor: after, retry: -1}
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
			// WHATWG HTML, section 9.2.2 (SSE-22): that the stream was cut and that it ended are the
			// same.
			if err := f.lose("connection lost", err); err != nil {
				return event.Event{}, err
			}
			continue
		}
		if e.Topic == event.OpenTopic {
			continue // a server that greets and then falls over still counts as failing
		}
		f.failures, f.attempts = 0, 0
		switch e.Topic {
		case event.BeatTopic:
		case event.ByeTopic:
			f.leave(e)
		default:
			return e, nil
		}
	}
}

func (f *Follower) next(ctx context.Context) (e event.Event, err error) {
	for {
		err = f.watch(ctx, func(ctx context.Context) error {
			e, err = f.conn.Next(ctx)
			return err
		})
		// A server that is not ours may show that it lives by comments or pings, which are no events.
		conn, ok := f.conn.(interface{ Quiet() time.Duration })
		if err != ErrIdle || !ok || conn.Quiet() >= f.policy.Idle {
			return e, err
		}
		f.silence = conn.Quiet()
	}
}

// watch calls wait with a context that ends when the other end was silent for too long, over
// however many calls: the caller's contexts may be shorter than that.
func (f *Follower) watch(ctx context.Context, wait func(context.Context) error) error {
	if f.policy.Idle < 0 {
		return wait(ctx)
	}
	idle, cancel := context.WithTimeoutCause(ctx, f.policy.Idle-f.silence, ErrIdle)
	defer cancel()
	start := time.Now()
	err := wait(idle)
	if err == nil {
		f.silence = 0
		return nil
	}
	f.silence += time.Since(start)
	if context.Cause(idle) == ErrIdle {
		err = ErrIdle
	}
	return err
}

// connect waits for its time and dials, until it succeeds.
func (f *Follower) connect(ctx context.Context) error {
	for {
		if err := sleepUntil(ctx, f.retryAt); err != nil {
			return err
		}
		f.silence = 0
		err := f.watch(ctx, func(ctx context.Context) error {
			conn, err := f.dial(ctx, f.cursor)
			if err == nil {
				f.conn = conn
			}
			return err
		})
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		f.attempts++
		if err == nil {
			f.policy.Logger.Debug("connected", "cursor", f.cursor)
			return nil
		}
		var permanent interface{ Permanent() bool }
		if errors.As(err, &permanent) && permanent.Permanent() {
			return err
		}
		if err := f.lose("cannot connect", err); err != nil {
			return err
		}
	}
}

// maxRetry is the longest time that a server may ask for; one that meant days, or got the unit wrong,
// is asked again after that.
const maxRetry = time.Hour

// lose drops the connection, if there is one, and plans the next attempt. It fails if there shall
// be none. What happened is for the log.
func (f *Follower) lose(what string, err error) error {
	f.drop()
	delay := f.delay()
	f.failures++
	var status *StatusError
	if errors.As(err, &status) {
		delay += min(status.RetryAfter, maxRetry)
	}
	f.retryAt = time.Now().Add(delay)
	f.policy.Logger.Info(what, "error", err, "retry", delay.Round(time.Millisecond), "cursor", f.cursor)
	if f.policy.Attempts > 0 && f.attempts >= f.policy.Attempts {
		return fmt.Errorf("client: giving up after %d attempts: %w", f.attempts, err)
	}
	return nil
}

// delay draws the time to wait after a failure.
func (f *Follower) delay() time.Duration {
	if f.retry < 0 {
		return rand.N(backoff(f.policy.MinBackoff, f.policy.MaxBackoff, f.failures) + 1)
	}
	// WHATWG HTML, section 9.2.3 (SSE-23): wait the reconnection time, and "optionally, wait some
	// more". None at all could not grow.
	shortest := max(f.retry, time.Millisecond)
	delay := backoff(shortest, max(shortest, f.policy.MaxBackoff), f.failures)
	return delay + rand.N(delay/4+1)
}

// backoff returns the delay after that many failures before the latest one.
func backoff(first, longest time.Duration, failures int) time.Duration {
	delay := min(first, longest)
	for range min(failures, 63) { // a Duration has not more bits to double
		if delay > longest/2 {
			return longest
		}
		delay *= 2
	}
	return delay
}

// leave drops the connection because the server asked for it. The delay that it named is jittered
// already.
func (f *Follower) leave(bye event.Event) {
	f.drop()
	delay, err := event.ParseBye(bye)
	if err != nil {
		delay = f.delay()
	}
	delay = min(delay, maxRetry)
	f.retryAt = time.Now().Add(delay)
	f.policy.Logger.Info("the server leaves", "retry", delay.Round(time.Millisecond), "cursor", f.cursor)
}

func (f *Follower) drop() {
	if f.conn != nil {
		f.cursor = f.Cursor()
		if conn, ok := f.conn.(interface{ Retry() (time.Duration, bool) }); ok {
			if retry, named := conn.Retry(); named {
				f.retry = min(retry, maxRetry)
			}
		}
		f.conn.Close() // it is of no use any more, whatever this says
		f.conn = nil
	}
}

// Cursor returns where another follower would resume.
func (f *Follower) Cursor() string {
	if f.conn == nil {
		return f.cursor
	}
	cursor := f.conn.Cursor()
	if cursor == "" && f.attempts > 0 {
		return f.cursor // the connection has brought nothing, and knows no better
	}
	return cursor
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
