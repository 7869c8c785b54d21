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

	"pushlab/common/proxies"
	"pushlab/common/request"
	"pushlab/web"
)

// nginxFiles are the two sites for nginx, by how they reach the server.
func nginxFiles() map[string]string {
	return map[string]string{
		"unix": file("nginx/upstream-unix.conf") + file("nginx/pushlab.conf"),
		"tcp":  file("nginx/upstream-tcp.conf") + file("nginx/pushlab.conf"),
	}
}

// TestNginx: with the shipped files, over a Unix socket and by TCP, events come at once, and polls are not cached. The
// rest is in TestMatrix.
func TestNginx(t *testing.T) {
	for by, config := range nginxFiles() {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newService(t, by == "unix", web.Config{})
			p := s.behind(proxies.Nginx, config)
			for _, transport := range transports {
				if first, events := arrivals(s, p, transport); first != atOnce || events != atOnce {
					t.Errorf("%s: the first byte comes %s, events come %s", transport, first, events)
				}
			}
			// Who asks the same again is answered anew, with what has happened since.
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			for _, event := range []string{`"one"`, `"two"`, `"three"`} {
				s.publish(event)
				response, content, err := get(ctx, p, "/longpoll?after=earliest", nil)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(content, event) || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Age") != "" {
					t.Errorf("after %s the answer is %s %v", event, content, response.Header)
				}
			}
		})
	}
}

// TestWhatTheServerIsTold: the name that was asked for, and who asked, whatever he says about that himself; and nothing
// that is of the first hop only.
func TestWhatTheServerIsTold(t *testing.T) {
	routes := map[string]http.Handler{"/told": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, field := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "Connection", "Upgrade"} {
			w.Header().Set("Told-"+field, strings.Join(r.Header.Values(field), "; "))
		}
		w.Header().Set("Told-Host", r.Host)
		w.Header().Set("Told-Version", r.Proto)
	})}
	for by, config := range nginxFiles() {
		s := newService(t, by == "unix", web.Config{Routes: routes})
		p := s.behind(proxies.Nginx, config)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		response, _, err := get(ctx, p, "/told", http.Header{"X-Forwarded-For": {"192.0.2.66"}, "Connection": {"close"}})
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]string{
			"Host": name, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Connection": "", "Upgrade": "", "Version": "HTTP/1.1",
		} {
			if got := response.Header.Get("Told-" + field); got != want {
				t.Errorf("%s: the server is told %s %q, want %q", by, field, got, want)
			}
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
