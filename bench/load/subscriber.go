package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"pushlab/common/event"
	"pushlab/longpoll"
	"pushlab/websocket"
)

// A subscriber receives on one connection and keeps its accounts. It reads and writes nothing itself:
// its load's network hands it what came, in pieces of any size, and sends what it answers. Its fields
// are guarded by the load's mutex.
type subscriber struct {
	load             *Load
	index            int
	warmUp, measured ledger
	gaps             int64
	cursors          [][]byte // where to resume: a value for each cursor of the plan; empty if not known
	err              error    // why it lost its connection

	state   state
	phase   phase
	rest    []byte // of what came: the beginning of something that is not complete yet
	line    []byte // the beginning of a line, out of its chunk; or of a message or body that comes in parts
	chunked bool
	body    int      // of an answer to a poll, in bytes
	greet   []string // what a WebSocket sends when its handshake is done

	fd int // of its socket, if it has one of its own
}

// A state is how far a subscriber is.
type state int

const (
	absent     state = iota
	connecting       // until the first answer has come
	present
	lost // it had a connection, or should have had one
)

// A phase is what a subscriber expects next.
type phase int

const (
	head    phase = iota // of a response
	body                 // of the answer to a poll
	chunks               // of a response that stays open
	content              // of one that has no chunks
	frames               // of a WebSocket
)

// maxBody is how large a long poll's answer, a chunk or a message may be, in bytes.
const maxBody = 16 << 20

// errLeaving is why a subscriber ends that was sent away.
var errLeaving = errors.New("the server said goodbye in the middle of the run")

// begin returns the request that opens the connection: with cursors, if there are all.
func (s *subscriber) begin(dst []byte) []byte {
	p := &s.load.plan
	s.phase, s.rest, s.line = head, s.rest[:0], s.line[:0]
	if s.cursors == nil {
		s.cursors = make([][]byte, len(p.Cursors))
	}
	ask := p.first
	if len(p.Cursors) > 0 && !slices.ContainsFunc(s.cursors, func(c []byte) bool { return len(c) == 0 }) {
		ask = p.resume(s.cursors)
	}
	s.greet = ask.greeting
	return ask.append(dst, s.cursors)
}

// asked is called when that request was sent.
func (s *subscriber) asked() {
	if s.state == connecting && s.load.plan.silent() {
		s.load.open(s)
	}
}

// feed takes what came and returns what to send, which may be nothing. It keeps neither.
func (s *subscriber) feed(p []byte) (answer []byte, err error) {
	s.load.in += int64(len(p))
	input := p
	if len(s.rest) > 0 {
		s.rest = append(s.rest, p...)
		input = s.rest
	}
	answer = s.load.answer[:0]
	used := 0
	for used < len(input) {
		n, err := s.take(input[used:], &answer)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
		used += n
	}
	if left := input[used:]; len(left) > maxBody+readBuffer {
		return nil, fmt.Errorf("more than %d bytes without an end", maxBody)
	} else if len(s.rest) > 0 {
		s.rest = s.rest[:copy(s.rest, left)]
	} else {
		s.rest = append(s.rest, left...)
	}
	s.load.answer = answer
	return answer, nil
}

// take takes the first complete part of what came, and returns its length; 0 if there is none.
func (s *subscriber) take(p []byte, answer *[]byte) (n int, err error) {
	switch s.phase {
	case head:
		return s.takeHead(p, answer)
	case body:
		if len(p) < s.body {
			return 0, nil
		}
		s.phase = head
		err := s.scan(p[:s.body])
		*answer = s.poll(*answer)
		return s.body, err
	case chunks:
		return s.takeChunk(p, answer)
	case content:
		return len(p), s.takeLines(p)
	default:
		return s.takeFrame(p, answer)
	}
}

// poll appends the next poll.
func (s *subscriber) poll(dst []byte) []byte { return s.load.plan.next.append(dst, s.cursors) }

// takeHead takes the head of a response.
func (s *subscriber) takeHead(p []byte, answer *[]byte) (n int, err error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	plan := &s.load.plan
	status, fields, _ := bytes.Cut(p[:end+2], []byte("\r\n"))
	code, length := 0, -1
	if _, after, ok := bytes.Cut(status, []byte(" ")); ok && len(after) >= 3 {
		code, _ = strconv.Atoi(string(after[:3])) // 0 is refused below
	}
	s.chunked = false
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(field, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > maxBody {
				return 0, fmt.Errorf("an answer with Content-Length %q; a length of at most %d bytes was expected", value, maxBody)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			s.chunked = true
		case plan.Envelopes && code < 300 && bytes.EqualFold(name, []byte("Retry-After")) && string(value) != "0":
			return 0, errLeaving
		default:
			for i := range plan.sources {
				if from := &plan.sources[i]; from.kind == "header" && bytes.EqualFold(name, from.header) {
					s.remember(i, value)
				}
			}
		}
	}
	first := s.state == connecting
	want := http.StatusOK
	switch {
	case s.load.transport == websocket.Name:
		want = http.StatusSwitchingProtocols
	case (code == http.StatusNoContent || code == http.StatusNotModified && !plan.Envelopes) && s.load.transport == longpoll.Name:
		want, length, s.chunked = code, 0, false
	}
	if code != want {
		return 0, fmt.Errorf("the server answered %s: %s", bytes.TrimPrefix(status, []byte("HTTP/1.1 ")), bytes.TrimSpace(p[end+4:]))
	}
	switch {
	case s.load.transport == longpoll.Name:
		if s.chunked {
			s.phase = chunks
			break
		}
		if length < 0 {
			return 0, fmt.Errorf("an answer with Content-Length %q; a length of at most %d bytes was expected", "missing", maxBody)
		}
		s.phase, s.body = body, length
		if length == 0 {
			s.phase = head
			*answer = s.poll(*answer)
		}
	case s.load.transport == websocket.Name:
		s.phase = frames
		for _, message := range s.greet {
			*answer = appendFrame(*answer, opText, []byte(message))
		}
	case s.chunked:
		s.phase = chunks
	default:
		s.phase = content
	}
	if first && len(plan.opened) == 0 {
		s.load.open(s)
	}
	return end + 4, nil
}

// remember keeps what the server told for a cursor.
func (s *subscriber) remember(cursor int, value []byte) {
	if len(value) > 0 {
		s.cursors[cursor] = append(s.cursors[cursor][:0], value...)
	}
}

// takeChunk takes a chunk (RFC 9112, section 7.1). With the last one the answer to a poll is complete; a
// stream must not have one.
func (s *subscriber) takeChunk(p []byte, answer *[]byte) (n int, err error) {
	size, digits := 0, 0
	for digits < len(p) && p[digits] != '\r' {
		d := hexDigit(p[digits])
		if size = size<<4 | d; d < 0 || size > maxBody {
			return 0, fmt.Errorf("a chunk was expected, not %.20q", p)
		}
		digits++
	}
	if n = digits + 2 + size + 2; len(p) < n {
		return 0, nil
	}
	content := p[digits+2 : n-2]
	switch poll := s.load.transport == longpoll.Name; {
	case !poll && size == 0:
		return 0, io.ErrUnexpectedEOF
	case !poll:
		return n, s.takeLines(content)
	case size > 0:
		return n, s.collect(content)
	}
	s.phase = head
	err = s.scan(s.line)
	s.line = s.line[:0]
	*answer = s.poll(*answer)
	return n, err
}

// collect keeps a part of a message or body.
func (s *subscriber) collect(part []byte) error {
	if len(s.line)+len(part) > maxBody {
		return fmt.Errorf("more than %d bytes without an end", maxBody)
	}
	s.line = append(s.line, part...)
	return nil
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// takeLines takes a part of a stream of lines. An envelope is never more than one, in HTTP streaming
// as in Server-Sent Events. Other servers may send events without a line's end.
func (s *subscriber) takeLines(p []byte) error {
	if len(s.line) > 0 {
		s.line = append(s.line, p...)
		p = s.line
	}
	whole := bytes.LastIndexByte(p, '\n') + 1
	if whole < len(p) && !s.load.plan.Envelopes {
		if whole = max(whole, endOfEvents(p)); s.state == connecting && s.says(p) {
			s.load.open(s)
		}
	}
	if len(p)-whole > maxBody {
		return fmt.Errorf("a line of more than %d bytes", maxBody)
	}
	err := s.scan(p[:whole])
	if len(s.line) > 0 {
		s.line = s.line[:copy(s.line, p[whole:])]
	} else {
		s.line = append(s.line, p[whole:]...)
	}
	return err
}

// takeFrame takes a WebSocket frame (RFC 6455, section 5.2).
func (s *subscriber) takeFrame(p []byte, answer *[]byte) (n int, err error) {
	first, payload, n, err := cutFrame(p)
	if n == 0 || err != nil {
		return 0, err
	}
	switch first {
	case finalBit | opText:
		return n, s.scan(payload)
	case finalBit | opBinary, opText, opBinary, opContinuation, finalBit | opContinuation:
		if s.load.plan.Envelopes {
			return 0, fmt.Errorf("a WebSocket frame that no server here sends: %#x", first)
		}
		if err := s.collect(payload); first&finalBit == 0 || err != nil {
			return n, err
		}
		err := s.scan(s.line)
		s.line = s.line[:0]
		return n, err
	case finalBit | opPing:
		*answer = appendFrame(*answer, opPong, payload)
	case finalBit | opPong:
	case finalBit | opClose:
		return 0, io.ErrUnexpectedEOF
	default:
		return 0, fmt.Errorf("a WebSocket frame that no server here sends: %#x", first)
	}
	return n, nil
}

// cutFrame splits a frame off; n is its length, 0 if it is not complete.
func cutFrame(p []byte) (first byte, payload []byte, n int, err error) {
	if len(p) < 2 {
		return 0, nil, 0, nil
	}
	length, size := uint64(p[1]), 2
	switch {
	case length&maskBit != 0:
		return 0, nil, 0, errors.New("the server masks its frames (RFC 6455, section 5.1)")
	case length == 126:
		size = 4
	case length == 127:
		size = 10
	}
	if len(p) < size {
		return 0, nil, 0, nil
	}
	switch size {
	case 4:
		length = uint64(binary.BigEndian.Uint16(p[2:]))
	case 10:
		length = binary.BigEndian.Uint64(p[2:])
	}
	if length > maxBody {
		return 0, nil, 0, fmt.Errorf("a message of %d bytes; the limit is %d", length, maxBody)
	}
	if n = size + int(length); len(p) < n {
		return 0, nil, 0, nil
	}
	return p[0], p[size:n], n, nil
}

// scan enters the events of a text that has only complete ones, and keeps its cursors.
func (s *subscriber) scan(text []byte) error {
	p := &s.load.plan
	if p.Envelopes {
		id, err := scan(text, s.observe)
		if p.inText {
			s.remember(0, id)
		}
		return err
	}
	if s.state == connecting && s.says(text) {
		s.load.open(s)
	}
	err := scanAnywhere(text, s.observe)
	if p.inText {
		for i := range p.sources {
			switch from := &p.sources[i]; from.kind {
			case "id":
				s.remember(i, lastID(text))
			case "json":
				s.remember(i, lastMember(text, from.member))
			}
		}
	}
	return err
}

// says reports whether a line of a text says that one is subscribed.
func (s *subscriber) says(text []byte) bool {
	opened := s.load.plan.opened
	if len(opened) == 0 {
		return false
	}
	for {
		if bytes.HasPrefix(text, opened) {
			return true
		}
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return false
		}
		text = text[end+1:]
	}
}

// observe enters what came.
func (s *subscriber) observe(a arrival) error {
	switch a.control {
	case "":
	case event.GapTopic:
		s.gaps++
		return nil
	case event.ByeTopic:
		return errLeaving
	default:
		return nil
	}
	l := s.load
	switch {
	case s.measured.has(a.n):
		if s.measured.observe(a.n) {
			l.measured++
			l.delivery.Record(l.now - a.due)
			if s.measured.came == s.measured.count {
				l.complete.Record(l.now - l.returned)
			}
		}
	case s.warmUp.has(a.n):
		if s.warmUp.observe(a.n) {
			l.warmUp++
		}
	default:
		return errors.New("an event came that was not published: number " + strconv.Itoa(a.n))
	}
	return nil
}
