package interop

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
)

var webSocketServers = map[string]func(t *testing.T) *server{
	"ws":                func(t *testing.T) *server { return newServer(t, node(t, "servers/websocket.mjs")) },
	"python websockets": func(t *testing.T) *server { return newServer(t, python(t, "servers/websocket.py")) },
}

// TestForeignWebSocket has our client read foreign servers.
func TestForeignWebSocket(t *testing.T) {
	const large = 1 << 20
	cases := []struct {
		path   string
		opts   client.Options
		want   []string
		end    string // part of the error; "" is a clean end
		closed int    // the code that the server sees
	}{
		{"/fragments", client.Options{}, []string{"count \"é🚀\u2028\"", `count "` + strings.Repeat("x", 100) + `"`}, "enough", 1000},
		{"/large", client.Options{}, []string{`count "` + strings.Repeat("é", large) + `"`}, "enough", 1000},
		{"/large", client.Options{MaxEvent: 1000}, nil, "limit", 1009},
		{"/binary", client.Options{}, nil, "binary", 1003},
		{"/invalid", client.Options{}, nil, "UTF-8", 1007},
		{"/foreign", client.Options{}, nil, "not an envelope", 1007},
		{"/close?code=1000", client.Options{}, []string{"count 1"}, "", 1000},
		{"/close?code=1001", client.Options{}, []string{"count 1"}, "", 1001},
		{"/close?code=1011", client.Options{}, []string{"count 1"}, "1011", 1011},
		{"/close?code=4000", client.Options{}, []string{"count 1"}, "4000", 4000},
		{"/close?code=0", client.Options{}, []string{"count 1"}, "1005", 1005},
		{"/resume", client.Options{}, []string{"count 1", "count 2", "count 3"}, "EOF", 1006},
	}
	for name, start := range webSocketServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for _, tt := range cases {
				if name != "ws" && (tt.path == "/invalid" || tt.path == "/close?code=0") {
					continue // the Python package does not send that
				}
				c, err := dialWebSocket(s.ctx, s.url+tt.path, tt.opts)
				if err != nil {
					t.Fatalf("%s: %v", tt.path, err)
				}
				var got []string
				for err == nil && !(tt.end == "enough" && len(got) == len(tt.want)) {
					e, next := c.Next(s.ctx)
					if err = next; err == nil {
						got = append(got, e.Topic+" "+string(e.Data))
					}
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("%s gave %d events, %.300q", tt.path, len(got), got)
				}
				if tt.end == "" && err != io.EOF || tt.end != "" && tt.end != "enough" && (err == nil || err == io.EOF || !strings.Contains(err.Error(), tt.end)) {
					t.Errorf("%s ended with %v, want %q", tt.path, err, tt.end)
				}
				if err := c.Close(); err != nil && tt.end == "enough" {
					t.Errorf("%s: Close: %v", tt.path, err)
				}
				l := s.expect("request")
				if l.Header["sec-websocket-extensions"] != "" {
					t.Errorf("%s: the client offers %s", tt.path, l.Header["sec-websocket-extensions"])
				}
				if l := s.expect("open"); l.Extensions != "" || name == "ws" && l.Protocol != "pushlab.v1" {
					t.Errorf("%s: opened as %+v", tt.path, l)
				}
				var pongs []string
				l = s.next()
				for ; l.See == "pong"; l = s.next() {
					pongs = append(pongs, l.Data)
				}
				if l.See != "close" || l.Code != tt.closed {
					t.Errorf("%s: the server saw %+v, want it closed by %d", tt.path, l, tt.closed)
				}
				if tt.path == "/fragments" && (len(pongs) == 0 || pongs[0] != "1/10" || name == "ws" && pongs[len(pongs)-1] != "2/110") {
					t.Errorf("the pings were answered by %q", pongs)
				}
			}

			f := s.follow(dialWebSocket, "/resume", quick)
			for _, n := range "123456789" {
				s.takes(f, "count "+string(n))
			}
			for _, want := range []string{"/resume", "/resume?after=mfrggzdf-3", "/resume?after=mfrggzdf-6"} {
				if l := s.until("request"); l.Path != want {
					t.Errorf("resumed by %s, want %s", l.Path, want)
				}
			}
		})
	}
}

// TestForeignHandshake has a server answer the opening handshake otherwise.
func TestForeignHandshake(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/websocket.mjs"))
	begin := time.Now()
	f := s.follow(dialWebSocket, "/busy", quick)
	s.takes(f, "count 1", "count \"é🚀\u2028\"")
	if took := time.Since(begin); took < time.Second {
		t.Errorf("came back after %v, though the server wanted one second", took)
	}
	c, err := dialWebSocket(s.ctx, strings.Replace(s.url, "ws:", "http:", 1)+"/plain", client.Options{})
	if err != nil {
		t.Fatalf("by the scheme http: %v", err)
	}
	c.Close()
	// RFC 6455, section 4.1: the client fails the connection when the accept value is not that of
	// its key (4), when an extension (5) or a subprotocol (6) is in use that it did not offer.
	for _, path := range []string{"/accept", "/extension", "/unknown", "/protocol"} {
		c, err := dialWebSocket(s.ctx, s.url+path, client.Options{})
		if err == nil {
			t.Errorf("%s: the client accepts the handshake", path)
			c.Close()
		}
	}
}
