package sse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/sse"
)

// A server with one stream, a client that reads two events from it, and the order in which both end.
func Example() {
	ctx := context.Background()

	// The server: a hub, and a handler for it, which goes wherever handlers go.
	events := hub.New(hub.Config{})
	handler := sse.New(events, sse.Config{})
	mux := http.NewServeMux()
	mux.Handle("/sse", handler)
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	// The client. Every stream begins with $open, whose ID is where it starts.
	conn, err := sse.Dial(ctx, "http://"+listener.Addr().String()+"/sse", client.Options{Topics: []string{"chat"}})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	open, err := conn.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(open.Topic)

	for _, text := range []string{"hello", "world"} {
		data, err := event.Text(text)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := events.Publish(ctx, "chat", data); err != nil {
			log.Fatal(err)
		}
		e, err := conn.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", e.Topic, e.Data)
	}

	// First the hub, so that every stream is said goodbye to; then the streams; then the server.
	events.Close()
	bye, err := conn.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bye.Topic)
	conn.Close()
	if err := handler.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	if err := server.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-served)
	// Output:
	// $open
	// chat "hello"
	// chat "world"
	// $bye
	// http: Server closed
}

// Any server's stream can be read, also one that answers a POST. Its events are no envelopes: each has
// its type as its topic. A server that is asked a question ends the stream with the answer, where
// client.Follow would ask it again; so this reads one connection to its end.
func ExampleDial_post() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := io.ReadAll(r.Body)
		if err != nil {
			log.Fatal(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: token\ndata: {\"text\":\"You\"}\n\n")
		fmt.Fprintf(w, "event: token\ndata: {\"text\":\" asked\"}\n\n")
		fmt.Fprintf(w, "event: done\ndata: %s\n\n", question)
	}))
	defer server.Close()

	ctx := context.Background()
	conn, err := sse.Dial(ctx, server.URL, client.Options{
		Method: http.MethodPost,
		Body:   []byte(`{"prompt":"hello","stream":true}`),
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer secret"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for {
		e, err := conn.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", e.Topic, e.Data)
	}
	// Output:
	// token {"text":"You"}
	// token {"text":" asked"}
	// done {"prompt":"hello","stream":true}
}
