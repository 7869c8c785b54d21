package tap

import (
	"bytes"
	"cmp"
)

// eventStream parses an event stream: WHATWG HTML, sections 9.2.5 and 9.2.6. A line becomes spans when it ends, or when
// something cuts it: the end of a chunk, or the size of the tree.
type eventStream struct {
	pend    []byte // of the line, not in the tree yet
	open    []string
	started bool // the first line was read
	cr      bool // the last byte of pend is a CR, and a LF may follow
	skipLF  bool // the CR before was put into the tree already
	inEvent bool
	event   eventState
	inLine  bool // a part of the line is in the tree
	line    lineState
}

// An eventState is what is known of an event.
type eventState struct {
	began   moment
	data    []byte
	lines   int // of data
	payload int64
	tooLong bool
	id      string
	kind    string
	comment string
}

// A lineState is what is known of a line of which a part is in the tree.
type lineState struct {
	phase linePhase
	name  []byte
	value []byte
	begun bool // the value
}

type linePhase int

const (
	inName linePhase = iota
	inSpace
	inValue
)

func (e *eventStream) feed(s *stream, b []byte) {
	for len(b) > 0 {
		if s.full(len(e.pend)) {
			e.suspend(s)
			s.cut()
		}
		if e.cr {
			if b[0] == '\n' {
				e.pend = append(e.pend, '\n')
				b = b[1:]
				e.endLine(s, 2)
			} else {
				e.endLine(s, 1)
			}
			continue
		}
		if e.skipLF {
			if e.skipLF = false; b[0] == '\n' {
				s.leaf("sse-end", b[:1]).Label = "the rest of the line end before"
				b = b[1:]
				continue
			}
		}
		e.begin(s)
		n := int(min(int64(len(b)), maxTree-s.size()-int64(len(e.pend))))
		i := bytes.IndexAny(b[:n], "\r\n")
		if i >= 0 {
			n = i + 1
		}
		e.pend = append(e.pend, b[:n]...)
		if i >= 0 {
			if b[i] == '\r' {
				e.cr = true
			} else {
				e.endLine(s, 1)
			}
		}
		b = b[n:]
	}
}

// begin notes where an event begins, if one begins with the next byte.
func (e *eventStream) begin(s *stream) {
	if !e.inEvent && len(e.pend) == 0 {
		e.event = eventState{began: s.here(0)}
	}
}

// endLine puts a complete line into the tree, whose line end has that many bytes.
func (e *eventStream) endLine(s *stream, size int) {
	line, end := e.pend[:len(e.pend)-size], e.pend[len(e.pend)-size:]
	e.pend, e.cr = nil, false
	if !e.started && !e.inLine {
		if mark := []byte("\uFEFF"); bytes.HasPrefix(line, mark) {
			s.leaf("sse-bom", mark).Text = ""
			line = line[len(mark):]
		}
	}
	e.started = true
	if len(line) == 0 && !e.inLine {
		e.dispatch(s, end)
		return
	}
	e.segment(s, line, true)
	s.leaf("sse-end", end)
	s.close()
	e.inLine = false
}

// resume opens again what was suspended.
func (e *eventStream) resume(s *stream) {
	s.resume(e.open)
	e.open = nil
}

// segment puts a part of a line into the tree, without its line end; last says that the line ends with it.
func (e *eventStream) segment(s *stream, b []byte, last bool) {
	e.resume(s)
	if !e.inEvent {
		e.inEvent = true
		s.open("sse-event")
	}
	l := &e.line
	if !e.inLine {
		e.inLine = true
		*l = lineState{}
		kind := "sse-field"
		if len(b) > 0 && b[0] == ':' {
			kind = "sse-comment"
		}
		s.open(kind)
	}
	field := s.stack[len(s.stack)-1]
	if l.phase == inName {
		name, rest, colon := bytes.Cut(b, []byte(":"))
		if len(name) > 0 {
			s.leaf("sse-name", name).Part = partOf(len(l.name) == 0, colon || last)
			l.name = append(l.name, name[:min(len(name), 64)]...)
		}
		if colon {
			s.leaf("sse-colon", []byte(":"))
			l.phase = inSpace
		}
		b = rest
	}
	if l.phase == inSpace && len(b) > 0 {
		if l.phase = inValue; b[0] == ' ' {
			s.leaf("sse-space", b[:1])
			b = b[1:]
		}
	}
	if len(b) > 0 {
		e.value(s, b, last)
	}
	if last {
		e.field(s, field)
	}
}

// value puts a part of a value into the tree.
func (e *eventStream) value(s *stream, b []byte, last bool) {
	l := &e.line
	part := partOf(!l.begun, last)
	l.begun = true
	switch string(l.name) {
	case "":
		s.leaf("sse-comment-text", b).Part = part
	case "data":
		if part == Whole {
			s.json("sse-data", b)
		} else {
			s.leaf("sse-data", b).Part = part
		}
		e.event.payload += int64(len(b))
		if len(e.event.data)+len(b) > maxUnit {
			e.event.tooLong = true
		} else {
			e.event.data = append(e.event.data, b...)
		}
	default:
		s.leaf("sse-value", b).Part = part
	}
	if len(l.value) < maxTree {
		l.value = append(l.value, b[:min(len(b), maxTree)]...)
	}
}

// field is called when a line is in the tree but for its end.
func (e *eventStream) field(s *stream, field *Span) {
	name, value := string(e.line.name), textOf(e.line.value)
	switch name {
	case "":
		e.event.comment = cmp.Or(e.event.comment, excerpt(e.line.value))
		return
	case "data":
		// Each line of data has a line feed behind it, of which the last is taken away again.
		e.event.lines++
		if len(e.event.data) < maxUnit {
			e.event.data = append(e.event.data, '\n')
		}
	case "event":
		e.event.kind = value
	case "id":
		if bytes.IndexByte(e.line.value, 0) < 0 {
			e.event.id = value
		} else {
			field.Wrong = "an id with NUL is ignored"
		}
	case "retry":
		for _, c := range e.line.value {
			if c < '0' || c > '9' {
				field.Wrong = "only digits are taken; this is ignored"
			}
		}
	default:
		name = "other"
	}
	s.explained(field, "sse/"+name)
}

// dispatch is called for an empty line.
func (e *eventStream) dispatch(s *stream, end []byte) {
	if !e.inEvent {
		s.leaf("sse-blank", end)
		return
	}
	e.resume(s)
	s.leaf("sse-dispatch", end)
	span := s.close()
	e.inEvent = false
	m := e.message()
	m.Offset, m.Length, m.Began = e.event.began.at, s.at-e.event.began.at, e.event.began.when
	span.Label = m.Label
	e.event = eventState{}
	s.tell(m)
}

// message returns what the event means.
func (e *eventStream) message() Message {
	v := e.event
	if v.lines == 0 {
		label := "no data: dispatches nothing"
		if v.comment != "" {
			label = "comment: " + v.comment
		}
		return Message{Kind: CommentMessage, ID: short(v.id), Label: label}
	}
	var u unit
	if data := bytes.TrimSuffix(v.data, []byte("\n")); v.tooLong {
		u.label = excerpt(data)
	} else {
		u = unitOf(data)
	}
	if !u.envelope { // of a foreign server
		u.id, u.topic = short(v.id), cmp.Or(short(v.kind), "message")
	}
	m := u.message()
	if m.Kind == TextMessage {
		m.Kind = EventMessage
	}
	m.Payload = v.payload
	return m
}

func (e *eventStream) suspend(s *stream) {
	if e.cr {
		e.endLine(s, 1)
		e.skipLF = true
	}
	if len(e.pend) > 0 {
		b := e.pend
		e.pend = nil
		e.segment(s, b, false)
	}
	if open := s.suspend(s.base); len(open) > 0 {
		e.open = open
	}
}

func (e *eventStream) finish(s *stream, complete bool) {
	if e.cr {
		e.endLine(s, 1)
	}
	if len(e.pend) > 0 {
		e.segment(s, e.pend, false)
		e.pend = nil
	}
	for len(s.stack) > s.base {
		// WHATWG HTML, section 9.2.6: what has no empty line behind it is thrown away.
		s.close().Wrong = noEmptyLine
	}
}

const noEmptyLine = "it has no empty line behind it: the client throws it away"

func (e *eventStream) unfinished() string {
	if !e.inEvent {
		return ""
	}
	return "the last event: " + noEmptyLine
}
