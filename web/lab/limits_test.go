package lab_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/web"
	"pushlab/web/lab"
	"pushlab/websocket"
)

// labs serves labs without a main server.
func labs(t *testing.T, config lab.Config) (url string, l *lab.Labs) {
	before := goleak.IgnoreCurrent()
	config.Server = func(h *hub.Hub, o lab.ServerOptions) (lab.Server, error) {
		return web.NewServer(h, web.Config{AllowedOrigins: []string{o.Origin}, Routes: o.Routes})
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
	enter(t, url)
	l.Close()
	if response := post(); response.StatusCode != 503 {
		t.Errorf("after the end: %s", response.Status)
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
