package main

import (
	"context"
	"io"
	"net/http"

	"github.com/tmaxmax/go-sse"
)

// serveGoSSE serves Server-Sent Events by go-sse, with a replayer that numbers the events.
func serveGoSSE(ctx context.Context, out io.Writer, _ []string) error {
	replayer, err := sse.NewFiniteReplayer(history, true)
	if err != nil {
		return err
	}
	s := &sse.Server{Provider: &sse.Joe{Replayer: greeter{replayer}}}
	mux := http.NewServeMux()
	mux.Handle("GET /sse", s)
	mux.HandleFunc("/publish", publishing(func(data []byte) {
		m := &sse.Message{}
		m.AppendData(string(data))
		s.Publish(m) // fails only when the server ends
	}))
	err = serve(ctx, out, "go-sse", mux)
	s.Shutdown(context.Background()) // nobody is subscribed any more
	return err
}

// A greeter answers a client as soon as it is subscribed. By itself, go-sse does so with its first
// event only, and until then a browser says that it is connecting.
type greeter struct{ sse.Replayer }

func (g greeter) Replay(s sse.Subscription) error {
	if err := g.Replayer.Replay(s); err != nil {
		return err
	}
	return s.Client.Flush()
}
