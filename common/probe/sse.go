package probe

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// quietTime is after how long a silent stream should have said something: WHATWG HTML, section
// 9.2.7 recommends 15 s or so, and this is what or so may be.
const quietTime = 20 * time.Second

func sseChecks() []Check {
	const html = "WHATWG HTML, section "
	return []Check{
		must("SSE-01", html+"9.2.5", "The stream is valid UTF-8, whatever was published.", askUTF8),
		must("SSE-24a", html+"9.2.6", "An id contains no NUL: a client ignores one that does, and cannot resume from it.", askIDNul),
		should("SSE-24b", "WHATWG Fetch, section 2.2.2", "An id is at most 128 bytes, without those for which a browser needs a preflight to send it back.", askIDPlain),
		must("SSE-30a", html+"9.2.2", "The answer is 200 with the type text/event-stream, in UTF-8: with any other a client gives up for good.", askEventStream),
		should("SSE-30b", "RFC 9111, section 5.2.2.5", "Cache-Control is no-store (or no-cache): no cache may answer for the server.", askNoStore),
		must("SSE-30c", "RFC 9112, section 6.3", "There is no Content-Length: the stream has no end that is known beforehand.", askNoLength),
		should("SSE-30d", "nginx, X-Accel-Buffering", "X-Accel-Buffering is no, so that nginx passes events on as they come.", askBuffering),
		must("SSE-31", html+"9.2.6", "Data with CR, LF or CRLF in it is sent so that no line of it is lost.", askLines),
		must("SSE-32a", html+"9.2.2", "The head is sent at once, and not with the first event: until then a client is still connecting.", askHead),
		must("SSE-32b", html+"9.2.7", "An event is sent when it happens, and not held back for those behind it.", askFlush),
		should("SSE-32c", html+"9.2.6", "An event is sent in one piece, up to its empty line, for the client ignores half of one.", askWhole),
		should("SSE-33", html+"9.2.7", "A quiet stream gets a comment, or something else, about every 15 seconds, so that no proxy drops it.", askHeartbeat),
		must("SSE-34a", html+"9.2.4", "A client that comes back with Last-Event-ID gets a stream.", askLastEventID),
		should("SSE-34b", html+"9.2.4", "A client that comes back with Last-Event-ID gets what it missed, in order and once.", func(ctx context.Context, t *Target) error {
			return askResume(ctx, t, lastID, resumeFrom)
		}),
		must("SSE-34c", "Pushlab", "Last-Event-ID wins over the cursor in the URL: a browser that reconnects sends both.", askHeaderWins),
		must("SSE-35a", html+"9.2.2", "A client that comes back with an id that the server does not know gets a stream: any error would end it for good.", askUnknownID),
		must("SSE-35b", "Pushlab", "A client that comes back with an id that the server does not know is told that it may have missed something ($gap).", func(ctx context.Context, t *Target) error {
			return askGap(ctx, t, resumeFrom(foreign))
		}),
		must("SSE-36a", html+"9.2.6", "retry consists of digits alone: else the client ignores it.", askRetryDigits),
		should("SSE-36b", html+"9.2.6", "The first block says retry, so that clients come back when the server wants them to.", askRetryFirst),
		should("SSE-36c", html+"9.2.3", "retry differs from client to client, so that they do not come back all at once.", askRetryJitter),
		should("SSE-36d", html+"9.2.6", "The first block has an id, so that a client can resume before it has seen an event.", askPriming),
		should("SSE-37a", "RFC 9110, section 9.1", "HEAD is answered at once, by the head of a stream.", askHeadMethod),
		must("SSE-37b", "RFC 9110, section 12.5.1", "406 is not the answer when Accept allows text/event-stream, or is absent.", askAccept),
		unseen("SSE-38", html+"9.2.3", "To send a client away for ever the server answers 204; to move it elsewhere it ends the response.",
			"only who runs the server can have it send clients away"),
	}
}

// lastID returns the id of a block.
func lastID(u unit) string {
	ids := parseBlock(u.raw).of("id")
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1].value
}

// resumeFrom returns the request of a client that comes back.
func resumeFrom(id string) ask { return ask{header: []string{"Last-Event-ID: " + id}} }

func askUTF8(ctx context.Context, t *Target) error {
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if err := t.publishBytes(ctx, topic); err != nil {
		return err
	}
	units, err := t.sampleOf(ctx, s, topic, text)
	if err != nil {
		return err
	}
	for _, u := range units {
		if !utf8.Valid(u.raw) {
			return breach(quoted(u.raw), "this is not UTF-8, and comes out as U+FFFD")
		}
	}
	return nil
}

// sampleIDs returns the ids of a sample.
func sampleIDs(ctx context.Context, t *Target) ([]field, error) {
	s, units, err := t.sample(ctx, ask{})
	if err != nil {
		return nil, err
	}
	defer s.close()
	ids := fieldsOf(units, "id")
	if len(ids) == 0 {
		return nil, skip("its events have no id")
	}
	return ids, nil
}

func askIDNul(ctx context.Context, t *Target) error {
	ids, err := sampleIDs(ctx, t)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if strings.Contains(id.value, "\x00") {
			return breach(quoted(id.line), "the id contains NUL")
		}
	}
	return nil
}

// unsafe are the bytes that a header field may not have in a request of another origin without a
// preflight (WHATWG Fetch, section 2.2.2: CORS-unsafe request-header byte). NUL is worse: askIDNul.
func unsafe(c byte) bool {
	return 0 < c && c < 0x20 && c != '\t' || strings.IndexByte("\"():<>?@[\\]{}\x7f", c) >= 0
}

func askIDPlain(ctx context.Context, t *Target) error {
	ids, err := sampleIDs(ctx, t)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if len(id.value) > 128 {
			return breach(quoted(id.line), "the id has %d bytes", len(id.value))
		}
		if i := slices.IndexFunc([]byte(id.value), unsafe); i >= 0 {
			return breach(quoted(id.line), "the id contains %q", id.value[i])
		}
	}
	return nil
}

func askEventStream(ctx context.Context, t *Target) error {
	s, err := t.listen(ctx, t.mark(), ask{})
	if err != nil {
		return err
	}
	defer s.close()
	mediaType, params, err := mime.ParseMediaType(s.header.Get("Content-Type"))
	if err != nil || mediaType != "text/event-stream" {
		return breach(s.field("Content-Type"), "the type is not text/event-stream")
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return advise(s.field("Content-Type"), "the charset can only be utf-8; a client reads the stream as that")
	}
	return nil
}

func askNoStore(ctx context.Context, t *Target) error {
	answer, err := t.first(ctx, ask{})
	if err != nil {
		return err
	}
	defer answer.close()
	if !uncached(answer.header) {
		return breach(answer.field("Cache-Control"), "Cache-Control says neither no-store nor no-cache")
	}
	return nil
}

func uncached(h http.Header) bool {
	return listed(h, "Cache-Control", "no-store") || listed(h, "Cache-Control", "no-cache")
}

func askNoLength(ctx context.Context, t *Target) error {
	s, err := t.listen(ctx, t.mark(), ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if s.header.Get("Content-Length") != "" && !s.chunked { // both: askChunks
		return breach(s.field("Content-Length"), "there is a Content-Length")
	}
	return nil
}

func askLines(ctx context.Context, t *Target) error {
	topic, after := t.mark(), t.mark()
	var lines []string
	for range 4 {
		lines = append(lines, t.mark())
	}
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if err := t.publish(ctx, topic, lines[0]+"\n"+lines[1]+"\r"+lines[2]+"\r\n"+lines[3]); err != nil {
		return err
	}
	if err := t.publish(ctx, topic, after); err != nil {
		return err
	}
	units, err := s.until(after)
	if err != nil {
		return err
	}
	for _, u := range units {
		data := parseBlock(u.raw).data
		if !strings.Contains(data, lines[0]) {
			continue
		}
		for i, line := range lines[1:] {
			if !strings.Contains(data, line) {
				return breach(quoted(u.raw), "of four lines that were published, number %d is not in the data", i+2)
			}
		}
		return nil
	}
	return breach(quoted(units[len(units)-1].raw), "four lines that were published did not come, but the event behind them did")
}

func askHeartbeat(ctx context.Context, t *Target) error {
	const enough = quietTime + 5*time.Second
	if t.timeout() < enough {
		return skip("a silence has to be waited for: ask with a timeout of %v or more", enough)
	}
	s, err := t.listen(ctx, t.mark(), ask{})
	if err != nil {
		return err
	}
	defer s.close()
	opened := time.Now()
	for end := opened.Add(t.timeout()); ; {
		silence := time.Now().Add(quietTime)
		u, err := s.next(earlier(silence, end))
		switch {
		case errors.Is(err, errQuiet) && silence.After(end):
			return skip("events came so often that nothing else was needed")
		case errors.Is(err, errQuiet):
			return breach("", "nothing came for %v", quietTime)
		case err != nil:
			return err
		}
		if b := parseBlock(u.raw); time.Since(opened) > time.Second && (len(b.of("")) > 0 || len(b.of("data")) == 0) {
			return nil // it is no greeting, and no event alone
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func askLastEventID(ctx context.Context, t *Target) error {
	s, units, err := t.sample(ctx, ask{})
	if err != nil {
		return err
	}
	s.close()
	ids := fieldsOf(units, "id")
	if len(ids) == 0 {
		return skip("its events have no id")
	}
	return accepted(ctx, t, resumeFrom(ids[len(ids)-1].value))
}

func askUnknownID(ctx context.Context, t *Target) error {
	for _, id := range []string{foreign, "conform-" + t.mark(), "0", "\u00e9\u4e16"} {
		if err := accepted(ctx, t, resumeFrom(id)); err != nil {
			return err
		}
	}
	return nil
}

// accepted asks for a stream that must be opened.
func accepted(ctx context.Context, t *Target, a ask) error {
	answer, err := t.get(ctx, a)
	if err != nil {
		return err
	}
	defer answer.close()
	if answer.status != http.StatusOK {
		return breach(answer.statusLine(), "%s is answered %d", a.header[0], answer.status)
	}
	return (&stream{answer: answer, split: splitBlock}).staysOpen(t)
}

func askHeaderWins(ctx context.Context, t *Target) error {
	if !t.Pushlab {
		return skip("how the cursor stands in the URL is known of Pushlab only: the answer has no Pushlab-Cursor")
	}
	topic, first, second := t.mark(), t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	id, err := t.publishTo(ctx, s, topic, first)
	s.close()
	if err != nil {
		return err
	}
	if err := t.publish(ctx, topic, second); err != nil {
		return err
	}
	again := resumeFrom(id)
	again.query = url.Values{"after": {"earliest"}} // that is before the first event
	if s, err = t.listen(ctx, topic, again); err != nil {
		return err
	}
	defer s.close()
	units, err := s.until(second)
	if err != nil {
		return err
	}
	if countOf(units, first) > 0 {
		return breach(quoted(units[0].raw), "the stream starts from the cursor in the URL")
	}
	return nil
}

// publishTo publishes an event, and returns the id with which it comes.
func (t *Target) publishTo(ctx context.Context, s *stream, topic, text string) (id string, err error) {
	if err := t.publish(ctx, topic, text); err != nil {
		return "", err
	}
	units, err := s.until(text)
	if err != nil {
		return "", err
	}
	return lastID(units[len(units)-1]), nil
}

func askRetryDigits(ctx context.Context, t *Target) error {
	s, units, err := t.sample(ctx, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	retries := fieldsOf(units, "retry")
	if len(retries) == 0 {
		return skip("it does not say retry")
	}
	for _, retry := range retries {
		if retry.value == "" || strings.Trim(retry.value, "0123456789") != "" {
			return breach(quoted(retry.line), "the value is not digits alone")
		}
	}
	return nil
}

// firstBlock returns the first block of a stream.
func firstBlock(ctx context.Context, t *Target) (unit, error) {
	s, units, err := t.sample(ctx, ask{})
	if err != nil {
		return unit{}, err
	}
	s.close()
	return units[0], nil
}

func askRetryFirst(ctx context.Context, t *Target) error {
	u, err := firstBlock(ctx, t)
	if err != nil {
		return err
	}
	if len(parseBlock(u.raw).of("retry")) == 0 {
		return breach(quoted(u.raw), "it does not")
	}
	return nil
}

func askPriming(ctx context.Context, t *Target) error {
	u, err := firstBlock(ctx, t)
	if err != nil {
		return err
	}
	if lastID(u) == "" {
		return breach(quoted(u.raw), "it has none")
	}
	return nil
}

func askRetryJitter(ctx context.Context, t *Target) error {
	var seen []string
	for range 4 { // that they are equal by chance is not worth a thought
		u, err := firstBlock(ctx, t)
		if err != nil {
			return err
		}
		retries := parseBlock(u.raw).of("retry")
		if len(retries) == 0 {
			return skip("its first block does not say retry")
		}
		seen = append(seen, retries[0].line)
	}
	if len(slices.Compact(seen)) == 1 {
		return breach(quoted(seen[0]), "four clients were told the same")
	}
	return nil
}

func askHeadMethod(ctx context.Context, t *Target) error {
	sent := time.Now()
	answer, err := t.ask(ctx, ask{method: http.MethodHead})
	if err != nil {
		return err
	}
	defer answer.close()
	if answer.status != http.StatusOK && answer.status != http.StatusMethodNotAllowed {
		return breach(answer.statusLine(), "HEAD is answered %d, and GET 200", answer.status)
	}
	if took := time.Since(sent); took > t.prompt() {
		return breach(answer.statusLine(), "the answer took %v", round(took))
	}
	return nil
}

func askAccept(ctx context.Context, t *Target) error {
	for _, accept := range []string{"Accept: text/event-stream", "Accept: text/*", "Accept: */*", "Accept: text/html, text/event-stream;q=0.1", "Accept:"} {
		answer, err := t.get(ctx, ask{header: []string{accept}})
		if err != nil {
			return err
		}
		answer.close()
		if answer.status == http.StatusNotAcceptable {
			if accept == "Accept:" {
				accept = "a request without Accept"
			}
			return breach(answer.statusLine(), "%s is answered 406", accept)
		}
	}
	return nil
}
