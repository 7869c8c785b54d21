package websocket

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/event"
	"pushlab/common/request"
)

// subprotocol names what the messages mean (RFC 6455, section 1.9).
const subprotocol = "pushlab.v1"

// checkUpgrade refuses a request that is not the opening handshake of a WebSocket connection, or
// not from a page that may open one.
func checkUpgrade(r *http.Request, allowedOrigins []string) *request.Problem {
	upgradeRequired := func(parameter, detail string) *request.Problem {
		return &request.Problem{
			Status: http.StatusUpgradeRequired, Parameter: parameter, Detail: detail,
			// RFC 9110, section 15.5.22: the answer names the protocol; RFC 6455, section 4.2.2
			// (WS-02): and its version.
			Header: http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"}},
		}
	}
	switch {
	case r.ProtoMajor != 1:
		return request.Invalid("protocol", "use HTTP/1.1: a WebSocket over HTTP/2 (RFC 8441) is not offered")
	// RFC 6455, section 4.2.1 (WS-01), in its order.
	case !r.ProtoAtLeast(1, 1):
		return request.Invalid("protocol", "use HTTP/1.1; a proxy in between may have to be told to, nginx by proxy_http_version 1.1")
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return upgradeRequired("Upgrade", "this is a WebSocket; ask with Upgrade: websocket, as new WebSocket(url) does")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return upgradeRequired("Connection", "Connection must list Upgrade; a proxy in between may have to be told to pass it on")
	case r.Method != http.MethodGet:
		return request.CheckMethod(r, http.MethodGet)
	case !validKey(r.Header.Get("Sec-WebSocket-Key")):
		return request.Invalid("Sec-WebSocket-Key", "it must be 16 random bytes in base64")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return upgradeRequired("Sec-WebSocket-Version", "the version must be 13")
	case !request.OriginAllowed(r, allowedOrigins):
		// Section 10.2 (WS-03, CORS-03): a browser sends the user's cookies along, whatever page asks for it.
		return &request.Problem{Status: http.StatusForbidden, Parameter: "Origin",
			Detail: fmt.Sprintf("pages of %.100q may not connect; the server would have to be told to allow that origin", r.Header.Get("Origin"))}
	}
	return nil
}

// hasToken reports whether a field lists the token, in any case (RFC 9110, section 5.6.1).
func hasToken(h http.Header, field, token string) bool {
	for _, value := range h.Values(field) {
		for element := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(element), token) {
				return true
			}
		}
	}
	return false
}

func validKey(key string) bool {
	b, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(b) == 16
}

// open answers the handshake by gorilla. The bytes of the answer are not sent, but returned: they are
// the head of the stream. An error was answered, if anybody is there to answer. Where the configuration
// allows it, it may agree on compression.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, cursor event.ID) (s *session, head []byte, err error) {
	header := w.Header().Clone() // what middleware wants in the answer
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Pushlab-Cursor", cursor.String())
	s = &session{Handler: h, answer: new(bytes.Buffer)}
	m := &messenger{session: s}
	if err := m.upgrade(w, r, h.deflated != nil && acceptDeflate(r.Header)); err != nil {
		return nil, nil, err
	}
	answer := s.answer.Bytes()
	s.answer, s.deflates = nil, bytes.Contains(answer, []byte("permessage-deflate"))
	m.session = nil
	h.messengers.pool(s.deflates).Put(m)
	// Gorilla would add the header in any order.
	header.Del("Sec-Websocket-Protocol") // which was chosen
	b := bytes.NewBuffer(bytes.TrimSuffix(answer, []byte("\r\n")))
	header.Write(b) // a buffer takes everything
	b.WriteString("\r\n")
	return s, b.Bytes(), nil
}

// answerUpgradeError answers what checkUpgrade let through and gorilla does not.
func answerUpgradeError(w http.ResponseWriter, r *http.Request, status int, reason error) {
	(&request.Problem{Status: status, Detail: reason.Error()}).ServeHTTP(w, r)
}

// Opcodes (RFC 6455, section 5.2), and the bit of a message's last frame.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	finalBit = 0x80
	maskBit  = 0x80
)

// appendHeader appends the header of an unmasked, final frame. RFC 6455, section 5.1 (WS-05): a
// server must not mask; section 5.2 (WS-06): the length takes the shortest of its three forms.
func appendHeader(dst []byte, opcode byte, length int) []byte {
	dst = append(dst, finalBit|opcode)
	switch {
	case length < 126:
		return append(dst, byte(length))
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(length))
	}
}

// AppendFrame appends an event as this transport frames it: the envelope as a text message of one
// frame (RFC 6455, section 5.6). Behind a heartbeat goes a ping, section 5.5.2 (WS-16), which the
// client answers by itself, also where it shows events to nobody.
func AppendFrame(dst []byte, e event.Event) []byte {
	envelope := e.Envelope()
	dst = appendHeader(dst, opText, len(envelope))
	dst = append(dst, envelope...)
	return appendPing(dst, e)
}

// appendPing appends a ping if the event is a heartbeat.
func appendPing(dst []byte, e event.Event) []byte {
	if e.Topic == event.BeatTopic {
		dst = appendHeader(dst, opPing, 0)
	}
	return dst
}

// appendText appends a text message.
func appendText(dst, message []byte) []byte {
	return append(appendHeader(dst, opText, len(message)), message...)
}

// appendClose appends a close frame (RFC 6455, section 5.5.1). A client's close without a code is
// answered by one without: 1005 must not be sent, section 7.4.1 (WS-11).
func appendClose(dst []byte, code int, reason string) []byte {
	if code == gorilla.CloseNoStatusReceived {
		return appendHeader(dst, opClose, 0)
	}
	dst = appendHeader(dst, opClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// closeCode returns the code in the body of a close frame, and whether the body is one: RFC 6455,
// sections 5.5.1 and 7.4 (WS-11). A body without a code has the code 1005.
func closeCode(body []byte) (code int, ok bool) {
	if len(body) == 0 {
		return gorilla.CloseNoStatusReceived, true
	}
	code = int(binary.BigEndian.Uint16(body))
	switch {
	case code == 1004, code == gorilla.CloseNoStatusReceived, code == gorilla.CloseAbnormalClosure: // which are never sent
		return 0, false
	case code < 1000, code > 1014 && code < 3000, code > 4999: // 1015 is never sent either
		return 0, false
	}
	return code, utf8.Valid(body[2:])
}

// trailer ends a stream when the server leaves: 1001, going away, RFC 6455, section 7.4.1 (WS-12).
var trailer = appendClose(nil, gorilla.CloseGoingAway, "")

// A Decoder reads what a server sends after the handshake, in pieces of any size: it is the inverse
// of AppendFrame, without a connection to answer pings on. The zero Decoder is ready for use.
type Decoder struct {
	// Limit is how long a message may be, in bytes. Default 16 MiB.
	Limit int

	buf     []byte // the beginning of a frame whose end has not come yet
	message []byte // the fragments of a message that is not complete
	open    bool   // such a message has begun
	ended   bool   // a close frame came
}

// Decode appends the events that p completes to dst. It does not keep p. After an error, which is
// about the stream's content, the decoder is of no more use.
func (d *Decoder) Decode(dst []event.Event, p []byte) ([]event.Event, error) {
	b := p
	if len(d.buf) > 0 {
		d.buf = append(d.buf, p...)
		b = d.buf
	}
	for {
		opcode, final, payload, rest, err := d.frame(b)
		if err != nil {
			return dst, err
		}
		if rest == nil { // not complete
			if len(b) != len(d.buf) { // else it is there already: a long frame is not copied for each piece
				d.buf = append([]byte(nil), b...)
			}
			return dst, nil
		}
		b = rest
		switch opcode {
		case opPing, opPong: // RFC 6455, section 5.4 (WS-07): they may come between fragments
			continue
		case opClose:
			d.ended = true
			continue
		}
		if d.open == (opcode != opContinuation) {
			return dst, errors.New("websocket: fragments of messages are out of order (RFC 6455, section 5.4)")
		}
		d.open = !final
		d.message = append(d.message, payload...)
		if d.open {
			continue
		}
		message := d.message
		d.message = nil
		e, err := parseMessage(message)
		if err != nil {
			return dst, err
		}
		if e.Topic != "" {
			dst = append(dst, e)
		}
	}
}

// frame splits the first frame off b. Without a rest, even an empty one, it is not complete.
func (d *Decoder) frame(b []byte) (opcode byte, final bool, payload, rest []byte, err error) {
	limit := uint64(cmp.Or(d.Limit, 16<<20))
	if len(b) < 2 {
		return 0, false, nil, nil, nil
	}
	opcode, final = b[0]&0x0f, b[0]&finalBit != 0
	switch {
	case d.ended:
		err = errors.New("websocket: a frame after the close frame (RFC 6455, section 5.5.1)")
	case b[0]&0x70 != 0:
		err = errors.New("websocket: a reserved bit is set (RFC 6455, section 5.2)")
	case b[1]&maskBit != 0:
		err = errors.New("websocket: the server masks its frames (RFC 6455, section 5.1)")
	case opcode > opBinary && opcode < opClose || opcode > opPong:
		err = fmt.Errorf("websocket: unknown opcode %#x (RFC 6455, section 5.2)", opcode)
	case opcode == opBinary:
		err = errors.New("websocket: a binary message, but events are text")
	case opcode >= opClose && (!final || b[1] > 125):
		err = errors.New("websocket: a control frame is fragmented or longer than 125 bytes (RFC 6455, section 5.5)")
	}
	if err != nil {
		return 0, false, nil, nil, err
	}
	length, head := uint64(b[1]), 2
	switch {
	case length == 126 && len(b) < 4, length == 127 && len(b) < 10:
		return 0, false, nil, nil, nil
	case length == 126:
		length, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case length == 127:
		length, head = binary.BigEndian.Uint64(b[2:]), 10
	}
	if opcode < opClose && (length > limit || uint64(len(d.message))+length > limit) {
		return 0, false, nil, nil, fmt.Errorf("websocket: a message of more than %d bytes; raise the limit if that is right", limit)
	}
	end := head + int(length)
	if len(b) < end {
		return 0, false, nil, nil, nil
	}
	return opcode, final, b[head:end], b[end:], nil
}

// parseMessage reads a text message. What is no envelope but an answer, such as an ack, gives an
// event without a topic.
func parseMessage(message []byte) (event.Event, error) {
	if !utf8.Valid(message) { // RFC 6455, section 8.1 (WS-10)
		return event.Event{}, errors.New("websocket: a text message is not UTF-8 (RFC 6455, section 8.1)")
	}
	if isReply(message) {
		return event.Event{}, nil
	}
	e, err := event.ParseEnvelope(message)
	if err != nil {
		return event.Event{}, fmt.Errorf("websocket: %w", err)
	}
	return e, nil
}

// End tells what the end of the connection means: io.EOF after a close frame, else
// io.ErrUnexpectedEOF, which browsers report as code 1006 (RFC 6455, section 7.1.5).
func (d *Decoder) End() error {
	if !d.ended {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
