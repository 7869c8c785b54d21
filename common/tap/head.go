package tap

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A head is what of a request's or response's head matters for what follows.
type head struct {
	first   bool // the first line was read
	fields  int
	last    string // the name of the last field
	method  string
	status  int
	label   string
	cursor  string
	length  int64 // of the body; -1: not said
	chunked bool
	coded   bool
	mediaType,
	upgrade string
}

// maxFields is how many fields a head may have.
const maxFields = 256

// headBytes parses a head: RFC 9112, sections 3 to 5.
func (s *stream) headBytes(b []byte) int {
	if s.head == nil {
		if b[0] == 22 && s.at == 0 { // no method begins so
			s.mode = inTLS
			return 0
		}
		s.redactor = redactor{first: true}
		s.head = &head{length: -1}
		s.began = s.here(0)
	}
	room := maxHead - (s.at + int64(len(s.pending)) - s.began.at)
	if room <= 0 {
		s.giveUp("a head of more than 64 KiB")
		return 0
	}
	b = b[:min(int64(len(b)), room)]
	end := bytes.IndexByte(b, '\n')
	if end >= 0 {
		b = b[:end+1]
	}
	s.redactor.redact(b)
	s.pending = append(s.pending, b...)
	if end >= 0 {
		line := s.pending
		s.pending = nil
		s.headLine(line)
	}
	return len(b)
}

func (s *stream) headLine(line []byte) {
	h := s.head
	content := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	lineEnd := line[len(content):]
	switch {
	case !h.first && len(content) == 0:
		// RFC 9112, section 2.2: an empty line before a request is ignored.
		s.leaf("crlf", line).Label = "empty line before the head, ignored"
		s.head = nil
	case !h.first:
		if !s.startLine(content, lineEnd) {
			s.pending = line
			s.giveUp("this is no HTTP/1.x")
		}
	case len(content) == 0:
		s.leaf("head-end", line)
		s.headEnd()
	case h.fields == maxFields:
		s.pending = line
		s.giveUp("a head of more than 256 fields")
	default:
		h.fields++
		s.field("field", content, lineEnd)
	}
}

// startLine parses the first line of a head.
func (s *stream) startLine(content, lineEnd []byte) bool {
	h := s.head
	h.first = true
	if s.dir == Up {
		method, rest, ok := bytes.Cut(content, []byte(" "))
		i := bytes.LastIndexByte(rest, ' ')
		if !ok || i < 0 || len(method) == 0 || !bytes.HasPrefix(rest[i+1:], []byte("HTTP/1.")) {
			return false
		}
		h.method = textOf(method)
		target := rest[:i]
		s.open("request-head")
		s.open("request-line")
		s.leaf("method", method)
		s.leaf("separator", []byte(" "))
		s.target(target)
		s.leaf("separator", []byte(" "))
		s.leaf("version", rest[i+1:])
		s.leaf("crlf", lineEnd)
		s.close()
		h.label = h.method + " " + excerpt(target)
		return true
	}
	version, rest, ok := bytes.Cut(content, []byte(" "))
	if !ok || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return false
	}
	code, reason, hasReason := bytes.Cut(rest, []byte(" "))
	status, err := strconv.Atoi(string(code))
	if err != nil || len(code) != 3 {
		return false
	}
	h.status = status
	s.open("response-head")
	s.open("status-line")
	s.leaf("version", version)
	s.leaf("separator", []byte(" "))
	s.explained(s.leaf("status", code), "status/"+string(code))
	if hasReason {
		s.leaf("separator", []byte(" "))
		if len(reason) > 0 {
			s.leaf("reason", reason)
		}
	}
	s.leaf("crlf", lineEnd)
	s.close()
	h.label = textOf(bytes.TrimSpace(rest))
	return true
}

// target parses a request target: RFC 9112, section 3.2.
func (s *stream) target(target []byte) {
	s.open("target")
	defer func() {
		if s.stack[len(s.stack)-1].Start == s.at {
			s.drop() // an empty one
		} else {
			s.close()
		}
	}()
	path, query, ok := bytes.Cut(target, []byte("?"))
	if len(path) > 0 {
		s.leaf("path", path)
	}
	if !ok {
		return
	}
	s.leaf("separator", []byte("?"))
	for i, parameter := range bytes.Split(query, []byte("&")) {
		if i > 0 {
			s.leaf("separator", []byte("&"))
		}
		name, value, ok := bytes.Cut(parameter, []byte("="))
		if len(name) > 0 {
			s.leaf("query-name", name)
		}
		if !ok {
			continue
		}
		s.leaf("separator", []byte("="))
		if len(value) == 0 {
			continue
		}
		span := s.leaf("query-value", value)
		if isSecretParameter(textOf(name)) {
			hide(span)
		} else if n := textOf(name); n == "after" || n == "last_event_id" {
			s.head.cursor = textOf(value)
		}
	}
}

// explained has a span be explained by an entry, if there is one.
func (s *stream) explained(span *Span, key string) {
	if k, ok := byKey[key]; ok {
		span.Explain = key
		if k.Label != "" && span.Label == "" {
			span.Label = k.Label
		}
	}
}

// field parses a header or trailer field: RFC 9112, section 5.
func (s *stream) field(kind string, content, lineEnd []byte) {
	h := s.head
	name, value, ok := bytes.Cut(content, []byte(":"))
	folded := content[0] == ' ' || content[0] == '\t'
	switch {
	case folded && h.fields > 1:
		s.open("fold").Wrong = "lines of a head are not folded any more"
		span := s.leaf("field-value", content)
		if secretField([]byte(h.last)) {
			hide(span)
		}
	case !ok || len(name) == 0 || folded:
		s.open(kind).Wrong = "a field is a name, a colon and a value"
		s.leaf("field-name", content)
	default:
		h.last = strings.ToLower(textOf(name))
		span := s.open(kind)
		span.Label = textOf(name)
		s.explained(span, "field/"+h.last)
		s.leaf("field-name", name)
		s.leaf("separator", []byte(":"))
		trimmed := bytes.TrimLeft(value, " \t")
		if n := len(value) - len(trimmed); n > 0 {
			s.leaf("separator", value[:n])
		}
		value = bytes.TrimRight(trimmed, " \t")
		if len(value) > 0 {
			span := s.leaf("field-value", value)
			if secretField([]byte(h.last)) {
				hide(span)
			}
		}
		if rest := trimmed[len(value):]; len(rest) > 0 {
			s.leaf("separator", rest)
		}
		h.set(h.last, textOf(value))
	}
	s.leaf("crlf", lineEnd)
	s.close()
}

// set notes a field that matters.
func (h *head) set(name, value string) {
	switch name {
	case "content-length":
		if n, err := strconv.ParseUint(value, 10, 62); err == nil {
			h.length = int64(n)
		}
	case "transfer-encoding":
		h.chunked = strings.EqualFold(strings.TrimSpace(value[strings.LastIndexByte(value, ',')+1:]), "chunked")
	case "content-type":
		mediaType, _, _ := strings.Cut(value, ";")
		h.mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	case "content-encoding":
		h.coded = value != "" && !strings.EqualFold(value, "identity")
	case "upgrade":
		h.upgrade = strings.ToLower(value)
	case "last-event-id", "pushlab-cursor":
		h.cursor = value
	}
}

// headEnd is called behind a complete head.
func (s *stream) headEnd() {
	h := s.head
	root := s.close()
	root.Label = h.label
	m := Message{Offset: root.Start, Length: root.Length, Label: h.label, ID: short(h.cursor), Began: s.began.when}
	if s.dir == Up {
		s.p.asked++
		m.Kind, m.Exchange = RequestMessage, s.p.asked
		s.tell(m)
		s.requestEnd()
		return
	}
	m.Kind = ResponseMessage
	if h.mediaType != "" {
		m.Label += ", " + h.mediaType
	}
	if h.status >= 200 || h.status == 101 || s.p.answered == 0 && len(s.p.requests) == 0 {
		s.p.answered++
	}
	m.Exchange = max(1, s.p.answered)
	s.tell(m)
	s.responseEnd()
}

func (s *stream) requestEnd() {
	h, p := s.head, s.p
	s.head = nil
	r := request{method: h.method, upgrade: h.upgrade == "websocket"}
	if len(p.requests) == maxQueue {
		s.giveUp("more than 64 requests without an answer")
		return
	}
	switch {
	case p.switched: // the answer was fed before its request
		s.startFrames()
		return
	case p.answered >= p.asked: // likewise
	default:
		p.requests = append(p.requests, r)
	}
	switch {
	case r.upgrade:
		s.mode = inWaiting
	case h.chunked || h.length > 0:
		s.startBody(h)
	default:
		s.mode = inHead
	}
}

func (s *stream) responseEnd() {
	h, p := s.head, s.p
	if h.status < 200 && h.status != 101 { // an interim response
		s.head, s.mode = nil, inHead
		return
	}
	var r request
	if len(p.requests) > 0 {
		r = p.requests[0]
		p.requests = p.requests[1:]
	}
	s.head = nil
	if h.status == 101 {
		p.switched = true
		s.startFrames()
		if p.up.mode == inWaiting {
			p.up.restart(p.up.startFrames)
		}
		return
	}
	if p.up.mode == inWaiting && r.upgrade {
		p.up.restart(func() { p.up.mode = inHead })
	}
	switch {
	// RFC 9112, section 6.3: these have no body, whatever they say about it.
	case r.method == "HEAD" || h.status == 204 || h.status == 304:
		s.mode = inHead
		s.endOfBody(true)
	case !h.chunked && h.length == 0:
		s.mode = inHead
		s.endOfBody(true)
	default:
		s.startBody(h)
	}
}

// restart goes on in another mode with what has waited.
func (s *stream) restart(begin func()) {
	waiting := s.pending
	s.pending = nil
	begin()
	s.feed(waiting)
}

// short bounds what is taken for an id.
func short(id string) string {
	if len(id) > 128 {
		return ""
	}
	return id
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func bytesText(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return number(n) + " bytes"
}

func hexText(b []byte) string { return fmt.Sprintf("% x", b) }
