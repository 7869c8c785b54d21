package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/web"
	"pushlab/web/lab"
	"pushlab/websocket"
)

// privateServer makes one as package web does.
func privateServer(h *hub.Hub, o lab.ServerOptions) (lab.Server, error) {
	return web.NewServer(h, web.Config{AllowedOrigins: []string{o.Origin}, Routes: o.Routes, Retry: o.Retry, Wait: o.Wait, Drain: o.Drain})
}

// labs serves labs without a main server.
func labs(t *testing.T, config lab.Config) (url string, l *lab.Labs) {
	before := goleak.IgnoreCurrent()
	if config.Server == nil {
		config.Server = privateServer
	}
	l = lab.New(config)
	s := httptest.NewServer(l)
	t.Cleanup(func() {
		l.Close()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return s.URL, l
}

// TestAlone: a lab ends that nobody observes, and one that is observed does not.
func TestAlone(t *testing.T) {
	url, _ := labs(t, lab.Config{Alone: 300 * time.Millisecond})
	observed := enter(t, url)
	observed.observe("")
	begin := time.Now()
	alone := enter(t, url)
	alone.eventually("it has ended", func() bool { status, _ := alone.ask("GET", "", ""); return status == 404 })
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("it has ended after %v", took)
	}
	alone.eventually("its port is closed", func() bool {
		c, err := net.Dial("tcp", alone.lane("sse", "")[len("http://"):])
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if status, b := observed.ask("GET", "", ""); status != 200 {
		t.Errorf("the other one: %d %s", status, b)
	}
}

// TestLabs: there are no more labs than there may be, and who is refused is told when to come back (HTTP-08).
func TestLabs(t *testing.T) {
	url, l := labs(t, lab.Config{Labs: 2})
	first := enter(t, url)
	enter(t, url)
	post := func() *http.Response {
		t.Helper()
		response, err := http.Post(url+"/lab", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	response := post()
	if after, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || response.StatusCode != 503 || after < 1 {
		t.Errorf("a third one: %s, come back after %q", response.Status, response.Header.Get("Retry-After"))
	}
	if status, b := first.ask("DELETE", "", ""); status != 204 {
		t.Fatalf("%d %s", status, b)
	}
	first.eventually("there is room again", func() bool { return post().StatusCode == 201 })
	l.Close()
	if response := post(); response.StatusCode != 503 {
		t.Errorf("after the end: %s", response.Status)
	}
}

// A lingering server does not end before it may.
type lingering struct {
	lab.Server
	may <-chan struct{}
}

// Run implements lab.Server.
func (s lingering) Run(ctx context.Context, listeners ...net.Listener) error {
	defer func() { <-s.may }()
	return s.Server.Run(ctx, listeners...)
}

// TestEndingLabs: a lab takes its place until nothing is left of it.
func TestEndingLabs(t *testing.T) {
	may := make(chan struct{})
	url, l := labs(t, lab.Config{Labs: 2, Server: func(h *hub.Hub, o lab.ServerOptions) (lab.Server, error) {
		s, err := privateServer(h, o)
		return lingering{s, may}, err
	}})
	let := sync.OnceFunc(func() { close(may) })
	defer let()
	first := enter(t, url)
	enter(t, url)
	if status, b := first.ask("DELETE", "", ""); status != 204 {
		t.Fatalf("%d %s", status, b)
	}
	if status, _ := first.ask("GET", "", ""); status != 404 || l.Len() != 1 {
		t.Errorf("it answers %d, and there are %d labs", status, l.Len())
	}
	post := func() (status int, after string) {
		response, err := http.Post(url+"/lab", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode, response.Header.Get("Retry-After")
	}
	for range 3 { // however often it is asked for
		if status, after := post(); status != 503 || after != "1" {
			t.Errorf("while one is ending: %d, come back after %q", status, after)
		}
	}
	let()
	first.eventually("there is room again", func() bool { status, _ := post(); return status == 201 })
	if status, _ := post(); status != 503 {
		t.Errorf("one more than there may be: %d", status)
	}
}

// TestObservers: a lab has no more observers than it may have. When it ends they are told goodbye.
func TestObservers(t *testing.T) {
	url, _ := labs(t, lab.Config{})
	p := enter(t, url)
	dial := func() (*websocket.Conn, error) {
		return websocket.Dial(t.Context(), url+"/lab/"+p.lab.ID+"/observe", client.Options{Header: http.Header{"Cookie": {p.cookie}}})
	}
	var conns []*websocket.Conn
	for range 8 {
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	var status *client.StatusError
	if _, err := dial(); !errors.As(err, &status) || status.Status != 503 {
		t.Errorf("a ninth: %v", err)
	}
	p.ask("DELETE", "", "")
	for _, c := range conns {
		for topic := ""; topic != "$bye"; {
			e, err := c.Next(t.Context())
			if err != nil {
				t.Fatalf("no goodbye: %v", err)
			}
			topic = e.Topic
		}
	}
}

// TestLabsEndWhileTheServerDrains: when the main server leaves, its labs end all at once, and while its subscribers take
// their goodbye. However deaf those are who hold a lab up, that takes less than subscribers have by default.
func TestLabsEndWhileTheServerDrains(t *testing.T) {
	const drain = 3 * time.Second // web.Config.Drain
	before := goleak.IgnoreCurrent()
	main := hub.New(hub.Config{})
	s, err := web.NewServer(main, web.Config{Demo: true, Drain: drain})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	connect := func(address string) *peer {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &peer{conn, bufio.NewReader(conn)}
	}
	for range 3 {
		p := enter(t, "http://"+l.Addr().String())
		p.command("nginx", `{"lane":"all"}`)
		p.dial("sse", "/sse")
		connect(strings.TrimPrefix(p.lane("sse", ""), "http://"))
		connect(fmt.Sprintf("127.0.0.1:%d", p.lab.H2.Port)) // it says nothing, and the private server waits
		deaf := connect(l.Addr().String())                  // it does not answer the close frame
		fmt.Fprintf(deaf, "GET /lab/%s/observe HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", p.lab.ID, l.Addr(), p.cookie)
		deaf.to(t, `"$open"`)
	}
	subscriber, err := websocket.Dial(t.Context(), "http://"+l.Addr().String()+"/websocket", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer subscriber.Close()
	begin := time.Now()
	stop()
	for topic := ""; topic != "$bye"; {
		e, err := subscriber.Next(t.Context())
		if err != nil {
			t.Fatalf("no goodbye: %v", err)
		}
		topic = e.Topic
	}
	goodbye := time.Since(begin)
	subscriber.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	took := time.Since(begin)
	t.Logf("a subscriber had its goodbye after %v, and all had ended after %v", goodbye, took)
	if goodbye > drain/4 {
		t.Errorf("a subscriber has waited %v for its goodbye", goodbye)
	}
	if took >= drain {
		t.Errorf("it took %v", took)
	}
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
}
