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

	listener *Listener
}

// NewServer starts a server with that handler. It is closed when the test ends.
func NewServer(t testing.TB, handler http.Handler) *Server {
	s := &Server{HTTP: &http.Server{Handler: handler}, listener: Listen()}
	var serving sync.WaitGroup
	serving.Go(func() { s.HTTP.Serve(s.listener) })
	t.Cleanup(func() {
		s.HTTP.Close()
		serving.Wait()
	})
	return s
}

// Dial connects to the server, whatever the address.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return s.listener.Dial(ctx, network, address)
}

// Client returns an HTTP client of the server that keeps no connection open.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}
}

// A Listener accepts the connections that its Dial makes.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen returns a listener, for a server that is not a Server.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the listener, whatever the address.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := Pipe(BufferSize)
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return addr{} }
