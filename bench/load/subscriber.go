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
	"time"

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
	plan             *plan
	cursors          [][]byte // where to resume: a value for each cursor of the plan; empty if not known
	err              error    // why it lost its connection
	topic            string   // of a client's own
	member           []byte   // what comes in front of the data of our events
	poster           *poster
	slow             bool // it may have to read slowly

	untold    bool          // a gap was announced, and nothing has come since
	returning bool          // it is not back yet, or has not all
	since     time.Duration // when it lost its connection or began to come back, since base
	owed      int           // events were published before it was back
	behind    int           // the number of the first that was not

	state    state
	phase    phase
	rest     []byte // of what came: the beginning of something that is not complete yet
	line     []byte // the beginning of a line, out of its chunk; or of a message or body that comes in parts
	chunked  bool
	body     int      // of an answer to a poll, in bytes
	closes   bool     // the server ends the connection behind that answer
	greeting []string // what a WebSocket sends when its handshake is done

	fd int // of its socket, if it has one of its own

	asking bool          // its first answer has not come
	began  time.Duration // when it began to connect, since the load's base
	joined time.Duration // when it asked on a connection that was there, since the base; 0 if it made one
	zipped bool          // the answer's body is
	unzip  *unzipper     // of a stream; nil if it is not compressed
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
	pieces               // of such a body, in chunks
	chunks               // of a response that stays open
	content              // of one that has no chunks
	frames               // of a WebSocket
)

// maxBody is how large a long poll's answer, a chunk or a message may be, in bytes.
const maxBody = 16 << 20

// errClosing is why a subscriber that polls goes on by another connection: RFC 9112, section 9.6. A proxy closes one after so
// many requests (nginx's keepalive_requests).
var errClosing = errors.New("the server closes the connection behind its answer")

// errLeaving is why a subscriber ends that was sent away.
var errLeaving = errors.New("the server said goodbye in the middle of the run")

// begin returns the request that opens the connection: with cursors, if there are all. For whoever only changes the connection
// between two polls it is the second.
func (s *subscriber) begin(dst []byte) []byte {
	p := s.plan
	s.phase, s.rest, s.line = head, s.rest[:0], s.line[:0]
	s.stopUnzipping()
	if s.cursors == nil {
		s.cursors = make([][]byte, len(p.Cursors))
	}
	if s.closes {
		return s.poll(dst)
	}
	ask := p.first
	if len(p.Cursors) > 0 && !slices.ContainsFunc(s.cursors, func(c []byte) bool { return len(c) == 0 }) {
		ask = p.resume(s.cursors)
	}
	s.greeting = ask.greeting
	return ask.append(dst, s.cursors)
}

// asked is called when that request was sent.
func (s *subscriber) asked() {
	if s.state == connecting && (s.plan.silent() || s.load.way.Presume) {
		s.load.open(s)
	}
}

// feed takes what came, and returns what to send, which may be nothing. It keeps neither.
func (s *subscriber) feed(p []byte) (answer []byte, err error) {
	switch l := s.load; {
	case !s.slow:
		l.in += int64(len(p))
	case l.sipping:
		l.taken += int64(len(p))
	}
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
		if err := s.takeWhole(p[:s.body]); err != nil {
			return 0, err
		}
		return s.body, s.pollAgain(answer)
	case pieces:
		return s.takePiece(p, answer)
	case chunks:
		return s.takeChunk(p)
	case content:
		return len(p), s.takeText(p)
	default:
		return s.takeFrame(p, answer)
	}
}

// sent enters that so many bytes were sent: a request, or a pong.
func (s *subscriber) sent(n int) {
	if !s.slow {
		s.load.out += int64(n)
	}
	if s.phase == frames {
		s.split().framingUp += int64(n)
	}
}

// split returns where it is entered what its bytes are there for.
func (s *subscriber) split() *split {
	if s.slow {
		return &s.load.others
	}
	return &s.load.split
}

// poll appends the next poll.
func (s *subscriber) poll(dst []byte) []byte { return s.plan.next.append(dst, s.cursors) }

// pollAgain appends the poll that follows an answer; errClosing says that it takes another connection.
func (s *subscriber) pollAgain(answer *[]byte) error {
	s.phase = head
	if s.closes {
		return errClosing
	}
	*answer = s.poll(*answer)
	return nil
}

// takeHead takes the head of a response.
func (s *subscriber) takeHead(p []byte, answer *[]byte) (n int, err error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	plan := s.plan
	status, fields, _ := bytes.Cut(p[:end+2], []byte("\r\n"))
	code, length := 0, -1
	if _, after, ok := bytes.Cut(status, []byte(" ")); ok && len(after) >= 3 {
		code, _ = strconv.Atoi(string(after[:3])) // 0 is refused below
	}
	s.chunked, s.zipped, s.closes = false, false, false
	deflates := false
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
		case bytes.EqualFold(name, []byte("Connection")):
			s.closes = s.load.transport == longpoll.Name && bytes.EqualFold(value, []byte("close"))
		case bytes.EqualFold(name, []byte("Content-Encoding")):
			s.zipped = string(value) == "gzip"
		case bytes.EqualFold(name, []byte("Sec-WebSocket-Extensions")):
			deflates = bytes.HasPrefix(value, []byte("permessage-deflate"))
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
	switch way := s.load.way; {
	case way.Deflate && s.load.transport == websocket.Name && !deflates:
		return 0, errors.New("the server does not compress messages; it needs --compress")
	case way.Gzip && s.load.transport != websocket.Name && code == http.StatusOK && !s.zipped:
		return 0, errors.New("the answer is not compressed, although gzip was accepted")
	}
	switch {
	case s.load.transport == longpoll.Name:
		if length < 0 && s.chunked {
			length = 0
		}
		if length < 0 {
			return 0, fmt.Errorf("an answer with Content-Length %q; a length of at most %d bytes was expected", "missing", maxBody)
		}
		s.phase, s.body = body, length
		if s.chunked {
			s.phase = pieces
		} else if length == 0 {
			s.phase = head
		}
	case s.load.transport == websocket.Name:
		s.phase = frames
		for _, message := range s.greeting {
			*answer = appendFrame(*answer, opText, []byte(message))
		}
	case s.chunked:
		s.phase = chunks
	default:
		s.phase = content
	}
	s.split().heads += int64(end + 4)
	if s.zipped && s.load.transport != longpoll.Name {
		s.unzip = newUnzipper()
	}
	if s.asking {
		s.load.greet(s)
	}
	if first && len(plan.opened) == 0 {
		s.load.open(s)
	}
	if s.phase == head { // an answer that says nothing
		return end + 4, s.pollAgain(answer)
	}
	return end + 4, nil
}

// remember keeps what the server told for a cursor.
func (s *subscriber) remember(cursor int, value []byte) {
	if len(value) > 0 {
		s.cursors[cursor] = append(s.cursors[cursor][:0], value...)
	}
}

// takeChunk takes a chunk of a stream.
func (s *subscriber) takeChunk(p []byte) (n int, err error) {
	data, n, err := cutChunk(p)
	switch {
	case n == 0 || err != nil:
		return 0, err
	case len(data) == 0:
		return 0, io.ErrUnexpectedEOF
	}
	s.split().chunk(n - len(data))
	return n, s.takeText(data)
}

// takePiece takes a chunk of the answer to a poll. Behind the last one there is no trailer.
func (s *subscriber) takePiece(p []byte, answer *[]byte) (n int, err error) {
	data, n, err := cutChunk(p)
	if n == 0 || err != nil {
		return 0, err
	}
	s.split().chunk(n - len(data))
	if len(data) > 0 {
		return n, s.collect(data)
	}
	err = s.takeWhole(s.line)
	s.line = s.line[:0]
	if err != nil {
		return 0, err
	}
	return n, s.pollAgain(answer)
}

// collect keeps a part of a message or body.
func (s *subscriber) collect(part []byte) error {
	if len(s.line)+len(part) > maxBody {
		return fmt.Errorf("more than %d bytes without an end", maxBody)
	}
	s.line = append(s.line, part...)
	return nil
}

// takeWhole takes the body of the answer to a poll.
func (s *subscriber) takeWhole(p []byte) (err error) {
	if s.zipped && len(p) > 0 {
		if p, err = s.load.inflater.body(p); err != nil {
			return err
		}
	}
	return s.scan(p)
}

// takeText takes a part of a stream, which may be compressed.
func (s *subscriber) takeText(p []byte) error {
	if s.unzip != nil {
		return s.unzip.take(p, s.takeLines)
	}
	return s.takeLines(p)
}

// stopUnzipping ends the decompression of a stream, if there is one.
func (s *subscriber) stopUnzipping() {
	if s.unzip != nil {
		s.unzip.stop()
		s.unzip = nil
	}
}

// cutChunk splits a chunk off (RFC 9112, section 7.1); n is its length, 0 if it is not complete.
func cutChunk(p []byte) (data []byte, n int, err error) {
	size, digits := 0, 0
	for digits < len(p) && p[digits] != '\r' {
		d := hexDigit(p[digits])
		if size = size<<4 | d; d < 0 || size > maxBody {
			return nil, 0, fmt.Errorf("a chunk was expected, not %.20q", p)
		}
		digits++
	}
	if n = digits + 2 + size + 2; len(p) < n {
		return nil, 0, nil
	}
	return p[digits+2 : n-2], n, nil
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
	if whole < len(p) && !s.plan.Envelopes {
		if whole = max(whole, endOfEvents(p)); s.state == connecting && s.says(p) {
			s.load.open(s)
		}
	}
	if len(p)-whole > maxBody {
		return fmt.Errorf("a line of more than %d bytes", maxBody)
	}
	if s.unzip == nil { // what is compressed is all payload
		s.split().lines(s.load.transport, p[:whole])
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
		s.split().framing += int64(n - len(payload))
		return n, s.takeMessage(payload)
	case finalBit | rsv1Bit | opText:
		if !s.load.way.Deflate {
			return 0, errors.New("a compressed message, to which nobody has agreed")
		}
		text, err := s.load.inflater.message(payload)
		if err != nil {
			return 0, err
		}
		s.split().framing += int64(n - len(payload))
		return n, s.takeMessage(text)
	case finalBit | opBinary, opText, opBinary, opContinuation, finalBit | opContinuation:
		if s.plan.Envelopes {
			return 0, fmt.Errorf("a WebSocket frame that no server here sends: %#x", first)
		}
		s.split().framing += int64(n - len(payload))
		if err := s.collect(payload); first&finalBit == 0 || err != nil {
			return n, err
		}
		err := s.takeMessage(s.line)
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
	s.split().framing += int64(n) // for the connection, not for an event
	return n, nil
}

// takeMessage takes a WebSocket message.
func (s *subscriber) takeMessage(text []byte) error {
	if s.topic != "" {
		if err := s.load.checkAck(text); err != nil {
			return err
		}
	}
	return s.scan(text)
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
	p := s.plan
	if p.Envelopes {
		id, err := scanTopic(text, s.member, s.observe)
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
	opened := s.plan.opened
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
		s.load.note(0, 1)
		s.untold = true
		return nil
	case event.ByeTopic:
		return errLeaving
	default:
		return nil
	}
	l := s.load
	switch {
	case s.measured.has(a.n):
		if s.untold {
			s.settle(a.n - s.measured.first)
		}
		if s.measured.observe(a.n) && !s.slow {
			l.measured++
			l.gauge.record(l.now - a.due)
			l.arrived(s, a)
			l.echoBack(s)
			l.caughtUp(s)
		}
	case s.warmUp.has(a.n):
		if s.warmUp.observe(a.n) && !s.slow {
			l.warmUp++
			l.gauge.record(l.now - a.due)
			l.warming.Record(l.now - a.due)
		}
	default:
		return errors.New("an event came that was not published: number " + strconv.Itoa(a.n))
	}
	return nil
}

// settle enters what the subscriber was told to have missed, if it was told: of the first events, those behind
// the newest that came.
func (s *subscriber) settle(events int) {
	if s.untold {
		s.measured.tell(s.measured.first + events)
		s.untold = false
	}
}

// arrived enters how long a delivery took, where it counts.
func (l *Load) arrived(s *subscriber, a arrival) {
	switch bystander := s.index >= len(l.subscribers)-l.bystanders; {
	case l.bystanders > 0 && !bystander:
	case l.bystanders > 0 && (!l.returning || a.due < l.returned):
		l.calm.Record(l.now - a.due)
	default:
		l.delivery.Record(l.now - a.due)
		l.reading.Record(l.waited)
		l.receivers.observe(a.n, a.due, l.now, l.opened-l.ended-l.slowOpened)
	}
	if s.since > 0 && a.n < s.behind {
		l.replayed++
	}
}
