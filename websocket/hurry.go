package websocket

import (
	"errors"
	"time"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/request"
)

// errLate is returned for a message that took longer to arrive than it may. The client was told.
var errLate = errors.New("websocket: the message took too long to arrive")

// A hurry is the time that something has which has begun to arrive. Most messages come whole, and need none.
type hurry struct {
	timer *time.Timer
	over  chan struct{} // closed when the client was told that the time is over
}

// hurry gives the client time for the rest of what it has begun to say. When that is over it is told, from whatever
// goroutine: a peer that says nothing keeps the one that reads.
func (s *session) hurry() *hurry {
	if s.config.ReadDeadline < 0 {
		return nil
	}
	h := &hurry{over: make(chan struct{})}
	h.timer = time.AfterFunc(s.config.ReadDeadline, func() {
		defer close(h.over)
		s.config.Refused(request.LimitArrival)
		// RFC 6455, section 7.4.1 (WS-12): 1008 is for what breaks the rules of the house.
		s.refuse(gorilla.ClosePolicyViolation, "the message took too long to arrive")
	})
	return h
}

// settle ends the hurry, if there is one, since all has come or nothing more will. It fails if that was too late.
func (f *frames) settle() error {
	h := f.hurried
	f.hurried = nil
	if h == nil || h.timer.Stop() {
		return nil
	}
	<-h.over
	return errLate
}

// wait is called before waiting for more from the client.
func (f *frames) wait() {
	if f.hurried == nil && f.controls != nil && (f.inside || len(f.unread) > 0) {
		f.hurried = f.controls.hurry()
	}
}
