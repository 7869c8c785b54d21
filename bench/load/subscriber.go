package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
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
	cursor           []byte // where to resume
	err              error  // why it lost its connection

	state   state
	phase   phase
	rest    []byte // of what came: the beginning of something that is not complete yet
	line    []byte // the beginning of a line, out of its chunk
	chunked bool
	body    int // of an answer to a poll, in bytes

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

// begin returns the request that opens the connection: with a cursor if there is one.
func (s *subscriber) begin(dst []byte) []byte {
	s.phase, s.rest, s.line = head, s.rest[:0], s.line[:0]
	query := ""
	if s.load.transport == longpoll.Name {
		query = "&wait=0"
	}
	if len(s.cursor) > 0 {
		query = "&after=" + url.QueryEscape(string(s.cursor))
	}
	return s.load.request(dst, query)
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
		*answer = s.poll(*answer)
		return s.body, s.scan(p[:s.body])
	case chunks:
		return s.takeChunk(p)
	case content:
		return len(p), s.takeLines(p)
	default:
		return s.takeFrame(p, answer)
	}
}

// sent enters that so many bytes were sent: a request, or a pong.
func (s *subscriber) sent(n int) {
	s.load.out += int64(n)
	if s.phase == frames {
		s.load.split.framingUp += int64(n)
	}
}

// poll appends the next poll.
func (s *subscriber) poll(dst []byte) []byte {
	return s.load.request(dst, "&after="+url.QueryEscape(string(s.cursor)))
}

// takeHead takes the head of a response.
func (s *subscriber) takeHead(p []byte, answer *[]byte) (n int, err error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	status, fields, _ := bytes.Cut(p[:end+2], []byte("\r\n"))
	code, length, cursor := 0, -1, []byte(nil)
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
		case bytes.EqualFold(name, []byte(client.CursorHeader)):
			cursor = value
		case bytes.EqualFold(name, []byte("Retry-After")) && code < 300 && string(value) != "0":
			return 0, errLeaving
		}
	}
	first := s.state == connecting
	want := http.StatusOK
	switch {
	case s.load.transport == websocket.Name:
		want = http.StatusSwitchingProtocols
	case code == http.StatusNoContent && s.load.transport == longpoll.Name:
		want, length = code, 0
	}
	if code != want {
		return 0, fmt.Errorf("the server answered %s: %s", bytes.TrimPrefix(status, []byte("HTTP/1.1 ")), bytes.TrimSpace(p[end+4:]))
	}
	switch {
	case s.load.transport == longpoll.Name:
		if length < 0 {
			return 0, fmt.Errorf("an answer with Content-Length %q; a length of at most %d bytes was expected", "missing", maxBody)
		}
		// The server says what to ask with next in the head too, so that the body need not be decoded.
		if len(cursor) > 0 {
			s.cursor = append(s.cursor[:0], cursor...)
		}
		s.phase, s.body = body, length
		if length == 0 {
			s.phase = head
			*answer = s.poll(*answer)
		}
	case s.load.transport == websocket.Name:
		s.phase = frames
	case s.chunked:
		s.phase = chunks
	default:
		s.phase = content
	}
	s.load.split.heads += int64(end + 4)
	if first {
		s.load.open(s)
	}
	return end + 4, nil
}

// takeChunk takes a chunk (RFC 9112, section 7.1).
func (s *subscriber) takeChunk(p []byte) (n int, err error) {
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
	if size == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	s.load.split.chunk(digits)
	return n, s.takeLines(p[digits+2 : n-2])
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
// as in Server-Sent Events.
func (s *subscriber) takeLines(p []byte) error {
	if len(s.line) > 0 {
		s.line = append(s.line, p...)
		p = s.line
	}
	whole := bytes.LastIndexByte(p, '\n') + 1
	if len(p)-whole > maxBody {
		return fmt.Errorf("a line of more than %d bytes", maxBody)
	}
	s.load.split.lines(s.load.transport, p[:whole])
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
		s.load.split.framing += int64(n - len(payload))
		return n, s.scan(payload)
	case finalBit | opPing:
		*answer = appendFrame(*answer, opPong, payload)
	case finalBit | opPong:
	case finalBit | opClose:
		return 0, io.ErrUnexpectedEOF
	default:
		return 0, fmt.Errorf("a WebSocket frame that no server here sends: %#x", first)
	}
	s.load.split.framing += int64(n) // for the connection, not for an event
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

// scan enters the events of a text that has only complete ones.
func (s *subscriber) scan(text []byte) error {
	if s.load.protocol.Bare {
		return scanBare(text, s.observe)
	}
	id, err := scan(text, s.observe)
	if len(id) > 0 && s.load.transport != longpoll.Name {
		s.cursor = append(s.cursor[:0], id...)
	}
	return err
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
			l.receivers.observe(a.n, a.due, l.now, l.opened-l.ended)
			if s.measured.came == s.measured.count {
				l.complete.Record(l.now - l.returned)
			}
		}
	case s.warmUp.has(a.n):
		if s.warmUp.observe(a.n) {
			l.warmUp++
			l.warming.Record(l.now - a.due)
		}
	default:
		return errors.New("an event came that was not published: number " + strconv.Itoa(a.n))
	}
	return nil
}

// request makes a request with no more than it needs.
func (l *Load) request(dst []byte, query string) []byte {
	dst = append(dst, "GET "...)
	dst = append(dst, l.path...)
	dst = append(dst, query...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, l.dialer.address...)
	switch l.transport {
	case websocket.Name:
		// The key need not be a secret; it keeps caches from answering (RFC 6455, section 1.3).
		dst = append(dst, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="...)
	case sse.Name:
		if l.protocol.Accept {
			dst = append(dst, "\r\nAccept: text/event-stream"...)
		}
	case httpstream.Name, longpoll.Name:
	}
	return append(dst, "\r\n\r\n"...)
}
