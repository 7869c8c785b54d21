package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"pushlab/web"
)

// openListeners listens where --listen and --admin say, and tells where that is. Nobody but this user may connect to a
// socket for --admin; without that flag admin is nil.
func (o *serveOptions) openListeners(ctx context.Context, mode fs.FileMode, secure *tls.Config, std streams) (public []net.Listener, admin net.Listener, err error) {
	addresses := o.listen
	if o.admin != "" {
		addresses = append([]string{o.admin}, addresses...)
	}
	sockets, err := inherit(addresses)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			sockets.close()
		}
	}()
	if o.admin != "" {
		if admin, err = sockets.listen(ctx, o.admin, web.Socket{Mode: 0o600}); err != nil {
			return nil, nil, fmt.Errorf("--admin: %w", err)
		}
		fmt.Fprintf(std.out, "pushlab: the admin listener is %s\n", listenURL(o.admin, admin))
	}
	for _, address := range o.listen {
		l, err := sockets.listen(ctx, address, web.Socket{Mode: mode, Group: o.socketGroup})
		if err != nil {
			return nil, nil, err
		}
		url := listenURL(address, l)
		if rest, ok := strings.CutPrefix(url, "http://"); ok && secure != nil {
			l, url = tls.NewListener(l, secure), "https://"+rest
		}
		public = append(public, l)
		fmt.Fprintf(std.out, "pushlab: listening on %s\n", url)
	}
	return public, admin, nil
}

// listenURL returns where a listener can be reached: with the port that it got, but under the name
// that it was given, which is the one that Host will have.
func listenURL(address string, l net.Listener) string {
	host, _, err := net.SplitHostPort(address)
	if strings.HasPrefix(address, "unix:") || err != nil {
		return address
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // of all the names that it has, one that is answered for
	}
	return "http://" + net.JoinHostPort(host, port)
}
