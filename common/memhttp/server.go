// Package memhttp is an HTTP server in memory, for tests: real net/http on both ends, with no
// socket in between, so that it runs in virtual time in a testing/synctest bubble.
package memhttp

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// URL is the address of every Server.
const URL = "http://localhost"

// BufferSize is how many bytes each direction of a connection holds: less than a socket does, so
// that a reader which stops is soon noticed.
const BufferSize = 4 << 10

// A Server is an http.Server that is reached by its Dial alone.
type Server struct {
	// HTTP may be changed before the first connection.
	HTTP *http.Server

	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewServer starts a server with that handler. It is closed when the test ends.
func NewServer(t testing.TB, handler http.Handler) *Server {
	s := &Server{
		HTTP:   &http.Server{Handler: handler},
		conns:  make(chan net.Conn),
		closed: make(chan struct{}),
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.HTTP.Serve(listener{s}) })
	t.Cleanup(func() {
		s.HTTP.Close()
		serving.Wait()
	})
	return s
}

// Dial connects to the server, whatever the address.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := Pipe(BufferSize)
	select {
	case s.conns <- server:
		return client, nil
	case <-s.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Client returns an HTTP client of the server that keeps no connection open.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
}

type listener struct{ s *Server }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.s.conns:
		return c, nil
	case <-l.s.closed:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	l.s.once.Do(func() { close(l.s.closed) })
	return nil
}

func (l listener) Addr() net.Addr { return addr{} }
