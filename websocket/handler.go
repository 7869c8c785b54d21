package websocket

import (
	"context"
	"net/http"

	"pushlab/common/access"
	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
)

// Name is the transport's label in metrics and logs, and the usual path of its handler.
const Name = "websocket"

// A Handler serves a hub's events by WebSocket.
type Handler struct {
	hub      *hub.Hub
	config   Config
	streams  *wire.Streams
	deflated *hub.Encoding // nil: compression is off

	messengers messengers
}

// New returns a handler for the hub. Close the hub to end its streams, then call Shutdown to wait
// for them.
func New(h *hub.Hub, config Config) *Handler {
	config = config.withDefaults()
	protocol := wire.Protocol{Name: Name, AppendFrame: AppendFrame, Trailer: trailer}
	handler := &Handler{hub: h, config: config, streams: wire.New(h, protocol, wire.Config{
		Heartbeat:     config.Heartbeat,
		Retry:         config.Retry,
		WriteDeadline: config.WriteDeadline,
		Engine:        config.Engine,
		Logger:        config.Logger,
	})}
	if config.Compress {
		handler.deflated = h.Encoding(deflateName, appendDeflated)
	}
	return handler
}

// ServeHTTP reads the request, subscribes, upgrades the connection and hands it over to package
// wire; what the client sends is read beside it. At the deadline of the request's context, if it has one, the
// stream says goodbye.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ask, problem := request.ParseSubscribe(r)
	if problem == nil {
		problem = checkUpgrade(r, h.config.AllowedOrigins)
	}
	if problem != nil {
		problem.ServeHTTP(w, r)
		return
	}
	sub := h.hub.Subscribe(ask.Topics, ask.Start)
	session, head, err := h.open(w, r, sub.Start())
	if err != nil {
		sub.Close()
		return
	}
	stream := h.streams.Accept(session.Conn, sub, r.RemoteAddr)
	if session.deflates {
		stream.Use(h.deflated)
	}
	if end, ok := r.Context().Deadline(); ok {
		stream.EndAt(end)
	}
	session.grant = access.From(r.Context())
	session.start(stream, head)
}

// Counters counts what the handler did.
func (h *Handler) Counters() *wire.Counters { return h.streams.Counters() }

// Subscribers lists the open streams, the oldest first.
func (h *Handler) Subscribers() []wire.Subscriber { return h.streams.Subscribers() }

// Shutdown waits until all streams have ended, which they do once the hub is closed. When ctx ends
// before, it cuts off those that are left and returns the context's error.
func (h *Handler) Shutdown(ctx context.Context) error { return h.streams.Shutdown(ctx) }
