package tap

import (
	"bytes"
	"encoding/json"
	"strings"
)

// A member is one of a JSON object, by where its parts lie.
type member struct {
	name              string
	nameAt, nameEnd   int
	valueAt, valueEnd int
}

// members returns the members of an object, and nil if b is none. B must be valid JSON.
func members(b []byte) []member {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return nil
	}
	list := []member{}
	for i = skipSpace(b, i+1); i < len(b) && b[i] != '}'; i = skipSpace(b, i) {
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		m := member{nameAt: i}
		m.nameEnd = skipValue(b, i)
		m.valueAt = skipSpace(b, skipSpace(b, m.nameEnd)+1) // past the colon
		m.valueEnd = skipValue(b, m.valueAt)
		json.Unmarshal(b[m.nameAt:m.nameEnd], &m.name) // it is valid
		list = append(list, m)
		i = m.valueEnd
	}
	return list
}

// elements returns where the elements of an array lie, from i on. B must be valid JSON.
func elements(b []byte, i int) (list [][2]int) {
	if b[i] != '[' {
		return nil
	}
	for i = skipSpace(b, i+1); i < len(b) && b[i] != ']'; i = skipSpace(b, i) {
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
		end := skipValue(b, i)
		list = append(list, [2]int{i, end})
		i = end
	}
	return list
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && strings.IndexByte(" \t\r\n", b[i]) >= 0 {
		i++
	}
	return i
}

// skipValue returns where the value at i ends.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // of what the value stands in
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// A unit is what a JSON text means: an event, an answer, or something else.
type unit struct {
	envelope bool
	id       string
	topic    string
	label    string
}

// unitOf reads the JSON text of one event or message.
func unitOf(b []byte) unit {
	var v struct {
		ID, Topic, Op *string
		Data          json.RawMessage
		Title, Detail string
	}
	if !bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) || json.Unmarshal(b, &v) != nil {
		return unit{label: excerpt(b)}
	}
	u := unit{label: excerpt(b)}
	if v.ID != nil {
		u.id = short(*v.ID)
	}
	if v.Topic != nil {
		u.topic = short(*v.Topic)
	}
	switch {
	case v.Op != nil:
		u.label = *v.Op
		if u.topic != "" {
			u.label += " " + u.topic
		}
	case v.ID != nil && v.Topic != nil && v.Data != nil:
		u.envelope, u.label = true, u.topic+" "+excerpt(v.Data)
	case v.Title != "" || v.Detail != "":
		u.label = strings.TrimPrefix(v.Title+": "+v.Detail, ": ")
	}
	u.label = excerpt([]byte(u.label))
	return u
}

// message returns the unit as a message.
func (u unit) message() Message {
	m := Message{Kind: TextMessage, ID: u.id, Topic: u.topic, Label: u.label}
	if u.envelope {
		m.Kind = EventMessage
		if strings.HasPrefix(u.topic, "$") {
			m.Kind = ControlMessage
		}
	}
	return m
}

// excerpt is the beginning of a text, on one line, for a label.
func excerpt(b []byte) string {
	const most = 80
	text, more := textOf(b), ""
	if len(b) > most {
		text, more = strings.TrimSuffix(textOf(b[:most]), "\uFFFD"), "…"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return r
	}, text) + more
}

// json opens a span for a JSON text with its parts as children, if it is an object and there is room; else it appends a
// leaf of that kind.
func (s *stream) json(kind string, b []byte) *Span {
	if s.nodes < maxNodes && json.Valid(b) {
		if list := members(b); list != nil {
			return s.object(kind, b, list)
		}
	}
	return s.leaf(kind, b)
}

func (s *stream) object(kind string, b []byte, list []member) *Span {
	has := func(names ...string) bool {
		for _, name := range names {
			found := false
			for _, m := range list {
				found = found || strings.EqualFold(m.name, name)
			}
			if !found {
				return false
			}
		}
		return true
	}
	envelope, answer := has("id", "topic", "data"), has("events", "cursor")
	span := s.open(kind)
	switch {
	case envelope:
		span.Explain, span.Label = "envelope", "envelope"
	case answer:
		span.Explain, span.Label = "answer", "answer"
	}
	done := 0
	gap := func(to int) {
		if to > done {
			s.leaf("json-punctuation", b[done:to])
		}
		done = to
	}
	for _, m := range list {
		if s.nodes >= maxNodes { // the rest in one
			s.leaf("json-value", b[done:])
			done = len(b)
			break
		}
		gap(m.nameAt)
		s.leaf("json-name", b[m.nameAt:m.nameEnd])
		done = m.nameEnd
		gap(m.valueAt)
		value, name := b[m.valueAt:m.valueEnd], strings.ToLower(m.name)
		switch {
		case envelope && (name == "id" || name == "topic" || name == "data"):
			s.leaf("envelope-"+name, value)
		case answer && name == "events":
			for _, e := range elements(b, m.valueAt) {
				if s.nodes >= maxNodes {
					s.leaf("json-value", b[done:m.valueEnd])
					done = m.valueEnd
					break
				}
				gap(e[0])
				s.json("envelope", b[e[0]:e[1]])
				done = e[1]
			}
			gap(m.valueEnd)
		case answer && (name == "cursor" || name == "more"):
			s.leaf(name, value)
		default:
			s.leaf("json-value", value)
		}
		done = m.valueEnd
	}
	gap(len(b))
	return s.close()
}

// document is a body that is one JSON text: the answer to a poll, or a problem (RFC 9457).
type document struct {
	begun  bool
	pend   []byte
	whole  []byte // as far as it is kept
	pieces pieces
	began  moment
	length int64
}

func (d *document) feed(s *stream, b []byte) {
	if d.length == 0 {
		d.began = s.here(len(d.pend))
	}
	d.length += int64(len(b))
	for len(b) > 0 {
		// A document that is too large for one tree is shown in parts.
		if len(d.pend) >= maxDocument || s.full(0) {
			d.suspend(s)
			s.cut()
		}
		n := min(len(b), maxDocument-len(d.pend))
		if len(d.pend) == 0 && len(d.whole) < maxUnit {
			d.pieces.add(len(d.whole), s.at)
		}
		d.pend = append(d.pend, b[:n]...)
		if len(d.whole) < maxUnit {
			d.whole = append(d.whole, b[:n]...)
		}
		b = b[n:]
	}
}

// maxDocument is how large a document may be if it is to be shown in one piece.
const maxDocument = 64 << 10

// suspend puts what came into the tree. If it is the whole document, that is the chance to show its parts.
func (d *document) suspend(s *stream) { d.put(s, !d.begun && json.Valid(d.pend)) }

func (d *document) put(s *stream, last bool) {
	if len(d.pend) == 0 {
		return
	}
	part := partOf(!d.begun, last)
	if part == Whole {
		s.json("json", d.pend)
	} else {
		s.leaf("json", d.pend).Part = part
	}
	d.begun, d.pend = true, nil
}

func (d *document) unfinished() string { return "" }

func (d *document) finish(s *stream, complete bool) {
	d.put(s, complete)
	if !complete || d.length == 0 {
		return
	}
	if int64(len(d.whole)) < d.length || !json.Valid(d.whole) {
		s.tell(Message{Kind: TextMessage, Offset: d.began.at, Length: s.at - d.began.at, Payload: d.length, Label: excerpt(d.whole), Began: d.began.when})
		return
	}
	told := false
	for _, m := range members(d.whole) {
		if !strings.EqualFold(m.name, "events") {
			continue
		}
		for _, e := range elements(d.whole, m.valueAt) {
			d.tell(s, e[0], e[1])
			told = true
		}
	}
	if !told {
		d.tell(s, 0, len(d.whole))
	}
}

// tell reports what lies there in the document.
func (d *document) tell(s *stream, from, to int) {
	m := unitOf(d.whole[from:to]).message()
	m.Offset = d.pieces.locate(from)
	m.Length = d.pieces.locate(to-1) + 1 - m.Offset
	m.Payload = int64(to - from)
	m.Began = d.began.when
	s.tell(m)
}
