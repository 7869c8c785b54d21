package probe

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushlab/common/client"
)

// headerTime is after how long a server is expected to have given up on a request whose head does
// not come: the default of common servers, and a little.
const headerTime = 65 * time.Second

// httpChecks are about HTTP itself. Streams have a few more.
func httpChecks(streams bool) []Check {
	checks := []Check{
		must("HTTP-01a", "RFC 9112, sections 6.2 and 7.1", "Chunks are well formed, and there is no Content-Length beside them.", askChunks),
		unseen("HTTP-02", "RFC 9112, section 8", "A body without its last chunk is incomplete.", "that is for clients to see"),
		must("HTTP-03a", "RFC 9112, section 6.1", "An HTTP/1.0 client is not sent chunks, which it does not know.", askOldHead),
		must("HTTP-05", "RFC 9113, section 8.2.2", "Over HTTP/2 there is no Connection, Keep-Alive, Transfer-Encoding or Upgrade field.", askHTTP2),
		should("HTTP-06", "RFC 9110, section 12.5.5", "What is compressed for those who ask for it says Vary: Accept-Encoding.", askVary),
		must("HTTP-08a", "RFC 9110, section 15.5.6", "405 names the methods that are allowed in Allow.", askAllow),
		{ID: "HTTP-08b", Section: "RFC 9110, section 10.2.3", Sentence: "503 and 429 say in Retry-After when to come back.", Run: judged(askRetryAfter, Warn), last: true},
		should("HTTP-08c", "RFC 9110, section 9.1", "A method that the server does not know is refused, at best with 405 or 501.", askMethod),
		must("HTTP-09a", "RFC 9110, section 9.3.2", "The answer to HEAD has no content.", askHeadContent),
		should("HTTP-09b", "RFC 9110, section 9.3.2", "The answer to HEAD has the header fields that the one to GET has.", askHeadFields),
		should("HTTP-11", "RFC 9110, section 15.5.9", "A client that does not finish the head of its request is not waited for in vain.", askSlowHead),
	}
	if streams {
		checks = append(checks,
			must("HTTP-01b", "RFC 9112, section 7.1", "An event without text does not end the body: a chunk of size zero would.", askEmptyEvent),
			must("HTTP-03b", "RFC 9112, section 6.3", "An HTTP/1.0 client, such as nginx by default, gets events as they happen; the end of the connection ends the body.", askOldStream),
			should("HTTP-07", "RFC 9111, section 5.2.2.6", "Cache-Control is no-transform: who compresses a stream also holds it back.", askNoTransform),
		)
		slices.SortStableFunc(checks, func(a, b Check) int { return strings.Compare(a.ID, b.ID) })
	}
	return checks
}

// upgradeChecks are those of them that concern an endpoint which is no more than a WebSocket.
func upgradeChecks() []Check {
	return slices.DeleteFunc(httpChecks(false), func(c Check) bool {
		return !slices.Contains([]string{"HTTP-08a", "HTTP-08b", "HTTP-08c", "HTTP-09a", "HTTP-11"}, c.ID)
	})
}

// first asks as the transport's clients do at first.
func (t *Target) first(ctx context.Context, a ask) (*answer, error) {
	if a.query == nil {
		a.query = t.about(t.mark())
	}
	return t.get(ctx, a)
}

// get asks for what may be held back. That a stream's head is, is for one check to say, askHead; and
// a long poll may hold its answer for as long as it likes, unless it is one of ours.
func (t *Target) get(ctx context.Context, a ask) (*answer, error) {
	answer, err := t.ask(ctx, a)
	if errors.Is(err, errQuiet) && (t.held || t.Transport == LongPoll && !t.Pushlab) {
		return nil, unanswered(t)
	}
	return answer, err
}

func unanswered(t *Target) error { return skip("it gives no answer within %v", t.timeout()) }

// poll publishes an event and asks for it: the answer has content.
func (t *Target) poll(ctx context.Context, a ask) (*answer, error) {
	if !t.Pushlab {
		return t.first(ctx, a)
	}
	topic := t.mark()
	first, err := t.ask(ctx, ask{query: t.about(topic)})
	if err != nil {
		return nil, err
	}
	first.close()
	if err := t.publish(ctx, topic, t.mark()); err != nil {
		return nil, err
	}
	a.query = t.about(topic)
	a.query.Set("after", first.header.Get(client.CursorHeader))
	return t.ask(ctx, a)
}

func askChunks(ctx context.Context, t *Target) error {
	var a *answer
	if t.Transport == LongPoll {
		var err error
		if a, err = t.poll(ctx, ask{}); err != nil {
			return err
		}
		defer a.close()
		if _, err := a.content(t.deadline()); err != nil {
			return breach(a.field("Transfer-Encoding"), "the content cannot be read: %v", err)
		}
	} else {
		s, _, err := t.sample(ctx, ask{})
		if err != nil {
			return err
		}
		defer s.close()
		a = s.answer
	}
	switch {
	case !a.chunked:
		return skip("the answer is not chunked")
	case a.malformed != nil:
		return breach(quoted(a.malformed), "a line between chunks does not end with CRLF")
	case a.header.Get("Content-Length") != "":
		return breach(a.field("Content-Length"), "there is a Content-Length beside Transfer-Encoding")
	}
	return nil
}

func askEmptyEvent(ctx context.Context, t *Target) error {
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if !s.chunked {
		return skip("the answer is not chunked")
	}
	if err := t.publish(ctx, topic, ""); err != nil {
		if t.publisher != nil {
			return skip("an event without text cannot be published: %v", err)
		}
		return err
	}
	if err := t.publish(ctx, topic, text); err != nil {
		return err
	}
	_, err = s.until(text)
	if err != nil && s.state == atEnd {
		return breach(quoted("0\r\n\r\n"), "an event without text was sent as the last chunk; the stream has ended")
	}
	return err
}

func askOldHead(ctx context.Context, t *Target) error {
	get := t.first
	if t.Transport == LongPoll {
		get = t.poll
	}
	answer, err := get(ctx, ask{proto: "HTTP/1.0"})
	if err != nil {
		return err
	}
	defer answer.close()
	if answer.header.Get("Transfer-Encoding") != "" {
		return breach(answer.field("Transfer-Encoding"), "the answer to HTTP/1.0 has a Transfer-Encoding")
	}
	return nil
}

func askOldStream(ctx context.Context, t *Target) error {
	s, _, err := t.sample(ctx, ask{proto: "HTTP/1.0"})
	if err != nil {
		return err
	}
	s.close()
	return nil
}

func askHTTP2(ctx context.Context, t *Target) error {
	if t.URL.Scheme != "https" {
		return skip("without TLS there is no HTTP/2")
	}
	transport := &http.Transport{TLSClientConfig: t.options.TLS.Clone(), ForceAttemptHTTP2: true, DisableCompression: true}
	transport.DialContext = func(dialing context.Context, network, address string) (net.Conn, error) {
		c, err := t.options.DialContext(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { c.Close() }) // a connection whose streams are not over is not idle
		}
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL.String(), nil)
	if err != nil {
		return err
	}
	for _, line := range t.usual()[1:] { // without Host
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.ProtoMajor != 2 {
		return skip("it does not speak HTTP/2")
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"} {
		if value, ok := response.Header[name]; ok {
			return breach(quoted(name+": "+strings.Join(value, ", ")), "the answer over HTTP/2 has the field %s", name)
		}
	}
	return nil
}

func askVary(ctx context.Context, t *Target) error {
	answer, err := t.first(ctx, ask{header: []string{"Accept-Encoding: gzip, deflate, br, zstd"}})
	if err != nil {
		return err
	}
	defer answer.close()
	switch {
	case answer.header.Get("Content-Encoding") == "":
		return skip("it does not compress")
	case !listed(answer.header, "Vary", "Accept-Encoding") && !listed(answer.header, "Vary", "*"):
		return breach(answer.field("Content-Encoding"), "the content is compressed, and there is no Vary: Accept-Encoding")
	}
	return nil
}

func askNoTransform(ctx context.Context, t *Target) error {
	answer, err := t.first(ctx, ask{})
	if err != nil {
		return err
	}
	defer answer.close()
	if !listed(answer.header, "Cache-Control", "no-transform") {
		return breach(answer.field("Cache-Control"), "Cache-Control does not say no-transform")
	}
	return nil
}

// unknownMethod is a method that no server acts on. No other is safe to try on somebody's server.
const unknownMethod = "CONFORM"

func askAllow(ctx context.Context, t *Target) error {
	answer, err := t.ask(ctx, ask{method: unknownMethod})
	if errors.Is(err, errQuiet) {
		return unanswered(t)
	}
	if err != nil {
		return err
	}
	answer.close()
	if answer.status != http.StatusMethodNotAllowed {
		return skip("the method %s is not answered 405, but %d", unknownMethod, answer.status)
	}
	if _, ok := answer.header["Allow"]; !ok {
		return breach(answer.statusLine(), "the method %s is answered 405 without Allow", unknownMethod)
	}
	return nil
}

func askMethod(ctx context.Context, t *Target) error {
	answer, err := t.ask(ctx, ask{method: unknownMethod})
	if err != nil {
		return err
	}
	answer.close()
	if answer.status < 400 {
		return breach(answer.statusLine(), "the method %s is answered as if it were GET", unknownMethod)
	}
	return nil
}

func askRetryAfter(ctx context.Context, t *Target) error {
	if answer, err := t.ask(ctx, ask{method: unknownMethod}); err == nil {
		answer.close() // one refusal more, perhaps
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.refusals) == 0 {
		return skip("no answer was 503 or 429")
	}
	for _, answer := range t.refusals {
		if answer.header.Get("Retry-After") == "" {
			return breach(answer.statusLine(), "an answer does not say when to come back")
		}
	}
	return nil
}

func askHeadContent(ctx context.Context, t *Target) error {
	answer, err := t.ask(ctx, ask{method: http.MethodHead})
	if errors.Is(err, errQuiet) {
		return unanswered(t)
	}
	if err != nil {
		return err
	}
	defer answer.close()
	for deadline := time.Now().Add(t.settle()); len(answer.buf) == 0; {
		err := answer.fill(deadline)
		switch {
		case errors.Is(err, errQuiet), errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
	return breach(quoted(answer.buf), "there is content behind the head")
}

func askHeadFields(ctx context.Context, t *Target) error {
	get, err := t.first(ctx, ask{})
	if err != nil {
		return err
	}
	get.close()
	head, err := t.first(ctx, ask{method: http.MethodHead})
	if errors.Is(err, errQuiet) {
		return unanswered(t)
	}
	if err != nil {
		return err
	}
	head.close()
	if head.status >= 400 {
		return skip("HEAD is answered %d", head.status)
	}
	for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering", client.CursorHeader} {
		if name == "Content-Type" && t.Transport == LongPoll {
			continue // it is known only when the content is (the same section)
		}
		if (get.header[name] == nil) != (head.header[name] == nil) || name != client.CursorHeader && get.header.Get(name) != head.header.Get(name) {
			return breach(head.field(name), "%s is not as in the answer to GET (%s)", name, cmp.Or(get.field(name), "none"))
		}
	}
	return nil
}

func askSlowHead(ctx context.Context, t *Target) error {
	const worth = 10 * time.Second
	if t.timeout() < worth {
		return skip("it has to be waited for: ask with a timeout of %v or more", headerTime)
	}
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	begin := t.request(t.URL, ask{})
	if err := c.send(begin[:len(begin)-2]); err != nil { // all but the empty line
		return err
	}
	switch err := c.fill(t.deadline()); {
	case !errors.Is(err, errQuiet):
		return nil // it answered, or closed
	case t.timeout() < headerTime:
		return skip("it waits for more than %v, and perhaps for ever: ask with a timeout of %v or more", t.timeout(), headerTime)
	}
	return breach("", "the server still waits after %v", t.timeout())
}
