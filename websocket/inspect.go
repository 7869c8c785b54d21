package websocket

import (
	"encoding/binary"
	"errors"
	"net"
)

// errHeader is a violation in a frame's header that gorilla lets pass.
var errHeader = errors.New("websocket: a frame header breaks the protocol")

// An inspected connection looks at the header of every frame that comes in, before gorilla does. It
// checks what gorilla does not:
//
//   - RSV1 marks a compressed message in its first frame; on a control frame, or on a later frame of
//     a message, it has no meaning (RFC 7692, section 6), and the connection must fail (RFC 6455,
//     section 5.2);
//   - a length takes the shortest of its forms, and at most 63 bits (RFC 6455, section 5.2);
//   - the body of a close frame is empty, or begins with a code of two bytes (section 5.5.1).
//
// The peer is a client: its frames are masked, which gorilla does check.
type inspected struct {
	net.Conn
	header  [14]byte // of the frame that is coming in
	have    int      // how much of it has come
	payload uint64   // how much of the payload is still to come
	broken  bool
}

func (c *inspected) Read(p []byte) (int, error) {
	if c.broken {
		return 0, errHeader
	}
	n, err := c.Conn.Read(p)
	if !c.inspect(p[:n]) {
		c.broken = true
		return 0, errHeader
	}
	return n, err
}

// NetConn returns the connection below.
func (c *inspected) NetConn() net.Conn { return c.Conn }

// CloseWrite ends our direction, where the connection below can.
func (c *inspected) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// inspect follows the frames through what was read, and reports whether they may be passed on.
func (c *inspected) inspect(b []byte) bool {
	for len(b) > 0 {
		if c.payload > 0 {
			skip := min(c.payload, uint64(len(b)))
			c.payload -= skip
			b = b[skip:]
			continue
		}
		c.header[c.have] = b[0]
		c.have++
		b = b[1:]
		if c.have < 2 || c.have < c.headerSize() {
			continue
		}
		length, ok := c.check()
		if !ok {
			return false
		}
		c.have, c.payload = 0, length
	}
	return true
}

// headerSize is how long the header is, as its second byte says.
func (c *inspected) headerSize() int {
	size := 2
	switch c.header[1] &^ maskBit {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if c.header[1]&maskBit != 0 {
		size += 4
	}
	return size
}

// check looks at a complete header, and returns the payload's length.
func (c *inspected) check() (length uint64, ok bool) {
	opcode := c.header[0] & 0x0f
	if c.header[0]&rsv1Bit != 0 && opcode != opText && opcode != opBinary {
		return 0, false
	}
	switch form := c.header[1] &^ maskBit; form {
	case 1:
		return 1, opcode != opClose
	case 126:
		length = uint64(binary.BigEndian.Uint16(c.header[2:]))
		return length, length > 125
	case 127:
		length = binary.BigEndian.Uint64(c.header[2:])
		return length, length > 0xffff && length < 1<<63
	default:
		return uint64(form), true
	}
}
