package web_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/sse"
)

// A transport is mounted on an echo server of one's own as any http.Handler is. Middleware that wraps
// the response, such as gzip, must leave the route of a stream out.
func Example_echo() {
	events := hub.New(hub.Config{})
	handler := sse.New(events, sse.Config{})
	e := echo.New()
	e.GET("/sse", echo.WrapHandler(handler))
	server := httptest.NewServer(e)

	ctx := context.Background()
	conn, err := sse.Dial(ctx, server.URL+"/sse", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := events.Publish(ctx, "chat", []byte(`"hello"`)); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		e, err := conn.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s %s\n", e.Topic, e.Data)
	}
	conn.Close()

	events.Close() // say goodbye to all streams,
	if err := handler.Shutdown(ctx); err != nil {
		log.Fatal(err) // wait for them,
	}
	server.Close() // and then close the server
	// Output:
	// $open {"topics":null}
	// chat "hello"
}
