package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// The load speaks HTTP and WebSocket by itself, with one goroutine and one buffer for each
// connection. The reference clients do more for each event than the server does (on two cores about
// 20 µs, the server 12, this load 8), and would be what is measured.

// A dialer connects to the server.
type dialer struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string // host:port
	in, out *atomic.Int64
}

func newDialer(server string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (dialer, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return dialer{}, fmt.Errorf("bench: %q is no address of a server; it looks like http://localhost:8080", server)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	return dialer{dial: dial, address: address, in: new(atomic.Int64), out: new(atomic.Int64)}, nil
}

// apart returns a dialer to the same server whose connections are not counted with d's.
func (d dialer) apart() dialer {
	d.in, d.out = new(atomic.Int64), new(atomic.Int64)
	return d
}

// A socket is a connection whose bytes are counted.
type socket struct {
	net.Conn
	br      *bufio.Reader
	in, out *atomic.Int64
}

// readBuffer is how many bytes a connection reads at once, if there are as many.
const readBuffer = 4 << 10

// handshakeTime is how long connecting, and the answer to the first request, may take.
const handshakeTime = 10 * time.Second

func (d dialer) connect(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	conn, err := d.dial(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: conn, in: d.in, out: d.out}
	s.br = bufio.NewReaderSize(s, readBuffer)
	return s, nil
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.in.Add(int64(n))
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.out.Add(int64(n))
	return n, err
}

// get sends a request and reads the head of the answer. The answer's body is to be read from the
// response; after a 101 the connection is read itself.
func (s *socket) get(request []byte) (*http.Response, error) {
	if _, err := s.Write(request); err != nil {
		return nil, err
	}
	return http.ReadResponse(s.br, nil)
}

// handshake is get within a limited time, for an answer with that status.
func (s *socket) handshake(request []byte, status int) (*http.Response, error) {
	if err := s.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return nil, err
	}
	response, err := s.get(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != status {
		return nil, refused(response)
	}
	return response, s.SetDeadline(time.Time{})
}

// refused describes an answer that is not the one hoped for.
func refused(response *http.Response) error {
	said, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // what could be read will do
	return fmt.Errorf("the server answered %s: %s", response.Status, said)
}

// Opcodes and bits of a WebSocket frame (RFC 6455, section 5.2).
const (
	opText   = 0x1
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
	finalBit = 0x80
	maskBit  = 0x80
)

// A channel is a WebSocket connection: just as much of RFC 6455 as the load needs.
type channel struct {
	*socket
	mu  sync.Mutex // guards out: the publisher writes beside the reader, which answers pings
	out []byte
	in  []byte
}

// upgrade makes a channel of a connection, by a request for that path.
func upgrade(s *socket, host, path string) (*channel, error) {
	var key [16]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		path, host, base64.StdEncoding.EncodeToString(key[:]))
	if _, err := s.handshake(request, http.StatusSwitchingProtocols); err != nil {
		return nil, err
	}
	return &channel{socket: s}, nil
}

// next returns the next text message, which is good until it is called again. It answers pings. A
// close frame is io.EOF.
func (c *channel) next() ([]byte, error) {
	for {
		opcode, payload, err := c.frame()
		if err != nil {
			return nil, err
		}
		switch opcode {
		case finalBit | opText:
			return payload, nil
		case finalBit | opPing:
			if err := c.send(opPong, payload); err != nil {
				return nil, err
			}
		case finalBit | opPong:
		case finalBit | opClose:
			return nil, io.EOF
		default:
			return nil, fmt.Errorf("a WebSocket frame that a Pushlab server does not send: %#x", opcode)
		}
	}
}

// frame reads a frame; it returns the first byte, and the payload.
func (c *channel) frame() (first byte, payload []byte, err error) {
	head, err := c.br.Peek(2)
	if err != nil {
		return 0, nil, unexpected(err)
	}
	first, length, size := head[0], uint64(head[1]), 2
	switch {
	case length&maskBit != 0:
		return 0, nil, errors.New("the server masks its frames (RFC 6455, section 5.1)")
	case length == 126:
		size = 4
	case length == 127:
		size = 10
	}
	if head, err = c.br.Peek(size); err != nil {
		return 0, nil, unexpected(err)
	}
	switch size {
	case 4:
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case 10:
		length = binary.BigEndian.Uint64(head[2:])
	}
	if length > maxBody {
		return 0, nil, fmt.Errorf("a message of %d bytes; the limit is %d", length, maxBody)
	}
	c.br.Discard(size) // cannot fail: it was peeked
	if cap(c.in) < int(length) {
		c.in = make([]byte, length)
	}
	c.in = c.in[:length]
	if _, err := io.ReadFull(c.br, c.in); err != nil {
		return 0, nil, unexpected(err)
	}
	return first, c.in, nil
}

// unexpected says that a connection must not just end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeTime is how long a write may take, in which the server reads nothing.
const writeTime = 5 * time.Second

// send writes a frame, masked with a fresh key as a client's must be (RFC 6455, section 5.3).
func (c *channel) send(opcode byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := append(c.out[:0], finalBit|opcode)
	switch n := len(payload); {
	case n < 126:
		b = append(b, maskBit|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, maskBit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, maskBit|127), uint64(n))
	}
	var key [4]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	b = append(b, key[:]...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	c.out = b
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := c.Write(b)
	return err
}
