package web_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/web"
	"pushlab/websocket"
)

// TestMain looks at the end whether anything is left of all the servers: tests that run side by side cannot tell whose
// a goroutine is.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialers are the clients of the four transports.
var dialers = map[string]func(context.Context, string, client.Options) (client.Conn, error){
	longpoll.Name: func(ctx context.Context, url string, o client.Options) (client.Conn, error) {
		return longpoll.Dial(ctx, url, o)
	},
	httpstream.Name: func(ctx context.Context, url string, o client.Options) (client.Conn, error) {
		return httpstream.Dial(ctx, url, o)
	},
	sse.Name: func(ctx context.Context, url string, o client.Options) (client.Conn, error) {
		return sse.Dial(ctx, url, o)
	},
	websocket.Name: func(ctx context.Context, url string, o client.Options) (client.Conn, error) {
		return websocket.Dial(ctx, url, o)
	},
}

var transports = []string{longpoll.Name, httpstream.Name, sse.Name, websocket.Name}

// A service is a server on a real socket.
type service struct {
	t    testing.TB
	hub  *hub.Hub
	url  string
	stop func() error // drains it; what Run returned
}

// serve starts a server, which is drained when the test ends; then nothing may be left of it.
func serve(t testing.TB, hubConfig hub.Config, config web.Config) *service {
	t.Helper()
	h := hub.New(hubConfig)
	server, err := web.NewServer(h, config)
	if err != nil {
		t.Fatal(err)
	}
	return serveServer(t, h, server)
}

// serveServer serves a server that was made already.
func serveServer(t testing.TB, h *hub.Hub, server *web.Server) *service {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveListener(t, h, server, l)
}

// serveListener serves on a listener that was made already.
func serveListener(t testing.TB, h *hub.Hub, server *web.Server, l net.Listener) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return &service{t: t, hub: h, url: "http://" + l.Addr().String(), stop: stop}
}

// dial connects by a transport.
func (s *service) dial(transport string, opts client.Options) client.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := dialers[transport](ctx, s.url+"/"+transport, opts)
	if err != nil {
		s.t.Fatalf("%s: %v", transport, err)
	}
	return c
}

func (s *service) publish(topic, data string) {
	s.t.Helper()
	if _, err := s.hub.Publish(context.Background(), topic, []byte(data)); err != nil {
		s.t.Fatal(err)
	}
}

// after waits for something to become true, which it must within ten seconds.
func after(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if condition() {
			return
		}
		<-tick.C
	}
	t.Fatalf("waited in vain: %s", what)
}
