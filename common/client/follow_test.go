package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// place returns the ID of an event in the log that all these tests are about.
func place(seq uint64) event.ID { return event.ID{Epoch: "mfrggzdf", Seq: seq} }

func message(seq uint64) event.Event {
	return event.Event{ID: place(seq), Topic: "chat", Data: []byte("1")}
}

var (
	errCut     = errors.New("cut off")
	errRefused = errors.New("connection refused")
)

// A server is scripted: it answers one connection after the other, and remembers what was asked.
// Beyond the script nothing is answered.
type server struct {
	script []answer
	dials  []dial
}

type dial struct {
	after string
	at    time.Duration // since the start
}

// An answer is to one attempt to connect.
type answer struct {
	takes  time.Duration
	err    error
	cursor string // that the handshake told
	steps  []step
	retry  time.Duration // the reconnection time that the stream names; 0 is none, negative is 0
}

// A step is what the connection brings next: an event or an error. Behind the last step it is
// silent.
type step struct {
	takes time.Duration
	event event.Event
	err   error
}

// events makes steps that bring these events at once.
func events(events ...event.Event) (steps []step) {
	for _, e := range events {
		steps = append(steps, step{event: e})
	}
	return steps
}

func fails(err error) step { return step{err: err} }

// refusals is a script of n failures to connect.
func refusals(n int) []answer { return slices.Repeat([]answer{{err: errRefused}}, n) }

func (s *server) dialer() client.Dialer {
	start := time.Now()
	return func(ctx context.Context, after string) (client.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.dials = append(s.dials, dial{after, time.Since(start)})
		a := answer{takes: math.MaxInt64}
		if len(s.dials) <= len(s.script) {
			a = s.script[len(s.dials)-1]
		}
		if err := wait(ctx, a.takes); err != nil {
			return nil, err
		}
		if a.err != nil {
			return nil, a.err
		}
		c := &conn{cursor: a.cursor, steps: a.steps}
		if a.retry != 0 {
			return &namingConn{c, max(0, a.retry)}, nil
		}
		return c, nil
	}
}

// afters lists the cursors that were asked for.
func (s *server) afters() (afters []string) {
	for _, d := range s.dials {
		afters = append(afters, d.after)
	}
	return afters
}

func (s *server) wantDials(t *testing.T, afters ...string) {
	t.Helper()
	if got := s.afters(); !slices.Equal(got, afters) {
		t.Errorf("asked for %q, want %q", got, afters)
	}
}

// delay is the time between two attempts that take none.
func (s *server) delay(i int) time.Duration { return s.dials[i+1].at - s.dials[i].at }

type conn struct {
	cursor string
	steps  []step
	closed int
}

func (c *conn) Next(ctx context.Context) (event.Event, error) {
	if c.closed > 0 {
		return event.Event{}, errors.New("Next after Close")
	}
	if len(c.steps) == 0 {
		<-ctx.Done()
		return event.Event{}, ctx.Err()
	}
	if err := wait(ctx, c.steps[0].takes); err != nil {
		return event.Event{}, err
	}
	s := c.steps[0]
	c.steps = c.steps[1:]
	if s.err != nil {
		return event.Event{}, s.err
	}
	c.cursor = s.event.ID.String()
	return s.event, nil
}

func (c *conn) Cursor() string { return c.cursor }

func (c *conn) Close() error {
	c.closed++
	return errors.New("whatever")
}

// A namingConn is one whose server has named a reconnection time.
type namingConn struct {
	*conn
	retry time.Duration
}

func (c *namingConn) Retry() (time.Duration, bool) { return c.retry, true }

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wantNext takes the next events, which must have these sequence numbers.
func wantNext(t *testing.T, f *client.Follower, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		e, err := f.Next(t.Context())
		if err != nil {
			t.Fatalf("instead of event %d: %v", seq, err)
		}
		if e.ID.Seq != seq || e.Control() {
			t.Fatalf("got %s %s, want event %d", e.Topic, e.ID, seq)
		}
	}
}

// wantEnd lets the follower run into an error that is errors.Is(want).
func wantEnd(t *testing.T, f *client.Follower, ctx context.Context, want error) error {
	t.Helper()
	e, err := f.Next(ctx)
	if err == nil {
		t.Fatalf("got %s %s, want %v", e.Topic, e.ID, want)
	}
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v", err, want)
	}
	return err
}

func TestFollowResumesWhereItBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{script: []answer{
			{steps: append(events(event.Open(place(7), nil), message(8), message(9)), fails(errCut))},
			{err: errRefused},
			{steps: append(events(event.Open(place(9), nil), message(10), event.Beat(place(20))), fails(io.ErrUnexpectedEOF))},
			{steps: append(events(event.Open(place(20), nil), message(21)), fails(io.EOF))},
			{steps: events(event.Open(place(21), nil), message(22))},
		}}
		f := client.Follow(s.dialer(), "", client.Policy{})
		defer f.Close()
		if len(s.dials) > 0 {
			t.Error("it connected before Next was called")
		}
		wantNext(t, f, 8, 9, 10, 21, 22)
		// The heartbeat moved the cursor past events of other topics.
		s.wantDials(t, "", place(9).String(), place(9).String(), place(20).String(), place(21).String())
	})
}

func TestFollowPassesEventsAndGapsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missed := uint64(3)
		gap := event.NewGap(place(4), event.Gap{After: place(1).String(), Missed: &missed})
		s := &server{script: []answer{{steps: append(
			events(event.Open(place(1), nil), event.Beat(place(1)), gap), fails(errCut))}, {}}}
		f := client.Follow(s.dialer(), place(1).String(), client.Policy{})
		defer f.Close()
		e, err := f.Next(t.Context())
		if err != nil || e.Topic != event.GapTopic || e.ID != gap.ID || string(e.Data) != string(gap.Data) {
			t.Fatalf("%s %s %s (%v), want the gap", e.Topic, e.ID, e.Data, err)
		}
		if got := f.Cursor(); got != place(4).String() {
			t.Errorf("cursor %q, want where the gap leads", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantEnd(t, f, ctx, context.DeadlineExceeded)
		s.wantDials(t, place(1).String(), place(4).String())
	})
}

func TestFollowCursorWithoutEvents(t *testing.T) {
	for _, c := range []struct {
		name, after string
		first       answer
		want        string
	}{
		{"died at once, and told nothing", "earliest", answer{steps: []step{fails(errCut)}}, "earliest"},
		{"died at once, from now on", "", answer{steps: []step{fails(errCut)}}, ""},
		{"died at once, but the handshake told", "", answer{cursor: "mfrggzdf-5", steps: []step{fails(errCut)}}, "mfrggzdf-5"},
		{"died after the open event", "", answer{steps: append(events(event.Open(place(6), nil)), fails(errCut))}, "mfrggzdf-6"},
		{"never connected", "mfrggzdf-3", answer{err: errRefused}, "mfrggzdf-3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{script: []answer{c.first, {steps: events(message(9))}}}
				f := client.Follow(s.dialer(), c.after, client.Policy{})
				defer f.Close()
				if got := f.Cursor(); got != c.after {
					t.Errorf("cursor %q at first, want %q", got, c.after)
				}
				wantNext(t, f, 9)
				s.wantDials(t, c.after, c.want)
			})
		})
	}
}

// WS-13: each failure doubles the range that the delay is drawn from, up to the bound. Over many
// followers, the delays fill the range.
func TestFollowBackoff(t *testing.T) {
	policy := client.Policy{MinBackoff: time.Second, MaxBackoff: 10 * time.Second, Attempts: 7}
	bounds := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second}
	synctest.Test(t, func(t *testing.T) {
		shortest, longest, sum := slices.Clone(bounds), make([]time.Duration, len(bounds)), make([]time.Duration, len(bounds))
		const followers = 1000
		for range followers {
			s := &server{script: refusals(policy.Attempts)}
			wantEnd(t, client.Follow(s.dialer(), "", policy), t.Context(), errRefused)
			for i := range bounds {
				delay := s.delay(i)
				shortest[i], longest[i], sum[i] = min(shortest[i], delay), max(longest[i], delay), sum[i]+delay
			}
		}
		for i, bound := range bounds {
			mean := sum[i] / followers
			// With so many, each of these fails by chance less than once in 10^20 times.
			if longest[i] > bound || longest[i] < bound*9/10 || shortest[i] > bound/10 || mean < bound*2/5 || mean > bound*3/5 {
				t.Errorf("delay %d: %v to %v, %v in the mean; want it even from 0 to %v", i+1, shortest[i], longest[i], mean, bound)
			}
		}
	})
}

func TestFollowBackoffLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy client.Policy
		most   time.Duration
	}{
		{"the default", client.Policy{}, 30 * time.Second},
		{"doubling would not fit into a Duration", client.Policy{MinBackoff: time.Minute, MaxBackoff: time.Hour}, time.Hour},
		{"the bound is not reached by doubling", client.Policy{MinBackoff: time.Second, MaxBackoff: 1<<62 + 1}, 1<<62 + 1},
		{"the bound is below the minimum", client.Policy{MinBackoff: time.Minute, MaxBackoff: time.Second}, time.Second},
		{"no delay", client.Policy{MinBackoff: -1}, 0},
		{"no delay by the bound", client.Policy{MaxBackoff: -1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{script: refusals(32)}
				if c.most < 1<<40 { // else the time would run out
					s.script = refusals(100)
				}
				c.policy.Attempts = len(s.script)
				wantEnd(t, client.Follow(s.dialer(), "", c.policy), t.Context(), errRefused)
				for i := range len(s.dials) - 1 {
					if delay := s.delay(i); delay < 0 || delay > c.most {
						t.Errorf("delay %d: %v, want at most %v", i+1, delay, c.most)
					}
				}
			})
		})
	}
}

// An event ends the series of failures; that a server answers and greets does not.
func TestFollowBackoffStartsOverAfterAnEvent(t *testing.T) {
	policy := client.Policy{MinBackoff: time.Second, MaxBackoff: time.Hour}
	greets := answer{steps: append(events(event.Open(place(1), nil)), fails(errCut))}
	for _, c := range []struct {
		name   string
		before answer // after ten refusals
		grown  bool
	}{
		{"it was refused", answer{err: errRefused}, true},
		{"it was greeted", greets, true},
		{"it got an event", answer{steps: append(greets.steps[:1:1], step{event: message(2)}, fails(errCut))}, false},
		{"it got a gap", answer{steps: append(greets.steps[:1:1], step{event: event.NewGap(place(2), event.Gap{})}, fails(errCut))}, false},
		{"it got a heartbeat", answer{steps: append(greets.steps[:1:1], step{event: event.Beat(place(2))}, fails(errCut))}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				longest := time.Duration(0)
				for range 100 {
					s := &server{script: append(refusals(10), c.before, answer{steps: events(message(9))})}
					f := client.Follow(s.dialer(), "", policy)
					for {
						e, err := f.Next(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						if e.ID.Seq == 9 {
							break
						}
					}
					f.Close()
					longest = max(longest, s.delay(10))
				}
				if grown := longest > policy.MinBackoff; grown != c.grown {
					t.Errorf("the delay was up to %v", longest)
				}
			})
		})
	}
}

func TestFollowAddsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			refusal := fmt.Errorf("sse: %w", &client.StatusError{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute})
			s := &server{script: []answer{{err: refusal}, {steps: events(message(1))}}}
			f := client.Follow(s.dialer(), "", client.Policy{MinBackoff: time.Second})
			wantNext(t, f, 1)
			f.Close()
			if delay := s.delay(0); delay < time.Minute || delay > time.Minute+time.Second {
				t.Fatalf("came back after %v, want a minute and up to a second", delay)
			}
		}
	})
}

// SSE-23: the time that a stream names is what its client waits, or more: a quarter by chance, twice as
// long for each further failure. It is kept until another stream names another.
func TestFollowWaitsTheReconnectionTime(t *testing.T) {
	names := func(retry time.Duration) answer {
		return answer{steps: append(events(message(1)), fails(errCut)), retry: retry}
	}
	silent := names(0)
	greets := answer{steps: append(events(event.Open(place(1), nil)), fails(errCut))}
	refused := answer{err: errRefused}
	for _, c := range []struct {
		name   string
		policy client.Policy
		script []answer
		want   []time.Duration // the shortest delay after each answer
	}{
		{"it takes the policy's place", client.Policy{MinBackoff: -1}, []answer{names(7 * time.Second)}, []time.Duration{7 * time.Second}},
		{"also if it is short", client.Policy{MinBackoff: time.Hour, MaxBackoff: time.Hour}, []answer{names(8 * time.Millisecond)},
			[]time.Duration{8 * time.Millisecond}},
		{"until it is named, the policy counts", client.Policy{MinBackoff: -1}, []answer{refused, names(7 * time.Second)},
			[]time.Duration{0, 7 * time.Second}},
		{"failures double it", client.Policy{}, []answer{names(3 * time.Second), refused, greets, refused, refused},
			[]time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second, 24 * time.Second, 30 * time.Second}},
		{"an event starts over, from the same", client.Policy{}, []answer{names(3 * time.Second), refused, silent, refused},
			[]time.Duration{3 * time.Second, 6 * time.Second, 3 * time.Second, 6 * time.Second}},
		{"another one replaces it", client.Policy{}, []answer{names(3 * time.Second), names(time.Second), silent},
			[]time.Duration{3 * time.Second, time.Second, time.Second}},
		{"it may be over the policy's bound", client.Policy{MaxBackoff: time.Second}, []answer{names(time.Minute), refused},
			[]time.Duration{time.Minute, time.Minute}},
		{"zero is as good as at once, and grows", client.Policy{}, []answer{names(-1), refused, refused},
			[]time.Duration{time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}},
		{"days are an hour", client.Policy{}, []answer{names(49 * 24 * time.Hour)}, []time.Duration{time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				delays := make([][]time.Duration, len(c.want))
				for range 200 {
					s := &server{script: append(slices.Clone(c.script), answer{steps: events(message(9))})}
					f := client.Follow(s.dialer(), "", c.policy)
					for len(s.dials) < len(s.script) {
						if _, err := f.Next(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					f.Close()
					for i := range delays {
						delays[i] = append(delays[i], s.delay(i))
					}
				}
				for i, want := range c.want {
					shortest, longest, spread := slices.Min(delays[i]), slices.Max(delays[i]), want/4
					// By chance each of these fails less than once in 10^8 times.
					if shortest < want || shortest > want+spread/10 || longest > want+spread || longest < want+spread*9/10 {
						t.Errorf("delay %d: %v to %v, want %v to a quarter more", i+1, shortest, longest, want)
					}
				}
			})
		})
	}
}

func TestFollowComesBackWhenTheServerSaid(t *testing.T) {
	const retry = 1234 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		s := &server{script: append(refusals(5),
			answer{steps: append(events(event.Open(place(1), nil), message(2), event.Bye(place(3), retry)), fails(errors.New("read after $bye")))},
			answer{steps: events(event.Bye(place(3), retry))},        // again, and with nothing before it
			answer{steps: events(event.Bye(place(3), 20*time.Hour))}, // which is taken for an hour
			answer{steps: events(event.Bye(place(3), 0))},
			answer{err: errRefused},
			answer{steps: events(message(4))})}
		f := client.Follow(s.dialer(), "", client.Policy{MinBackoff: time.Second, MaxBackoff: time.Hour})
		defer f.Close()
		wantNext(t, f, 2, 4)
		after := place(3).String()
		s.wantDials(t, "", "", "", "", "", "", after, after, after, after, after)
		for i, want := range map[int]time.Duration{5: retry, 6: retry, 7: time.Hour, 8: 0} {
			if got := s.delay(i); got != want {
				t.Errorf("goodbye %d: came back after %v, want %v", i-4, got, want)
			}
		}
		if got := s.delay(9); got > time.Second {
			t.Errorf("came back after %v, as if there had been failures before the goodbye", got)
		}
	})
}

func TestFollowBadGoodbye(t *testing.T) {
	for _, data := range []string{`{}`, `{"retry":-1}`, `{"retry":"soon"}`, `{"retry":1e99}`, `[]`} {
		synctest.Test(t, func(t *testing.T) {
			bye := event.Event{ID: place(1), Topic: event.ByeTopic, Data: []byte(data)}
			s := &server{script: []answer{{steps: events(bye)}, {steps: events(message(2))}}}
			f := client.Follow(s.dialer(), "", client.Policy{MinBackoff: time.Second})
			defer f.Close()
			wantNext(t, f, 2)
			if got := s.delay(0); got > time.Second {
				t.Errorf("%s: came back after %v", data, got)
			}
		})
	}
}

// permanent is an error of some transport that says of itself that trying again is pointless.
type permanent bool

func (p permanent) Error() string   { return "not like this" }
func (p permanent) Permanent() bool { return bool(p) }

func TestFollowEndsOnAPermanentError(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		ends bool
	}{
		{"not found", &client.StatusError{Status: http.StatusNotFound}, true},
		{"not found, wrapped", fmt.Errorf("sse: %w", &client.StatusError{Status: http.StatusNotFound}), true},
		{"no content", &client.StatusError{Status: http.StatusNoContent}, true},
		{"overloaded", &client.StatusError{Status: http.StatusServiceUnavailable}, false},
		{"too many", &client.StatusError{Status: http.StatusTooManyRequests}, false},
		{"says so", permanent(true), true},
		{"says that it is not", permanent(false), false},
		{"says nothing", errRefused, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{script: []answer{{err: c.err}, {steps: events(message(1))}}}
				f := client.Follow(s.dialer(), "", client.Policy{})
				defer f.Close()
				if c.ends {
					wantEnd(t, f, t.Context(), c.err)
					if len(s.dials) != 1 {
						t.Errorf("it tried %d times", len(s.dials))
					}
				}
				wantNext(t, f, 1) // whoever asks again may
			})
		})
	}
}

func TestFollowAttempts(t *testing.T) {
	greets := answer{steps: append(events(event.Open(place(1), nil)), fails(errCut))}
	brings := func(seq uint64) answer {
		return answer{steps: append(events(event.Open(place(seq-1), nil), message(seq)), fails(errCut))}
	}
	for _, c := range []struct {
		name   string
		script []answer
		want   []uint64 // with three attempts
		dials  int
		err    error
	}{
		{"refused three times", refusals(4), nil, 3, errRefused},
		{"two of three", append(refusals(2), brings(1)), []uint64{1}, 3, nil},
		{"a connection that was good starts them over", slices.Concat(refusals(2), []answer{brings(1)}, refusals(2), []answer{brings(2)}, refusals(4)), []uint64{1, 2}, 9, errRefused},
		{"greeted three times, and nothing more", []answer{greets, greets, greets, greets}, nil, 3, errCut},
		{"greeted and refused", []answer{greets, {err: errRefused}, greets, {err: errRefused}}, nil, 3, errCut},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{script: c.script}
				f := client.Follow(s.dialer(), "", client.Policy{Attempts: 3})
				defer f.Close()
				wantNext(t, f, c.want...)
				if c.err != nil {
					if err := wantEnd(t, f, t.Context(), c.err); !strings.Contains(err.Error(), "3 attempts") {
						t.Errorf("%v, want to be told of 3 attempts", err)
					}
				}
				if len(s.dials) != c.dials {
					t.Errorf("it tried %d times, want %d", len(s.dials), c.dials)
				}
			})
		})
	}
}

// An errorLog keeps what is logged as "error".
type errorLog struct {
	slog.Handler
	errors []error
}

func (l *errorLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *errorLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && a.Key == "error" {
			l.errors = append(l.errors, err)
		}
		return true
	})
	return nil
}

func TestFollowGivesASilentConnectionUp(t *testing.T) {
	const idle = 10 * time.Second
	for _, c := range []struct {
		name  string
		first answer
		after string
		at    time.Duration // when it is given up
	}{
		{"nothing comes at all", answer{}, "", idle},
		{"nothing comes any more", answer{steps: []step{{takes: 9 * time.Second, event: message(1)}}}, "mfrggzdf-1", 9*time.Second + idle},
		{"heartbeats keep it", answer{steps: []step{{takes: 9 * time.Second, event: event.Beat(place(1))}, {takes: 9 * time.Second, event: event.Beat(place(2))}}}, "mfrggzdf-2", 18*time.Second + idle},
		{"no answer to the handshake", answer{takes: time.Hour}, "", idle},
		{"the handshake takes long, but not too long", answer{takes: 9 * time.Second}, "", 9*time.Second + idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{script: []answer{c.first, {steps: events(message(9))}}}
				log := &errorLog{}
				f := client.Follow(s.dialer(), "", client.Policy{MinBackoff: time.Millisecond, Idle: idle, Logger: slog.New(log)})
				defer f.Close()
				for f.Cursor() != place(9).String() {
					if _, err := f.Next(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				s.wantDials(t, "", c.after)
				if at := s.dials[1].at; at < c.at || at > c.at+time.Millisecond {
					t.Errorf("it came back after %v, want %v", at, c.at)
				}
				if len(log.errors) != 1 || !errors.Is(log.errors[0], client.ErrIdle) {
					t.Errorf("it logged %v, want ErrIdle", log.errors)
				}
			})
		})
	}
}

// Who waits in short steps notices a dead connection all the same; who comes late does not take his
// own pause for the server's silence.
func TestFollowCountsOnlyWaitingAsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{script: []answer{{steps: events(message(1), message(2))}, {steps: events(message(3))}}}
		f := client.Follow(s.dialer(), "", client.Policy{MinBackoff: -1, Idle: 10 * time.Second})
		defer f.Close()
		wantNext(t, f, 1)
		time.Sleep(time.Hour)
		wantNext(t, f, 2)
		time.Sleep(time.Hour)
		for range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			e, err := f.Next(ctx)
			cancel()
			if err == nil {
				if want := 2*time.Hour + 10*time.Second; e.ID.Seq != 3 || s.dials[1].at != want {
					t.Errorf("event %d of a connection made at %v; want 3, at %v", e.ID.Seq, s.dials[1].at, want)
				}
				return
			}
		}
		t.Error("the silent connection was not given up")
	})
}

func TestFollowWithoutIdleWaitsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const year = 365 * 24 * time.Hour
		s := &server{script: []answer{{takes: year, steps: []step{{takes: year, event: message(1)}}}}}
		f := client.Follow(s.dialer(), "", client.Policy{Idle: -1})
		defer f.Close()
		wantNext(t, f, 1)
		s.wantDials(t, "")
	})
}

// The context ends one wait, wherever it is, and nothing else: the next call goes on from there.
func TestFollowContext(t *testing.T) {
	second := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	for _, c := range []struct {
		name  string
		first answer
		dials int
	}{
		{"while it waits for an event", answer{steps: []step{{takes: 1500 * time.Millisecond, event: message(1)}}}, 1},
		{"while it connects", answer{takes: time.Hour}, 2},
		{"while it waits to connect again", answer{err: &client.StatusError{Status: 503, RetryAfter: time.Minute}}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// One failure would be one too many: that the caller had no time is none.
				s := &server{script: []answer{c.first, {steps: events(message(1))}}}
				f := client.Follow(s.dialer(), "", client.Policy{Attempts: 2})
				defer f.Close()
				start := time.Now()
				wantEnd(t, f, second(t), context.DeadlineExceeded)
				if d := time.Since(start); d != time.Second {
					t.Errorf("it returned after %v, want when the context ended", d)
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				wantEnd(t, f, ended, context.Canceled)
				wantNext(t, f, 1)
				if len(s.dials) != c.dials {
					t.Errorf("it connected %d times, want %d", len(s.dials), c.dials)
				}
			})
		})
	}
}

func TestFollowContextThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		f := client.Follow(s.dialer(), "", client.Policy{})
		defer f.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantEnd(t, f, ctx, context.Canceled)
		if len(s.dials) != 0 {
			t.Error("it connected though nobody waits")
		}
	})
}

func TestFollowClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var conns []*conn
		dialer := func(context.Context, string) (client.Conn, error) {
			conns = append(conns, &conn{steps: append(events(message(uint64(len(conns)+1))), fails(errCut))})
			return conns[len(conns)-1], nil
		}
		f := client.Follow(dialer, "", client.Policy{})
		wantNext(t, f, 1, 2, 3)
		for range 2 {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		for i, c := range conns {
			if c.closed != 1 {
				t.Errorf("connection %d was closed %d times", i+1, c.closed)
			}
		}
		if got := f.Cursor(); got != place(3).String() {
			t.Errorf("cursor %q, want that of the last event", got)
		}
		wantEnd(t, f, t.Context(), client.ErrClosed)
		if len(conns) != 3 {
			t.Errorf("it made %d connections", len(conns))
		}
	})
}

func TestFollowCloseBeforeNext(t *testing.T) {
	f := client.Follow(func(context.Context, string) (client.Conn, error) {
		t.Error("it connects")
		return nil, errRefused
	}, "mfrggzdf-1", client.Policy{})
	f.Close()
	wantEnd(t, f, t.Context(), client.ErrClosed)
	if got := f.Cursor(); got != "mfrggzdf-1" {
		t.Errorf("cursor %q", got)
	}
}
