package peers

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// HubName is what Hub calls itself.
const HubName = "hub"

// As in gorilla's example.
const (
	writeWait  = 10 * time.Second
	pongWait   = 60 * time.Second
	pingPeriod = pongWait * 9 / 10
)

// A hub keeps the clients and sends them what is broadcast. Only run touches clients.
type hub struct {
	done                 <-chan struct{}
	register, unregister chan *hubClient
	broadcast            chan []byte
	clients              map[*hubClient]bool
	pumps                sync.WaitGroup
}

// A hubClient is between a WebSocket and the hub.
type hubClient struct {
	hub  *hub
	conn *websocket.Conn
	send chan []byte // closed by the hub
}

// Hub serves WebSockets by the typical hub on a port of its own, which it tells on out, until
// ctx ends.
func Hub(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	h := &hub{
		done:     ctx.Done(),
		register: make(chan *hubClient), unregister: make(chan *hubClient), broadcast: make(chan []byte),
		clients: map[*hubClient]bool{},
	}
	h.pumps.Go(h.run)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /websocket", h.subscribe)
	mux.HandleFunc("/publish", publishing(h.publish))
	err := serve(ctx, out, HubName, mux)
	cancel()
	h.pumps.Wait()
	return err
}

func (h *hub) run() {
	for {
		select {
		case c := <-h.register:
			h.clients[c] = true
		case c := <-h.unregister:
			h.drop(c)
		case data := <-h.broadcast:
			for c := range h.clients {
				select {
				case c.send <- data:
				default: // it is too slow
					h.drop(c)
				}
			}
		case <-h.done:
			for c := range h.clients {
				h.drop(c)
			}
			return
		}
	}
}

func (h *hub) drop(c *hubClient) {
	if h.clients[c] {
		delete(h.clients, c)
		close(c.send)
	}
}

func (h *hub) publish(data []byte) {
	select {
	case h.broadcast <- data:
	case <-h.done:
	}
}

// subscribe registers a client before it answers the handshake, so that whoever has the answer gets
// all that is published from then on.
func (h *hub) subscribe(w http.ResponseWriter, r *http.Request) {
	c := &hubClient{hub: h, send: make(chan []byte, 256)}
	select {
	case h.register <- c:
	case <-h.done:
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		c.leave()
		return
	}
	c.conn = conn
	h.pumps.Go(c.writePump)
	h.pumps.Go(c.readPump)
}

func (c *hubClient) leave() {
	select {
	case c.hub.unregister <- c:
	case <-c.hub.done:
	}
}

// readPump notices pongs and the end.
func (c *hubClient) readPump() {
	defer c.conn.Close()
	defer c.leave()
	c.conn.SetReadLimit(512)
	c.conn.SetReadDeadline(time.Now().Add(pongWait))
	c.conn.SetPongHandler(func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) })
	for {
		if _, _, err := c.conn.ReadMessage(); err != nil {
			return
		}
	}
}

func (c *hubClient) writePump() {
	ping := time.NewTicker(pingPeriod)
	defer ping.Stop()
	defer c.conn.Close()
	for {
		select {
		case data, ok := <-c.send:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !ok {
				c.conn.WriteMessage(websocket.CloseMessage, nil) // the hub is done with it, whether it hears of it or not
				return
			}
			w, err := c.conn.NextWriter(websocket.TextMessage)
			if err != nil {
				return
			}
			w.Write(data) // Close tells its error
			if err := w.Close(); err != nil {
				return
			}
		case <-ping.C:
			c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}
