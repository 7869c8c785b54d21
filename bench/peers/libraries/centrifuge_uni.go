package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"
)

// Centrifugo has one-way transports too: the server only sends. They are in its server, not in the
// library, but the library's repository shows how to write them (_examples/unidirectional_…). These
// are written after those, and write all messages that wait before they flush, as the library's own
// handlers do.

// A uniHandler serves the one-way transports of a node.
type uniHandler struct {
	node  *centrifuge.Node
	loops sync.WaitGroup
}

// uniInfo is what a one-way transport tells the library about itself.
type uniInfo struct{ name string }

func (u uniInfo) Name() string                                { return u.name }
func (u uniInfo) AcceptProtocol() string                      { return "h1" }
func (u uniInfo) Protocol() centrifuge.ProtocolType           { return centrifuge.ProtocolTypeJSON }
func (u uniInfo) ProtocolVersion() centrifuge.ProtocolVersion { return centrifuge.ProtocolVersion2 }
func (u uniInfo) Unidirectional() bool                        { return true }
func (u uniInfo) Emulation() bool                             { return false }
func (u uniInfo) DisabledPushFlags() uint64                   { return 0 }
func (u uniInfo) PingPongConfig() centrifuge.PingPongConfig {
	return centrifuge.PingPongConfig{PingInterval: 25 * time.Second}
}

// A uniStream hands messages over to the handler of the request, which writes them.
type uniStream struct {
	uniInfo
	messages     chan [][]byte
	ack          chan struct{}
	disconnected chan struct{} // closed by Close
	gone         chan struct{} // closed by the handler

	mu     sync.Mutex
	closed bool
}

func (s *uniStream) Write(message []byte) error { return s.WriteMany(message) }

func (s *uniStream) WriteMany(messages ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	select {
	case s.messages <- messages:
	case <-s.gone:
		return nil
	}
	select {
	case <-s.ack:
	case <-s.gone:
	}
	return nil
}

func (s *uniStream) Close(centrifuge.Disconnect) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.disconnected)
		<-s.gone
	}
	return nil
}

// stream serves a response that does not end: each message between before and after.
func (u *uniHandler) stream(name, contentType, before, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var connect centrifuge.ConnectRequest
		if text := r.FormValue("cf_connect"); text != "" {
			if err := json.Unmarshal([]byte(text), &connect); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		s := &uniStream{
			uniInfo: uniInfo{name}, messages: make(chan [][]byte), ack: make(chan struct{}),
			disconnected: make(chan struct{}), gone: make(chan struct{}),
		}
		c, closeClient, err := centrifuge.NewClient(r.Context(), u.node, s)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer closeClient()
		defer close(s.gone)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-cache")
		w.WriteHeader(http.StatusOK)
		control := http.NewResponseController(w)
		control.Flush()
		c.Connect(connect)
		for {
			select {
			case <-r.Context().Done():
				return
			case <-s.disconnected:
				return
			case messages := <-s.messages:
				control.SetWriteDeadline(time.Now().Add(10 * time.Second))
				for _, m := range messages {
					if _, err := w.Write([]byte(before + string(m) + after)); err != nil {
						return
					}
				}
				if control.Flush() != nil {
					return
				}
				s.ack <- struct{}{}
			}
		}
	}
}

// A uniSocket writes messages to a WebSocket.
type uniSocket struct {
	uniInfo
	conn *websocket.Conn
}

func (s *uniSocket) Write(message []byte) error {
	s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	return s.conn.WriteMessage(websocket.TextMessage, message)
}

func (s *uniSocket) WriteMany(messages ...[]byte) error {
	for _, m := range messages {
		if err := s.Write(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *uniSocket) Close(centrifuge.Disconnect) error { return s.conn.Close() }

var uniUpgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferPool: &sync.Pool{}}

// socket serves a WebSocket, on which the client sends one message: how it connects. It ends with ctx.
func (u *uniHandler) socket(ctx context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := uniUpgrader.Upgrade(w, r, nil)
		if err != nil {
			return // Upgrade has answered
		}
		u.loops.Go(func() { u.serve(ctx, conn) }) // so that the request can be collected
	}
}

func (u *uniHandler) serve(ctx context.Context, conn *websocket.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c, closeClient, err := centrifuge.NewClient(ctx, u.node, &uniSocket{uniInfo{"uni_websocket"}, conn})
	if err != nil {
		return
	}
	defer closeClient()
	var connect centrifuge.ConnectRequest
	if conn.ReadJSON(&connect) != nil {
		return
	}
	c.Connect(connect)
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return
		}
	}
}
