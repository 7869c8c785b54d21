package websocket_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/websocket"
)

// A server with one stream, a client that reads two events from it, and the order in which both end.
func Example() {
	ctx := context.Background()

	// The server: a hub, and a handler for it, which goes wherever handlers go.
	events := hub.New(hub.Config{})
	handler := websocket.New(events, websocket.Config{})
	mux := http.NewServeMux()
	mux.Handle("/websocket", handler)
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	// The client. Every stream begins with $open, whose ID is where it starts.
	conn, err := websocket.Dial(ctx, "ws://"+listener.Addr().String()+"/websocket", client.Options{Topics: []string{"chat"}})
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
