package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits on what a server may send, in bytes.
const (
	maxHead = 64 << 10 // of an answer
	maxUnit = 2 << 20  // of an event, a message, or an answer that is read whole
)

// errQuiet is returned when nothing came in time.
var errQuiet = errors.New("nothing came in time")

// A lateError is that errQuiet which is about an answer.
type lateError struct{ wait time.Duration }

func (e lateError) Error() string { return fmt.Sprintf("no answer within %v", e.wait) }

func (e lateError) Unwrap() error { return errQuiet }

// errUnanswered is returned when the connection ended before an answer came.
var errUnanswered = errors.New("the server ended the connection instead of answering")

// A conn is a connection whose received bytes stay at hand until they are consumed.
type conn struct {
	net.Conn
	ctx  context.Context
	wait time.Duration // for what has to come

	buf  []byte
	err  error // why nothing more comes
	stop func() bool
}

// dial connects to the target. The connection ends with the context.
func (t *Target) dial(ctx context.Context) (*conn, error) { return t.dialTo(ctx, t.URL) }

func (t *Target) dialTo(ctx context.Context, u *url.URL) (*conn, error) {
	c, err := t.connect(ctx, u)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		config := t.options.TLS.Clone() // of nil it is nil
		if config == nil {
			config = new(tls.Config)
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		config.NextProtos = []string{"http/1.1"}
		secure := tls.Client(c, config)
		limited, cancel := context.WithTimeout(ctx, t.timeout())
		err := secure.HandshakeContext(limited)
		cancel()
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("the TLS handshake failed: %w", err)
		}
		c = secure
	}
	return &conn{Conn: c, ctx: ctx, wait: t.timeout(), stop: context.AfterFunc(ctx, func() { c.Close() })}, nil
}

func (t *Target) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	return t.options.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
}

func (c *conn) close() {
	c.stop()
	c.Conn.Close()
}

func (c *conn) send(b []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.wait)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}

// fill waits for further bytes. It fails with errQuiet if none came in time, with io.EOF if the
// server closed, or because the connection broke.
func (c *conn) fill(deadline time.Time) error {
	if c.err != nil {
		return c.err
	}
	if err := c.SetReadDeadline(deadline); err != nil {
		return c.end(err)
	}
	var piece [4 << 10]byte
	n, err := c.Read(piece[:])
	c.buf = append(c.buf, piece[:n]...)
	switch {
	case n > 0:
		return nil // what ended it will show again
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errQuiet
	}
	return c.end(err)
}

func (c *conn) end(err error) error {
	if c.ctx.Err() != nil {
		err = c.ctx.Err()
	}
	c.err = err
	return err
}

// line consumes a line, and returns it with its end, which should be CRLF.
func (c *conn) line(deadline time.Time) ([]byte, error) {
	for {
		if end := bytes.IndexByte(c.buf, '\n'); end >= 0 {
			return c.take(end + 1), nil
		}
		if len(c.buf) > maxHead {
			return nil, fmt.Errorf("a line of more than %d bytes: %s", maxHead, quoted(c.buf))
		}
		if err := c.fill(deadline); err != nil {
			return nil, err
		}
	}
}

func (c *conn) take(n int) []byte {
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

// An answer is the answer to a request. Its content is read as it comes.
type answer struct {
	*conn
	proto  string
	status int
	header http.Header
	lines  []string // of the head, as they came

	chunked bool
	state   state
	left    int64 // of the content, or of the chunk
	// malformed is what is wrong with the chunks: the first such bytes. Reading goes on where it can.
	malformed []byte
}

// state says what of the content comes next.
type state int

const (
	atEnd      state = iota // nothing
	inClose                 // everything until the connection ends
	inLength                // as much as is left
	inSize                  // the size of a chunk
	inChunk                 // a chunk, as much as is left of it
	inChunkEnd              // the line end behind it
	inTrailer               // what follows the last chunk
)

// exchange sends a request and reads the head of the final answer to it.
func (c *conn) exchange(request []byte, method string) (*answer, error) {
	if err := c.send(request); err != nil {
		return nil, err
	}
	return c.final(method)
}

// final reads the head of the final answer to a request.
func (c *conn) final(method string) (*answer, error) {
	deadline := time.Now().Add(c.wait)
	for {
		a, err := c.head(deadline)
		switch {
		case errors.Is(err, errQuiet):
			return nil, lateError{c.wait}
		case c.err != nil && c.ctx.Err() == nil:
			return nil, fmt.Errorf("%w: %w", errUnanswered, c.err)
		case err != nil:
			return nil, err
		case a.status >= 200 || a.status == http.StatusSwitchingProtocols:
			a.frame(method)
			return a, nil
		}
	}
}

// head reads the head of an answer.
func (c *conn) head(deadline time.Time) (*answer, error) {
	a := &answer{conn: c, header: make(http.Header)}
	for size := 0; ; {
		line, err := c.line(deadline)
		if err != nil {
			return nil, err
		}
		if size += len(line); size > maxHead {
			return nil, fmt.Errorf("the answer's head has more than %d bytes", maxHead)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" && len(a.lines) > 0 {
			break
		}
		a.lines = append(a.lines, text)
		if len(a.lines) == 1 {
			continue
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, fmt.Errorf("a malformed header field: %s", quoted(text))
		}
		a.header.Add(textproto.CanonicalMIMEHeaderKey(name), strings.Trim(value, " \t"))
	}
	// RFC 9112, section 4
	proto, rest, _ := strings.Cut(a.lines[0], " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || !strings.HasPrefix(proto, "HTTP/1.") {
		return nil, fmt.Errorf("not the status line of HTTP/1: %s", quoted(a.lines[0]))
	}
	a.proto, a.status = proto, status
	return a, nil
}

// frame finds out how the content ends (RFC 9112, section 6.3).
func (a *answer) frame(method string) {
	length, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64)
	switch {
	case method == http.MethodHead, a.status < 200, a.status == http.StatusNoContent, a.status == http.StatusNotModified:
		a.state = atEnd
	case listed(a.header, "Transfer-Encoding", "chunked"):
		a.state, a.chunked = inSize, true
	case err == nil && length > 0:
		a.state, a.left = inLength, length
	case err == nil:
		a.state = atEnd
	default:
		a.state = inClose
	}
}

// statusLine returns the first line of the answer, to be shown.
func (a *answer) statusLine() string { return quoted(a.lines[0]) }

// field returns the lines of a header field as they came, to be shown.
func (a *answer) field(name string) string {
	var found []string
	for _, line := range a.lines[1:] {
		if n, _, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			found = append(found, quoted(line))
		}
	}
	return strings.Join(found, " ")
}

// read returns the next piece of the content. It fails with io.EOF at its end, and with
// io.ErrUnexpectedEOF if the connection ended before.
func (a *answer) read(deadline time.Time) ([]byte, error) {
	for {
		switch a.state {
		case atEnd:
			return nil, io.EOF
		case inClose, inLength, inChunk:
			if len(a.buf) == 0 {
				if err := a.fill(deadline); err != nil {
					return nil, a.cut(err)
				}
			}
			if a.state == inClose {
				return a.take(len(a.buf)), nil
			}
			piece := a.take(int(min(int64(len(a.buf)), a.left)))
			if a.left -= int64(len(piece)); a.left == 0 {
				a.state = map[state]state{inLength: atEnd, inChunk: inChunkEnd}[a.state]
			}
			return piece, nil
		}
		if err := a.readChunkLine(deadline); err != nil {
			return nil, err
		}
	}
}

// cut tells what the end of the connection means for the content.
func (a *answer) cut(err error) error {
	if err == io.EOF && a.state != inClose {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readChunkLine reads a line between the chunks (RFC 9112, section 7.1).
func (a *answer) readChunkLine(deadline time.Time) error {
	line, err := a.line(deadline)
	if err != nil {
		return a.cut(err)
	}
	text, proper := strings.CutSuffix(string(line), "\r\n")
	if !proper {
		a.blame(line)
		text = strings.TrimSuffix(text, "\n")
	}
	switch a.state {
	case inSize:
		digits, _, _ := strings.Cut(text, ";") // what follows are extensions
		size, err := strconv.ParseUint(strings.TrimRight(digits, " \t"), 16, 32)
		if err != nil {
			return fmt.Errorf("a chunk's size is no hexadecimal number: %s", quoted(line))
		}
		a.state, a.left = inChunk, int64(size)
		if size == 0 {
			a.state = inTrailer
		}
	case inChunkEnd:
		if text != "" {
			return fmt.Errorf("a chunk is not followed by a line end, but by %s", quoted(line))
		}
		a.state = inSize
	case inTrailer:
		if text == "" {
			a.state = atEnd
		}
	}
	return nil
}

func (a *answer) blame(b []byte) {
	if a.malformed == nil {
		a.malformed = bytes.Clone(b)
	}
}

// content reads all that is left of the content.
func (a *answer) content(deadline time.Time) ([]byte, error) {
	var all []byte
	for {
		piece, err := a.read(deadline)
		all = append(all, piece...)
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return all, err
		case len(all) > maxUnit:
			return all, fmt.Errorf("the content has more than %d bytes", maxUnit)
		}
	}
}

// listed reports whether a field of comma-separated elements has that one, in any case, whatever
// its parameters (RFC 9110, section 5.6.1).
func listed(h http.Header, field, element string) bool {
	for _, e := range elements(h, field) {
		name, _, _ := strings.Cut(e, ";")
		if strings.EqualFold(strings.TrimSpace(name), element) {
			return true
		}
	}
	return false
}

// elements returns the elements of a field.
func elements(h http.Header, field string) (all []string) {
	for _, value := range h.Values(field) {
		for element := range strings.SplitSeq(value, ",") {
			if element = strings.TrimSpace(element); element != "" {
				all = append(all, element)
			}
		}
	}
	return all
}
