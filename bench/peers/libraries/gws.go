package main

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

// A gwsHub keeps the connections. The events that it handles are those of gws.
type gwsHub struct {
	gws.BuiltinEventHandler
	mu     sync.Mutex
	conns  map[*gws.Conn]bool
	closed bool
	loops  sync.WaitGroup
}

// serveGWS serves WebSockets by gws with its Broadcaster.
func serveGWS(ctx context.Context, out io.Writer, _ []string) error {
	h := &gwsHub{conns: map[*gws.Conn]bool{}}
	upgrader := gws.NewUpgrader(h, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /websocket", func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		h.loops.Go(conn.ReadLoop) // as its documentation says, so that the request can be collected
	})
	mux.HandleFunc("/publish", publishing(h.publish))
	err := serve(ctx, out, "gws", mux)
	h.close()
	return err
}

func (h *gwsHub) publish(data []byte) {
	b := gws.NewBroadcaster(gws.OpcodeText, data)
	defer b.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.conns {
		b.Broadcast(conn) // an error ends the connection
	}
}

// OnOpen comes after the handshake has been answered, so a client is told when it is subscribed.
func (h *gwsHub) OnOpen(conn *gws.Conn) {
	h.mu.Lock()
	h.conns[conn] = true
	closed := h.closed
	h.mu.Unlock()
	if closed {
		conn.NetConn().Close()
		return
	}
	conn.WriteString(subscribed)
}

func (h *gwsHub) OnClose(conn *gws.Conn, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
}

// close ends the connections and waits for them.
func (h *gwsHub) close() {
	h.mu.Lock()
	h.closed = true
	for conn := range h.conns {
		conn.NetConn().Close()
	}
	h.mu.Unlock()
	h.loops.Wait()
}
