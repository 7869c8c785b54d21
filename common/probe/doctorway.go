package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// How long a doctor waits.
const (
	doctorPatience = 5 * time.Second // for an answer that needs no waiting
	opening        = time.Second     // for a stream to open; what takes longer is held back
	lateness       = 250 * time.Millisecond
)

// A way leads to a server: through all hops, or past some of them. Its observations are made
// concurrently.
type way struct {
	base    *url.URL
	options Options
	doctor  DoctorOptions
	run     string // tells the topics of this examination from all others
	other   *way   // where one can publish if not here; nil if there is none

	// These are known once the server has answered for the first time.
	roundTrip time.Duration // of a request on a connection of its own
	cursor    string        // where the log was
	topic     string        // of the events to watch
	publishes bool          // we publish them; else they are those of the clock
	posts     bool          // and we can do so on this way

	mu      sync.Mutex
	changed chan struct{} // closed when a watch has seen something
	ticks   []mark        // that came of the clock, if we do not publish
	found   []Observation
	heads   []http.Header // of the answers
	page    []Hop         // that was recognized by its page
	epochs  map[string]bool
}

func newWay(address, run string, o DoctorOptions) (*way, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("probe: %q is no URL; give that of a Pushlab server, such as https://example.com", address)
	}
	if base.Path == "" {
		base.Path = "/" // RFC 9112, section 3.2.1
	}
	header := http.Header{"User-Agent": {"pushlab-doctor"}}
	for name, values := range o.Header {
		header[name] = values
	}
	return &way{
		base: base, run: run, doctor: o, changed: make(chan struct{}), epochs: make(map[string]bool),
		options: Options{Header: header, TLS: o.TLS, Timeout: doctorPatience},
	}, nil
}

// examine asks everything. It fails if nobody answers.
func (w *way) examine(ctx context.Context) error {
	w.doctor.Progress("asking " + w.base.String() + " for the first time")
	reached, err := w.reach(ctx)
	if err != nil {
		return err
	}
	if reached {
		w.choose(ctx)
		var running sync.WaitGroup
		if w.doctor.Idle > 0 {
			w.doctor.Progress(fmt.Sprintf("watching events, and for %v quiet streams", w.doctor.Idle))
			running.Go(func() { w.watchQuiet(ctx) })
		}
		running.Go(func() { w.watchEvents(ctx) })
		running.Go(func() {
			w.askUpgrade(ctx)
			w.askPrefer(ctx)
			w.askLimit(ctx)
			w.askKeepAlive(ctx)
			w.askProtocol(ctx)
		})
		running.Wait()
		w.judgeLogs()
	}
	if len(w.hops()) == 0 {
		w.provoke(ctx)
	}
	return nil
}

// hops returns those that show themselves in the answers so far. The other way may be asking here just then.
func (w *way) hops() []Hop {
	w.mu.Lock()
	defer w.mu.Unlock()
	return recognize(w.heads)
}

// target returns an endpoint on this way, which has the transport's name, or another one.
func (w *way) target(endpoint string) *Target {
	return &Target{URL: w.base.JoinPath(endpoint), Transport: endpoint, Pushlab: true, options: w.options.withDefaults(), run: w.run}
}

// open asks on a connection of its own, and waits so long for the head. The caller closes the answer.
func (w *way) open(ctx context.Context, endpoint string, a ask, wait time.Duration) (*answer, error) {
	t := w.target(endpoint)
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.wait = wait
	answer, err := c.exchange(t.request(t.URL, a), cmp.Or(a.method, http.MethodGet))
	if err != nil {
		c.close()
		return nil, err
	}
	w.saw(answer)
	return answer, nil
}

// saw remembers what an answer tells of who sent it.
func (w *way) saw(a *answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heads = append(w.heads, a.header)
	if id, err := event.ParseID(a.header.Get(client.CursorHeader)); err == nil && id != event.Unknown {
		w.epochs[id.Epoch] = true
	}
}

// poll asks by long polling for what there is, and returns the answer with its content.
func (w *way) poll(ctx context.Context, query url.Values, header ...string) (*answer, []byte, error) {
	seconds, err := strconv.Atoi(cmp.Or(query.Get("wait"), "0"))
	if err != nil {
		return nil, nil, err
	}
	query.Set("wait", strconv.Itoa(seconds))
	patience := doctorPatience + time.Duration(seconds)*time.Second
	a, err := w.open(ctx, LongPoll, ask{query: query, header: append([]string{"Prefer:"}, header...)}, patience)
	if err != nil {
		return nil, nil, err
	}
	defer a.close()
	content, err := a.content(time.Now().Add(doctorPatience))
	return a, content, err
}

// reach asks for the first time. It reports whether a Pushlab server answered; if a hop did, or a server
// that does not want to, that is an observation.
func (w *way) reach(ctx context.Context) (bool, error) {
	sent := time.Now()
	a, content, err := w.poll(ctx, url.Values{"topic": {w.quietTopic()}})
	var late lateError
	switch {
	case errors.As(err, &late):
		w.broken(reachCheck, "", Unanswered, "A poll that need not wait is not answered.", "%v", err)
		return false, nil
	case errors.Is(err, errUnanswered):
		w.broken(reachCheck, "", Unanswered, "Connections are closed without an answer.", "%v", err)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("probe: %s: %w", w.base, err)
	}
	w.roundTrip = time.Since(sent)
	w.cursor = a.header.Get(client.CursorHeader)
	_, pushlab := a.header[client.CursorHeader]
	switch {
	case a.status == http.StatusNoContent, a.status == http.StatusOK && (pushlab || hasCursor(content)):
		w.fine(reachCheck, "", "A Pushlab server answers.", "%v for connection and answer", shown(w.roundTrip))
		return true, nil
	case a.status/100 == 3 && a.header.Get("Location") != "":
		return false, fmt.Errorf("probe: %s: %w", w.base, unexpected(a))
	}
	cause, text := explain(a, content)
	// RFC 6750, section 3.1: what is wrong with a token is said only to those who have shown one.
	challenge := a.header.Get("WWW-Authenticate")
	if a.status == http.StatusUnauthorized && w.doctor.Header.Get("Authorization") != "" && challenge != "" && !strings.Contains(challenge, "error=") {
		cause, text = strips("Authorization"), "Authorization does not come to the server: it asks for a token, though one was sent."
	}
	w.broken(reachCheck, "", cause, text, "%s", said(a, content))
	return false, nil
}

// hasCursor reports whether the content is the answer to a poll.
func hasCursor(content []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(content, &members) == nil && members["cursor"] != nil
}

// ours reports whether an error comes from a Pushlab server, and returns what it says.
func ours(a *answer, content []byte) (detail string, ok bool) {
	if mediaType, _, _ := strings.Cut(a.header.Get("Content-Type"), ";"); mediaType != "application/problem+json" {
		return "", false
	}
	var problem struct{ Detail string }
	json.Unmarshal(content, &problem) // without a detail there is none
	return problem.Detail, true
}

// said returns what an answer says that is an error.
func said(a *answer, content []byte) string {
	if detail, _ := ours(a, content); detail != "" {
		return a.statusLine() + ": " + detail
	}
	return strings.TrimSpace(a.statusLine() + " " + a.field("Content-Type"))
}

// explain says what a status means that an endpoint of ours does not have.
func explain(a *answer, content []byte) (Cause, string) {
	_, server := ours(a, content)
	switch a.status {
	case http.StatusMisdirectedRequest:
		return HostName, "The server does not answer for that name: a hop passes on another Host, or --host does not list it."
	case http.StatusUnauthorized, http.StatusForbidden:
		return Credentials, "Who asks is refused: give credentials that may subscribe."
	case http.StatusNotFound:
		return NotThere, "There is no Pushlab server at this path: give its base URL, without /sse and the like."
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if server {
			return Unanswered, "The server refuses."
		}
		return Unanswered, "A hop answers by itself: it does not reach the server, or waited in vain for it. Does the server run, where the hop looks for it?"
	}
	if server {
		return Unanswered, "The server refuses."
	}
	return NotThere, "This is no answer of a Pushlab server."
}

// quietTopic is one on which nothing is ever published.
func (w *way) quietTopic() string { return "doctor." + w.run + ".quiet" }

// choose finds out what events to watch: those that we publish, or those of the clock.
func (w *way) choose(ctx context.Context) {
	w.topic = "clock"
	if w.doctor.Mute {
		w.skipped(publishCheck, "Nothing is published, as you wished.")
		return
	}
	topic := "doctor." + w.run
	_, a, content, err := w.post(ctx, topic, "first")
	switch {
	case err != nil:
		w.broken(publishCheck, "", PostBlocked, "An event cannot be published.", "%v", err)
	case a.status == http.StatusCreated:
		w.topic, w.publishes, w.posts = topic, true, true
		w.fine(publishCheck, "", "POST /publish takes an event.", "%s", a.statusLine())
		return
	default:
		_, server := ours(a, content)
		switch {
		case server && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden):
			w.remark(publishCheck, "", Credentials, "The server lets only those publish who may: give credentials with which one can.", "%s", said(a, content))
		case server:
			w.broken(publishCheck, "", PostBlocked, "The server refuses an event.", "%s", said(a, content))
		default:
			w.broken(publishCheck, "", PostBlocked, "A hop does not let POST /publish through.", "%s", a.statusLine())
		}
	}
	if w.other != nil {
		if _, a, _, err := w.other.post(ctx, topic, "first"); err == nil && a.status == http.StatusCreated {
			w.topic, w.publishes = topic, true
			return
		}
	}
	w.other = nil // it is of no help
}

// post publishes a text. Without an error it returns what was answered, and the event's id if there is one.
func (w *way) post(ctx context.Context, topic, text string) (id string, a *answer, content []byte, err error) {
	a, err = w.open(ctx, "publish", ask{
		method: http.MethodPost, query: url.Values{"topic": {topic}}, body: []byte(text),
		header: []string{"Content-Type: text/plain; charset=utf-8"},
	}, doctorPatience)
	if err != nil {
		return "", nil, nil, err
	}
	defer a.close()
	if content, err = a.content(time.Now().Add(doctorPatience)); err != nil {
		return "", nil, nil, err
	}
	var published struct{ ID string }
	if a.status == http.StatusCreated {
		json.Unmarshal(content, &published) // without an id there is none
	}
	return published.ID, a, content, nil
}

// publish publishes an event to watch, here or past the hops, and returns its id.
func (w *way) publish(ctx context.Context, text string) (string, error) {
	for _, by := range []*way{w, w.other} {
		if by == nil {
			continue
		}
		if id, _, _, err := by.post(ctx, w.topic, text); err == nil && id != "" {
			return id, nil
		}
	}
	return "", errors.New("an event could not be published")
}

// judgeLogs tells whether all answers were of one log.
func (w *way) judgeLogs() {
	switch n := len(w.epochsSeen()); {
	case n > 1:
		w.broken(logCheck, "", SeveralLogs, "Requests reach servers that do not share a log: who comes back elsewhere gets a $gap.", "cursors of %d epochs", n)
	case n == 1:
		w.fine(logCheck, "", "All answers are of one log.", "")
	}
}

// askPrefer asks whether Prefer comes to the server, and the answer to it back.
func (w *way) askPrefer(ctx context.Context) {
	a, err := w.open(ctx, LongPoll, ask{query: url.Values{"topic": {w.quietTopic()}}, header: []string{"Prefer: wait=0"}}, opening+2*w.roundTrip)
	var late lateError
	switch {
	case errors.As(err, &late):
		w.remark(fieldCheck, LongPoll, strips("Prefer"), "Prefer does not come to the server: polls wait as long as the server likes, unless the query says wait=.", "no answer to Prefer: wait=0 within %v", shown(late.wait))
		return
	case err != nil:
		return // the other checks tell
	}
	defer a.close()
	if a.status == http.StatusNoContent && a.header.Get(preferenceApplied) == "" {
		w.remark(fieldCheck, LongPoll, hides(preferenceApplied), "Preference-Applied is taken out of answers: clients do not learn how long a poll waits.", "")
	}
}

// askKeepAlive makes two requests on one connection.
func (w *way) askKeepAlive(ctx context.Context) {
	t := w.target(LongPoll)
	c, err := t.dial(ctx)
	if err != nil {
		return
	}
	defer c.close()
	for i := range 2 {
		a, err := c.exchange(t.request(t.URL, ask{query: url.Values{"topic": {w.quietTopic()}, "wait": {"0"}}, header: []string{"Prefer:"}}), http.MethodGet)
		if err == nil {
			_, err = a.content(time.Now().Add(doctorPatience))
		}
		if err != nil || listed(a.header, "Connection", "close") && i == 0 {
			if i == 0 && err != nil {
				return // the other checks tell
			}
			w.remark(keepAliveCheck, LongPoll, NoKeepAlive, "Each poll takes a connection of its own: round trips and, with TLS, a handshake.", "the connection ends after an answer")
			return
		}
	}
	w.fine(keepAliveCheck, LongPoll, "Polls can share a connection.", "")
}

// askLimit sends as much as the largest event has, but nothing that the server would publish: it is not JSON.
func (w *way) askLimit(ctx context.Context) {
	if !w.posts {
		return
	}
	size := inBytes(w.doctor.MaxMessage)
	t := w.target("publish")
	c, err := t.dial(ctx)
	if err != nil {
		return // the other checks tell
	}
	c.wait = 2 * doctorPatience // it is much, for a slow line
	request := t.request(t.URL, ask{method: http.MethodPost, query: url.Values{"topic": {w.quietTopic()}},
		header: []string{"Content-Type: application/json"}, body: bytes.Repeat([]byte("x"), w.doctor.MaxMessage)})
	var sending sync.WaitGroup
	defer sending.Wait()
	defer c.close()
	sending.Go(func() { c.send(request) }) // who refuses answers before he has read it all, and may not read it
	a, err := c.final(http.MethodPost)
	if err != nil {
		w.broken(limitCheck, "", BodyLimit, "A large event gets no answer, and small ones do.", "%s: %v", size, err)
		return
	}
	w.saw(a)
	content, _ := a.content(time.Now().Add(opening)) // what has come of it will do
	switch _, server := ours(a, content); {
	case server && a.status == http.StatusRequestEntityTooLarge:
		w.remark(limitCheck, "", BodyLimit, "The server itself takes no events as large as that.", "%s: %s", size, said(a, content))
	case server && a.status == http.StatusBadRequest:
		w.fine(limitCheck, "", "Events of the largest size come through.", "%s", size)
	case a.status == http.StatusGatewayTimeout:
		w.remark(limitCheck, "", IdleTimeout, "A large event takes longer than a hop waits.", "%s: %s", size, said(a, content))
	default: // it should be 413; Caddy says 502
		w.broken(limitCheck, "", BodyLimit, "A hop refuses large events, and small ones not: its limit is lower than the server's.", "%s: %s", size, said(a, content))
	}
}

// askProtocol asks which version of HTTP clients get.
func (w *way) askProtocol(ctx context.Context) {
	if w.base.Scheme == "https" {
		if protocol, err := w.negotiate(ctx); err == nil && protocol == "h2" {
			w.fine(versionCheck, "", "Browsers get HTTP/2: streams share a connection.", "")
		} else if err == nil {
			w.remark(versionCheck, "", NoHTTP2, "Browsers get HTTP/1.1: they open six connections, so the seventh stream waits.", "%s", cmp.Or(protocol, "no protocol was chosen"))
		}
		return
	}
	a, err := w.open(ctx, LongPoll, ask{query: url.Values{"topic": {w.quietTopic()}, "wait": {"0"}}, header: []string{"Prefer:"}}, doctorPatience)
	if err != nil {
		return
	}
	defer a.close()
	if a.proto == "HTTP/1.0" {
		w.remark(versionCheck, "", OldHTTP, "Clients get HTTP/1.0: a stream that was cut looks as if it were complete, and there are no WebSockets.", "%s", a.statusLine())
		return
	}
	w.fine(versionCheck, "", "Clients get HTTP/1.1. Browsers speak HTTP/2 by https only; without it they have six connections.", "")
}
