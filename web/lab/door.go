package lab

import (
	"crypto/tls"
	"fmt"
	"net"
)

// A door is a port of the private server for HTTP/2. Nobody watches it: what goes over it is encrypted, and made for the
// one lesson that HTTP/1.1 can only have half of.
type door struct {
	lab    *Lab
	port   int
	config *tls.Config
	first  net.Listener // until it is used
}

func openDoor(l *Lab, config *tls.Config) (*door, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return &door{lab: l, port: listener.Addr().(*net.TCPAddr).Port, config: config, first: listener}, nil
}

// listen returns what one life of the server listens on.
func (d *door) listen() (net.Listener, error) {
	l := d.first
	if d.first = nil; l == nil {
		var err error
		if l, err = listenAgain(d.lab.ctx, d.port); err != nil {
			return nil, err
		}
	}
	return tls.NewListener(l, d.config), nil
}

// close closes a door that was never used.
func (d *door) close() {
	if d != nil && d.first != nil {
		d.first.Close()
	}
}
