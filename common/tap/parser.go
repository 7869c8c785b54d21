package tap

import (
	"bytes"
	"time"
)

// What a parser keeps at most. What is longer comes in parts.
const (
	maxTree  = 16 << 10  // bytes of one tree of spans
	maxNodes = 2 << 10   // spans of one tree
	maxHead  = 64 << 10  // bytes of a head
	maxUnit  = 256 << 10 // bytes of an event, a document or a message, if its id is to be found
	maxQueue = 64        // requests that have no answer yet
)

// A Parser labels the bytes of one connection: HTTP/1.1 in both directions, then perhaps WebSocket. The
// result depends on the bytes and not on the pieces they come in. It never fails: what it cannot
// read becomes spans of the kind opaque. It is for one goroutine at a time.
//
// The directions are parsed apart, except that an answer depends on its request. So a request should
// be fed before its answer.
type Parser struct {
	up, down stream
	requests []request // that have no answer yet
	asked    int       // requests that were complete
	answered int
	switched bool // the server has agreed to speak WebSocket
	out      Parsed
	now      time.Duration
}

// A request is what an answer needs to know of it.
type request struct {
	method  string
	upgrade bool
}

// NewParser returns a parser of a new connection.
func NewParser() *Parser {
	p := &Parser{}
	emit := func(root *Span) { p.out.Spans = append(p.out.Spans, root) }
	p.up = stream{p: p, tree: tree{dir: Up, emit: emit}}
	p.down = stream{p: p, tree: tree{dir: Down, emit: emit}}
	return p
}

// Feed takes the next bytes of a direction, which have come at that time, and returns what they complete.
// It does not keep b, nor change it. Secrets are hidden in what it returns.
func (p *Parser) Feed(dir Direction, b []byte, now time.Duration) Parsed {
	return p.feed(dir, bytes.Clone(b), now)
}

// feed is Feed, but overwrites the secrets in b.
func (p *Parser) feed(dir Direction, b []byte, now time.Duration) Parsed {
	p.now = now
	p.stream(dir).feed(b)
	return p.take()
}

// End says that nothing more will come in that direction, and returns what is left of it.
func (p *Parser) End(dir Direction, now time.Duration) Parsed {
	p.now = now
	p.stream(dir).end()
	return p.take()
}

func (p *Parser) stream(dir Direction) *stream {
	if dir == Up {
		return &p.up
	}
	return &p.down
}

func (p *Parser) take() Parsed {
	out := p.out
	p.out = Parsed{}
	return out
}

// A mode is what a direction's next byte belongs to.
type mode int

const (
	inHead mode = iota
	inChunkSize
	inChunkData
	inChunkEnd
	inTrailer
	inLength  // a body of known length
	inRest    // a body up to the end of the connection
	inWaiting // behind a handshake whose answer is not known
	inFrames
	inTLS
	inOpaque
)

// A stream parses one direction.
type stream struct {
	tree
	p       *Parser
	mode    mode
	pending []byte // what came behind at, and is not in the tree yet; a body keeps its own

	redactor  redactor
	redacting bool   // of what is opaque, too
	problem   string // why it is opaque

	began moment // the head
	head  *head
	body  content
	left  int64 // of a body, a chunk or a payload
	base  int   // how many spans were open when the body went on
	chunk chunkState
	frame frameState
}

// A moment is where and when something begins.
type moment struct {
	at   int64
	when time.Duration
}

// here is the moment of a byte behind that many that are not in the tree yet.
func (s *stream) here(pending int) moment { return moment{s.at + int64(pending), s.p.now} }

// feed parses b, and may overwrite it.
func (s *stream) feed(b []byte) {
	for len(b) > 0 {
		n := s.step(b)
		b = b[n:]
	}
}

// step parses some of b, and returns how much that was: more than nothing, or in another mode.
func (s *stream) step(b []byte) int {
	switch s.mode {
	case inHead:
		return s.headBytes(b)
	case inChunkSize:
		return s.chunkSize(b)
	case inChunkData:
		return s.chunkData(b)
	case inChunkEnd:
		return s.chunkEnd(b)
	case inTrailer:
		return s.trailerBytes(b)
	case inLength:
		n := int(min(int64(len(b)), s.left))
		s.body.feed(s, b[:n])
		if s.left -= int64(n); s.left == 0 {
			s.endBody(true)
		}
		return n
	case inRest:
		s.body.feed(s, b)
		return len(b)
	case inWaiting:
		if len(s.pending) == 0 && 'A' <= b[0] && b[0] <= 'Z' { // no frame begins so, but a request does
			s.mode = inHead
			return 0
		}
		n := min(len(b), maxHead-len(s.pending))
		if s.pending = append(s.pending, b[:n]...); len(s.pending) == maxHead {
			s.giveUp("a client speaks before its handshake was answered")
		}
		return n
	case inFrames:
		return s.frameBytes(b)
	case inTLS:
		return s.tlsBytes(b)
	default:
		return s.opaqueBytes(b)
	}
}

// end parses what is left when nothing more comes.
func (s *stream) end() {
	switch s.mode {
	case inRest:
		s.endBody(true)
		return
	case inLength, inChunkData, inChunkEnd, inChunkSize, inTrailer:
		if s.body != nil {
			s.body.finish(s, false)
		}
	case inFrames:
		s.endFrames()
	}
	s.giveUp("it was cut off here")
	s.flushOpaque()
}

// giveUp has all further bytes of the direction be opaque, those that are pending too.
func (s *stream) giveUp(problem string) {
	if s.mode == inOpaque {
		return
	}
	s.redacting = s.mode == inHead || s.mode == inTrailer
	s.mode, s.problem, s.body = inOpaque, problem, nil
	s.flushOpaque()
	for len(s.stack) > 0 {
		if s.stack[len(s.stack)-1].Start == s.at {
			s.drop()
		} else {
			s.close().Wrong = problem
		}
	}
}

// drop takes a span away again that was opened and got no bytes.
func (s *stream) drop() {
	last := len(s.stack) - 1
	s.stack = s.stack[:last]
	if last > 0 {
		top := s.stack[last-1]
		top.Children = top.Children[:len(top.Children)-1]
	}
}

// opaqueSize is how many opaque bytes make a span.
const opaqueSize = 1 << 10

func (s *stream) opaqueBytes(b []byte) int {
	n := min(len(b), opaqueSize-len(s.pending))
	if s.redacting {
		s.redactor.redact(b[:n])
	}
	s.pending = append(s.pending, b[:n]...)
	if len(s.pending) >= opaqueSize {
		s.flushOpaque()
	}
	return n
}

func (s *stream) flushOpaque() {
	for len(s.pending) > 0 {
		n := min(len(s.pending), opaqueSize)
		s.leaf("opaque", s.pending[:n]).Label = s.problem
		s.pending = s.pending[n:]
	}
	s.pending = nil
}

// collect adds of b to what is pending, up to and including a line feed, and returns how much that was, and the
// line if it is complete.
func (s *stream) collect(b []byte, limit int) (n int, line []byte, ok bool) {
	n = min(len(b), limit-len(s.pending))
	if i := bytes.IndexByte(b[:n], '\n'); i >= 0 {
		n, ok = i+1, true
	}
	s.pending = append(s.pending, b[:n]...)
	if ok {
		line, s.pending = s.pending, nil
	} else if len(s.pending) == limit {
		s.giveUp("a line of more than " + bytesText(int64(limit)))
	}
	return n, line, ok
}

// tell reports a message.
func (s *stream) tell(m Message) {
	m.Dir, m.Ended = s.dir, s.p.now
	if m.Exchange == 0 {
		m.Exchange = s.exchange()
	}
	s.p.out.Messages = append(s.p.out.Messages, m)
}

func (s *stream) exchange() int {
	if s.dir == Up {
		return max(1, s.p.asked)
	}
	return max(1, s.p.answered)
}

// full reports whether the open tree, with that many bytes that are still to be put into it, has as much as
// one may have.
func (s *stream) full(pending int) bool {
	return s.size()+int64(pending) >= maxTree || s.nodes >= maxNodes
}

// cut ends the open tree as a part, and opens the next.
func (s *stream) cut() { s.resume(s.suspend(0)) }

// tlsBytes parses TLS records: RFC 8446, section 5.1.
func (s *stream) tlsBytes(b []byte) int {
	const header = 5
	if s.left == 0 {
		n := min(len(b), header-len(s.pending))
		s.pending = append(s.pending, b[:n]...)
		if len(s.pending) < header {
			return n
		}
		h := s.pending
		s.left = int64(h[3])<<8 | int64(h[4])
		s.pending = nil
		root := s.open("tls")
		root.Label = map[byte]string{20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}[h[0]]
		s.leaf("tls-type", h[:1]).Text = hexText(h[:1])
		s.leaf("tls-version", h[1:3]).Text = hexText(h[1:3])
		s.leaf("tls-length", h[3:5]).Text = number(s.left)
		if s.left == 0 {
			s.close()
		}
		return n
	}
	n, full := s.fill(b)
	if full {
		s.leaf("tls-data", s.pending).Text = ""
		s.pending = nil
	}
	if s.left == 0 {
		s.close()
	}
	return n
}

// fill adds of b to what is pending, as much as is left of something, and reports whether what is pending has
// to go into the tree now.
func (s *stream) fill(b []byte) (n int, full bool) {
	if s.full(0) {
		s.cut()
	}
	n = int(min(int64(len(b)), s.left, maxTree-s.size()-int64(len(s.pending))))
	s.pending = append(s.pending, b[:n]...)
	s.left -= int64(n)
	return n, s.left == 0 || s.full(len(s.pending))
}
