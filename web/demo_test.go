package web_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/web"
)

// TestDemoIsForThisMachine: there are no labs unless they were asked for, and none for those who come from elsewhere.
func TestDemoIsForThisMachine(t *testing.T) {
	for _, c := range []struct {
		demo bool
		host string
		want int
	}{
		{true, "localhost:8080", 201}, {true, "127.0.0.1", 201}, {true, "a.localhost", 201}, {true, "example.com", 404},
		{false, "localhost:8080", 404}, {false, "example.com", 404},
	} {
		s := serve(t, hub.Config{}, web.Config{Demo: c.demo, Hosts: []string{"example.com"}})
		response, body := s.request("POST", "/lab", http.Header{"Host": {c.host}}, "")
		if response.StatusCode != c.want {
			t.Errorf("demo %v, Host %s: %s %s", c.demo, c.host, response.Status, body)
		}
		want := "application/json"
		if c.want == 404 {
			want = "application/problem+json"
		}
		if got := response.Header.Get("Content-Type"); got != want {
			t.Errorf("demo %v, Host %s: the type is %q", c.demo, c.host, got)
		}
		response, _ = s.request("GET", "/lab/kinds", http.Header{"Host": {c.host}}, "")
		if (response.StatusCode == 200) != (c.want == 201) {
			t.Errorf("demo %v, Host %s: /lab/kinds: %s", c.demo, c.host, response.Status)
		}
		if response, _ := s.request("POST", "/lab", http.Header{"Host": {"evil.example"}}, ""); response.StatusCode != 421 {
			t.Errorf("demo %v: for a name that is not ours: %s", c.demo, response.Status)
		}
		if response, _ := s.request("POST", "/lab", http.Header{"Sec-Fetch-Site": {"cross-site"}}, ""); response.StatusCode != 403 {
			t.Errorf("demo %v: for another page: %s", c.demo, response.Status)
		}
	}
}

// TestDemoIsForNobodyElse: who only says that he is here is not, though the server is open to everybody.
func TestDemoIsForNobodyElse(t *testing.T) {
	s, err := web.NewServer(hub.New(hub.Config{}), web.Config{Demo: true, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		peer   string
		header http.Header
		want   int
	}{
		"another machine":        {"192.0.2.7:1234", nil, 404},
		"another machine, IPv6":  {"[2001:db8::7]:1234", nil, 404},
		"a Unix socket":          {"@", nil, 404},
		"through a proxy":        {"127.0.0.1:1234", http.Header{"X-Forwarded-For": {"192.0.2.7"}}, 404},
		"through an honest one":  {"[::1]:1234", http.Header{"Via": {"1.1 proxy"}}, 404},
		"through a silent proxy": {"127.0.0.1:1234", http.Header{"Origin": {"https://push.example"}, "Sec-Fetch-Site": {"same-origin"}}, 403},
	} {
		r := httptest.NewRequest("POST", "/lab", nil)
		r.Host, r.RemoteAddr = "localhost:8080", c.peer
		maps.Copy(r.Header, c.header)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestSubscribers: the server tells who reads, on all transports.
func TestSubscribers(t *testing.T) {
	h := hub.New(hub.Config{})
	s, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	service := serveServer(t, h, s)
	for _, transport := range []string{"httpstream", "sse", "websocket"} {
		c := service.dial(transport, client.Options{Topics: []string{transport}})
		defer c.Close()
	}
	after(t, "all are there", func() bool { return len(s.Subscribers()) == 3 }) // who comes later begins behind the event
	service.publish("sse", "1")
	after(t, "all have it", func() bool {
		var got []string
		for _, sub := range s.Subscribers() {
			if sub.Peer == "" || sub.Opened.IsZero() {
				t.Fatalf("%+v", sub)
			}
			if sub.Delivered > 0 && sub.Cursor.Seq != 1 { // the others may have passed it by, or not yet
				t.Fatalf("%+v", sub)
			}
			got = append(got, fmt.Sprint(sub.Transport, sub.Topics, sub.Delivered))
		}
		return slices.Equal(got, []string{"httpstream[httpstream] 0", "sse[sse] 1", "websocket[websocket] 0"})
	})
}

// TestRoutes: what is given is served, behind all that guards the rest.
func TestRoutes(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{AllowedOrigins: []string{"https://app.example"}, Routes: map[string]http.Handler{
		"/more": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method) }),
	}})
	for _, method := range []string{"GET", "POST", "BREW"} {
		response, body := s.request(method, "/more", http.Header{"Origin": {"https://app.example"}}, "")
		if response.StatusCode != 200 || string(body) != method || response.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: %s %s %v", method, response.Status, body, response.Header)
		}
	}
	if response, _ := s.request("GET", "/more", http.Header{"Host": {"evil.example"}}, ""); response.StatusCode != 421 {
		t.Errorf("under another name: %s", response.Status)
	}
}

// TestSocketOrigins: a page may be let in by WebSocket, and by nothing else (CORS-03).
func TestSocketOrigins(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{SocketOrigins: []string{"https://app.example"}})
	for origin, ok := range map[string]bool{"https://app.example": true, "https://other.example": false} {
		header := http.Header{"Origin": {origin}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}
		r, err := http.NewRequest("GET", s.url+"/websocket", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.StatusCode == 101; got != ok {
			t.Errorf("%s: %s", origin, response.Status)
		}
		if response, _ := s.request("GET", "/longpoll?wait=0", http.Header{"Origin": {origin}}, ""); response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read a poll's answer", origin)
		}
		if response, _ := s.request("POST", "/publish", jsonType("Origin", origin), "1"); response.StatusCode != 403 {
			t.Errorf("%s may publish: %s", origin, response.Status)
		}
	}
}
