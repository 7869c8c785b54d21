package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// A messenger is a connection of gorilla's, which reads messages for one session at a time. Between
// two messages gorilla remembers nothing, and package frames hands it no byte of the next; so sessions
// that have nothing to read need none, and those that have share a few.
type messenger struct {
	*session // gorilla reads its frames, and writes to it
	conn     *gorilla.Conn
}

// SetDeadline does nothing: gorilla calls it during the handshake.
func (m *messenger) SetDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: the stream has its own.
func (m *messenger) SetWriteDeadline(time.Time) error { return nil }

// Messengers are at rest, some of which can inflate.
type messengers struct{ plain, inflating sync.Pool }

func (m *messengers) pool(inflating bool) *sync.Pool {
	if inflating {
		return &m.inflating
	}
	return &m.plain
}

// readMessage reads a session's next message.
func (s *session) readMessage() (messageType int, message []byte, err error) {
	pool := s.messengers.pool(s.deflates)
	m, ok := pool.Get().(*messenger)
	if !ok {
		if m, err = newMessenger(s.deflates); err != nil {
			return 0, nil, err
		}
	}
	m.session = s
	m.conn.SetReadLimit(int64(s.config.MaxMessage))
	messageType, message, err = readMessage(m.conn, s.config.MaxMessage)
	m.session = nil
	if err == nil { // else gorilla is of no more use
		pool.Put(m)
	}
	return messageType, message, err
}

// newMessenger makes one. All that gorilla offers for that is a handshake; this one is with nobody.
func newMessenger(deflates bool) (*messenger, error) {
	r := &http.Request{Method: http.MethodGet, Header: http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"bm9ib2R5IGlzIGhlcmUhIQ=="},
	}}
	if deflates {
		r.Header["Sec-Websocket-Extensions"] = []string{"permessage-deflate"}
	}
	m := &messenger{session: &session{answer: new(bytes.Buffer)}}
	return m, m.upgrade(nobody{}, r, deflates)
}

// upgrade answers the handshake. The bytes of the answer are in the session.
func (m *messenger) upgrade(w http.ResponseWriter, r *http.Request, deflate bool) (err error) {
	upgrader := gorilla.Upgrader{
		// The least that gorilla takes: it reads headers into its buffer, and messages past it. It
		// writes nothing but close frames, for which it needs no buffer, hence one pool for all.
		ReadBufferSize: 128, WriteBufferPool: noBuffers,
		Subprotocols:      []string{subprotocol},                    // section 4.2.2 (WS-04): one that the client offered, or none
		EnableCompression: deflate,                                  // section 9.1 (WS-04): only what the client offered
		CheckOrigin:       func(*http.Request) bool { return true }, // checkUpgrade did
		Error:             answerUpgradeError,
	}
	m.conn, err = upgrader.Upgrade(hijacker{w, func(c net.Conn) net.Conn {
		m.session.Conn = c
		return m
	}}, r, nil)
	return err
}

// noBuffers is where gorilla would keep write buffers. A connection without it would have its own.
var noBuffers = new(sync.Pool)

// A hijacker hands the connection to gorilla as something else.
type hijacker struct {
	http.ResponseWriter
	as func(net.Conn) net.Conn
}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c = h.as(c)
	return c, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(c, 16)), nil
}

// nobody is whom a messenger is made with.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) WriteHeader(int)             {}
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, bufio.NewReadWriter(bufio.NewReader(strings.NewReader("")), nil), nil
}

var errTooBig = errors.New("websocket: the message is too big")

// readMessage reads a message of at most that many bytes: RFC 6455, section 10.4 (WS-14). Gorilla's
// own limit counts compressed bytes, of which a few can inflate to very many (PMD-05).
func readMessage(conn *gorilla.Conn, limit int) (messageType int, message []byte, err error) {
	messageType, r, err := conn.NextReader()
	if err != nil {
		return 0, nil, err
	}
	message, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(message) > limit {
		err = errTooBig
	}
	return messageType, message, err
}
