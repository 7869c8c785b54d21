package lab

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"pushlab/common/request"
)

// raw serves /raw: bytes that the learner has written himself, to see what a browser makes of them.
type raw struct {
	mu     sync.Mutex
	answer answer
	life   context.Context // of the server
}

// An answer is what /raw says next.
type answer struct {
	status    int
	mediaType string
	body      []byte
	split     int           // bytes of a write; 0: all of them
	pause     time.Duration // between two writes
	hold      time.Duration // how long it stays open behind the last
}

// begin says that a server begins to live, for as long as ctx.
func (w *raw) begin(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.life = ctx
}

// ServeHTTP gives the answer.
func (w *raw) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if problem := request.CheckMethod(r, http.MethodGet, http.MethodHead); problem != nil {
		problem.ServeHTTP(out, r)
		return
	}
	w.mu.Lock()
	a, life := w.answer, w.life
	w.mu.Unlock()
	if a.status == 0 {
		(&request.Problem{Status: http.StatusNotFound, Parameter: "path", Detail: "nothing is set to be answered here yet"}).ServeHTTP(out, r)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	h := out.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	out.WriteHeader(a.status)
	if r.Method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		return // RFC 9110, section 6.4.1: these have no content (HTTP-09)
	}
	control := http.NewResponseController(out)
	for piece, rest := a.cut(a.body); ; piece, rest = a.cut(rest) {
		control.SetWriteDeadline(time.Now().Add(10 * time.Second)) // those of net/http have deadlines
		if _, err := out.Write(piece); err != nil || control.Flush() != nil {
			return
		}
		control.SetWriteDeadline(time.Time{}) // while nothing is written
		wait := a.pause
		if len(rest) == 0 {
			wait = a.hold
		}
		if !sleep(ctx, wait) || len(rest) == 0 {
			control.SetWriteDeadline(time.Now().Add(10 * time.Second)) // the end is written, too
			return
		}
	}
}

// cut returns what is to be written at once, and the rest.
func (a answer) cut(b []byte) (piece, rest []byte) {
	if a.split == 0 || len(b) <= a.split {
		return b, nil
	}
	return b[:a.split], b[a.split:]
}

// sleep waits, and reports whether ctx lasts.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// set reads what to answer from a command.
func (w *raw) set(r *http.Request) *request.Problem {
	query := r.URL.Query()
	a := answer{status: http.StatusOK, mediaType: "text/plain; charset=utf-8"}
	for name, values := range query {
		value := values[len(values)-1]
		var err error
		switch name {
		case "type":
			a.mediaType = value
			if !printable(value) || len(value) > 200 {
				return request.Invalid("type", "%.100q cannot stand in a header field; give a media type such as text/event-stream", value)
			}
		case "status":
			a.status, err = strconv.Atoi(value)
			if err != nil || a.status < 200 || a.status > 599 {
				return request.Invalid("status", "the status is %.40q; give a final one, from 200 to 599", value)
			}
		case "split":
			a.split, err = strconv.Atoi(value)
			if err != nil || a.split < 0 || a.split > maxRaw {
				return request.Invalid("split", "split is %.40q; give how many bytes to write at once, from 1 to %d, or 0 for all", value, maxRaw)
			}
		case "pause":
			if a.pause, err = duration(value, 0, 10*time.Second); err != nil {
				return request.Invalid("pause", "%s", request.Reason(err))
			}
		case "hold":
			if a.hold, err = duration(value, 0, 10*time.Minute); err != nil {
				return request.Invalid("hold", "%s", request.Reason(err))
			}
		default:
			return request.Invalid(name, "there is no parameter %.40q; use type, status, split, pause and hold", name)
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRaw))
	if err != nil {
		return bodyProblem(err, maxRaw)
	}
	a.body = body
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = a
	return nil
}

// printable reports whether a text can stand in a header field.
func printable(s string) bool {
	for _, b := range []byte(s) {
		if b < ' ' || b >= 0x7f {
			return false
		}
	}
	return s != ""
}
