package longpoll_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/longpoll"
)

// A server that answers polls, a client that gets two events by them, and the order in which both end.
func Example() {
	ctx := context.Background()

	// The server: a hub, and a handler for it, which goes wherever handlers go.
	events := hub.New(hub.Config{})
	handler := longpoll.New(events, longpoll.Config{})
	mux := http.NewServeMux()
	mux.Handle("/longpoll", handler)
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	// The client. Every subscription begins with $open, whose ID is where it starts.
	conn, err := longpoll.Dial(ctx, "http://"+listener.Addr().String()+"/longpoll", client.Options{Topics: []string{"chat"}})
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

	// First the hub, so that every poll that waits is answered; then the server, which waits for them.
	events.Close()
	bye, err := conn.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bye.Topic)
	conn.Close()
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
