package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"pushlab/common/memhttp"
)

// testTimeout is long enough for all that is waited for; it passes in virtual time.
const testTimeout = 100 * time.Second

// Faults take this long where they are slow: longer than what is prompt, shorter than the timeout.
const slow = 60 * time.Second

// A lab is a small server that keeps Pushlab's contract, but for one fault. A fault is named after
// the check that has to notice it; a variant follows behind a slash.
type lab struct {
	fault   string
	foreign bool // it is not Pushlab, and has neither cursors nor topics
	plain   bool // its events have no ids
	silent  bool // its streams begin with the first event, and no sooner
	json    bool // only JSON can be published
	epoch   string
	retries atomic.Int64

	mu      sync.Mutex
	log     []entry
	keys    map[string]entry // by idempotency key
	changed chan struct{}    // closed when an event comes
}

// An entry is an event of the lab.
type entry struct {
	seq   int
	topic string
	data  []byte // JSON
	at    time.Time
}

func newLab(fault string) *lab {
	return &lab{fault: fault, epoch: "labepoch", keys: make(map[string]entry), changed: make(chan struct{})}
}

// serve serves the lab in memory, and returns the options to ask it with.
func (l *lab) serve(t testing.TB) Options {
	server := memhttp.NewServer(t, l)
	if !l.broken("HTTP-11") {
		server.HTTP.ReadHeaderTimeout = 10 * time.Second
	}
	return Options{DialContext: server.Dial, Timeout: testTimeout, MaxMessage: 4 << 10}
}

func (l *lab) broken(faults ...string) bool {
	for _, fault := range faults {
		if fault == l.fault {
			return true
		}
	}
	return false
}

func (l *lab) publish(topic string, data []byte) entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := entry{len(l.log) + 1, topic, data, time.Now()}
	l.log = append(l.log, e)
	close(l.changed)
	l.changed = make(chan struct{})
	return e
}

func (l *lab) head() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.log)
}

// after returns the events of the topics behind a place, and what tells of further ones.
func (l *lab) after(seq int, topics []string) (events []entry, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.log[min(seq, len(l.log)):] {
		if len(topics) == 0 || slices.Contains(topics, e.topic) {
			events = append(events, e)
		}
	}
	return events, l.changed
}

// before returns the place in front of the last event of the topics up to a place.
func (l *lab) before(seq int, topics []string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := min(seq, len(l.log)) - 1; i >= 0; i-- {
		if slices.Contains(topics, l.log[i].topic) {
			return i
		}
	}
	return seq
}

func (l *lab) cursor(seq int) string { return l.epoch + "-" + strconv.Itoa(seq) }

func (l *lab) envelope(seq int, topic string, data []byte) []byte {
	return fmt.Appendf(nil, `{"id":"%s","topic":"%s","data":%s}`, l.cursor(seq), topic, data)
}

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, values := range r.Header {
		if len(values) > 1 {
			w.WriteHeader(http.StatusBadRequest) // we never need to repeat a field
			return
		}
	}
	transport := strings.TrimPrefix(r.URL.Path, "/")
	if transport == "publish" {
		l.servePublish(w, r)
		return
	}
	if !l.cors(w, r) {
		return
	}
	if r.Method == unknownMethod && l.broken("HTTP-08b") {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == unknownMethod && l.broken("HTTP-08c") && transport == WebSocket {
		return // 200
	}
	known := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == unknownMethod && l.broken("HTTP-08c")
	if !known && !(r.Method == http.MethodPost && l.broken("WS-01/method")) {
		if !l.broken("HTTP-08a") {
			w.Header().Set("Allow", "GET, HEAD")
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	switch transport {
	case LongPoll:
		l.servePoll(w, r)
	case HTTPStream, SSE:
		l.serveStream(w, r, transport)
	case WebSocket:
		l.serveWebSocket(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (l *lab) servePublish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if l.json != (r.Header.Get("Content-Type") == "application/json") {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	valid := utf8.Valid(body)
	if !valid && !l.broken("SSE-01", "LP-11b/bytes", "WS-10c") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	data := append(append([]byte{'"'}, body...), '"')
	switch {
	case l.json:
		data = body
	case valid:
		data, _ = json.Marshal(string(body))
	}
	l.mu.Lock()
	used, known := l.keys[r.Header.Get("Idempotency-Key")]
	l.mu.Unlock()
	topic := cmp.Or(r.URL.Query().Get("topic"), "message")
	switch {
	case known && !bytes.Equal(used.data, data) && !l.broken("KEY-01b"):
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	case !known || l.broken("KEY-01a"):
		used = l.publish(topic, data)
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		l.mu.Lock()
		l.keys[key] = used
		l.mu.Unlock()
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q}`, l.cursor(used.seq))
}

// cors answers preflights, and reports whether the request is to be served.
func (l *lab) cors(w http.ResponseWriter, r *http.Request) bool {
	h, origin := w.Header(), r.Header.Get("Origin")
	own := origin == "http://"+r.Host
	if !l.broken("CORS-01b") {
		h.Add("Vary", "Origin")
	}
	allowed := own || l.broken("CORS-01c") && origin == "null" || l.broken("CORS-01d") && origin == stranger
	if origin != "" && allowed {
		h.Set(allowOrigin, origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if l.broken("CORS-01a") {
		h.Set(allowOrigin, "*")
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if !l.broken("CORS-02b/expose") {
		h.Set("Access-Control-Expose-Headers", "Pushlab-Cursor")
	}
	if r.Method != http.MethodOptions {
		return true
	}
	fields := "Last-Event-ID, Prefer, Content-Type, Authorization, Idempotency-Key"
	if l.broken("CORS-02a") {
		fields = strings.TrimPrefix(fields, "Last-Event-ID, ")
	}
	if l.broken("CORS-02b/fields") {
		fields = "Last-Event-ID"
	}
	h.Set("Access-Control-Allow-Headers", fields)
	if l.broken("CORS-02a/status") {
		w.WriteHeader(http.StatusMethodNotAllowed)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
	return false
}

// A request is what a subscriber asks for.
type request struct {
	topics  []string
	seq     int
	gap     bool // there is no such place
	bad     bool
	resumes bool
}

func (l *lab) read(r *http.Request) request {
	query := r.URL.Query()
	ask := request{topics: query["topic"], seq: l.head()}
	cursor, header := query.Get("after"), r.Header.Get("Last-Event-ID")
	if header != "" && !(l.broken("SSE-34c") && cursor != "") {
		cursor = header
	}
	if cursor == "" {
		return ask
	}
	epoch, digits, _ := strings.Cut(cursor, "-")
	seq, err := strconv.Atoi(digits)
	switch {
	case cursor == "earliest":
		ask.seq = 0
	case err != nil && header == "":
		ask.bad = true
	case err != nil || epoch != l.epoch || seq > l.head():
		ask.seq, ask.gap = 0, true
	default:
		ask.seq, ask.resumes = seq, true
	}
	return ask
}

// streamHead returns the head of a stream.
func (l *lab) streamHead(w http.ResponseWriter, r *http.Request, transport string, seq int) http.Header {
	h := w.Header()
	h.Set("Content-Type", map[string]string{SSE: "text/event-stream", HTTPStream: "application/x-ndjson"}[transport])
	switch {
	case l.broken("SSE-30a", "LP-11a"):
		h.Set("Content-Type", "text/plain")
	case l.broken("SSE-30a/charset"):
		h.Set("Content-Type", "text/event-stream; charset=latin1")
	}
	h.Set("Cache-Control", "no-store, no-transform")
	switch {
	case l.broken("SSE-30b", "LP-05"), l.broken("HTTP-09b") && r.Method == http.MethodHead:
		h.Set("Cache-Control", "max-age=60, no-transform")
	case l.broken("HTTP-07"):
		h.Set("Cache-Control", "no-store")
	}
	if !l.broken("SSE-30d", "LP-11f") {
		h.Set("X-Accel-Buffering", "no")
	}
	if !l.foreign {
		h.Set("Pushlab-Cursor", l.cursor(seq))
	}
	if l.broken("HTTP-06") && r.Header.Get("Accept-Encoding") != "" {
		h.Set("Content-Encoding", "gzip")
	}
	return h
}

func (l *lab) serveStream(w http.ResponseWriter, r *http.Request, transport string) {
	ask := l.read(r)
	id := r.Header.Get("Last-Event-ID")
	switch {
	case ask.bad, l.broken("SSE-34a") && ask.resumes && ask.topics == nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	case l.broken("SSE-35a") && ask.gap && ask.topics == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	case l.broken("SSE-37b") && !strings.HasPrefix(r.Header.Get("Accept"), "text/event-stream") && transport == SSE:
		w.WriteHeader(http.StatusNotAcceptable)
		return
	case l.broken("SSE-35b", "LP-07") && ask.gap:
		ask.gap, ask.seq = false, l.head()
	case l.broken("SSE-34b") && ask.resumes && r.URL.Query().Get("after") == "", l.broken("LP-10") && ask.resumes:
		ask.seq = l.head()
	case l.broken("SSE-34b/again") && ask.resumes && r.URL.Query().Get("after") == "", l.broken("LP-10/again") && ask.resumes:
		ask.seq--
	}
	h := l.streamHead(w, r, transport, ask.seq)
	if r.Method == http.MethodHead && !l.broken("HTTP-09a") {
		if l.broken("SSE-37a") {
			w.WriteHeader(http.StatusBadRequest)
		}
		if l.broken("SSE-37a/slow") {
			<-time.After(slow)
		}
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.Copy(io.Discard, conn)
	}()
	defer func() { conn.Close(); <-gone }()
	s := &labStream{lab: l, conn: conn, gone: gone, transport: transport, ask: ask}
	s.chunked = (r.ProtoAtLeast(1, 1) || l.broken("HTTP-03a")) && !l.broken("SSE-30c")
	if s.chunked {
		h.Set("Transfer-Encoding", "chunked")
	}
	if l.broken("SSE-30c", "HTTP-01a/length") {
		h.Set("Content-Length", "1000000")
	}
	h.Set("Connection", "close")
	if l.broken("SSE-32a", "LP-11c") && !s.after(slow) {
		return
	}
	for l.silent {
		events, changed := l.after(ask.seq, ask.topics)
		if len(events) > 0 {
			break
		}
		select {
		case <-changed:
		case <-gone:
			return
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "%s 200 OK\r\n", r.Proto)
	h.Write(&head)
	head.WriteString("\r\n")
	conn.Write(head.Bytes())
	if l.broken("SSE-35a/ends") && ask.gap && id != "" && ask.topics == nil {
		s.write(nil)
		return
	}
	if l.broken("HTTP-03b") && !r.ProtoAtLeast(1, 1) {
		<-gone
		return
	}
	s.run()
}

// A labStream is a stream of the lab.
type labStream struct {
	*lab
	conn      net.Conn
	gone      <-chan struct{}
	transport string
	chunked   bool
	ask       request
}

// after waits, unless the peer goes.
func (s *labStream) after(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.gone:
		return false
	}
}

func (s *labStream) run() {
	s.write(s.opening())
	if s.ask.gap && !s.foreign {
		s.write(s.control(s.ask.seq, "$gap"))
	}
	seq := s.ask.seq
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		events, changed := s.lab.after(seq, s.ask.topics)
		for _, e := range events {
			if !s.event(e) {
				return
			}
			seq = e.seq
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-beat.C:
			if s.transport == SSE && !s.broken("SSE-33") {
				s.write([]byte(": beat\n\n"))
			}
		case <-s.gone:
			return
		}
	}
}

// opening returns what a stream begins with.
func (s *labStream) opening() []byte {
	if s.transport == HTTPStream {
		return s.control(s.ask.seq, "$open")
	}
	var b []byte
	n := s.retries.Add(1)
	switch {
	case s.broken("SSE-36b"):
	case s.broken("SSE-36a"):
		b = fmt.Appendf(b, "retry: %dms\n", 3000+n)
	case s.broken("SSE-36c"):
		b = append(b, "retry: 3000\n"...)
	default:
		b = fmt.Appendf(b, "retry: %d\n", 3000+n)
	}
	open := s.control(s.ask.seq, "$open")
	if s.broken("SSE-36d") {
		_, open, _ = bytes.Cut(open, []byte("\n"))
	}
	b = append(b, open...)
	switch {
	case s.broken("SSE-24a"):
		b = append(b, "id: a\x00b\n\n"...)
	case s.broken("SSE-24b/bytes"):
		b = append(b, "id: \"a\"\n\n"...)
	case s.broken("SSE-24b/long"):
		b = append(b, "id: "+strings.Repeat("a", 129)+"\n\n"...)
	}
	return b
}

// control returns the frame of a control event.
func (s *labStream) control(seq int, topic string) []byte {
	envelope := s.envelope(seq, topic, []byte("{}"))
	if s.transport == HTTPStream {
		return append(envelope, '\n')
	}
	return fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", s.cursor(seq), topic, envelope)
}

// event writes an event; false if the peer is gone.
func (s *labStream) event(e entry) bool {
	if s.broken("SSE-32b", "LP-11d") && !s.after(time.Until(e.at.Add(slow))) {
		return false
	}
	frame := append(s.envelope(e.seq, e.topic, e.data), '\n')
	if s.broken("LP-11b") {
		frame = bytes.Replace(frame, []byte(","), []byte(",\n"), 1)
	}
	if s.transport == SSE {
		frame = fmt.Appendf(nil, "id: %s\ndata: %s\n", s.cursor(e.seq), frame)
		if s.plain {
			frame = fmt.Appendf(nil, "data: %s\n\n", e.data)
		}
		var text string
		if s.broken("SSE-31") && json.Unmarshal(e.data, &text) == nil {
			frame = fmt.Appendf(nil, "id: %s\ndata: %s\n\n", s.cursor(e.seq), text)
		}
	}
	if s.broken("HTTP-01b") && string(e.data) == `""` && s.ask.topics != nil {
		s.conn.Write([]byte("0\r\n\r\n"))
		return true
	}
	if s.broken("SSE-32c", "LP-11e") {
		s.write(frame[:4])
		if frame = frame[4:]; !s.after(testTimeout / 5) {
			return false
		}
	}
	s.write(frame)
	return true
}

// write writes a piece of the body; nothing is the end of it.
func (s *labStream) write(b []byte) {
	lineEnd := "\r\n"
	if s.broken("HTTP-01a") {
		lineEnd = "\n"
	}
	if s.chunked {
		b = fmt.Appendf(nil, "%x%s%s\r\n", len(b), lineEnd, b)
	}
	s.conn.Write(b)
}

func (l *lab) servePoll(w http.ResponseWriter, r *http.Request) {
	ask := l.read(r)
	if ask.bad {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if l.broken("LP-05") {
		h.Set("Cache-Control", "max-age=60")
	}
	if l.broken("HTTP-09b") && r.Method == http.MethodHead {
		h.Del("Cache-Control")
	}
	if l.broken("HTTP-06") && r.Header.Get("Accept-Encoding") != "" {
		h.Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead && !l.broken("HTTP-09a") {
		if !l.foreign {
			h.Set("Pushlab-Cursor", l.cursor(ask.seq))
		}
		return
	}
	p := l.newPoll(r, ask)
	if p.preferred {
		h.Set(preferenceApplied, fmt.Sprintf("wait=%d", p.wait))
		if l.broken("LP-01a/unsaid") {
			h.Del(preferenceApplied)
		}
	}
	events := p.events(r.Context())
	l.answer(w, r, p, events)
}

// A poll is a long poll to the lab.
type poll struct {
	*lab
	ask       request
	wait      int // seconds
	limit     int
	preferred bool
}

func (l *lab) newPoll(r *http.Request, ask request) poll {
	p := poll{lab: l, ask: ask, wait: 25, limit: 1000}
	value, preferred := strings.CutPrefix(r.Header.Get("Prefer"), "wait=")
	if !preferred {
		value = r.URL.Query().Get("wait")
	}
	if n, err := strconv.Atoi(value); err == nil {
		p.wait, p.preferred = min(n, 110), preferred
		if l.broken("LP-01b") {
			p.wait = n
		}
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		p.limit = n
	}
	if l.broken("LP-10b") && p.ask.resumes && p.limit > 1 {
		p.ask.seq = l.before(p.ask.seq, p.ask.topics)
	}
	return p
}

// events waits for something to say.
func (p poll) events(ctx context.Context) []entry {
	wait := time.Duration(p.wait) * time.Second
	switch {
	case p.broken("LP-08a") && wait == 0 && len(p.ask.topics) > 0 && !p.ask.resumes && !p.ask.gap:
		wait = slow
	case p.broken("LP-01a") && wait == time.Second:
		wait = slow
	case p.broken("LP-01a/early") && wait == time.Second:
		wait = 0
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		events, changed := p.after(p.ask.seq, p.ask.topics)
		if p.broken("LP-10a") && len(events) == 1 && p.limit > 1 {
			return nil
		}
		if len(events) > 0 || p.ask.gap {
			return events
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *lab) answer(w http.ResponseWriter, r *http.Request, p poll, events []entry) {
	h, seq := w.Header(), l.head()
	more := len(events) > p.limit
	if more {
		events = events[:p.limit]
		seq = events[len(events)-1].seq
	}
	if l.broken("LP-07a") && p.ask.resumes && len(events) == 0 {
		seq += 1000
	}
	cursor := l.cursor(seq)
	if l.broken("LP-07b/again") && p.ask.gap {
		cursor = foreign
	}
	if !l.foreign && !(l.broken("LP-06b") && p.ask.resumes && len(events) == 0) {
		h.Set("Pushlab-Cursor", cursor)
	}
	if len(events) == 0 && (!p.ask.gap || l.broken("LP-07b")) && r.Method != http.MethodHead {
		if l.broken("LP-06a") && p.ask.resumes {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var list [][]byte
	if p.ask.gap && !l.broken("LP-07b") {
		list = append(list, l.envelope(seq, "$gap", []byte("{}")))
	}
	for _, e := range events {
		list = append(list, l.envelope(e.seq, e.topic, e.data))
	}
	if l.broken("LP-06b/content") {
		cursor = l.cursor(seq + 1)
	}
	if l.broken("LP-08b") {
		more = false
	}
	body := fmt.Appendf(nil, `{"events":[%s],"cursor":"%s","more":%t}`, bytes.Join(list, []byte(",")), cursor, more)
	h.Set("Content-Type", "application/json")
	if l.broken("HTTP-01a", "HTTP-01a/length", "HTTP-03a", "HTTP-09a") {
		l.answerRaw(w, r, body)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// answerRaw answers in chunks, as net/http never would.
func (l *lab) answerRaw(w http.ResponseWriter, r *http.Request, body []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	h, lineEnd := w.Header(), "\r\n"
	if l.broken("HTTP-01a") {
		lineEnd = "\n"
	}
	if r.ProtoAtLeast(1, 1) || l.broken("HTTP-03a") {
		h.Set("Transfer-Encoding", "chunked")
		body = fmt.Appendf(nil, "%x%s%s\r\n0\r\n\r\n", len(body), lineEnd, body)
		if l.broken("HTTP-01a/length") {
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s 200 OK\r\n", r.Proto)
	h.Write(&b)
	b.WriteString("\r\n")
	b.Write(body)
	conn.Write(b.Bytes())
}
