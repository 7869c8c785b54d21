package deploy

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushlab/common/proxies"
	"pushlab/web"
)

// from is the address that a client of these tests claims to come from, in a field that only the proxy may write.
const from = "198.51.100.7"

// TestShipped: what a client can send to a proxy with a configuration of this folder is no more than the server is meant to be
// asked: nginx, and with -all the others.
func TestShipped(t *testing.T) {
	for _, set := range settings() {
		if !set.shipped || set.kind != proxies.Nginx && !*all {
			continue
		}
		t.Run(string(set.kind), func(t *testing.T) {
			t.Parallel()
			s := newService(t, set.unix, web.Config{Routes: told})
			p := s.behind(set.kind, set.config)
			checkNoTunnel(t, p)
			checkMetricsAreHidden(t, p)
		})
	}
}

// checkNoTunnel asks for a WebSocket in ways that the server refuses, and says behind that who it is: the proxy must not take
// what follows for a part of the WebSocket, nor the server for a request that the proxy has looked at.
func checkNoTunnel(t *testing.T, p *proxies.Proxy) {
	t.Helper()
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	for what, first := range map[string]string{
		"no key":         "GET /websocket HTTP/1.1\r\nHost: " + name + "\r\n" + upgrade + "\r\n",
		"a bad key":      "GET /websocket HTTP/1.1\r\nHost: " + name + "\r\n" + upgrade + "Sec-WebSocket-Key: x\r\n\r\n",
		"another path":   "GET /told HTTP/1.1\r\nHost: " + name + "\r\n" + upgrade + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"another method": "POST /websocket HTTP/1.1\r\nHost: " + name + "\r\n" + upgrade + "Content-Length: 0\r\n\r\n",
	} {
		second := "GET /told HTTP/1.1\r\nHost: " + name + "\r\nX-Forwarded-For: " + from + "\r\nConnection: close\r\n\r\n"
		if answer := exchange(t, p, first, second); !strings.HasPrefix(answer, "HTTP/1.1 ") || strings.Contains(answer, from) {
			t.Errorf("%s: the server believes the client's own X-Forwarded-For, or there is no answer:\n%s", what, answer)
		}
	}
}

// checkMetricsAreHidden asks for the metrics in all the ways that could be taken for them.
func checkMetricsAreHidden(t *testing.T, p *proxies.Proxy) {
	t.Helper()
	for _, target := range []string{
		"/metrics", "/metrics?x", "/metrics/", "//metrics", "/./metrics", "/x/../metrics", "/%6detrics", "/METRICS", "/metrics;x", "http://" + name + "/metrics",
	} {
		answer := exchange(t, p, "GET "+target+" HTTP/1.1\r\nHost: "+name+"\r\nConnection: close\r\n\r\n", "")
		if strings.Contains(answer, "pushlab_") || strings.HasPrefix(answer, "HTTP/1.1 200 ") || target == "/metrics" && !strings.HasPrefix(answer, "HTTP/1.1 403 ") {
			t.Errorf("%s is answered:\n%.300s", target, answer)
		}
	}
}

// exchange sends a request and, when it was answered or its connection has ended, another; it returns all that came.
func exchange(t *testing.T, p *proxies.Proxy, first, second string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := p.Dial(ctx, "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, first); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	r := bufio.NewReader(io.TeeReader(conn, &all))
	if second != "" {
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, second); err != nil {
			return all.String() // it has ended
		}
	}
	io.Copy(io.Discard, r) // a connection that was closed may be reset, since what it was sent was not read
	return all.String()
}
