package longpoll

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
)

// Name is the transport's label in metrics and logs, and the usual path of its handler.
const Name = "longpoll"

// A Handler serves a hub's events by long polling.
type Handler struct {
	hub      *hub.Hub
	config   Config
	counters wire.Counters
	last     atomic.Pointer[encoded]
}

// An encoded answer is one with its content.
type encoded struct {
	answer
	content []byte
}

// New returns a handler for the hub. Close the hub to have all waiting polls answered; the HTTP
// server's Shutdown waits for them.
func New(h *hub.Hub, config Config) *Handler {
	return &Handler{hub: h, config: config.withDefaults()}
}

// ServeHTTP reads the request, subscribes, waits once, and answers; at the deadline of the request's context, if
// it has one, as when the server leaves.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ask, poll, problem := request.ParsePoll(r, h.config.Wait)
	if problem != nil {
		problem.ServeHTTP(w, r)
		return
	}
	sub := h.hub.Subscribe(ask.Topics, ask.Start)
	defer sub.Close()
	open(w.Header(), poll)
	if r.Method == http.MethodHead { // RFC 9110, section 9.3.2 (HTTP-09): as GET, without the content
		w.Header().Set("Pushlab-Cursor", sub.Start().String())
		return
	}

	// A server's WriteTimeout is for answers that come at once. Over HTTP/2 it would end a poll that waits; write has its own.
	http.NewResponseController(w).SetWriteDeadline(time.Time{})
	h.counters.Opened.Add(1)
	h.counters.Open.Add(1)
	answer := h.wait(r.Context(), sub, poll)
	h.counters.Open.Add(-1)
	h.counters.Ended[h.write(w, r, answer)].Add(1)
}

// An answer is what a poll has found out.
type answer struct {
	gap     *hub.GapError
	records []*hub.Record
	cursor  event.ID
	more    bool // the next poll need not wait (LP-08)
	leaving bool // the hub was closed, or the time that the client has is over
}

// maxReading is how long a poll that does not want to wait does so nevertheless, for what the hub has to read from its log.
const maxReading = 5 * time.Second

// wait waits for something to say, for as long as the client does (LP-09), and takes all that is
// pending: RFC 6202, section 2.2 (LP-02).
func (h *Handler) wait(ctx context.Context, sub *hub.Subscription, poll request.Poll) answer {
	var a answer
	records, err := sub.Poll()
	if len(records) == 0 && err == nil && (poll.Wait > 0 || sub.Behind()) {
		over := time.NewTimer(cmp.Or(poll.Wait, maxReading))
		defer over.Stop()
		for waiting := true; waiting && len(records) == 0 && err == nil; {
			select {
			case <-sub.Ready():
			case <-over.C:
				waiting = false
			case <-ctx.Done():
				waiting = false
			}
			records, err = sub.Poll() // after the wait, too: it moves the cursor over other topics' events
			waiting = waiting && (poll.Wait > 0 || sub.Behind())
		}
	}
	for gap := (*hub.GapError)(nil); errors.As(err, &gap); {
		// The events behind the gap come with it; unless they were lost just now, too.
		a.addGap(gap)
		records, err = sub.Poll()
	}
	if a.gap != nil {
		h.counters.Gaps.Add(1)
	}
	a.leaving = errors.Is(err, hub.ErrClosed) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	if len(records) > poll.Limit { // (LP-10): the cursor is behind what is answered, and no further
		a.records, a.more = records[:poll.Limit], true
		a.cursor = a.records[poll.Limit-1].ID
		return a
	}
	a.records, a.more, a.cursor = records, sub.Pending(), sub.Cursor()
	return a
}

// addGap notes a gap. Of two that follow each other, the answer tells as of one.
func (a *answer) addGap(gap *hub.GapError) {
	if a.gap != nil {
		gap.After, gap.Missed, gap.Counted = a.gap.After, gap.Missed+a.gap.Missed, gap.Counted && a.gap.Counted
	}
	a.gap = gap
}

// write writes the answer, and tells how that went.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, a answer) wire.Reason {
	header := w.Header()
	header.Set("Pushlab-Cursor", a.cursor.String())
	if h.config.WriteDeadline > 0 {
		// A writer that knows no deadlines has a server that looks after itself.
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.config.WriteDeadline))
	}
	if a.gap == nil && len(a.records) == 0 {
		if errors.Is(r.Context().Err(), context.Canceled) {
			return wire.Left
		}
		if a.leaving {
			// RFC 9110, section 10.2.3, in whole seconds; at least one, or who is told to come
			// back would do so without a pause. RFC 9112, section 9.6 (HTTP-10).
			retry := h.config.Retry/2 + rand.N(h.config.Retry+1)
			header.Set("Retry-After", strconv.Itoa(max(1, int((retry+time.Second-1)/time.Second))))
			header.Set("Connection", "close")
		}
		w.WriteHeader(http.StatusNoContent) // (LP-06): with the cursor, as every answer
		return wire.Goodbye
	}
	body := h.encode(a)
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	n, err := w.Write(body)
	h.counters.Bytes.Add(int64(n))
	if err != nil {
		return wire.Failed
	}
	h.counters.Delivered.Add(int64(len(a.records)))
	h.counters.Writes.Add(1)
	return wire.Goodbye
}

// encode returns the content of an answer. Of many who wait for the same topics each gets the same
// answer, so the last one is kept.
func (h *Handler) encode(a answer) []byte {
	if a.gap != nil {
		return appendAnswer(nil, a)
	}
	if last := h.last.Load(); last != nil && last.cursor == a.cursor && last.more == a.more && slices.Equal(last.records, a.records) {
		return last.content
	}
	last := &encoded{a, appendAnswer(nil, a)}
	h.last.Store(last)
	return last.content
}

// Counters counts what the handler did: Open are the polls that wait, Bytes the contents of the
// answers, without their heads.
func (h *Handler) Counters() *wire.Counters { return &h.counters }
