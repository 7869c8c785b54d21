package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"pushlab/common/event"
)

// A quiet is what became of a stream on which nothing happens.
type quiet struct {
	transport string
	began     time.Time
	last      time.Time // when something came
	beats     []time.Time
	ended     time.Time // zero if it lives
	err       error     // why it ended
	bye       bool      // the server said goodbye
	refused   *answer   // it never was
}

// maxPoll is how long a poll may wait: our server lowers what is longer.
const maxPoll = 110 * time.Second

// watchQuiet keeps streams open on which nothing happens, and a poll.
func (w *way) watchQuiet(ctx context.Context) {
	watching, cancel := context.WithTimeout(ctx, w.doctor.Idle)
	defer cancel()
	transports := []string{HTTPStream, SSE, WebSocket}
	quiets := make([]quiet, len(transports))
	var running sync.WaitGroup
	for i, transport := range transports {
		running.Go(func() { quiets[i] = w.listenQuiet(watching, transport) })
	}
	running.Go(func() { w.askQuietPoll(ctx) })
	running.Wait()
	if ctx.Err() != nil {
		return
	}
	beat := time.Duration(0) // the shortest that was seen on any
	for _, q := range quiets {
		if d := q.beat(); d > 0 && (beat == 0 || d < beat) {
			beat = d
		}
	}
	for _, q := range quiets {
		w.judgeQuiet(q, beat)
	}
}

// beat returns how long it took from silence to a heartbeat; 0 if there was none.
func (q quiet) beat() time.Duration {
	switch n := len(q.beats); n {
	case 0:
		return 0
	case 1:
		return q.beats[0].Sub(q.began)
	default:
		return q.beats[n-1].Sub(q.beats[n-2])
	}
}

// listenQuiet listens until ctx ends, or the stream does.
func (w *way) listenQuiet(ctx context.Context, transport string) (q quiet) {
	now := time.Now()
	q = quiet{transport: transport, began: now, last: now}
	defer func() {
		if ctx.Err() == nil {
			q.ended = time.Now()
		}
	}()
	a := ask{query: url.Values{"topic": {w.quietTopic()}}}
	if transport == WebSocket {
		a.header = handshake(newKey())
	}
	s, err := w.stream(ctx, transport, a, untilCancelled)
	if err != nil {
		q.err = err
		return q
	}
	defer s.close()
	if s.status != http.StatusOK && s.status != http.StatusSwitchingProtocols {
		q.refused, q.err = s.answer, errRefused
		return q
	}
	next := func() (event.Event, error) { return s.event(untilCancelled) }
	if transport == WebSocket {
		next = (&socket{s.answer}).event
	}
	for {
		e, err := next()
		if err != nil {
			q.err = err
			return q
		}
		q.last = time.Now()
		switch e.Topic {
		case event.BeatTopic:
			q.beats = append(q.beats, q.last)
		case event.ByeTopic:
			q.bye = true
		}
	}
}

// errClosed is a close frame.
var errClosed = errors.New("it was closed")

// event returns the next event, and answers pings.
func (s *socket) event() (event.Event, error) {
	for {
		f, err := s.frame(time.Now().Add(untilCancelled))
		switch {
		case err != nil:
			return event.Event{}, err
		case f.opcode == opClose:
			return event.Event{}, fmt.Errorf("%w with code %d", errClosed, f.code())
		case f.opcode == opPing:
			if err := s.send(clientFrame(fin|opPong, f.payload)); err != nil {
				return event.Event{}, err
			}
		case f.opcode == opText:
			if e, err := event.ParseEnvelope(f.payload); err == nil {
				return e, nil
			}
		}
	}
}

func (w *way) judgeQuiet(q quiet, beat time.Duration) {
	beating := "no heartbeat of the server was due; its default is every 15 s"
	if beat > 0 {
		beating = fmt.Sprintf("the server beats about every %v", shown(beat))
	}
	lived := q.ended.Sub(q.began)
	if q.refused != nil && !waitedFor(q.refused, nil, lived) {
		return // another check tells
	}
	switch {
	case q.ended.IsZero() && beat > 0 && len(q.beats) == 0 && w.doctor.Idle > beat+beat/2+opening:
		w.broken(idleCheck, q.transport, Buffering, "Heartbeats do not come through: they are held back.", "%s, on another stream", beating)
	case q.ended.IsZero():
		w.fine(idleCheck, q.transport, "Quiet streams stay open.", "%v; %s", w.doctor.Idle, beating)
	case q.bye:
		w.remark(idleCheck, q.transport, "", "The server left meanwhile, and said so.", "after %v", shown(lived))
	case q.last.Equal(q.began) && lived < minIdle/2:
		return // it never opened, of which another check tells
	default:
		w.broken(idleCheck, q.transport, IdleTimeout, "Quiet streams are cut.", "after %v of silence, %v after it was asked for; %s", shown(q.ended.Sub(q.last)), shown(lived), beating)
		w.judgeEnd(q)
	}
}

// judgeEnd tells whether the end of a stream that was cut shows that it was.
func (w *way) judgeEnd(q quiet) {
	switch {
	case q.transport == WebSocket, q.refused != nil:
	case errors.Is(q.err, io.EOF):
		w.remark(endCheck, q.transport, ProperEnd, "A stream that is cut ends as if it were complete: clients cannot tell a fault from an end.", "it ended properly, without $bye")
	default:
		w.fine(endCheck, q.transport, "A stream that is cut shows that it was.", "%v", q.err)
	}
}

// waitedFor reports whether a hop answered in the server's place, since it did not want to wait any longer. It
// should say 504; Apache says 502 and Varnish 503.
func waitedFor(a *answer, content []byte, took time.Duration) bool {
	_, server := ours(a, content)
	return !server && a.status >= 500 && (took >= minIdle/2 || a.status == http.StatusGatewayTimeout)
}

// askQuietPoll waits for an answer that has nothing to say.
func (w *way) askQuietPoll(ctx context.Context) {
	wait := min(w.doctor.Idle, maxPoll).Truncate(time.Second)
	sent := time.Now()
	a, content, err := w.poll(ctx, url.Values{"topic": {w.quietTopic()}, "wait": {strconv.Itoa(int(wait / time.Second))}})
	took := time.Since(sent)
	switch {
	case ctx.Err() != nil:
	case err == nil && (a.status == http.StatusNoContent || a.status == http.StatusOK):
		w.fine(idleCheck, LongPoll, "A poll may wait.", "%v", shown(took))
	case err == nil && !waitedFor(a, content, took):
		_, text := explain(a, content)
		w.broken(idleCheck, LongPoll, Unanswered, text, "%s after %v", a.statusLine(), shown(took))
	default:
		seen := fmt.Sprint(err)
		if err == nil {
			seen = a.statusLine()
		}
		w.broken(idleCheck, LongPoll, IdleTimeout, "Polls that wait are cut.", "after %v of %v: %s", shown(took), wait, seen)
	}
}
