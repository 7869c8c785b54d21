package second

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// longest is how long a frame may be.
const longest = 1 << 20

// A socket is a WebSocket, the client's end. One goroutine may read, and one may write; pongs are written by who reads,
// which is in one piece as all else is.
type socket struct {
	conn    net.Conn
	r       *bufio.Reader
	payload []byte
}

// upgrade makes a WebSocket of a connection (RFC 6455, section 4.1).
func upgrade(conn net.Conn, host, path string) (*socket, error) {
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, host, key); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if want := base64.StdEncoding.EncodeToString(sum[:]); answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Sec-WebSocket-Accept") != want {
		return nil, fmt.Errorf("second: the upgrade was answered with %s", answer.Status)
	}
	return &socket{conn: conn, r: r}, nil
}

// next returns the next text message, which is good until the next call. It answers pings.
func (s *socket) next() ([]byte, error) {
	for {
		op, err := s.frame()
		switch {
		case err != nil:
			return nil, err
		case op == opText:
			return s.payload, nil
		case op == opClose:
			return nil, io.EOF
		case op == opPing:
			if err := s.send(opPong, s.payload); err != nil {
				return nil, err
			}
		}
	}
}

// frame reads a frame (section 5.2). A server masks nothing, and ours sends each message in one frame.
func (s *socket) frame() (op byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return 0, err
	}
	length := uint64(head[1])
	switch length {
	case 126:
		var more [2]byte
		_, err = io.ReadFull(s.r, more[:])
		length = uint64(binary.BigEndian.Uint16(more[:]))
	case 127:
		var more [8]byte
		_, err = io.ReadFull(s.r, more[:])
		length = binary.BigEndian.Uint64(more[:])
	}
	switch {
	case err != nil:
		return 0, err
	case head[0]&0xF0 != 0x80 || head[1]&0x80 != 0 || length > longest:
		return 0, fmt.Errorf("second: a frame begins with %x and has %d bytes", head, length)
	}
	if uint64(cap(s.payload)) < length {
		s.payload = make([]byte, length)
	}
	s.payload = s.payload[:length]
	_, err = io.ReadFull(s.r, s.payload)
	return head[0] & 0x0F, err
}

// send writes a frame, masked, as a client has to. The mask is 0, which leaves the payload as it is.
func (s *socket) send(op byte, payload []byte) error {
	frame := []byte{0x80 | op}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	frame = append(frame, 0, 0, 0, 0)
	_, err := s.conn.Write(append(frame, payload...))
	return err
}
