package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"pushlab/web"
)

// sockets are what this process listens on.
type sockets struct {
	// inherited are those on which systemd listens for it (sd_listen_fds(3)), as far as none has been asked for. Who connects
	// while a server restarts waits in such a socket for the next one, and is not refused.
	inherited []net.Listener
	open      []net.Listener
}

// inherit takes over what systemd passes on. It is an error if that is for none of the addresses: who connects there
// would wait for ever.
func inherit(addresses []string) (s *sockets, err error) {
	s = new(sockets)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, f := range activation.Files(true) {
		l, err := web.Adopt(f)
		if err != nil {
			return s, fmt.Errorf("systemd passes on what nobody listens on: %w; the unit of the socket should say ListenStream=", err)
		}
		s.inherited = append(s.inherited, l)
		if !slices.ContainsFunc(addresses, func(address string) bool { return isOn(l.Addr(), address) }) {
			address := l.Addr().String()
			if l.Addr().Network() == "unix" {
				address = "unix:" + address
			}
			return s, &usageError{fmt.Errorf("systemd listens on %s for this server, and no --listen says so; give --listen %[1]s, or change the unit of the socket", address)}
		}
	}
	return s, nil
}

// listen takes the inherited socket for an address, with the permissions that it has, or makes one.
func (s *sockets) listen(ctx context.Context, address string, socket web.Socket) (l net.Listener, err error) {
	if i := slices.IndexFunc(s.inherited, func(l net.Listener) bool { return isOn(l.Addr(), address) }); i >= 0 {
		l = s.inherited[i]
		s.inherited = slices.Delete(s.inherited, i, i+1)
	} else if l, err = web.Listen(ctx, address, socket); err != nil {
		return nil, err
	}
	s.open = append(s.open, l)
	return l, nil
}

func (s *sockets) close() {
	for _, l := range slices.Concat(s.inherited, s.open) {
		l.Close()
	}
}

// isOn reports whether an address is the one that a listener has.
func isOn(listener net.Addr, address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listener.Network() == "unix" && listener.String() == path
	}
	has, ok := listener.(*net.TCPAddr)
	wants, err := net.ResolveTCPAddr("tcp", address)
	if !ok || err != nil || has.Port != wants.Port {
		return false
	}
	everywhere := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	return has.IP.Equal(wants.IP) || everywhere(has.IP) && everywhere(wants.IP)
}
