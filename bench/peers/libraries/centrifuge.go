package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/centrifugal/centrifuge"
)

// serveCentrifuge serves WebSockets, Server-Sent Events and HTTP streams by the engine of Centrifugo,
// with its own handlers, and one-way below /uni/. A client says once that it connects; the server
// subscribes it, with recovery, and asks for no pong.
func serveCentrifuge(ctx context.Context, out io.Writer, _ []string) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{}, // anonymous
			Subscriptions: map[string]centrifuge.SubscribeOptions{topic: {EnableRecovery: true}},
		}, nil
	})
	if err := node.Run(); err != nil {
		return err
	}
	pings := centrifuge.PingPongConfig{PongTimeout: -1}
	mux := http.NewServeMux()
	mux.Handle("/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingPongConfig: pings, ReadBufferSize: 1024, UseWriteBufferPool: true,
	}))
	mux.Handle("/sse", centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{PingPongConfig: pings}))
	mux.Handle("/httpstream", centrifuge.NewHTTPStreamHandler(node, centrifuge.HTTPStreamConfig{PingPongConfig: pings}))
	uni := &uniHandler{node: node}
	mux.HandleFunc("GET /uni/websocket", uni.socket(ctx))
	mux.HandleFunc("GET /uni/sse", uni.stream("uni_sse", "text/event-stream", "data: ", "\n\n"))
	mux.HandleFunc("GET /uni/httpstream", uni.stream("uni_http_stream", "application/json", "", "\n"))
	mux.HandleFunc("/publish", publishing(func(data []byte) {
		node.Publish(topic, data, centrifuge.WithHistory(history, time.Minute)) // fails only when the node ends
	}))
	// The node ends at the same time, because it is what closes the WebSockets. It waits for 5 s for
	// those of clients that do not close theirs, which is no failure, but longer than we wait.
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(ended)
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		node.Shutdown(patience)
	})
	if err := serve(ctx, out, "centrifuge", mux); err != nil {
		return err
	}
	<-ended
	uni.loops.Wait()
	return nil
}
