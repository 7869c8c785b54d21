package httpstream

import (
	"context"
	"net/http"

	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
)

// Name is the transport's label in metrics and logs, and the usual path of its handler.
const Name = "httpstream"

// A Handler serves a hub's events by HTTP streaming.
type Handler struct {
	hub     *hub.Hub
	streams *wire.Streams
}

// New returns a handler for the hub. Close the hub to end its streams, then call Shutdown to wait
// for them.
func New(h *hub.Hub, config Config) *Handler {
	protocol := wire.Protocol{Name: Name, AppendFrame: AppendFrame, HTTP: true}
	return &Handler{hub: h, streams: wire.New(h, protocol, wire.Config{
		Heartbeat:     config.Heartbeat,
		Retry:         config.Retry,
		WriteDeadline: config.WriteDeadline,
		Engine:        config.Engine,
		Logger:        config.Logger,
	})}
}

// ServeHTTP reads the request, subscribes, opens the response and hands it over to package wire.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ask, problem := request.ParseSubscribe(r)
	if problem != nil {
		problem.ServeHTTP(w, r)
		return
	}
	sub := h.hub.Subscribe(ask.Topics, ask.Start)
	open(w.Header(), sub.Start())
	if r.Method == http.MethodHead { // RFC 9110, section 9.3.2 (HTTP-09): as GET, without the content
		sub.Close()
		return
	}
	h.streams.ServeHTTP(w, r, sub, nil)
}

// Counters counts what the handler did.
func (h *Handler) Counters() *wire.Counters { return h.streams.Counters() }

// Subscribers lists the open streams, the oldest first.
func (h *Handler) Subscribers() []wire.Subscriber { return h.streams.Subscribers() }

// Shutdown waits until all streams have ended, which they do once the hub is closed. When ctx ends
// before, it cuts off those that are left and returns the context's error.
func (h *Handler) Shutdown(ctx context.Context) error { return h.streams.Shutdown(ctx) }
