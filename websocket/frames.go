package websocket

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"
)

// errHeader is a violation in a frame's header that gorilla lets pass.
var errHeader = errors.New("websocket: a frame header breaks the protocol")

// frames is a client's connection as gorilla reads it: it hands out one frame at a time, never bytes
// of the next, so that gorilla holds nothing back when it has read a message, and the connection can
// be left alone until there is something to read again.
//
// With controls, it keeps control frames to itself: gorilla would go on from them to the next message,
// and wait for it. Section 5.4 (WS-07): they may come between the fragments of a message.
//
// What a client has begun must be complete in messageTime: it could otherwise have us keep the beginnings of messages for ever.
//
// It looks at every header before gorilla does, and checks what gorilla does not:
//
//   - RSV1 marks a compressed message in its first frame; on a control frame, or on a later frame of
//     a message, it has no meaning, RFC 7692, section 6 (PMD-04), and the connection must fail, RFC
//     6455, section 5.2 (WS-06);
//   - a length takes the shortest of its forms, and at most 63 bits: RFC 6455, section 5.2 (WS-06);
//   - a control frame is whole, has at most 125 bytes, and is masked: sections 5.5, 5.1 (WS-05, WS-06);
//   - the body of a close frame is empty, or begins with a code of two bytes: section 5.5.1 (WS-11).
type frames struct {
	net.Conn
	controls controller // nil: gorilla is given control frames too

	space  *readBuffer
	unread []byte // the part of space that was read, and not handed out yet
	frame  uint64 // how much of the frame that gorilla reads is to be handed out
	broken error

	within  bool // a message has begun
	hurried bool // there is a deadline for what has begun
}

// A controller answers control frames. It fails if nothing may be read after one.
type controller interface {
	control(opcode byte, payload []byte) error
	// hurry has reading fail after that time; zero takes it back.
	hurry(within time.Duration)
}

// messageTime is how long a message may take from its first byte to its last, and a control frame. As most come in one piece,
// few ever need the deadline.
const messageTime = 30 * time.Second

// hurry sets the deadline, when the rest of what has begun is to be waited for.
func (f *frames) hurry() {
	if !f.hurried && f.controls != nil {
		f.hurried = true
		f.controls.hurry(messageTime)
	}
}

// calm takes the deadline back, when it has come.
func (f *frames) calm() {
	f.within = false
	if f.hurried {
		f.hurried = false
		f.controls.hurry(0)
	}
}

// A readBuffer holds any header, and any control frame. Larger payloads are read past it.
type readBuffer [512]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// Read reads of the current frame, or the next one if it is at an end.
func (f *frames) Read(p []byte) (n int, err error) {
	for f.frame == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	if uint64(len(p)) > f.frame {
		p = p[:f.frame]
	}
	if len(f.unread) > 0 {
		n = copy(p, f.unread)
		f.unread = f.unread[n:]
	} else {
		f.hurry()
		n, err = f.Conn.Read(p)
	}
	f.frame -= uint64(n)
	return n, err
}

// await reads until a message begins, or there is nothing left of what has come.
func (f *frames) await() (message bool, err error) {
	for {
		if err := f.next(); err != nil {
			return false, err
		}
		if f.frame > 0 {
			f.within = true
			return true, nil
		}
		f.calm()
		if f.drained() {
			return false, nil
		}
	}
}

// drained reports whether there is nothing left of what has come. Then it needs no buffer.
func (f *frames) drained() bool {
	if len(f.unread) > 0 {
		return false
	}
	if f.space != nil {
		readBuffers.Put(f.space)
		f.space, f.unread = nil, nil
	}
	return true
}

// next reads the next header, and all of a control frame.
func (f *frames) next() error {
	if f.broken != nil {
		return f.broken
	}
	if err := f.fill(2); err != nil {
		return err
	}
	header := headerSize(f.unread[1])
	if err := f.fill(header); err != nil {
		return err
	}
	opcode := f.unread[0] & 0x0f
	length, ok := f.check(f.unread)
	if !ok {
		f.broken = errHeader
		return errHeader
	}
	if f.controls == nil || opcode < opClose || opcode > opPong {
		f.frame = uint64(header) + length
		return nil
	}
	size := header + int(length)
	if err := f.fill(size); err != nil {
		return err
	}
	mask, payload := f.unread[header-4:header], f.unread[header:size]
	for i := range payload {
		payload[i] ^= mask[i%4] // RFC 6455, section 5.3 (WS-05)
	}
	f.unread = f.unread[size:]
	f.broken = f.controls.control(opcode, payload)
	return f.broken
}

// fill reads until that many bytes are there.
func (f *frames) fill(n int) error {
	for len(f.unread) < n {
		if f.space == nil {
			f.space = readBuffers.Get().(*readBuffer)
		}
		if f.within || len(f.unread) > 0 {
			f.hurry()
		}
		have := copy(f.space[:], f.unread)
		read, err := f.Conn.Read(f.space[have:])
		f.unread = f.space[:have+read]
		if read == 0 && err != nil {
			return err
		}
	}
	return nil
}

// headerSize is how long a header is, as its second byte says.
func headerSize(second byte) int {
	size := 2
	switch second &^ maskBit {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if second&maskBit != 0 {
		size += 4
	}
	return size
}

// check looks at a complete header, and returns the payload's length.
func (f *frames) check(header []byte) (length uint64, ok bool) {
	opcode := header[0] & 0x0f
	if header[0]&rsv1Bit != 0 && opcode != opText && opcode != opBinary {
		return 0, false
	}
	form := header[1] &^ maskBit
	if f.controls != nil && opClose <= opcode && opcode <= opPong {
		if header[0] != finalBit|opcode || form > 125 || header[1]&maskBit == 0 {
			return 0, false
		}
	}
	switch form {
	case 1:
		return 1, opcode != opClose
	case 126:
		length = uint64(binary.BigEndian.Uint16(header[2:]))
		return length, length > 125
	case 127:
		length = binary.BigEndian.Uint64(header[2:])
		return length, length > 0xffff && length < 1<<63
	default:
		return uint64(form), true
	}
}

// NetConn returns the connection below.
func (f *frames) NetConn() net.Conn { return f.Conn }

// CloseWrite ends our direction, where the connection below can.
func (f *frames) CloseWrite() error {
	half, ok := f.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
