package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// An nbioHub keeps the connections.
type nbioHub struct {
	mu    sync.Mutex
	conns map[*websocket.Conn]bool
}

// serveNbio serves WebSockets by nbio: one goroutine for many connections. It has an HTTP server of
// its own, which takes the publisher too.
func serveNbio(ctx context.Context, out io.Writer, _ []string) error {
	logging.SetLevel(logging.LevelError)
	h := &nbioHub{conns: map[*websocket.Conn]bool{}}
	subscribers := websocket.NewUpgrader()
	subscribers.OnOpen(h.add)
	subscribers.OnClose(h.remove)
	publishers := websocket.NewUpgrader()
	publishers.OnMessage(func(conn *websocket.Conn, _ websocket.MessageType, data []byte) {
		h.publish(data)
		conn.WriteMessage(websocket.TextMessage, []byte("ok"))
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /websocket", func(w http.ResponseWriter, r *http.Request) {
		subscribers.Upgrade(w, r, nil) // it answers if that fails
	})
	mux.HandleFunc("GET /publish", func(w http.ResponseWriter, r *http.Request) { publishers.Upgrade(w, r, nil) })
	mux.HandleFunc("POST /publish", publishing(h.publish))

	var address net.Addr
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp",
		Addrs:   []string{"127.0.0.1:0"},
		Handler: mux,
		Listen: func(network, addr string) (net.Listener, error) {
			l, err := net.Listen(network, addr)
			if err == nil {
				address = l.Addr()
			}
			return l, err
		},
	})
	if err := engine.Start(); err != nil {
		return err
	}
	fmt.Fprintf(out, "nbio: listening on http://%s\n", address)
	<-ctx.Done()
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return engine.Shutdown(patience)
}

// add comes after the handshake has been answered, so a client is told when it is subscribed.
func (h *nbioHub) add(conn *websocket.Conn) {
	h.mu.Lock()
	h.conns[conn] = true
	h.mu.Unlock()
	conn.WriteMessage(websocket.TextMessage, []byte(subscribed))
}

func (h *nbioHub) remove(conn *websocket.Conn, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
}

func (h *nbioHub) publish(data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.conns {
		conn.WriteMessage(websocket.TextMessage, data) // an error ends the connection
	}
}
