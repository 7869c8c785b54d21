package wire

import (
	"errors"
	"math"
	"os"
	"time"

	"pushlab/common/hub"
)

// serve writes the beginning of a new stream, and then whatever comes. It returns why the stream has
// ended; or open, when its engine goes on.
func (s *Stream) serve(head, preface []byte) Reason {
	w := write{Stream: s, space: new([]*hub.Record)}
	w.open(head, preface)
	return s.run(&w)
}

// resume goes on after a pump could not write all of w.
func (s *Stream) resume(w write) {
	w.space = new([]*hub.Record)
	s.run(&w)
}

// run writes w, and then whatever comes, and ends the stream.
func (s *Stream) run(w *write) Reason {
	reason := s.loop(w)
	if reason != open {
		s.finish(reason)
	}
	return reason
}

// loop is the write loop. It returns why nothing more is to be written; or open, when the stream has
// nothing to do and its engine waits from now on.
func (s *Stream) loop(w *write) Reason {
	alarm := alarm{Stream: s}
	defer alarm.stop()
	for {
		if err := w.flush(); err != nil {
			return s.failure(err)
		}
		if w.end != open {
			return w.end
		}
		for w.look(s.streams.clock()); w.empty(); w.look(s.streams.clock()) {
			if s.park() {
				return open
			}
			alarm.wait()
		}
	}
}

// failure says why a write failed.
func (s *Stream) failure(err error) Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cut:
		return Aborted // it was us who broke the connection
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Stalled
	default:
		return Failed
	}
}

// An alarm has a loop without an engine wait until it is woken, or it is time for something.
type alarm struct {
	*Stream
	timer *time.Timer
}

func (a *alarm) wait() {
	next := a.due.Load()
	if heard := a.heard.Load(); heard != 0 {
		next = min(next, heard)
	}
	var expired <-chan time.Time
	if next != math.MaxInt64 {
		d := time.Duration(next) - a.streams.clock()
		if a.timer == nil {
			a.timer = time.NewTimer(d)
		} else {
			a.timer.Reset(d)
		}
		expired = a.timer.C
	}
	select {
	case <-a.ready:
	case <-expired:
	}
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
