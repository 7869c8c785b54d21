package fault

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A talk follows the HTTP/1 messages on a connection, as far as the proxy has to know: where a
// request begins, so that it may answer it, and where a response ends, so that a buffer lets it go.
// What it does not understand is opaque from there on, and passes as any bytes do.
type talk struct {
	requests, responses framing
	asked               []bool // requests without their response yet: whether it will have no body
	opaque              bool
}

// framing finds the boundaries of the messages in one direction (RFC 9112, section 6).
type framing struct {
	state   state
	line    []byte // what there is of the current line
	head    int    // bytes of the current head
	left    int64  // bytes of the body, or of the chunk, that are still to come
	started bool   // the first line was there
	noBody  bool   // the request is one whose response has no body

	status         int
	length         int64 // of Content-Length, -1 if there is none
	chunked, accel bool
}

type state uint8

const (
	between state = iota // before a message
	inHead
	inBody
	inChunkSize
	inChunk
	afterChunk
	inTrailer
	toTheEnd // a body that ends with the connection
)

// Limits that net/http has or is near to; a head beyond them is not followed.
const (
	maxLine  = 16 << 10
	maxHead  = 64 << 10
	maxAsked = 64
)

// atRequest tells whether the next byte from the client begins a request, with none unanswered.
func (t *talk) atRequest() bool {
	return !t.opaque && t.requests.state == between && len(t.asked) == 0 && t.responses.state == between
}

// unbuffered tells whether a response should pass a buffer, because it said so or is none.
func (t *talk) unbuffered(accel bool) bool {
	return t.responses.status == http.StatusSwitchingProtocols || accel && t.responses.accel
}

// request takes bytes from the client up to the end of a head, and tells whether it has reached it.
func (t *talk) request(p []byte) (n int, headEnds bool) {
	f := &t.requests
	for n < len(p) && !t.opaque {
		if f.state != inHead && f.state != between {
			n += f.body(p[n:], t)
			continue
		}
		used, complete := f.headLine(p[n:], t)
		n += used
		if !complete || t.opaque {
			continue
		}
		if len(t.asked) == maxAsked {
			t.opaque = true
			break
		}
		t.asked = append(t.asked, f.noBody)
		switch {
		case f.chunked:
			f.state = inChunkSize
		case f.length > 0:
			f.state, f.left = inBody, f.length
		default:
			f.next()
		}
		return n, true
	}
	if t.opaque {
		n = len(p)
	}
	return n, false
}

// response takes bytes from the server up to the end of a message, and tells whether it has reached it.
func (t *talk) response(p []byte) (n int, ends bool) {
	f := &t.responses
	for n < len(p) && !t.opaque {
		if f.state != inHead && f.state != between {
			n += f.body(p[n:], t)
			if f.state == between {
				return n, true
			}
			continue
		}
		used, complete := f.headLine(p[n:], t)
		n += used
		if !complete || t.opaque {
			continue
		}
		if f.status == http.StatusSwitchingProtocols {
			t.opaque = true
			break
		}
		if f.status < 200 { // the response is still to come
			f.next()
			return n, true
		}
		if len(t.asked) > 0 {
			f.noBody, t.asked = t.asked[0], t.asked[1:]
		}
		// RFC 9112, section 6.3, in its order.
		switch {
		case f.noBody || f.status == http.StatusNoContent || f.status == http.StatusNotModified || f.length == 0 && !f.chunked:
			f.next()
			return n, true
		case f.chunked:
			f.state = inChunkSize
		case f.length > 0:
			f.state, f.left = inBody, f.length
		default:
			f.state = toTheEnd
		}
	}
	if t.opaque {
		n = len(p)
		return n, t.responses.status == http.StatusSwitchingProtocols
	}
	return n, false
}

func (f *framing) next() { *f = framing{line: f.line[:0]} }

// readLine takes bytes up to the end of a line, and returns the line if it is complete.
func (f *framing) readLine(p []byte, t *talk) (n int, line []byte, complete bool) {
	n = len(p)
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		n, complete = i+1, true
	}
	if len(f.line)+n > maxLine {
		t.opaque = true
		return n, nil, false
	}
	f.line = append(f.line, p[:n]...)
	if !complete {
		return n, nil, false
	}
	line = bytes.TrimRight(f.line, "\r\n")
	f.line = f.line[:0]
	return n, line, true
}

// headLine takes bytes of at most one line of a head, and tells whether the head is complete.
func (f *framing) headLine(p []byte, t *talk) (n int, complete bool) {
	if f.state == between {
		*f = framing{state: inHead, line: f.line, length: -1}
	}
	if !f.started && len(f.line) == 0 && p[0] != '\r' && p[0] != '\n' && (p[0] < 'A' || p[0] > 'Z') {
		t.opaque = true // such as TLS
		return len(p), false
	}
	n, line, ok := f.readLine(p, t)
	if f.head += n; f.head > maxHead {
		t.opaque = true
	}
	switch {
	case !ok || t.opaque:
	case len(line) == 0 && !f.started: // an empty line before a message (RFC 9112, section 2.2)
		f.state = between
	case len(line) == 0:
		return n, true
	case !f.started:
		f.started = true
		if f == &t.requests {
			method, _, _ := bytes.Cut(line, []byte(" "))
			f.noBody = string(method) == http.MethodHead
			version := line[bytes.LastIndexByte(line, ' ')+1:]
			t.opaque = !bytes.HasPrefix(version, []byte("HTTP/1.")) || string(method) == http.MethodConnect
		} else {
			version, rest, _ := bytes.Cut(line, []byte(" "))
			code, _, _ := bytes.Cut(rest, []byte(" "))
			status, err := strconv.Atoi(string(code))
			t.opaque = !bytes.HasPrefix(version, []byte("HTTP/1.")) || err != nil || status < 100 || status > 999
			f.status = status
		}
	default:
		f.field(line, t)
	}
	return n, false
}

func (f *framing) field(line []byte, t *talk) {
	name, value, _ := strings.Cut(string(line), ":")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(name, "Content-Length"):
		n, err := strconv.ParseInt(value, 10, 64)
		if f.length, t.opaque = n, t.opaque || err != nil || n < 0; t.opaque {
			f.length = -1
		}
	case strings.EqualFold(name, "Transfer-Encoding"):
		last := value[strings.LastIndexByte(value, ',')+1:]
		f.chunked = strings.EqualFold(strings.TrimSpace(last), "chunked")
	case strings.EqualFold(name, "X-Accel-Buffering"):
		f.accel = strings.EqualFold(value, "no")
	}
}

// body takes bytes of a body; when it is complete the state is between.
func (f *framing) body(p []byte, t *talk) (n int) {
	switch f.state {
	case inBody, inChunk:
		n = int(min(f.left, int64(len(p))))
		if f.left -= int64(n); f.left > 0 {
			break
		}
		if f.state == inChunk {
			f.state = afterChunk
		} else {
			f.next()
		}
	case inChunkSize, afterChunk, inTrailer:
		var line []byte
		var ok bool
		if n, line, ok = f.readLine(p, t); !ok {
			break
		}
		switch {
		case f.state == afterChunk:
			f.state = inChunkSize
		case f.state == inTrailer && len(line) == 0:
			f.next()
		case f.state == inChunkSize:
			digits, _, _ := strings.Cut(string(line), ";")
			size, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 64)
			switch {
			case err != nil || size < 0:
				t.opaque = true
			case size == 0:
				f.state = inTrailer
			default:
				f.state, f.left = inChunk, size
			}
		}
	default:
		n = len(p)
	}
	return n
}

// response makes the answer's bytes, without the body if the request was HEAD. The fields of header
// come after its own.
func (a Answer) response(head bool, header http.Header, now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.Status) + " " + http.StatusText(a.Status) + "\r\n")
	b.WriteString("Date: " + now.UTC().Format(http.TimeFormat) + "\r\n")
	b.WriteString("Connection: close\r\n")
	if a.RetryAfter > 0 {
		seconds := (a.RetryAfter + time.Second - 1) / time.Second
		b.WriteString("Retry-After: " + strconv.Itoa(int(seconds)) + "\r\n")
	}
	body := ""
	if a.Status != http.StatusNoContent && a.Status != http.StatusNotModified {
		body = strconv.Itoa(a.Status) + " " + http.StatusText(a.Status) + ", says the proxy\n"
		media := a.Type
		if media == "" {
			media = "text/plain; charset=utf-8"
		}
		b.WriteString("Content-Type: " + media + "\r\n")
		b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	header.Write(&b)
	b.WriteString("\r\n")
	if !head {
		b.WriteString(body)
	}
	return b.Bytes()
}
