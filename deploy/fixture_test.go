package deploy

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/proxies"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/web"
	"pushlab/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come. A test that passes never waits so long.
const patience = 20 * time.Second

// name is the site's, as the configurations have it. The server answers for it, and so proves that it is passed on.
const name = "push.example.com"

var transports = []string{longpoll.Name, httpstream.Name, sse.Name, websocket.Name}

// A service is a server whose log outlives it, so that it can be started again.
type service struct {
	t       *testing.T
	hub     *hub.Hub
	config  web.Config
	address string // unix:PATH or 127.0.0.1:PORT
	stop    func() // drains it
}

// newService starts a server on a Unix socket, or by TCP. It is drained when the test ends, if it was not before.
func newService(t *testing.T, unix bool, config web.Config) *service {
	t.Helper()
	config.Hosts, config.AllowedOrigins = []string{name}, []string{"https://" + name} // as in systemd/pushlab.service
	config.TrustProxy = []string{"unix", "127.0.0.1"}
	config.Retry = 100 * time.Millisecond
	s := &service{t: t, hub: hub.New(hub.Config{}), config: config, address: "127.0.0.1:0"}
	if unix {
		// Not t.TempDir, which is open to this user only: as root, Apache comes as www-data.
		dir, err := os.MkdirTemp("", "pushlab-")
		if err == nil {
			err = os.Chmod(dir, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		s.address = "unix:" + filepath.Join(dir, "pushlab.sock")
	}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start starts the server, also again.
func (s *service) start() {
	s.t.Helper()
	server, err := web.NewServer(s.hub, s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := web.Listen(ctx, s.address, web.Socket{Mode: 0o666})
	if err != nil {
		s.t.Fatal(err)
	}
	if l.Addr().Network() == "tcp" {
		s.address = l.Addr().String()
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
}

func (s *service) publish(data string) {
	s.t.Helper()
	if _, err := s.hub.Publish(context.Background(), "t", []byte(data)); err != nil {
		s.t.Error(err)
	}
}

// behind starts a proxy before the server, which ends with the test.
func (s *service) behind(kind proxies.Kind, config string) *proxies.Proxy {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.t.Cleanup(cancel)
	p, err := proxies.Start(ctx, kind, config, s.address)
	if err != nil {
		s.t.Fatalf("%v; `make deps` installs nginx, `make proxies` the others", err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			s.t.Error(err)
		}
		if s.t.Failed() {
			s.t.Logf("%s: %s", kind, p.Log.String())
		}
	})
	return p
}

// dial connects through a proxy, by a transport.
func dial(ctx context.Context, p *proxies.Proxy, transport, after string) (client.Conn, error) {
	url, o := "http://"+name+"/"+transport, client.Options{DialContext: p.Dial, After: after}
	switch transport {
	case longpoll.Name:
		return longpoll.Dial(ctx, url, o)
	case httpstream.Name:
		return httpstream.Dial(ctx, url, o)
	case sse.Name:
		return sse.Dial(ctx, url, o)
	case websocket.Name:
		return websocket.Dial(ctx, url, o)
	}
	return nil, fmt.Errorf("there is no transport %q", transport)
}

// next returns the next event that is none of control.
func next(ctx context.Context, c client.Conn) (event.Event, error) {
	for {
		if e, err := c.Next(ctx); err != nil || !e.Control() {
			return e, err
		}
	}
}

// get asks through a proxy, and returns the answer with its content.
func get(ctx context.Context, p *proxies.Proxy, target string, header http.Header) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+name+target, nil)
	if err != nil {
		return nil, "", err
	}
	maps.Copy(r.Header, header)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return p.Dial(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response, string(content), err
}

// file returns one of the shipped configurations.
func file(name string) string {
	text, err := Files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(text)
}
