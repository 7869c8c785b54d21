package main

import (
	"context"
	"io"
	"net/http"

	"github.com/gorilla/websocket"
)

var upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}

// publishing is the handler of /publish. The publisher's WebSocket saves a request for each event, so
// that what is measured is how events go out, not how they come in.
func publishing(publish func(data []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case websocket.IsWebSocketUpgrade(r):
			publishMessages(w, r, publish)
		case r.Method == http.MethodPost:
			data, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			publish(data)
			w.WriteHeader(http.StatusNoContent)
		default:
			http.Error(w, "publish by POST or by WebSocket", http.StatusMethodNotAllowed)
		}
	}
}

// publishMessages publishes the messages of a WebSocket until it ends.
func publishMessages(w http.ResponseWriter, r *http.Request, publish func(data []byte)) {
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { conn.Close() })()
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		publish(data)
		if conn.WriteMessage(websocket.TextMessage, []byte("ok")) != nil {
			return
		}
	}
}

// subscribed is what a client is told where the library lets it know of the connection before the
// server knows of the client.
const subscribed = "subscribed"
