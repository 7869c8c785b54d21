package load

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// The load speaks HTTP and WebSocket by itself. The reference clients do more for each event than the
// server does (on two cores about 20 µs, the server 11, this load 6), and would be what is measured.

// A Dialer connects to one server. It may be copied, and used by many goroutines at a time.
type Dialer struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: by TCP
	address string                                                               // host:port
}

// NewDialer returns a dialer for the server of that URL, to which dial connects; nil is by TCP. It fails
// if that is no http or https URL. It connects by TCP alone; TLS is up to who uses it.
func NewDialer(server string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (Dialer, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Dialer{}, fmt.Errorf("bench: %q is no address of a server; it looks like http://localhost:8080", server)
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return Dialer{dial: dial, address: address}, nil
}

// A socket is a connection that reads the heads of responses.
type socket struct {
	net.Conn
	br *bufio.Reader
}

// readBuffer is how many bytes a connection reads at once, if there are as many.
const readBuffer = 4 << 10

// handshakeTime is how long connecting, and the answer to the first request, may take.
const handshakeTime = 10 * time.Second

func (d Dialer) connect(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	dial := d.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	return &socket{Conn: conn, br: bufio.NewReaderSize(conn, readBuffer)}, nil
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
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
	finalBit       = 0x80
	rsv1Bit        = 0x40 // the message is compressed
	maskBit        = 0x80
)

// A channel is a WebSocket connection: just as much of RFC 6455 as the publisher needs.
type channel struct {
	*socket
	mu  sync.Mutex // guards out: the publisher writes beside the reader, which answers pings
	out []byte

	in   []byte // what was read
	used int    // how much of it was returned
}

// upgrade makes a channel of a connection, by a request for that path with these further header fields.
func upgrade(s *socket, host, path string, headers []Field) (*channel, error) {
	var key [16]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
		path, host, base64.StdEncoding.EncodeToString(key[:]))
	for _, f := range headers {
		request = append(request, f.Name+": "+f.Value+"\r\n"...)
	}
	request = append(request, "\r\n"...)
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
			return nil, fmt.Errorf("a WebSocket frame that no server here sends: %#x", opcode)
		}
	}
}

// frame reads a frame; it returns the first byte, and the payload.
func (c *channel) frame() (first byte, payload []byte, err error) {
	for {
		first, payload, n, err := cutFrame(c.in[c.used:])
		if c.used += n; n > 0 || err != nil {
			return first, payload, err
		}
		left := copy(c.in, c.in[c.used:])
		c.in, c.used = slices.Grow(c.in[:left], readBuffer), 0
		read, err := c.br.Read(c.in[left:cap(c.in)])
		if c.in = c.in[:left+read]; read == 0 && err != nil {
			return 0, nil, unexpected(err)
		}
	}
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

// send writes a frame.
func (c *channel) send(opcode byte, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = appendFrame(c.out[:0], opcode, payload)
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := c.Write(c.out)
	return err
}

// appendFrame appends a frame, masked with a fresh key as a client's must be (RFC 6455, section 5.3).
func appendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, finalBit|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, maskBit|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, maskBit|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|127), uint64(n))
	}
	var key [4]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	dst = append(dst, key[:]...)
	for i, c := range payload {
		dst = append(dst, c^key[i%4])
	}
	return dst
}
