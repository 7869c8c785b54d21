package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Opcodes (RFC 6455, section 5.2).
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	fin  = 0x80
	rsv1 = 0x40
)

// Close codes (RFC 6455, section 7.4.1).
const (
	closeNormal   = 1000
	closeProtocol = 1002
	closeNoStatus = 1005 // means that there is none
	closeAbnormal = 1006 // means that there is no close frame
	closeInvalid  = 1007
	closeTooBig   = 1009
)

// newKey returns a key for an opening handshake (RFC 6455, section 4.1).
func newKey() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(b[:])
}

// acceptOf returns what a server answers to a key (RFC 6455, section 4.2.2).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// handshake returns the header fields of an opening handshake.
func handshake(key string) []string {
	return []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: " + key, "Sec-WebSocket-Version: 13"}
}

// A frame is what the server sent.
type frame struct {
	head    []byte // as it came: two bytes, the longer length, the mask
	opcode  byte
	fin     bool
	rsv     byte // the three reserved bits
	masked  bool
	payload []byte // unmasked
}

// show returns the frame to be shown.
func (f frame) show() string { return fmt.Sprintf("% x %s", f.head, quoted(f.payload)) }

// code returns the code of a close frame.
func (f frame) code() int {
	if len(f.payload) < 2 {
		return closeNoStatus
	}
	return int(binary.BigEndian.Uint16(f.payload))
}

// clientFrame returns a frame as a client sends it: masked, its length in the shortest form.
func clientFrame(first byte, payload []byte) []byte {
	var mask [4]byte
	rand.Read(mask[:]) // never fails (crypto/rand)
	b := append(frameHead(first, 0x80, len(payload)), mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

// frameHead returns the head of a frame up to the mask.
func frameHead(first, maskBit byte, length int) []byte {
	switch {
	case length < 126:
		return []byte{first, maskBit | byte(length)}
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16([]byte{first, maskBit | 126}, uint16(length))
	default:
		return binary.BigEndian.AppendUint64([]byte{first, maskBit | 127}, uint64(length))
	}
}

func closeFrame(code int, reason string) []byte {
	return clientFrame(fin|opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// A socket is a WebSocket connection.
type socket struct{ *answer }

// upgrade opens a WebSocket, of that topic where the server has topics. The caller closes it.
func (t *Target) upgrade(ctx context.Context, topic string) (*socket, error) {
	answer, err := t.ask(ctx, ask{query: t.about(topic), header: handshake(newKey())})
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusSwitchingProtocols {
		answer.close()
		return nil, breach(answer.statusLine(), "the opening handshake is answered %d", answer.status)
	}
	return &socket{answer}, nil
}

// frame reads a frame. It takes any, right or wrong.
func (s *socket) frame(deadline time.Time) (frame, error) {
	if err := s.have(2, deadline); err != nil {
		return frame{}, err
	}
	head, length := 2, uint64(s.buf[1]&0x7f)
	more := map[uint64]int{126: 2, 127: 8}[length]
	f := frame{opcode: s.buf[0] & 0x0f, fin: s.buf[0]&fin != 0, rsv: s.buf[0] & 0x70, masked: s.buf[1]&0x80 != 0}
	if f.masked {
		more += 4
	}
	if err := s.have(head+more, deadline); err != nil {
		return frame{}, err
	}
	switch length {
	case 126:
		length, head = uint64(binary.BigEndian.Uint16(s.buf[head:])), head+2
	case 127:
		length, head = binary.BigEndian.Uint64(s.buf[head:]), head+8
	}
	if length > maxUnit {
		return frame{}, fmt.Errorf("a frame of %d bytes: %s", length, quoted(s.buf))
	}
	var mask []byte
	if f.masked {
		mask, head = bytes.Clone(s.buf[head:head+4]), head+4
	}
	if err := s.have(head+int(length), deadline); err != nil {
		return frame{}, err
	}
	f.head, f.payload = s.take(head), s.take(int(length))
	if f.masked {
		for i := range f.payload {
			f.payload[i] ^= mask[i%4]
		}
	}
	return f, nil
}

// have waits until that many bytes are at hand.
func (s *socket) have(n int, deadline time.Time) error {
	for len(s.buf) < n {
		if err := s.fill(deadline); err != nil {
			return err
		}
	}
	return nil
}

// until reads frames until there is one such, and returns all of them.
func (s *socket) until(is func(frame) bool) ([]frame, error) {
	var frames []frame
	for deadline := time.Now().Add(s.wait); ; {
		f, err := s.frame(deadline)
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
		if is(f) {
			return frames, nil
		}
	}
}

func isPong(f frame) bool  { return f.opcode == opPong }
func isClose(f frame) bool { return f.opcode == opClose }
func isEither(f frame) bool {
	return isPong(f) || isClose(f)
}

// A reaction is what the server did when it was sent something.
type reaction struct {
	open bool  // it answered the ping that was sent behind
	code int   // of its close frame; closeAbnormal if it closed without one
	last frame // the frame that shows it
}

// react sends something, with a ping behind it, and waits for what the server does: close, or answer
// the ping as if nothing had happened.
func (s *socket) react(b []byte) (reaction, error) {
	// The server may close before it has read all of this; then it can be written no further.
	s.send(append(bytes.Clone(b), clientFrame(fin|opPing, []byte("still there?"))...))
	return s.reaction()
}

func (s *socket) reaction() (reaction, error) {
	frames, err := s.until(isEither)
	switch {
	case errors.Is(err, errQuiet):
		return reaction{}, breach("", "the server neither closes nor answers within %v", s.wait)
	case err != nil && s.ctx.Err() == nil: // closed, or reset
		return reaction{code: closeAbnormal}, nil
	case err != nil:
		return reaction{}, err
	}
	last := frames[len(frames)-1]
	if isPong(last) {
		return reaction{open: true, last: last}, nil
	}
	return reaction{code: last.code(), last: last}, nil
}

// fails sends what must fail the connection (RFC 6455, section 7.1.7), and judges by how it does:
// with one of the codes, as it should.
func (t *Target) fails(ctx context.Context, what string, b []byte, codes ...int) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.react(b)
	var f *finding
	switch {
	case errors.As(err, &f):
		return breach("", "after %s %s", what, f.Note)
	case err != nil:
		return err
	case r.open:
		return breach(r.last.show(), "after %s the connection stays open", what)
	}
	return r.judged(what, codes)
}

// judged judges the code that a connection was closed with.
func (r reaction) judged(what string, codes []int) error {
	for _, code := range codes {
		if r.code == code {
			return nil
		}
	}
	want := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(codes), "[]")), " or ")
	switch r.code {
	case closeAbnormal:
		return advise("", "after %s the connection ends without a close frame, which should say %s", what, want)
	case closeNoStatus:
		return advise(r.last.show(), "after %s the close frame has no code, and should have %s", what, want)
	}
	return advise(r.last.show(), "after %s the close frame has %d, and should have %s", what, r.code, want)
}

// ends waits for the connection to end, and tells what came until then.
func (s *socket) ends() (rest []byte, err error) {
	for deadline := time.Now().Add(s.wait); ; {
		err := s.fill(deadline)
		if err == nil {
			continue
		}
		rest = s.take(len(s.buf))
		switch {
		case errors.Is(err, errQuiet):
			return rest, errQuiet
		case err == io.EOF || s.ctx.Err() == nil:
			return rest, nil
		}
		return rest, err
	}
}
