package tap

import "bytes"

// lines is a body in which each line is something by itself: NDJSON, or text.
type lines struct {
	kind   string
	pend   []byte // of the line, not in the tree yet
	whole  []byte // the line, as far as it is kept, if a part of it is in the tree
	inLine bool   // a part of the line is in the tree
	open   []string
	began  moment
	length int64 // of the line
}

func (l *lines) feed(s *stream, b []byte) {
	for len(b) > 0 {
		if s.full(len(l.pend)) {
			l.suspend(s)
			s.cut()
		}
		if l.length == 0 {
			l.began = s.here(0)
		}
		n := int(min(int64(len(b)), maxTree-s.size()-int64(len(l.pend))))
		i := bytes.IndexByte(b[:n], '\n')
		if i >= 0 {
			n = i + 1
		}
		l.pend = append(l.pend, b[:n]...)
		l.length += int64(n)
		b = b[n:]
		if i >= 0 {
			l.endLine(s)
		}
	}
}

// endLine puts the end of a line into the tree.
func (l *lines) endLine(s *stream) {
	content := bytes.TrimSuffix(bytes.TrimSuffix(l.pend, []byte("\n")), []byte("\r"))
	end := l.pend[len(content):]
	l.pend = nil
	m := Message{Kind: CommentMessage, Label: "empty line"}
	switch {
	case !l.inLine && len(content) == 0:
		s.leaf("line-blank", end)
	default:
		l.segment(s, content, true)
		s.leaf("line-end", end)
		span := s.close()
		if l.tooLong() {
			m = Message{Kind: TextMessage, Label: excerpt(l.whole)}
		} else {
			m = unitOf(l.whole).message()
		}
		m.Payload = l.length - int64(len(end))
		span.Label = m.Label
	}
	m.Offset, m.Length, m.Began = l.began.at, s.at-l.began.at, l.began.when
	l.whole, l.inLine, l.length = nil, false, 0
	s.tell(m)
}

// tooLong reports whether not all of the line was kept.
func (l *lines) tooLong() bool { return len(l.whole) >= maxUnit }

// content is the kind of what is in a line.
func (l *lines) content() string {
	if l.kind == "text-line" {
		return "content"
	}
	return "json"
}

// segment puts a part of a line into the tree, without its line end.
func (l *lines) segment(s *stream, b []byte, last bool) {
	s.resume(l.open)
	l.open = nil
	if !l.inLine {
		s.open(l.kind)
	}
	if len(b) > 0 {
		if part := partOf(!l.inLine, last); part == Whole {
			s.json(l.content(), b)
		} else {
			s.leaf(l.content(), b).Part = part
		}
	}
	l.inLine = true
	l.whole = append(l.whole, b[:min(len(b), maxUnit-len(l.whole))]...)
}

func (l *lines) suspend(s *stream) {
	if len(l.pend) > 0 {
		b := l.pend
		l.pend = nil
		l.segment(s, b, false)
	}
	if open := s.suspend(s.base); len(open) > 0 {
		l.open = open
	}
}

func (l *lines) finish(s *stream, complete bool) {
	if len(l.pend) > 0 {
		l.segment(s, l.pend, false)
		l.pend = nil
	}
	for len(s.stack) > s.base {
		s.close().Wrong = noLineFeed
	}
}

const noLineFeed = "it has no line feed behind it"

func (l *lines) unfinished() string {
	if !l.inLine {
		return ""
	}
	return "the last line: " + noLineFeed
}
