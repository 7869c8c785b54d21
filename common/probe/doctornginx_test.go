package probe_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/hub"
	"pushlab/common/nginx"
	"pushlab/common/probe"
	"pushlab/web"
)

// startTime is how long a test waits for a proxy to start. A test that passes never waits so long.
const startTime = 20 * time.Second

// serveTCP starts a server by TCP, and drains it when the test ends.
func serveTCP(t *testing.T, config web.Config) (address string) {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", config)
}

// serveAt does so at 127.0.0.1:PORT or unix:PATH. It believes proxies that they ask for somebody of this machine, or it would
// refuse what they pass on.
func serveAt(t *testing.T, at string, config web.Config) (address string) {
	t.Helper()
	config.TrustProxy = []string{"unix", "127.0.0.1"}
	server, err := web.NewServer(hub.New(hub.Config{}), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := web.Listen(ctx, at, web.Socket{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if at != "127.0.0.1:0" {
		return at
	}
	return l.Addr().String()
}

// TestDoctorTLS asks through something that ends TLS, of which the server knows nothing.
func TestDoctorTLS(t *testing.T) {
	for _, http2 := range []bool{true, false} {
		to, err := url.Parse("http://" + serveTCP(t, web.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(to))
		front.EnableHTTP2 = http2
		front.Config.ErrorLog = nolog
		front.StartTLS()
		d, err := probe.Diagnose(t.Context(), front.URL, probe.DoctorOptions{Idle: -1, TLS: front.Client().Transport.(*http.Transport).TLSClientConfig})
		front.Close()
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"broken origin websocket: origin, server"}
		if !http2 {
			want = append(want, "note version : http-2, hop")
		}
		if got := causes(d); !slices.Equal(got, want) {
			t.Errorf("HTTP/2 %t: found %q, want %q\n%s", http2, got, want, shown(t, d))
		}
	}
}

// TestDoctorNginx has a real nginx do wrong, in each way in which it can.
func TestDoctorNginx(t *testing.T) {
	const host = "proxy_set_header Host $http_host; "
	for _, c := range []struct {
		name string
		o    nginx.Options
		want []string
		line string // that repairs it
	}{
		{"nothing is wrong", nginx.Options{HTTP11: true}, nil, ""},
		{"as it comes, but for Host", nginx.Options{Buffering: true, ObeyAccel: true, NoUpgrade: true},
			[]string{"broken upgrade websocket: upgrade, hop"}, `proxy_set_header Upgrade $http_upgrade;`},
		{"buffers", nginx.Options{Buffering: true}, []string{
			"broken opening httpstream+sse: buffering, hop",
			"broken delay httpstream+sse: buffering, hop",
		}, "proxy_buffering off;"},
		{"compresses", nginx.Options{HTTP11: true, Gzip: true}, []string{"note compression httpstream+sse: compression, hop"}, "gzip off;"},
		{"compresses and buffers", nginx.Options{HTTP11: true, Buffering: true, Gzip: true},
			[]string{"broken compression httpstream+sse: compression, hop"}, "gzip off;"},
		{"cuts after 2 s", nginx.Options{HTTP11: true, ReadTimeout: 2 * time.Second},
			[]string{"broken idle longpoll: idle-timeout, hop", "broken idle httpstream+sse+websocket: idle-timeout, hop"}, "proxy_read_timeout 1h;"},
		{"cuts after 2 s, by HTTP/1.0", nginx.Options{ReadTimeout: 2 * time.Second},
			[]string{"broken idle longpoll: idle-timeout, hop", "broken idle httpstream+sse+websocket: idle-timeout, hop"}, "proxy_read_timeout 1h;"},
		{"stores", nginx.Options{HTTP11: true, Buffering: true,
			HTTP:     "proxy_cache_path cache keys_zone=answers:1m;",
			Location: "proxy_cache answers; proxy_cache_valid any 1m; proxy_ignore_headers Cache-Control X-Accel-Buffering;",
		}, []string{"broken caching longpoll: caching, hop"}, "proxy_cache off;"},
		{"drops Last-Event-ID", nginx.Options{HTTP11: true, Location: host + `proxy_set_header Last-Event-ID "";`},
			[]string{"broken resume sse: request-field Last-Event-ID, hop"}, `take out: proxy_set_header Last-Event-ID "";`},
		{"hides the cursor", nginx.Options{HTTP11: true, Location: "proxy_hide_header Pushlab-Cursor;"},
			[]string{"broken fields httpstream+sse: answer-field Pushlab-Cursor, hop"}, "take out: proxy_hide_header Pushlab-Cursor;"},
		{"has a name of its own for the server", nginx.Options{HTTP11: true, Location: "proxy_set_header Host backend;"},
			[]string{"broken reach : host, hop"}, "proxy_set_header Host $http_host;"},
		{"takes small requests only", nginx.Options{HTTP11: true, Location: "client_max_body_size 100k;"},
			[]string{"broken size : body-limit, hop"}, "client_max_body_size 2m;"},
		{"lets nobody publish", nginx.Options{HTTP11: true, Location: "limit_except GET { deny all; }"},
			[]string{"broken publish : publish, hop"}, "take out: limit_except"},
		{"ends each connection", nginx.Options{HTTP11: true, Location: "keepalive_timeout 0;"},
			[]string{"note keep-alive longpoll: keep-alive, hop"}, "keepalive_timeout 75s;"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address := serveTCP(t, web.Config{})
			n, err := nginx.New()
			if errors.Is(err, nginx.ErrNotInstalled) {
				t.Fatal("this test needs nginx: run `make deps`, or install the package nginx")
			}
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			ctx, cancel := context.WithTimeout(t.Context(), startTime)
			defer cancel()
			if err := n.Start(ctx, address, c.o); err != nil {
				t.Fatal(err)
			}
			d, err := probe.Diagnose(t.Context(), "http://localhost", probe.DoctorOptions{
				Idle: 2*time.Second + c.o.ReadTimeout, Direct: "http://" + address,
				DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return n.Dial(ctx) },
			})
			if err != nil {
				t.Fatal(err)
			}
			out := shown(t, d)
			if got := causes(d); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q\n%s\nnginx says: %s", got, c.want, out, n.Log.String())
			}
			if len(d.Hops) != 1 || d.Hops[0].Name != "nginx" || !strings.Contains(out, c.line) {
				t.Errorf("want nginx, and %q, in\n%s", c.line, out)
			}
		})
	}
}
