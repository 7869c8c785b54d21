package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"pushlab/common/access"
	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/web"
)

// A refusal is a request that must be refused, and what for.
type refusal struct {
	method, path string
	header       http.Header
	body         string
	status       int
	parameter    string
}

func jsonType(extra ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(extra); i += 2 {
		h.Set(extra[i], extra[i+1])
	}
	return h
}

func TestRefusals(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{MaxMessage: 1000})
	bystander := s.dial("sse", client.Options{})
	defer bystander.Close()

	upgrade := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}
	withOrigin := upgrade.Clone()
	withOrigin.Set("Origin", "http://evil.example")
	refusals := []refusal{
		{"POST", "/publish?topic=$open", jsonType(), `1`, 400, "topic"},
		{"POST", "/publish?topic=", jsonType(), `1`, 400, "topic"},
		{"POST", "/publish?topic=a&topic=b", jsonType(), `1`, 400, "topic"},
		{"POST", "/publish", jsonType(), ``, 400, "body"},
		{"POST", "/publish", jsonType(), `{`, 400, "body"},
		{"POST", "/publish", jsonType(), `1 2`, 400, "body"},
		{"POST", "/publish", jsonType(), "\"\xff\"", 400, "body"},
		{"POST", "/publish", http.Header{"Content-Type": {"text/plain"}}, "\xff", 400, "body"},
		{"POST", "/publish", http.Header{"Content-Type": {"text/plain; charset=latin1"}}, "x", 415, "Content-Type"},
		{"POST", "/publish", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "x", 415, "Content-Type"},
		{"POST", "/publish", http.Header{"Content-Type": {"/"}}, "x", 415, "Content-Type"},
		{"POST", "/publish", http.Header{}, "x", 415, "Content-Type"},
		{"POST", "/publish", jsonType(), `"` + strings.Repeat("x", 1000) + `"`, 413, "body"},
		{"GET", "/publish", nil, "", 405, "method"},
		{"PUT", "/publish", jsonType(), "1", 405, "method"},
		{"BREW", "/publish", jsonType(), "1", 405, "method"},
		{"POST", "/publish", jsonType("Sec-Fetch-Site", "cross-site"), `1`, 403, "Origin"},
		{"POST", "/publish", jsonType("Origin", "http://evil.example"), `1`, 403, "Origin"},
		{"POST", "/publish", jsonType("Origin", "null"), `1`, 403, "Origin"},
		{"POST", "/publish", jsonType("Host", "evil.example"), `1`, 421, "Host"},
		{"GET", "/", http.Header{"Host": {"evil.example:80"}}, "", 421, "Host"},
		{"GET", "/", http.Header{"Host": {"localhost.evil.example"}}, "", 421, "Host"},
		{"GET", "/", http.Header{"Host": {"10.0.0.1"}}, "", 421, "Host"},
		{"OPTIONS", "/publish", http.Header{"Origin": {"http://evil.example"}, "Access-Control-Request-Method": {"POST"}}, "", 403, "Origin"},
		{"GET", "/nothing", nil, "", 404, "path"},
		{"GET", "/websocket", withOrigin, "", 403, "Origin"},
		{"GET", "/websocket", nil, "", 426, "Upgrade"},
	}
	for _, transport := range transports {
		header := http.Header{}
		if transport == "websocket" {
			header = upgrade
		}
		refusals = append(refusals,
			refusal{"GET", "/" + transport + "?after=x", header, "", 400, "after"},
			refusal{"GET", "/" + transport + "?topic=%24x", header, "", 400, "topic"},
			refusal{"POST", "/" + transport, header, "", 405, "method"},
			refusal{"BREW", "/" + transport, header, "", 405, "method"},
		)
	}
	refusals = append(refusals, refusal{"GET", "/longpoll?wait=x", nil, "", 400, "wait"})
	for _, r := range refusals {
		response, body := s.request(r.method, r.path, r.header, r.body)
		var problem struct {
			Status                   int
			Title, Detail, Parameter string
		}
		if err := json.Unmarshal(body, &problem); err != nil {
			t.Errorf("%+v: %d, and no problem: %s", r, response.StatusCode, body)
			continue
		}
		if response.StatusCode != r.status || problem.Status != r.status || problem.Parameter != r.parameter || problem.Detail == "" {
			t.Errorf("%+v: %d %s", r, response.StatusCode, body)
		}
		if response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%+v: the type is %q", r, response.Header.Get("Content-Type"))
		}
		if allow := response.Header.Get("Allow"); r.status == 405 && allow != "GET, HEAD" && allow != "POST" {
			t.Errorf("%+v: Allow is %q", r, allow)
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%+v: a foreign page may read the answer", r)
		}
	}
	if got := s.hub.State().Head.Seq; got != 0 {
		t.Errorf("%d events were published", got)
	}
	// The stream of the bystander is untouched.
	s.publish("a", `"still here"`)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, want := range []string{event.OpenTopic, "a"} {
		if e, err := bystander.Next(ctx); err != nil || e.Topic != want {
			t.Errorf("the bystander got %s %v, want %s", e.Envelope(), err, want)
		}
	}
}

// request sends a request as it is; a Host in the header becomes the request's.
func (s *service) request(method, path string, header http.Header, body string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	r.Host = header.Get("Host")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, b
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		config web.Config
		host   string
		want   int
	}{
		{web.Config{}, "localhost", 200}, {web.Config{}, "LOCALHOST:8080", 200}, {web.Config{}, "sse.localhost:8080", 200},
		{web.Config{}, "127.0.0.1", 200}, {web.Config{}, "127.8.9.1:80", 200}, {web.Config{}, "[::1]:8080", 200}, {web.Config{}, "localhost.", 200},
		{web.Config{}, "example.com", 421}, {web.Config{}, "192.168.1.1", 421}, {web.Config{}, "[::2]", 421}, {web.Config{}, "notlocalhost", 421},
		{web.Config{Hosts: []string{"Example.com"}}, "example.com:443", 200}, {web.Config{Hosts: []string{"example.com"}}, "www.example.com", 421},
		{web.Config{Open: true}, "anything.example", 200},
	} {
		s := serve(t, hub.Config{}, c.config)
		if response, body := s.request("GET", "/healthz", http.Header{"Host": {c.host}}, ""); response.StatusCode != c.want {
			t.Errorf("%+v, Host %s: %d %s", c.config, c.host, response.StatusCode, body)
		}
	}
}

func TestCORS(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{AllowedOrigins: []string{"https://App.example:443"}})
	const app = "https://app.example"
	response, _ := s.request("OPTIONS", "/sse", http.Header{"Origin": {app}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"last-event-id"}}, "")
	if response.StatusCode != 204 {
		t.Errorf("preflight: %s", response.Status)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "GET, HEAD, POST",
		"Access-Control-Allow-Headers": "Last-Event-ID, Prefer, Content-Type, Authorization, Idempotency-Key",
		"Vary":                         "Origin",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("preflight: %s is %q, want %q", name, got, want)
		}
	}
	if response.Header.Get("Access-Control-Max-Age") == "" {
		t.Error("preflight: no Max-Age")
	}
	response, _ = s.request("GET", "/longpoll?wait=0", http.Header{"Origin": {app}}, "")
	if response.Header.Get("Access-Control-Allow-Origin") != app || !strings.Contains(response.Header.Get("Access-Control-Expose-Headers"), "Pushlab-Cursor") {
		t.Errorf("the answer may not be read: %v", response.Header)
	}
	response, _ = s.request("POST", "/publish", jsonType("Origin", app, "Sec-Fetch-Site", "cross-site"), `1`)
	if response.StatusCode != 201 {
		t.Errorf("publishing from an allowed origin: %s", response.Status)
	}
	for _, origin := range []string{"https://other.example", "http://app.example", "https://app.example:8443", "null"} {
		response, _ := s.request("GET", "/longpoll?wait=0", http.Header{"Origin": {origin}}, "")
		if response.Header.Get("Access-Control-Allow-Origin") != "" || response.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %v", origin, response.Header)
		}
	}
}

func TestNewServerRefusesBadOrigins(t *testing.T) {
	for _, origin := range []string{"example.com", "*", "null", "https://example.com/path", "ftp://example.com"} {
		if _, err := web.NewServer(hub.New(hub.Config{}), web.Config{AllowedOrigins: []string{origin}}); err == nil {
			t.Errorf("%q was accepted", origin)
		}
	}
}

func TestNewServerRefusesBadHosts(t *testing.T) {
	for _, host := range []string{"http://example.com", "", "example.com/path", "a b", "*"} {
		if _, err := web.NewServer(hub.New(hub.Config{}), web.Config{Hosts: []string{host}}); err == nil {
			t.Errorf("%q was accepted", host)
		}
	}
}

// TestBodyThatNeverComes: a request that announces content and does not send it is answered, or given
// up, in time, whatever it is refused for.
func TestBodyThatNeverComes(t *testing.T) {
	for _, head := range []string{
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", "POST /publish HTTP/1.1\r\nHost: localhost\r\n",
		"POST /healthz HTTP/1.1\r\nHost: localhost\r\n", "POST /publish HTTP/1.1\r\nHost: evil.example\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			handler, err := web.NewServer(hub.New(hub.Config{}), web.Config{})
			if err != nil {
				t.Fatal(err)
			}
			c, err := memhttp.NewServer(t, handler).Dial(context.Background(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			io.WriteString(c, head+"Content-Length: 10\r\n\r\n")
			if _, err := io.ReadAll(c); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("%q held its connection for %v", head, took)
			}
		})
	}
}

// TestMaxConnections: HTTP-08. Who is refused is told when to ask again.
func TestMaxConnections(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{MaxConnections: 2})
	for range 2 {
		c := s.dial("sse", client.Options{})
		defer c.Close()
	}
	for _, transport := range transports {
		response, body := s.request("GET", "/"+transport, nil, "")
		if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", transport, response.StatusCode, body)
		}
	}
	if response, _ := s.request("GET", "/healthz", nil, ""); response.StatusCode != 200 {
		t.Error("a full server is still healthy")
	}
}

// TestContentOfAGet: content that nobody needs is answered as any other, and counted, if it is too large or does not come.
func TestContentOfAGet(t *testing.T) {
	a := asking(t, web.Config{})
	for i, c := range []struct {
		body   io.Reader
		status int
		reason string
	}{
		{strings.NewReader("some"), 204, ""},
		{strings.NewReader(strings.Repeat("x", 64<<10+1)), 413, "message_size"},
		{iotest.ErrReader(fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)), 408, "arrival"},
		{iotest.ErrReader(io.ErrUnexpectedEOF), 400, ""},
	} {
		response := a.as("127.0.0.1:1", "", httptest.NewRequest("GET", "/longpoll?wait=0", c.body))
		if response.StatusCode != c.status {
			t.Errorf("case %d: it was answered %s", i, response.Status)
		}
		metrics, err := io.ReadAll(a.as("127.0.0.1:1", "", httptest.NewRequest("GET", "/metrics", nil)).Body)
		if err != nil {
			t.Fatal(err)
		}
		if count := fmt.Sprintf("pushlab_requests_refused_total{reason=%q} 1\n", c.reason); c.reason != "" && !strings.Contains(string(metrics), count) {
			t.Errorf("case %d was not counted as %s", i, c.reason)
		}
	}
}

// TestUpgradesThatAreNotGranted: behind the answer to one the connection is closed, so that a proxy which copies bytes from
// there on brings no further request. One that is granted is no matter of ours.
func TestUpgradesThatAreNotGranted(t *testing.T) {
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, c := range []struct{ request, status string }{
		{"GET /websocket HTTP/1.1\r\nHost: localhost\r\n" + upgrade, "400 Bad Request"},
		{"GET /websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: x\r\n", "426 Upgrade Required"},
		{"GET /websocket?topic=$ HTTP/1.1\r\nHost: localhost\r\n" + upgrade + key, "400 Bad Request"},
		{"GET /websocket HTTP/1.1\r\nHost: evil.example\r\n" + upgrade + key, "421 Misdirected Request"},
		{"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + upgrade + key, "200 OK"},
		{"GET /sse?topic=$ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n", "400 Bad Request"},
		{"GET / HTTP/1.1\r\nHost: localhost\r\n" + upgrade, "200 OK"},
		{"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n" + upgrade, "404 Not Found"},
		{"GET /silent HTTP/1.1\r\nHost: localhost\r\n" + upgrade, "200 OK"},
	} {
		synctest.Test(t, func(t *testing.T) {
			silent := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			s, dial := inMemory(t, web.Config{Routes: map[string]http.Handler{"/silent": silent}})
			conn, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			s.publish("a", "1")
			go io.WriteString(conn, c.request+"\r\nGET /longpoll?after=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n") // which ends with the connection
			begin := time.Now()
			answer, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.status) || !strings.Contains(string(answer), "\r\nConnection: close\r\n") ||
				strings.Contains(string(answer), `{"events":`) || time.Since(begin) > time.Second {
				t.Errorf("%q is answered, within %v:\n%.600s", c.request, time.Since(begin), answer)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		_, dial := inMemory(t, web.Config{})
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET /websocket HTTP/1.1\r\nHost: localhost\r\n"+upgrade+key+"\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != 101 || response.Header.Get("Connection") != "Upgrade" || len(response.Header["Connection"]) != 1 {
			t.Errorf("one that is granted: %v, %v", response, err)
		}
	})
}

// TestStrangers: where everybody may do something without a token, and --open does not say that this is meant, what comes by a
// proxy is refused, whatever Host says, unless a proxy that is trusted says that it is from this machine.
func TestStrangers(t *testing.T) {
	tokens, err := access.New(access.Config{PublishToken: publishToken})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config web.Config
		remote string
		header http.Header
		want   int
	}{
		{"nobody in between", web.Config{}, "127.0.0.1:1", nil, 204},
		{"X-Forwarded-For", web.Config{}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 403},
		{"from here, if it is to be believed", web.Config{}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"127.0.0.1"}}, 403},
		{"Forwarded", web.Config{}, "[::1]:1", http.Header{"Forwarded": {"for=203.0.113.7"}}, 403},
		{"Via", web.Config{}, "127.0.0.1:1", http.Header{"Via": {"1.1 varnish"}}, 403},
		{"on a Unix socket", web.Config{}, "@", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 403},
		{"by a name of ours", web.Config{Hosts: []string{"localhost"}}, "127.0.0.1:1", http.Header{"Via": {"1.1 x"}}, 403},
		{"trusted, from here", web.Config{TrustProxy: []string{"127.0.0.1"}}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"127.0.0.1"}, "Via": {"1.1 x"}}, 204},
		{"trusted, from elsewhere", web.Config{TrustProxy: []string{"127.0.0.1"}}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 403},
		{"trusted, on a Unix socket, from elsewhere", web.Config{TrustProxy: []string{"unix"}}, "@", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 403},
		{"trusted, and says nothing of whom", web.Config{TrustProxy: []string{"127.0.0.1"}}, "127.0.0.1:1", http.Header{"Via": {"1.1 x"}}, 204},
		{"another is trusted", web.Config{TrustProxy: []string{"unix"}}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"127.0.0.1"}}, 403},
		{"open", web.Config{Open: true}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 204},
		{"a token for one direction", web.Config{Access: tokens}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.7"}}, 403},
		{"one for each", web.Config{Access: control(t, true)}, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Authorization": {"Bearer " + subscribeToken}}, 204},
	} {
		r := httptest.NewRequest("GET", "/longpoll?wait=0", nil)
		maps.Copy(r.Header, c.header)
		response := asking(t, c.config).as(c.remote, "", r)
		if body, _ := io.ReadAll(response.Body); response.StatusCode != c.want || c.want == 403 && !strings.Contains(string(body), "--open") {
			t.Errorf("%s: %s %s", c.name, response.Status, body)
		}
	}
}
