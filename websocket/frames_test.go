package websocket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// A pieces connection brings its bytes in pieces of the given sizes, over and over.
type pieces struct {
	net.Conn
	b     []byte
	sizes []byte
	reads int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	size := 1
	if len(p.sizes) > 0 {
		size += int(p.sizes[p.reads%len(p.sizes)])
	}
	p.reads++
	n := copy(b, p.b[:min(size, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// A heard remembers control frames, and the deadline for what has begun.
type heard struct {
	frames  []string
	hurried time.Duration
}

func (h *heard) control(opcode byte, payload []byte) error {
	h.frames = append(h.frames, string(append([]byte{opcode}, payload...)))
	if opcode == opClose {
		return io.EOF
	}
	return nil
}

func (h *heard) hurry(within time.Duration) { h.hurried = within }

// maskedFrame is a frame as a client sends it, with a mask that is not seen in it.
func maskedFrame(first byte, payload string) []byte {
	b := appendHeader(nil, first&0x0f, len(payload))
	b[0] = first
	b[1] |= maskBit
	return append(append(b, 0, 0, 0, 0), payload...)
}

// outcome is what frames makes of a connection's bytes.
type outcome struct {
	data, control string
	err           error
}

// readFrames reads to the end as gorilla does, with a small buffer, and as a session does.
func readFrames(t *testing.T, b, sizes []byte) outcome {
	ears := new(heard)
	f := &frames{Conn: &pieces{b: b, sizes: sizes}, controls: ears}
	var data bytes.Buffer
	var err error
	for err == nil {
		var message bool
		if message, err = f.await(); !message {
			if err == nil && f.space != nil {
				t.Error("nothing is left, but there is a buffer")
			}
			if err == nil && ears.hurried != 0 {
				t.Error("nothing has begun, but there is a deadline")
			}
			continue
		}
		var p [16]byte
		for f.frame > 0 && err == nil {
			left := f.frame
			var n int
			n, err = f.Read(p[:])
			if uint64(n) > left {
				t.Fatalf("%d bytes were handed out, and the frame had %d left", n, left)
			}
			data.Write(p[:n])
		}
		f.calm()
	}
	return outcome{data.String(), string(bytes.Join(toBytes(ears.frames), []byte("|"))), err}
}

func toBytes(list []string) (b [][]byte) {
	for _, s := range list {
		b = append(b, []byte(s))
	}
	return b
}

// TestFrames: what is read does not depend on how it came, control frames are taken out wherever they
// stand, and gorilla is never handed a byte of the next frame.
func TestFrames(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 70_000))
	data := [][]byte{
		maskedFrame(finalBit|opText, "hello"), maskedFrame(opText, "in "), maskedFrame(opContinuation, "three "),
		maskedFrame(finalBit|opContinuation, "parts"), maskedFrame(finalBit|opBinary, long[:200]), maskedFrame(finalBit|opText, long),
	}
	var b, want []byte
	for _, frame := range data {
		b = append(append(b, maskedFrame(finalBit|opPing, "are you there?")...), frame...)
		want = append(want, frame...)
	}
	b = append(append(b, maskedFrame(finalBit|opPong, "")...), maskedFrame(finalBit|opClose, "\x03\xe8")...)
	for _, sizes := range [][]byte{nil, {255}, {0, 1, 2, 3, 250}, {13}} {
		got := readFrames(t, b, sizes)
		if got.data != string(want) || got.err != io.EOF {
			t.Errorf("in pieces of %v: %d bytes, want %d; %v", sizes, len(got.data), len(want), got.err)
		}
		if n := bytes.Count([]byte(got.control), []byte("are you there?")); n != len(data) {
			t.Errorf("in pieces of %v: %d pings, want %d", sizes, n, len(data))
		}
	}
}

// TestFrameHeaders: what gorilla would let pass is refused; the rest of the headers is gorilla's.
func TestFrameHeaders(t *testing.T) {
	for name, b := range map[string][]byte{
		"PMD-04: RSV1 on a control frame":      maskedFrame(finalBit|rsv1Bit|opPing, ""),
		"PMD-04: RSV1 on a later fragment":     maskedFrame(finalBit|rsv1Bit|opContinuation, ""),
		"WS-06: 5 bytes in 16 bits":            {finalBit | opText, maskBit | 126, 0, 5, 0, 0, 0, 0},
		"WS-06: 5 bytes in 64 bits":            {finalBit | opText, maskBit | 127, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0},
		"WS-06: a length with the highest bit": {finalBit | opText, maskBit | 127, 128, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0},
		"WS-06: a ping in two fragments":       maskedFrame(opPing, ""),
		"WS-06: a ping of 126 bytes":           maskedFrame(finalBit|opPing, string(make([]byte, 126))),
		"WS-05: a ping without a mask":         {finalBit | opPing, 0},
		"WS-11: half a close code":             maskedFrame(finalBit|opClose, "\x03"),
	} {
		if got := readFrames(t, b, nil); !errors.Is(got.err, errHeader) || got.data != "" {
			t.Errorf("%s: %v", name, got.err)
		}
	}
}

// FuzzFrames: any split gives the same, and nothing makes it panic or read too far.
func FuzzFrames(f *testing.F) {
	f.Add(append(maskedFrame(finalBit|opPing, "x"), maskedFrame(finalBit|opText, "hello")...), []byte{3, 0})
	f.Add(maskedFrame(finalBit|opText, string(make([]byte, 300))), []byte{100})
	f.Add([]byte{finalBit | opText, maskBit | 127, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}, []byte{})
	f.Fuzz(func(t *testing.T, b, sizes []byte) {
		whole := readFrames(t, bytes.Clone(b), []byte{255})
		split := readFrames(t, bytes.Clone(b), sizes)
		if whole.data != split.data || whole.control != split.control || !errors.Is(split.err, whole.err) {
			t.Errorf("whole: %q, %q, %v; split: %q, %q, %v", whole.data, whole.control, whole.err, split.data, split.control, split.err)
		}
	})
}
