package main

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// A target is a server that a client command talks to.
type target struct {
	url  string
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: by TCP
}

// parseTarget reads a server's address: a URL, or unix:PATH. If the URL has no path, that of the
// endpoint is added.
func parseTarget(text, endpoint string) (target, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return target{
			url: "http://localhost/" + endpoint,
			dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
		}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return target{}, &usageError{fmt.Errorf("%q is no server; give a URL such as http://localhost:8080, or unix:PATH", text)}
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/" + endpoint
	}
	return target{url: u.String()}, nil
}
