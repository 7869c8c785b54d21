package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// grace is how long requests may take to end.
const grace = 3 * time.Second

// serve serves a handler on a port of its own, which it tells on out, until ctx ends. Each request's
// context ends with ctx. When serve returns, so have all handlers.
func serve(ctx context.Context, out io.Writer, name string, handler http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var handlers sync.WaitGroup // Shutdown does not wait for those that have taken over their connection
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			handler.ServeHTTP(w, r)
		}),
	}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		ended <- server.Shutdown(patience)
	}()
	fmt.Fprintf(out, "%s: listening on http://%s\n", name, l.Addr())
	if err := server.Serve(l); err != http.ErrServerClosed {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := <-ended; err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	handlers.Wait()
	return nil
}
