package tap

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// Opcodes: RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// opcodeNames are the names in the list of kinds.
var opcodeNames = map[byte]string{
	opContinuation: "continuation", opText: "text", opBinary: "binary", opClose: "close", opPing: "ping", opPong: "pong",
}

func opcodeName(opcode byte) string {
	if name, ok := opcodeNames[opcode]; ok {
		return name
	}
	return "reserved"
}

// A frameState is what is known of the frame, and of the message that it belongs to.
type frameState struct {
	began   moment
	inside  bool // the payload
	first   byte
	masked  bool
	key     [4]byte
	length  int64
	put     int64 // how much of the payload is in the tree
	control []byte
	closed  bool // a close frame was seen

	message    []byte // as far as it is kept
	begin      moment
	open       bool // fragments will follow
	opcode     byte // of its first frame
	compressed bool
	payload    int64
	inflated   []byte // the message, if it came in one frame
	noInflate  bool   // a message could not be inflated by itself
}

func (f *frameState) opcodeOf() byte { return f.first & 0x0f }
func (f *frameState) fin() bool      { return f.first&0x80 != 0 }
func (f *frameState) isControl() bool {
	return f.first&0x08 != 0
}

// startFrames has all that follows be frames.
func (s *stream) startFrames() {
	s.head, s.body, s.mode = nil, nil, inFrames
	s.frame = frameState{}
}

// endFrames is called when the connection ends.
func (s *stream) endFrames() {
	if s.frame.inside && len(s.pending) > 0 {
		s.putPayload(s.pending)
		s.pending = nil
	}
}

// frameBytes parses frames: RFC 6455, section 5.2.
func (s *stream) frameBytes(b []byte) int {
	f := &s.frame
	if f.closed {
		s.giveUp("nothing may follow a close frame")
		return 0
	}
	if !f.inside {
		if len(s.pending) == 0 {
			f.began = s.here(0)
		}
		need := 2
		if len(s.pending) >= 2 {
			need = frameHeader(s.pending[1])
		}
		n := min(len(b), need-len(s.pending))
		s.pending = append(s.pending, b[:n]...)
		if len(s.pending) < 2 || len(s.pending) < frameHeader(s.pending[1]) {
			return n
		}
		header := s.pending
		s.pending = nil
		s.startFrame(header)
		if s.left == 0 {
			s.endFrame()
		}
		return n
	}
	n, full := s.fill(b)
	if full {
		payload := s.pending
		s.pending = nil
		s.putPayload(payload)
	}
	if s.left == 0 {
		s.endFrame()
	}
	return n
}

// frameHeader is how long a header is, as its second byte says.
func frameHeader(second byte) int {
	n := 2
	switch second & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if second&0x80 != 0 {
		n += 4
	}
	return n
}

// startFrame puts a complete header into the tree.
func (s *stream) startFrame(header []byte) {
	f := &s.frame
	f.first, f.masked, f.put, f.control = header[0], header[1]&0x80 != 0, 0, nil
	form := int64(header[1] & 0x7f)
	f.length = form
	rest := header[2:]
	switch form {
	case 126:
		f.length, rest = int64(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		f.length, rest = int64(binary.BigEndian.Uint64(rest)&^(1<<63)), rest[8:]
	}
	opcode := f.opcodeOf()

	root := s.open("frame")
	s.explained(root, "opcode/"+opcodeName(opcode))
	root.Wrong = s.wrongFrame(header)

	first := s.leaf("frame-first", header[:1])
	first.Text = fmt.Sprintf("%08b", header[0])
	first.Label = frameLabel(header[0])
	first.Children = []*Span{
		bits(first, "frame-fin", "%c.......", header[0], 7, 1, map[bool]string{true: "the last of its message", false: "more follow"}[f.fin()]),
		bits(first, "frame-rsv", ".%c%c%c....", header[0], 4, 3, rsvLabel(header[0])),
		bits(first, "frame-opcode", "....%c%c%c%c", header[0], 0, 4, opcodeName(opcode)),
	}
	first.Children[2].Explain = "opcode/" + opcodeName(opcode)

	second := s.leaf("frame-second", header[1:2])
	second.Text = fmt.Sprintf("%08b", header[1])
	second.Label = map[bool]string{true: "masked", false: "not masked"}[f.masked] + ", length " + number(form)
	second.Children = []*Span{
		bits(second, "frame-mask", "%c.......", header[1], 7, 1, map[bool]string{true: "masked", false: "not masked"}[f.masked]),
		bits(second, "frame-length7", ".%c%c%c%c%c%c%c", header[1], 0, 7, lengthLabel(form)),
	}
	s.nodes += 5

	switch form {
	case 126:
		s.leaf("frame-length16", header[2:4]).Text = number(f.length)
	case 127:
		s.leaf("frame-length64", header[2:10]).Text = number(f.length)
	}
	if f.masked {
		copy(f.key[:], rest)
		s.leaf("frame-key", rest[:4]).Text = hexText(rest[:4])
	}
	s.left, f.inside = f.length, true

	if f.isControl() {
		return
	}
	if opcode != opContinuation {
		f.message, f.begin, f.opcode, f.payload = nil, f.began, opcode, 0
		f.compressed = f.first&0x40 != 0
	}
	f.open = !f.fin()
}

// bits describes n bits of a byte, from bit i upwards.
func bits(of *Span, kind, pattern string, b byte, i, n int, label string) *Span {
	digits := fmt.Sprintf("%08b", b)
	var shown []any
	for j := 8 - i - n; j < 8-i; j++ {
		shown = append(shown, rune(digits[j]))
	}
	return &Span{Start: of.Start, Length: 1, Kind: kind, Bits: fmt.Sprintf(pattern, shown...), Label: label}
}

func frameLabel(first byte) string {
	text := opcodeName(first & 0x0f)
	if first&0x80 != 0 {
		text = "FIN, " + text
	}
	if first&0x40 != 0 {
		text += ", RSV1"
	}
	return text
}

func rsvLabel(first byte) string {
	switch first & 0x70 {
	case 0:
		return "none"
	case 0x40:
		return "RSV1: compressed"
	}
	return "no extension uses these"
}

func lengthLabel(form int64) string {
	switch form {
	case 126:
		return "126: two bytes of length follow"
	case 127:
		return "127: eight bytes of length follow"
	}
	return bytesText(form)
}

// wrongFrame says what is wrong with a header.
func (s *stream) wrongFrame(header []byte) string {
	f := &s.frame
	opcode, form := f.opcodeOf(), header[1]&0x7f
	switch {
	case opcodeName(opcode) == "reserved":
		return "a reserved opcode: RFC 6455, section 5.2"
	case f.first&0x30 != 0:
		return "a reserved bit is set: RFC 6455, section 5.2"
	case f.first&0x40 != 0 && opcode != opText && opcode != opBinary:
		return "only the first frame of a message says that it is compressed: RFC 7692, section 6"
	case s.dir == Up && !f.masked:
		return "a client must mask its frames: RFC 6455, section 5.1"
	case s.dir == Down && f.masked:
		return "a server must not mask its frames: RFC 6455, section 5.1"
	case f.isControl() && !f.fin():
		return "control frames are not fragmented: RFC 6455, section 5.5"
	case f.isControl() && form > 125:
		return "control frames have at most 125 bytes: RFC 6455, section 5.5"
	case form == 126 && f.length < 126, form == 127 && f.length <= 0xffff:
		return "the length must take the shortest form: RFC 6455, section 5.2"
	case form == 127 && header[2]&0x80 != 0:
		return "the highest bit of the length must be 0: RFC 6455, section 5.2"
	case opcode == opContinuation && !f.open:
		return "there is nothing to continue: RFC 6455, section 5.4"
	case (opcode == opText || opcode == opBinary) && f.open:
		return "the message before is not complete: RFC 6455, section 5.4"
	case opcode == opClose && f.length == 1:
		return "a close code has two bytes: RFC 6455, section 5.5.1"
	}
	return ""
}

// putPayload puts a part of the payload into the tree, or all of it, unmasked.
func (s *stream) putPayload(b []byte) {
	f := &s.frame
	if f.masked {
		for i := range b { // RFC 6455, section 5.3
			b[i] ^= f.key[(f.put+int64(i))%4]
		}
	}
	part := partOf(f.put == 0, f.put+int64(len(b)) == f.length)
	f.put += int64(len(b))
	if f.isControl() {
		s.putControl(b, part)
		return
	}
	f.payload += int64(len(b))
	f.message = append(f.message, b[:min(len(b), max(0, maxUnit-len(f.message)))]...)
	switch {
	case f.compressed:
		span := s.leaf("frame-compressed", b)
		span.Part, span.Text = part, ""
		if part == Whole && f.fin() && f.opcodeOf() != opContinuation {
			s.inflated(span, b)
		}
	case f.opcode == opBinary:
		span := s.leaf("frame-binary", b)
		span.Part, span.Text = part, hexText(b[:min(len(b), 256)])
	case part == Whole && f.fin() && f.opcodeOf() == opText:
		span := s.json("frame-text", b)
		if !utf8.Valid(b) {
			span.Wrong = "text must be UTF-8: RFC 6455, section 8.1"
		}
	default:
		s.leaf("frame-text", b).Part = part
	}
}

// inflated labels a compressed payload that is a message by itself.
func (s *stream) inflated(span *Span, b []byte) {
	if text, ok := s.frame.inflate(b); ok {
		span.Text = textOf(text[:min(len(text), maxTree)])
		s.frame.inflated = text
		span.Label = fmt.Sprintf("compressed: %s for %d", bytesText(int64(len(b))), len(text))
	}
}

// inflate inflates a message, if it was compressed without regard to those before it: RFC 7692, section 7.2.2.
func (f *frameState) inflate(b []byte) (text []byte, ok bool) {
	if f.noInflate {
		return nil, false
	}
	const tail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	r := flate.NewReader(io.MultiReader(bytes.NewReader(b), bytes.NewReader([]byte(tail))))
	text, err := io.ReadAll(io.LimitReader(r, maxUnit+1))
	if err != nil || len(text) > maxUnit {
		f.noInflate = err != nil // the window goes on over messages, and we have not kept it
		return nil, false
	}
	return text, true
}

func (s *stream) putControl(b []byte, part Part) {
	f := &s.frame
	f.control = append(f.control, b[:min(len(b), max(0, 125-len(f.control)))]...)
	if f.opcodeOf() != opClose || part != Whole || len(b) < 2 {
		s.leaf("frame-application", b).Part = part
		return
	}
	s.open("frame-close")
	code := s.leaf("frame-close-code", b[:2])
	code.Text = number(int64(binary.BigEndian.Uint16(b)))
	s.explained(code, "close/"+code.Text)
	if len(b) > 2 {
		s.leaf("frame-close-reason", b[2:])
	}
	s.close()
}

// endFrame is called behind a frame's payload.
func (s *stream) endFrame() {
	f := &s.frame
	root := s.close()
	f.inside = false
	m := Message{Offset: f.began.at, Length: s.at - f.began.at, Began: f.began.when}
	switch opcode := f.opcodeOf(); {
	case opcode == opClose:
		m.Kind, m.Label = CloseMessage, "close without a code"
		f.closed = true
		if len(f.control) >= 2 {
			code := number(int64(binary.BigEndian.Uint16(f.control)))
			m.Label = "close " + code
			if k, ok := byKey["close/"+code]; ok {
				m.Label = "close " + k.Label
			}
			if reason := f.control[2:]; len(reason) > 0 {
				m.Label += ": " + textOf(reason)
			}
		}
	case opcode == opPing:
		m.Kind, m.Label = PingMessage, controlLabel("ping", f.control)
	case opcode == opPong:
		m.Kind, m.Label = PongMessage, controlLabel("pong", f.control)
	case f.isControl():
		m.Kind, m.Label = FrameMessage, "reserved opcode"
	case f.fin():
		if opcode == opContinuation {
			s.tell(s.fragment(m))
		}
		m = s.whole()
	default:
		m = s.fragment(m)
	}
	root.Label = m.Label
	s.tell(m)
	if !f.isControl() && f.fin() {
		f.message, f.inflated, f.compressed = nil, nil, false
	}
}

func (s *stream) fragment(m Message) Message {
	m.Payload = s.frame.length
	m.Kind, m.Label = FrameMessage, "fragment, "+opcodeName(s.frame.opcodeOf())
	return m
}

func controlLabel(name string, data []byte) string {
	if len(data) == 0 {
		return name
	}
	if !utf8.Valid(data) {
		return name + " " + hexText(data)
	}
	return name + " " + textOf(data)
}

// whole returns the message that a frame has completed.
func (s *stream) whole() Message {
	f := &s.frame
	text, readable := f.message, f.payload == int64(len(f.message))
	if f.compressed && readable {
		if text = f.inflated; text == nil {
			text, readable = f.inflate(f.message)
		}
	}
	m := Message{Kind: TextMessage}
	switch {
	case !readable && f.compressed:
		m.Label = "compressed message"
	case f.opcode == opBinary:
		m.Label = "binary, " + bytesText(f.payload)
	case !readable:
		m.Label = excerpt(text)
	default:
		m = unitOf(text).message()
	}
	m.Offset, m.Length, m.Payload, m.Began = f.begin.at, s.at-f.begin.at, f.payload, f.begin.when
	return m
}
