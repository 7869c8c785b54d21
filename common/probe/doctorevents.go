package probe

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// A watch follows one subscription, and notes when what came. It is guarded by the way's mu.
type watch struct {
	transport string
	zip       bool // it accepts gzip, as browsers do

	asked  time.Time
	head   time.Duration // how long the answer's head took; 0 is not come yet
	open   time.Duration // how long the first event took, which is $open; 0 is not come yet
	start  string        // the id of that
	answer *answer       // its head, once that has come
	came   map[string]time.Time
	err    error // why it ended

	poured int // how many bytes had to be published for the first mark to come; 0 is none
}

// A mark is an event that is waited for.
type mark struct {
	id string
	at time.Time // when the server had it
}

// The marks: how many, how far from each other, and how long the last of them is waited for.
const (
	marksPublished = 5
	marksApart     = 200 * time.Millisecond
	marksSettle    = time.Second
	clockTime      = 5500 * time.Millisecond // for the events of a clock that ticks every second

	pourPiece = 3 << 10 // random bytes, 4 KiB as text
	pourMost  = 256 << 10
	pourPause = 20 * time.Millisecond

	oneLump = 20 * time.Millisecond // what comes within it came together
)

// change notes something, and tells who waits for it.
func (w *way) change(note func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	note()
	close(w.changed)
	w.changed = make(chan struct{})
}

// await waits until something is so, and no longer than that.
func (w *way) await(ctx context.Context, most time.Duration, is func() bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		w.mu.Lock()
		so, changed := is(), w.changed
		w.mu.Unlock()
		if so {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// pause waits.
func (w *way) pause(ctx context.Context, d time.Duration) {
	w.await(ctx, d, func() bool { return false })
}

// watchEvents subscribes by all transports, has events happen, and judges by when they come. Then it
// comes back for them.
func (w *way) watchEvents(ctx context.Context) {
	watches := []*watch{
		{transport: LongPoll}, {transport: WebSocket},
		{transport: HTTPStream}, {transport: HTTPStream, zip: true},
		{transport: SSE}, {transport: SSE, zip: true},
	}
	following, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, v := range watches {
		v.asked, v.came = time.Now(), make(map[string]time.Time)
		running.Go(func() {
			err := w.follow(following, v)
			w.change(func() { v.err = err })
		})
	}
	w.await(ctx, w.prompt(), func() bool {
		return !slices.ContainsFunc(watches, func(v *watch) bool { return v.open == 0 && v.err == nil })
	})
	query := url.Values{"topic": {w.topic}, "after": {"earliest"}}
	if !w.publishes && w.cursor != "" {
		query.Set("after", w.cursor) // the clock's history may be long
	}
	before, first, err := w.poll(ctx, query)
	marks := w.mark(ctx, watches)
	if err == nil {
		w.askSamePoll(ctx, query, before, first, marks)
	}
	now := w.snapshot(watches)
	w.judgeStreams(now)
	held := make(map[string]bool)
	for _, v := range now {
		if !v.zip { // they come first
			held[v.transport] = w.lag(v, marks).held()
		}
		w.judgeDelay(v, marks, held[v.transport])
	}
	w.askSameStream(ctx, now, marks)
	w.askResume(ctx, now, marks)
}

// snapshot returns the watches as they are now, to be looked at without a lock.
func (w *way) snapshot(watches []*watch) (now []*watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range watches {
		c := *v
		c.came = maps.Clone(v.came)
		now = append(now, &c)
	}
	return now
}

// prompt is how long what needs no waiting may take.
func (w *way) prompt() time.Duration { return opening + 2*w.roundTrip }

// follow follows a subscription until ctx ends, or that does.
func (w *way) follow(ctx context.Context, v *watch) error {
	switch v.transport {
	case LongPoll:
		return w.followPolls(ctx, v)
	case WebSocket:
		return w.followSocket(ctx, v)
	}
	a := ask{query: url.Values{"topic": {w.topic}}}
	if v.zip {
		a.header = []string{"Accept-Encoding: gzip"}
	}
	s, err := w.stream(ctx, v.transport, a, untilCancelled)
	if err != nil {
		return err
	}
	defer s.close()
	w.change(func() { v.head, v.answer = max(time.Since(v.asked), 1), s.answer })
	if s.status != http.StatusOK {
		return errRefused
	}
	for {
		e, err := s.event(untilCancelled)
		if err != nil {
			return err
		}
		w.came(v, e)
	}
}

// untilCancelled is longer than any examination: the context ends it.
const untilCancelled = 24 * time.Hour

var errRefused = errors.New("it was refused")

// stream opens a stream, whatever its status. The caller closes it.
func (w *way) stream(ctx context.Context, transport string, a ask, wait time.Duration) (*stream, error) {
	answer, err := w.open(ctx, transport, a, wait)
	if err != nil {
		return nil, err
	}
	s := &stream{answer: answer, split: splitBlock}
	if transport == HTTPStream {
		s.split = splitLine
	}
	if listed(answer.header, "Content-Encoding", "gzip") {
		s.decode = unzipper()
	}
	return s, nil
}

// maxUnzipped is how much a compressed stream may have, inflated or not: some times what a doctor publishes.
const maxUnzipped = 4 * pourMost

// unzipper returns what decodes the pieces of a gzip stream as far as they go: all of it each time, since what package gzip
// has taken and not given out yet ends with the first piece that is not complete. It fails beyond maxUnzipped.
func unzipper() func([]byte) ([]byte, error) {
	var zipped []byte
	told := 0
	return func(piece []byte) (fresh []byte, err error) {
		zipped = append(zipped, piece...)
		var text []byte
		if r, err := gzip.NewReader(bytes.NewReader(zipped)); err == nil { // else its head has not come yet
			text, _ = io.ReadAll(io.LimitReader(r, maxUnzipped+1)) // it ends where nothing more has come
		}
		if len(zipped) > maxUnzipped || len(text) > maxUnzipped {
			return nil, fmt.Errorf("a compressed stream brought more than %s", inBytes(maxUnzipped))
		}
		fresh, told = text[min(told, len(text)):], max(told, len(text))
		return fresh, nil
	}
}

// event returns the next event.
func (s *stream) event(wait time.Duration) (event.Event, error) {
	for deadline := time.Now().Add(wait); ; {
		u, err := s.next(deadline)
		if err != nil {
			return event.Event{}, err
		}
		raw := bytes.TrimSpace(u.raw)
		if data := parseBlock(u.raw).data; data != "" { // a line of JSON has no such field
			raw = []byte(data)
		}
		if e, err := event.ParseEnvelope(raw); err == nil {
			return e, nil
		}
	}
}

func (w *way) followSocket(ctx context.Context, v *watch) error {
	a, err := w.open(ctx, WebSocket, ask{query: url.Values{"topic": {w.topic}}, header: handshake(newKey())}, untilCancelled)
	if err != nil {
		return err
	}
	defer a.close()
	w.change(func() { v.head, v.answer = max(time.Since(v.asked), 1), a })
	if a.status != http.StatusSwitchingProtocols {
		return errRefused
	}
	s := &socket{a}
	for {
		f, err := s.frame(time.Now().Add(untilCancelled))
		if err != nil {
			return err
		}
		if e, err := event.ParseEnvelope(f.payload); err == nil && f.opcode == opText {
			w.came(v, e)
		}
	}
}

// pollWait is how long the polls wait with which events are followed.
const pollWait = "5"

func (w *way) followPolls(ctx context.Context, v *watch) error {
	w.change(func() { v.open = 1 }) // a poll that has nothing to say does not open
	for cursor := cmp.Or(w.cursor, "earliest"); ; {
		asked, news := time.Now(), false
		a, content, err := w.poll(ctx, url.Values{"topic": {w.topic}, "after": {cursor}, "wait": {pollWait}})
		if err != nil {
			return err
		}
		var body struct {
			Events []json.RawMessage
			Cursor string
		}
		switch {
		case a.status == http.StatusOK:
			if err := json.Unmarshal(content, &body); err != nil {
				return fmt.Errorf("the answer to a poll is not as it should be: %w", err)
			}
		case a.status != http.StatusNoContent:
			w.change(func() { v.answer = a })
			return errRefused
		}
		for _, raw := range body.Events {
			if e, err := event.ParseEnvelope(raw); err == nil {
				news = w.came(v, e) || news
			}
		}
		if !news && time.Since(asked) < marksApart {
			w.pause(ctx, marksApart) // an answer out of a store, or of another log, would come again at once
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		cursor = cmp.Or(body.Cursor, a.header.Get(client.CursorHeader), cursor)
	}
}

// came notes an event, and reports whether it is a new one.
func (w *way) came(v *watch, e event.Event) (news bool) {
	now := time.Now()
	var tick struct{ Time time.Time }
	w.change(func() {
		if v.open == 0 {
			v.open, v.start = max(now.Sub(v.asked), 1), e.ID.String()
		}
		id := e.ID.String()
		if _, again := v.came[id]; again || e.Control() {
			return
		}
		v.came[id], news = now, true
		if !w.publishes && json.Unmarshal(e.Data, &tick) == nil && !tick.Time.IsZero() {
			w.ticks = append(w.ticks, mark{id, tick.Time})
		}
	})
	return news
}

// mark has events happen, and returns them when all watches have them, or long after that.
func (w *way) mark(ctx context.Context, watches []*watch) (marks []mark) {
	if !w.publishes {
		return w.markByClock(ctx, watches)
	}
	for i := range marksPublished {
		id, err := w.publish(ctx, fmt.Sprintf("event %d of %d", i+1, marksPublished))
		if err != nil {
			return marks
		}
		marks = append(marks, mark{id, time.Now()})
		w.pause(ctx, marksApart)
	}
	w.await(ctx, marksSettle+2*w.roundTrip, func() bool {
		return !slices.ContainsFunc(watches, func(v *watch) bool { return v.err == nil && v.missing(marks) > 0 })
	})
	if len(marks) > 0 {
		w.pour(ctx, watches, marks[0])
	}
	return marks
}

// pour publishes until what is held back comes: how large is the buffer?
func (w *way) pour(ctx context.Context, watches []*watch, first mark) {
	held := func(v *watch) bool { return v.err == nil && v.missing([]mark{first}) > 0 }
	come := func(v *watch) bool { return !held(v) }
	w.mu.Lock()
	waiting := slices.DeleteFunc(slices.Clone(watches), come)
	w.mu.Unlock()
	for poured := 0; poured < pourMost && len(waiting) > 0 && ctx.Err() == nil; {
		b := make([]byte, pourPiece)
		rand.Read(b) // never fails (crypto/rand); it cannot be compressed
		filler := base64.StdEncoding.EncodeToString(b)
		if _, err := w.publish(ctx, filler); err != nil {
			return
		}
		poured += len(filler)
		w.await(ctx, pourPause, func() bool { return !slices.ContainsFunc(waiting, held) })
		w.change(func() {
			waiting = slices.DeleteFunc(waiting, func(v *watch) bool {
				if come(v) {
					v.poured = poured
				}
				return come(v)
			})
		})
	}
}

// missing counts the marks that have not come.
func (v *watch) missing(marks []mark) (n int) {
	for _, m := range marks {
		if _, ok := v.came[m.id]; !ok {
			n++
		}
	}
	return n
}

// markByClock waits for the server's clock. The time on it is the server's, so the fastest delivery of
// all is taken for one without delay.
func (w *way) markByClock(ctx context.Context, watches []*watch) (marks []mark) {
	began := time.Now()
	w.pause(ctx, clockTime)
	w.mu.Lock()
	defer w.mu.Unlock()
	fastest := time.Duration(0)
	known := make(map[string]bool)
	for _, m := range w.ticks {
		for _, v := range watches {
			if at, ok := v.came[m.id]; ok && (len(known) == 0 || at.Sub(m.at) < fastest) {
				fastest, known[m.id] = at.Sub(m.at), true
			}
		}
	}
	clear(known)
	for _, m := range w.ticks {
		m.at = m.at.Add(fastest)
		// The last ones may be under way yet.
		if !known[m.id] && m.at.After(began) && time.Since(m.at) > marksSettle {
			marks, known[m.id] = append(marks, m), true
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return a.at.Compare(b.at) })
	return marks
}

// A lag is how late the marks came to a watch.
type lag struct {
	late, missing, total int
	lumps                int           // in how many the marks came
	worst                time.Duration // of those that came
}

func (w *way) lag(v *watch, marks []mark) lag {
	l := lag{total: len(marks)}
	var last time.Time
	for _, m := range marks {
		at, ok := v.came[m.id]
		if !ok {
			l.missing++
			continue
		}
		delay := at.Sub(m.at)
		l.worst = max(l.worst, delay)
		if delay > lateness+2*w.roundTrip {
			l.late++
		}
		if last.IsZero() || at.Sub(last) > oneLump {
			l.lumps++
		}
		last = at
	}
	return l
}

// held reports whether the marks were held back: most of them, not just one that the network delayed.
func (l lag) held() bool { return 2*(l.late+l.missing) > l.total }

// show describes how the marks came, and what it took.
func (l lag) show(poured int) string {
	switch {
	case l.missing == l.total && poured == 0:
		return fmt.Sprintf("none of %d events came, not even when %s followed", l.total, inBytes(pourMost))
	case poured > 0 && l.late+l.missing > 0:
		return fmt.Sprintf("%d events came together, up to %v late, when about %s had followed", l.total-l.missing, shown(l.worst), inBytes(poured))
	case l.held():
		return fmt.Sprintf("%d events came in %s, up to %v late", l.total-l.missing, count(l.lumps, "lump"), shown(l.worst))
	}
	return fmt.Sprintf("within %v", max(shown(l.worst), time.Millisecond))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
