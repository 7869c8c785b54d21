package wire

import (
	"context"
	"net/http"
	"sync/atomic"
)

// An ending is what is to be done when a stream has ended.
type ending struct {
	do    func()
	taken atomic.Bool
}

type endingKey struct{}

// OnEnd returns the request with something that is done, once, when the stream that answers it has ended, which can be long
// after its handler has returned. Once the handler has, taken reports whether there is such a stream; if not, nothing is done.
func OnEnd(r *http.Request, do func()) (with *http.Request, taken func() bool) {
	e := &ending{do: do}
	return r.WithContext(context.WithValue(r.Context(), endingKey{}, e)), e.taken.Load
}

// Answer says which request a stream of Accept answers: see OnEnd. It must be called before Start.
func (s *Stream) Answer(r *http.Request) {
	e, ok := r.Context().Value(endingKey{}).(*ending)
	if ok && e.taken.CompareAndSwap(false, true) {
		s.atEnd(e.do)
	}
}
