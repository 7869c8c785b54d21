package lab

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// A stranger is the attacker's server: a port of its own, and so an origin of its own.
type stranger struct {
	port   int
	server *http.Server
}

func openStranger(l *Lab) (*stranger, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	s := &stranger{port: listener.Addr().(*net.TCPAddr).Port, server: &http.Server{
		Handler:           Attacker(l.config.Files, l.origin),
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
	}}
	l.running.Go(func() { s.server.Serve(listener) }) // until it is closed
	return s, nil
}

// close ends it.
func (s *stranger) close() {
	if s != nil {
		s.server.Close()
	}
}

// origins are those of its page, under all names that it has.
func (s *stranger) origins() (list []string) {
	if s == nil {
		return nil
	}
	for _, name := range []string{"attacker.localhost", "localhost", "127.0.0.1"} {
		list = append(list, fmt.Sprintf("http://%s:%d", name, s.port))
	}
	return list
}
