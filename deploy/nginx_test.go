package deploy

import (
	"context"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/proxies"
	"pushlab/common/request"
	"pushlab/web"
	"pushlab/websocket"
)

// nginxFiles are the two sites for nginx, by how they reach the server.
func nginxFiles() map[string]string {
	return map[string]string{
		"unix": file("nginx/upstream-unix.conf") + file("nginx/pushlab.conf"),
		"tcp":  file("nginx/upstream-tcp.conf") + file("nginx/pushlab.conf"),
	}
}

// TestNginx: with the shipped files, over a Unix socket and by TCP, events come at once, the server is told the truth, and
// polls are not cached. The rest is in TestMatrix.
func TestNginx(t *testing.T) {
	for by, config := range nginxFiles() {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newService(t, by == "unix", web.Config{Routes: told})
			p := s.behind(proxies.Nginx, config)
			for _, transport := range transports {
				if first, events := arrivals(s, p, transport); first != atOnce || events != atOnce {
					t.Errorf("%s: the first byte comes %s, events come %s", transport, first, events)
				}
			}
			checkTold(s, p, map[string]string{
				"Host": name, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Connection": "", "Upgrade": "", "Version": "HTTP/1.1",
			})
			checkNotCached(s, p)
			checkOrigins(s, p)
		})
	}
}

// told is a route that answers with what a request had become.
var told = map[string]http.Handler{"/told": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	for _, field := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "Connection", "Upgrade"} {
		w.Header().Set("Told-"+field, strings.Join(r.Header.Values(field), "; "))
	}
	w.Header().Set("Told-Host", r.Host)
	w.Header().Set("Told-Version", r.Proto)
})}

// checkTold checks what the server is told: the name that was asked for, who asked, whatever he says about that himself,
// and nothing that is of the first hop only.
func checkTold(s *service, p *proxies.Proxy, want map[string]string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	response, _, err := get(ctx, p, "/told", http.Header{"X-Forwarded-For": {"192.0.2.66"}, "Connection": {"close"}})
	if err != nil {
		s.t.Fatal(err)
	}
	for field, want := range want {
		if got := response.Header.Get("Told-" + field); got != want {
			s.t.Errorf("the server is told %s %q, want %q", field, got, want)
		}
	}
}

// checkNotCached checks that who asks the same again is answered anew, with what has happened since.
func checkNotCached(s *service, p *proxies.Proxy) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, event := range []string{`"one"`, `"two"`, `"three"`} {
		s.publish(event)
		response, content, err := get(ctx, p, "/longpoll?after=earliest", nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if age := response.Header.Get("Age"); !strings.Contains(content, event) || response.Header.Get("Cache-Control") != "no-store" || age != "" && age != "0" {
			s.t.Errorf("after %s the answer is %s %v", event, content, response.Header)
		}
	}
}

// checkOrigins checks that the site's own pages get WebSockets, by TLS too, and those of another site do not.
func checkOrigins(s *service, p *proxies.Proxy) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for origin, allowed := range map[string]bool{"http://" + name: true, "https://" + name: true, "https://evil.example": false, "http://" + name + ":81": false} {
		c, err := websocket.Dial(ctx, "ws://"+name+"/websocket", client.Options{DialContext: p.Dial, Header: http.Header{"Origin": {origin}}})
		if err == nil {
			c.Close()
		}
		if (err == nil) != allowed {
			s.t.Errorf("a WebSocket of a page of %s: %v", origin, err)
		}
	}
}

// TestTimeouts: every configuration waits for longer than the longest poll, and than some heartbeats.
func TestTimeouts(t *testing.T) {
	const configured = 120 * time.Second
	if configured <= request.MaxWait {
		t.Errorf("a poll may wait for %v, and proxies for %v", request.MaxWait, configured)
	}
	timeout := regexp.MustCompile(`(?im)^[^#\n]*time\w*[^#\n]* 120s?\b`)
	for _, path := range []string{"nginx/pushlab.conf", "haproxy/pushlab.cfg", "apache/pushlab.conf", "caddy/Caddyfile", "varnish/pushlab.vcl"} {
		if !timeout.MatchString(file(path)) {
			t.Errorf("%s has no time-out of %v", path, configured)
		}
	}
}

// TestReadmeNamesFiles: an operator finds all that there is.
func TestReadmeNamesFiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(string(readme), "("+path+")") {
			t.Errorf("README.md does not name %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
