package proxies

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const site = "server { listen 80; listen [::]:80; location / { proxy_pass http://127.0.0.1:8080; } }"

// patience is how long a test waits. A test that passes never waits so long.
const patience = 20 * time.Second

// server starts a server, which says where it was asked for.
func server(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestProxy: one passes requests on, and leaves nothing behind. (Those that are not nginx are started by package deploy.)
func TestProxy(t *testing.T) {
	p, err := Start(context.Background(), Nginx, site, server(t))
	if err != nil {
		t.Fatalf("%v; `make deps` installs it", err)
	}
	defer p.Close()
	if !strings.HasPrefix(p.URL(), "http://127.") || p.Version == "" {
		t.Errorf("%s, version %q", p.URL(), p.Version)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Get(p.URL() + "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); string(text) != "/a" {
		t.Errorf("%q, %v", text, err)
	}
	if c, err := p.Dial(context.Background(), "tcp", "push.example.com:80"); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder is left: %v", err)
	}
	if c, err := p.Dial(context.Background(), "", ""); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

// TestEndsWithContext: and with it.
func TestEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p, err := Start(ctx, Nginx, site, server(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	cancel()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Error("it goes on")
	}
}

// TestLastWords: what the proxy says about a bad configuration is in the error.
func TestLastWords(t *testing.T) {
	_, err := Start(context.Background(), Nginx, site+"bufering off;", server(t))
	if err == nil || !strings.Contains(err.Error(), `unknown directive "bufering"`) {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		kind             Kind
		config, upstream string
		says             string
	}{
		"unknown kind":                   {"squid", site, "127.0.0.1:80", "choose one"},
		"another machine":                {Nginx, site, "192.0.2.1:80", "give 127.0.0.1:PORT or unix:PATH"},
		"a name":                         {Nginx, site, "localhost:80", "give 127.0.0.1:PORT or unix:PATH"},
		"a path that is more":            {Nginx, "listen 80;" + Socket, "unix:/a;b", "letters, digits"},
		"a socket, configured for TCP":   {Nginx, site, "unix:/a", "must name " + Socket},
		"TCP, configured for a socket":   {Nginx, "listen 80; " + Socket, "127.0.0.1:80", "must name " + Address},
		"configured for both":            {Nginx, site + Socket, "127.0.0.1:80", "and not " + Socket},
		"a configuration without a port": {Nginx, "server " + Address, "127.0.0.1:80", `"listen 80;"`},
	} {
		p, err := Start(context.Background(), c.kind, c.config, c.upstream)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error is %v, and does not say %q", name, err, c.says)
		}
	}
}
