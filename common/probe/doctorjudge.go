package probe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// typeOf is what the answers of a transport are, and storeless what their Cache-Control says.
var (
	typeOf    = map[string]string{SSE: "text/event-stream", HTTPStream: "application/x-ndjson"}
	storeless = []string{"no-store", "no-transform"}
)

// judgeStreams tells how streams opened, and what their heads had.
func (w *way) judgeStreams(watches []*watch) {
	for _, v := range watches {
		if v.zip || v.transport == LongPoll {
			continue
		}
		if v.transport == WebSocket {
			if v.answer == nil || v.answer.status != http.StatusSwitchingProtocols {
				continue // another check tells
			}
			w.judgeOpening(v)
			continue
		}
		if v.answer != nil && v.answer.status != http.StatusOK {
			cause, text := explain(v.answer, nil)
			if _, server := ours(v.answer, nil); !server && v.answer.status == http.StatusGatewayTimeout { // though polls are answered
				cause, text = Buffering, "A hop waits for more of a stream before it passes anything on, and gives up."
			}
			w.broken(openCheck, v.transport, cause, text, "%s", said(v.answer, nil))
			continue
		}
		if v.answer == nil && v.err != nil {
			w.broken(openCheck, v.transport, Unanswered, "A stream ends without an answer.", "%v", v.err)
			continue
		}
		w.judgeOpening(v)
		if v.answer != nil {
			w.judgeFields(v)
		}
	}
}

func (w *way) judgeOpening(v *watch) {
	const slow = "Streams do not open when they are asked for: their beginning is held back."
	switch {
	case v.head == 0:
		w.broken(openCheck, v.transport, Buffering, slow, "no answer within %v", shown(time.Since(v.asked)))
	case v.open == 0:
		w.broken(openCheck, v.transport, Buffering, slow, "the head came after %v, but no first event within %v", shown(v.head), shown(time.Since(v.asked)))
	case v.open > w.prompt():
		w.broken(openCheck, v.transport, Buffering, slow, "the head came after %v, the first event after %v", shown(v.head), shown(v.open))
	default:
		w.fine(openCheck, v.transport, "Streams open at once.", "%v", shown(v.open))
	}
}

func (w *way) judgeFields(v *watch) {
	a, good := v.answer, true
	if want := typeOf[v.transport]; !listed(a.header, "Content-Type", want) {
		good = false
		w.broken(fieldCheck, v.transport, hides("Content-Type"), "Content-Type is another one: browsers give up such a stream.", "%s", cmp.Or(a.field("Content-Type"), "it is missing"))
	}
	if a.header.Get(client.CursorHeader) == "" {
		good = false
		w.broken(fieldCheck, v.transport, hides(client.CursorHeader), "Pushlab-Cursor is taken out of answers: polls that find nothing have no other cursor.", "")
	}
	for _, directive := range storeless {
		if !listed(a.header, "Cache-Control", directive) {
			good = false
			w.remark(fieldCheck, v.transport, hides("Cache-Control"), "Cache-Control is another one: whoever comes behind that hop may store or compress.", "%s", cmp.Or(a.field("Cache-Control"), "it is missing"))
			break
		}
	}
	if good {
		w.fine(fieldCheck, v.transport, "The header fields come through that clients and hops need.", "")
	}
}

// judgeDelay tells whether events came when they happened; plain is whether they were held back for
// those, too, who accept no compression.
func (w *way) judgeDelay(v *watch, marks []mark, plain bool) {
	if v.answer != nil && v.answer.status != http.StatusOK && v.answer.status != http.StatusSwitchingProtocols {
		return // it was refused, of which another check tells
	}
	lag := w.lag(v, marks)
	encoding := ""
	if v.answer != nil {
		encoding = v.answer.header.Get("Content-Encoding")
	}
	check := delayCheck
	if v.zip {
		check = zipCheck
	}
	switch {
	case len(marks) == 0:
		w.remark(check, v.transport, "", "No event was to be had: none could be published, and the server's clock is off or does not come through.", "")
	case v.err != nil && lag.held():
		w.remark(check, v.transport, "", "The stream ended while events were watched.", "%v", v.err)
	case lag.missing == lag.total && len(w.epochsSeen()) > 1:
		return // they may be in another server's log, of which another check tells
	case v.zip && lag.held() && encoding != "":
		w.broken(check, v.transport, Compression, "Streams are compressed, and events held back.", "Content-Encoding: %s; %s", encoding, lag.show(v.poured))
	case v.zip && lag.held() && plain:
		return // of which the other stream tells
	case v.zip && lag.held():
		w.broken(check, v.transport, Compression, "Who accepts gzip, as browsers do, gets events late, and others do not.", "%s", lag.show(v.poured))
	case v.zip && encoding != "":
		w.remark(check, v.transport, Compression, "Streams are compressed, though they say no-transform. Events come at once; it costs the hop memory for each stream.", "Content-Encoding: %s", encoding)
	case v.zip:
		w.fine(check, v.transport, "Streams are not compressed.", "")
	case lag.held():
		w.broken(check, v.transport, Buffering, "Events are held back.", "%s", lag.show(v.poured))
	case lag.late > 0:
		w.remark(check, v.transport, "", "Some events were late; not most, so it may have been the network.", "%d of %d, up to %v", lag.late, lag.total, shown(lag.worst))
	default:
		w.fine(check, v.transport, "Events come when they happen.", "%s", lag.show(0))
	}
}

func (w *way) epochsSeen() (epochs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.epochs {
		epochs = append(epochs, e)
	}
	return epochs
}

// askSamePoll asks again what was asked before the marks.
func (w *way) askSamePoll(ctx context.Context, query url.Values, before *answer, first []byte, marks []mark) {
	a, again, err := w.poll(ctx, query)
	if err != nil || len(marks) == 0 {
		return // the other checks tell
	}
	evidence := stored(a)
	switch {
	case bytes.Contains(again, []byte(marks[len(marks)-1].id)), !w.publishes && !bytes.Equal(first, again):
		w.judgeStored(LongPoll, evidence)
	case len(w.epochsSeen()) > 1:
		return // another server's log does not have them
	default:
		w.broken(cacheCheck, LongPoll, Caching, "The same question gets the same answer, though events have happened since: it comes from a store.",
			"%s", cmp.Or(evidence, before.statusLine()+", then "+a.statusLine()))
	}
}

// stored returns the header field that says that an answer was stored, if one does.
func stored(a *answer) string {
	if age := a.header.Get("Age"); age != "" && age != "0" { // RFC 9111, section 5.1
		return a.field("Age")
	}
	for _, name := range []string{"X-Cache", "X-Cache-Status", "X-Proxy-Cache", "Cf-Cache-Status", "Cache-Status"} {
		if strings.Contains(strings.ToLower(a.header.Get(name)), "hit") {
			return a.field(name)
		}
	}
	return ""
}

func (w *way) judgeStored(transport, evidence string) {
	if evidence != "" {
		w.remark(cacheCheck, transport, Caching, "An answer was fresh, but says that it comes from a store.", "%s", evidence)
		return
	}
	w.fine(cacheCheck, transport, "Each answer is the server's own.", "")
}

// askSameStream opens a stream once more whose first one is still open: a cache may give both the same
// one, or have the second wait until the first ends.
func (w *way) askSameStream(ctx context.Context, watches []*watch, marks []mark) {
	for _, v := range watches {
		if v.zip || v.transport != SSE && v.transport != HTTPStream || v.start == "" || v.open > w.prompt() || v.err != nil || len(marks) == 0 {
			continue // what is held back is told already
		}
		e, a, err := w.first(ctx, v.transport, ask{query: url.Values{"topic": {w.topic}}})
		switch {
		case errors.Is(err, errQuiet):
			w.broken(cacheCheck, v.transport, Caching, "Who asks for the same stream a second time has to wait: the first one, which does not end, is to be stored.", "no first event within %v", shown(w.prompt()))
		case err != nil:
			continue // it was refused, or broke, of which other checks tell
		case e.ID.String() == v.start:
			w.broken(cacheCheck, v.transport, Caching, "Who asks for the same stream later gets its old beginning: it comes from a store.", "%s", cmp.Or(stored(a), "both begin with "+v.start))
		default:
			w.judgeStored(v.transport, stored(a))
		}
	}
}

// first opens a stream and returns its first event. It fails with errQuiet if that does not come at once.
func (w *way) first(ctx context.Context, transport string, a ask) (event.Event, *answer, error) {
	s, err := w.stream(ctx, transport, a, w.prompt())
	if err != nil {
		return event.Event{}, nil, err
	}
	defer s.close()
	if s.status != http.StatusOK {
		return event.Event{}, nil, errRefused
	}
	e, err := s.event(w.prompt())
	return e, s.answer, err
}

// askResume comes back as an EventSource does, with the id of the last event in a header field, and as
// other clients do, with the id in the query.
func (w *way) askResume(ctx context.Context, watches []*watch, marks []mark) {
	if len(marks) < 2 || len(w.epochsSeen()) > 1 {
		return // other checks tell
	}
	const lost = "Last-Event-ID does not come to the server: an EventSource that comes back loses what it missed."
	cursor := marks[0].id
	by := func(header bool) ask {
		a := ask{query: url.Values{"topic": {w.topic}}}
		if header {
			a.header = []string{"Last-Event-ID: " + cursor}
		} else {
			a.query.Set("after", cursor)
		}
		return a
	}
	header, _, err := w.first(ctx, SSE, by(true))
	if err != nil {
		w.askResumePoll(ctx, cursor, marks[1].id, lost)
		return
	}
	if header.ID.String() == cursor {
		w.fine(resumeCheck, SSE, "Who comes back with Last-Event-ID goes on where it was.", "")
		return
	}
	before := slices.IndexFunc(watches, func(v *watch) bool { return v.transport == SSE && v.start == header.ID.String() })
	query, _, err := w.first(ctx, SSE, by(false))
	switch {
	case before >= 0:
		w.broken(resumeCheck, SSE, Caching, "Who comes back with Last-Event-ID gets an old beginning: it comes from a store.", "the stream begins at %s instead of %s, as an earlier one did", header.ID, cursor)
	case err == nil && query.ID.String() == cursor:
		w.broken(resumeCheck, SSE, strips("Last-Event-ID"), lost, "with the header field the stream begins at %s instead of %s; with after= in the query it is right", header.ID, cursor)
	case header.Topic == event.GapTopic:
		w.remark(resumeCheck, SSE, "", "The server's log does not reach back to an event of a moment ago.", "$gap at %s", header.ID)
	default:
		w.broken(resumeCheck, SSE, Caching, "Neither Last-Event-ID nor the query comes to the server.", "asked for %s, the stream begins at %s", cursor, header.ID)
	}
}

// askResumePoll asks the same of a poll, which comes through where streams do not.
func (w *way) askResumePoll(ctx context.Context, cursor, next, lost string) {
	a, content, err := w.poll(ctx, url.Values{"topic": {w.topic}}, "Last-Event-ID: "+cursor)
	switch {
	case err != nil:
	case bytes.Contains(content, []byte(next)):
		w.fine(resumeCheck, LongPoll, "Who comes back with Last-Event-ID goes on where it was.", "asked of a poll, since the stream does not open")
	case a.status == http.StatusNoContent:
		w.broken(resumeCheck, LongPoll, strips("Last-Event-ID"), lost, "asked of a poll, since the stream does not open: %s", a.statusLine())
	}
}
