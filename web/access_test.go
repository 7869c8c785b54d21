package web_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/access"
	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/web"
)

const (
	publishToken   = "publish-0123456789abcdef"
	subscribeToken = "subscribe-0123456789abcdef"
	secret         = "0123456789abcdef0123456789abcdef"
)

// newToken signs a JSON Web Token for these topics.
func newToken(publish, subscribe string, expires time.Time) string {
	return signed(map[string]any{"exp": expires.Unix(), "pushlab": map[string]any{
		"publish": strings.Fields(publish), "subscribe": strings.Fields(subscribe)}})
}

// signed signs a JSON Web Token with these claims.
func signed(of map[string]any) string {
	claims, err := json.Marshal(of)
	if err != nil {
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, text)
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// control makes a control; static tokens are those above.
func control(t testing.TB, static bool) *access.Control {
	t.Helper()
	config := access.Config{PublishToken: publishToken, SubscribeToken: subscribeToken}
	if !static {
		key, err := access.ParseKey([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		config = access.Config{Keys: []access.Key{key}}
	}
	c, err := access.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upgrade is what a WebSocket's handshake has, beside what is in the header given.
func upgrade(transport string, header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if transport == "websocket" {
		header.Set("Upgrade", "websocket")
		header.Set("Connection", "Upgrade")
		header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		header.Set("Sec-WebSocket-Version", "13")
	}
	return header
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// A problem is a refusal, as it is read.
type problem struct {
	status    int
	parameter string
	challenge string // WWW-Authenticate
	body      string
}

// refused asks for what must be refused.
func (s *service) refused(method, path string, header http.Header) problem {
	s.t.Helper()
	response, body := s.request(method, path, header, "")
	var p struct {
		Status            int
		Parameter, Detail string
	}
	if err := json.Unmarshal(body, &p); err != nil || p.Status != response.StatusCode || p.Detail == "" || response.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s %s is answered %s %s", method, path, response.Status, body)
	}
	return problem{response.StatusCode, p.Parameter, response.Header.Get("WWW-Authenticate"), string(body)}
}

// tryDial connects by a transport, or says with which status that was refused.
func (s *service) tryDial(transport, query string, opts client.Options) (client.Conn, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := dialers[transport](ctx, s.url+"/"+transport+query, opts)
	var status *client.StatusError
	switch {
	case err == nil:
		return c, http.StatusOK
	case errors.As(err, &status):
		return nil, status.Status
	}
	s.t.Fatalf("%s: %v", transport, err)
	return nil, 0
}

// Every transport asks for the same rights, on every request (WS-15).
func TestSubscribersNeedATokenForTheirTopics(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	later := time.Now().Add(time.Hour)
	for _, transport := range transports {
		for _, c := range []struct {
			name, token, query string
			status             int
			parameter, code    string
		}{
			{"nothing", "", "", 401, "Authorization", ""},
			{"no token of ours", "abc", "", 401, "Authorization", "invalid_token"},
			{"one that is forged", newToken("", "*", later) + "x", "", 401, "Authorization", "invalid_token"},
			{"one that has expired", newToken("", "*", time.Now().Add(-time.Second)), "", 401, "Authorization", "invalid_token"},
			{"one for publishing", newToken("*", "", later), "", 403, "topic", "insufficient_scope"},
			{"another topic", newToken("", "a", later), "?topic=b", 403, "topic", "insufficient_scope"},
			{"one topic of two", newToken("", "a", later), "?topic=a&topic=b", 403, "topic", "insufficient_scope"},
			{"all below", newToken("", "a.*", later), "", 403, "topic", "insufficient_scope"},
		} {
			header := upgrade(transport, nil)
			if c.token != "" {
				header = upgrade(transport, bearer(c.token))
			}
			got := s.refused("GET", "/"+transport+c.query, header)
			if got.status != c.status || got.parameter != c.parameter || !strings.HasPrefix(got.challenge, `Bearer realm="pushlab"`) ||
				strings.Contains(got.challenge, "error=") != (c.code != "") || !strings.Contains(got.challenge, c.code) {
				t.Errorf("%s: %s: %+v", transport, c.name, got)
			}
			if c.token != "" && strings.Contains(got.body, c.token) {
				t.Errorf("%s: %s: the answer repeats the token", transport, c.name)
			}
		}
		for _, c := range []struct {
			name, granted, query, topics string // of the open event
		}{
			{"all", "*", "", `{"topics":null}`},
			{"one of all", "*", "?topic=b", `{"topics":["b"]}`},
			{"all that are granted", "a c", "", `{"topics":["a","c"]}`},
			{"some of those", "a c", "?topic=c", `{"topics":["c"]}`},
			{"some below", "a.*", "?topic=a.1", `{"topics":["a.1"]}`},
		} {
			conn, status := s.tryDial(transport, c.query, client.Options{Token: newToken("", c.granted, later)})
			if status != http.StatusOK {
				t.Errorf("%s: %s: %d", transport, c.name, status)
				continue
			}
			// A long poll's client makes its open event up; what it gets is below.
			if e, err := conn.Next(t.Context()); err != nil || e.Topic != event.OpenTopic || transport != "longpoll" && string(e.Data) != c.topics {
				t.Errorf("%s: %s: %s, %v; want %s", transport, c.name, e.Envelope(), err, c.topics)
			}
			conn.Close()
		}
	}
}

// Who names no topic gets those that he may have, live and from the log, and nothing else.
func TestNothingLeaks(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	publishAll := func() {
		for _, topic := range []string{"secret", "mine", "mine.below", "mine"} {
			s.publish(topic, `"`+topic+`"`)
		}
	}
	publishAll()
	for _, transport := range transports {
		conn, status := s.tryDial(transport, "", client.Options{After: client.Earliest, Token: newToken("", "mine", time.Now().Add(time.Hour))})
		if status != http.StatusOK {
			t.Fatalf("%s: %d", transport, status)
		}
		read := func(want int) {
			for n := 0; n < want; {
				e, err := conn.Next(t.Context())
				if err != nil {
					t.Fatalf("%s: %v", transport, err)
				}
				if !e.Control() {
					n++
				}
				if !e.Control() && e.Topic != "mine" {
					t.Errorf("%s: got %s", transport, e.Envelope())
				}
			}
		}
		read(2 * (1 + slices.Index(transports, transport)))
		publishAll()
		read(2)
		conn.Close()
	}
}

func TestPublishersNeedATokenForTheirTopics(t *testing.T) {
	later := time.Now().Add(time.Hour)
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	publish := func(token, query string) (*http.Response, string) {
		header := jsonType()
		if token != "" {
			header.Set("Authorization", "bearer "+token) // the scheme's case does not matter: RFC 9110, section 11.1
		}
		response, body := s.request("POST", "/publish"+query, header, `1`)
		return response, string(body)
	}
	for _, c := range []struct {
		name, token, query string
		status             int
	}{
		{"nothing", "", "?topic=a", 401},
		{"no token of ours", "abc", "?topic=a", 401},
		{"one for subscribing", newToken("", "*", later), "?topic=a", 403},
		{"another topic", newToken("b", "*", later), "?topic=a", 403},
		{"the topic that is meant by none", newToken("a", "", later), "", 403},
		{"its topic", newToken("a", "", later), "?topic=a", 201},
		{"below", newToken("a.*", "", later), "?topic=a.1", 201},
		{"all", newToken("*", "", later), "", 201},
	} {
		response, body := publish(c.token, c.query)
		if response.StatusCode != c.status || c.status == 403 && !strings.Contains(body, `"parameter":"topic"`) || c.status > 400 && response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %s %s", c.name, response.Status, body)
		}
	}
	if n := s.hub.State().Head.Seq; n != 3 {
		t.Errorf("%d events were published", n)
	}
}

// Each direction is open to everybody until there is a token for it; a token that is none is refused there, too.
func TestOneDirectionIsOpen(t *testing.T) {
	c, err := access.New(access.Config{PublishToken: publishToken})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, hub.Config{}, web.Config{Access: c, AuthCookie: "token"})
	for _, transport := range transports {
		for name, want := range map[string]int{"": 200, publishToken: 200, "abc": 401} {
			conn, status := s.tryDial(transport, "", client.Options{Token: name})
			if status != want {
				t.Errorf("%s with the token %q: %d", transport, name, status)
			}
			if conn != nil {
				conn.Close()
			}
		}
		// A cookie, which browsers add by themselves, is in nobody's way where none is needed.
		conn, status := s.tryDial(transport, "", client.Options{Header: http.Header{"Cookie": {"token=abc"}}})
		if status != http.StatusOK {
			t.Errorf("%s with a stale cookie: %d", transport, status)
			continue
		}
		conn.Close()
	}
	if response, _ := s.request("POST", "/publish", jsonType(), `1`); response.StatusCode != 401 {
		t.Errorf("publishing: %s", response.Status)
	}
	if response, _ := s.request("POST", "/publish", jsonType("Authorization", "Bearer "+publishToken), `1`); response.StatusCode != 201 {
		t.Errorf("publishing: %s", response.Status)
	}
	// Another scheme is for somebody else, such as a proxy.
	if response, _ := s.request("GET", "/longpoll?wait=0", http.Header{"Authorization": {"Basic YTpi"}}, ""); response.StatusCode != 204 {
		t.Errorf("Basic: %s", response.Status)
	}
}

// A stream ends with a goodbye when its token does, on the second; who comes back with it is refused, and with a
// new one loses nothing.
func TestStreamsEndWithTheirToken(t *testing.T) {
	for _, transport := range transports {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{})
			server, err := web.NewServer(h, web.Config{Access: control(t, false), Retry: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			l := memhttp.Listen()
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- server.Run(ctx, l) }()
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			expires := time.Now().Truncate(time.Second).Add(100 * time.Second)
			token := newToken("", "a", expires)
			dials := 0
			follower := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
				if dials++; dials == 2 {
					_, err := dialers[transport](ctx, memhttp.URL+"/"+transport, client.Options{After: after, Token: token, DialContext: l.Dial})
					var status *client.StatusError
					if !errors.As(err, &status) || status.Status != http.StatusUnauthorized || !strings.Contains(status.Detail, "expired") {
						t.Errorf("%s: the token is still good: %v", transport, err)
					}
					token = newToken("", "a", time.Now().Add(time.Hour))
				}
				return dialers[transport](ctx, memhttp.URL+"/"+transport, client.Options{After: after, Token: token, DialContext: l.Dial})
			}, "", client.Policy{})
			defer follower.Close()
			stop := make(chan struct{})
			var publishing sync.WaitGroup
			defer publishing.Wait()
			defer close(stop)
			publishing.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-time.After(3 * time.Second):
					}
					for _, topic := range []string{"a", "secret"} {
						if _, err := h.Publish(context.Background(), topic, fmt.Append(nil, i)); err != nil {
							return
						}
					}
				}
			})
			for i := range 60 { // three minutes
				e, err := follower.Next(t.Context())
				if err != nil {
					t.Fatalf("%s: %v", transport, err)
				}
				if e.Topic != "a" || string(e.Data) != fmt.Sprint(i) {
					t.Fatalf("%s: got %s, want event %d", transport, e.Envelope(), i)
				}
				if dials == 1 && time.Now().After(expires.Add(3*time.Second)) {
					t.Fatalf("%s: the stream outlives its token", transport)
				}
			}
			if dials != 2 {
				t.Errorf("%s: %d connections", transport, dials)
			}
		})
	}
}

// makeTicket asks for a ticket.
func (s *service) makeTicket(header http.Header) string {
	s.t.Helper()
	response, body := s.request("POST", "/ticket", header, "")
	var made struct {
		Ticket    string
		ExpiresIn int `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &made); err != nil || response.StatusCode != 201 || made.Ticket == "" || made.ExpiresIn < 29 || made.ExpiresIn > 30 || response.Header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("%s %v %s", response.Status, response.Header, body)
	}
	return made.Ticket
}

// A ticket opens one subscription, with the rights of its token, and nothing else (CORS-05).
func TestTicket(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	header := bearer(newToken("a", "a b", time.Now().Add(time.Hour)))
	for _, transport := range transports {
		ticket := s.makeTicket(header)
		if response, _ := s.request("HEAD", "/"+transport+"?ticket="+ticket, nil, ""); response.StatusCode != 401 {
			t.Errorf("%s: HEAD: %s", transport, response.Status)
		}
		if transport == "longpoll" { // whose client asks again
			if response, body := s.request("GET", "/longpoll?wait=0&ticket="+ticket, nil, ""); response.StatusCode != 204 {
				t.Errorf("%s %s", response.Status, body)
			}
		} else {
			conn, status := s.tryDial(transport, "?ticket="+ticket, client.Options{})
			if status != http.StatusOK {
				t.Fatalf("%s: %d", transport, status)
			}
			if e, err := conn.Next(t.Context()); err != nil || string(e.Data) != `{"topics":["a","b"]}` {
				t.Errorf("%s: %s, %v", transport, e.Envelope(), err)
			}
			conn.Close()
		}
		for what, ticket := range map[string]string{"a used one": ticket, "one that never was": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "none": ""} {
			got := s.refused("GET", "/"+transport+"?ticket="+ticket, upgrade(transport, nil))
			if got.status != 401 || got.parameter != "ticket" || ticket != "" && strings.Contains(got.body, ticket) {
				t.Errorf("%s with %s: %+v", transport, what, got)
			}
		}
		// One that is used for a topic that it is not good for is used.
		ticket = s.makeTicket(header)
		for _, want := range []int{403, 401} {
			if got := s.refused("GET", "/"+transport+"?topic=c&ticket="+ticket, upgrade(transport, nil)); got.status != want {
				t.Errorf("%s with a ticket for other topics: %+v", transport, got)
			}
		}
	}
	ticket := s.makeTicket(header)
	for _, path := range []string{"/publish?topic=a&ticket=", "/ticket?ticket="} {
		if response, _ := s.request("POST", path+ticket, jsonType(), `1`); response.StatusCode != 401 {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	// A token in the URL is none.
	for _, query := range []string{"?token=", "?access_token=", "?authorization=", "?jwt=", "?ticket="} {
		if response, _ := s.request("GET", "/sse"+query+strings.TrimPrefix(header.Get("Authorization"), "Bearer "), nil, ""); response.StatusCode != 401 {
			t.Errorf("%s: %s", query, response.Status)
		}
	}
	if got := s.refused("POST", "/ticket", nil); got.status != 401 {
		t.Errorf("a ticket for nothing: %+v", got)
	}
	if got := s.refused("GET", "/ticket", header); got.status != 405 {
		t.Errorf("GET /ticket: %+v", got)
	}
	if got := serve(t, hub.Config{}, web.Config{}).refused("POST", "/ticket", header); got.status != 404 {
		t.Errorf("a ticket where none is needed: %+v", got)
	}
}

// The connection of a ticket ends with the token that it was made from.
func TestTicketEndsWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		server, err := web.NewServer(h, web.Config{Access: control(t, false)})
		if err != nil {
			t.Fatal(err)
		}
		m := memhttp.NewServer(t, server)
		defer h.Close()
		expires := time.Now().Truncate(time.Second).Add(time.Minute)
		r, err := http.NewRequest("POST", memhttp.URL+"/ticket", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = bearer(newToken("", "*", expires))
		response, err := m.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var made struct{ Ticket string }
		if err := json.NewDecoder(response.Body).Decode(&made); err != nil {
			t.Fatal(err)
		}
		stream, err := m.Client().Get(memhttp.URL + "/sse?ticket=" + made.Ticket)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
		b, err := io.ReadAll(stream.Body)
		if err != nil || !strings.Contains(string(b), "event: $bye") || !time.Now().Equal(expires) {
			t.Errorf("after %v: %s, %v", time.Until(expires), b, err)
		}
	})
}

// A cookie counts if the browser vouches for the page (CORS-04): no other page can use it, to read or to write.
func TestCookie(t *testing.T) {
	const app = "https://app.example"
	s := serve(t, hub.Config{}, web.Config{Access: control(t, true), AuthCookie: "token", AllowedOrigins: []string{app}})
	own := s.url
	for _, c := range []struct {
		name, origin, site string
		status             int // 0: it counts
	}{
		{"our page", own, "same-origin", 0},
		{"our page, as EventSource and fetch ask", "", "same-origin", 0},
		{"our page, and a browser that tells no site", own, "", 0},
		{"an allowed page", app, "cross-site", 0},
		{"a foreign page", "https://evil.example", "cross-site", 403},
		{"a foreign page, and a browser that tells no site", "https://evil.example", "", 403},
		{"a foreign page's image", "", "cross-site", 403},
		{"a page of a neighbour", "", "same-site", 403},
		{"another port of ours", "http://127.0.0.1:1", "same-site", 403},
		{"the opaque origin", "null", "cross-site", 403},
		{"no page at all", "", "", 403},
		{"an address that somebody typed", "", "none", 403},
	} {
		header := func(cookie string) http.Header {
			h := jsonType("Cookie", cookie)
			if c.origin != "" {
				h.Set("Origin", c.origin)
			}
			if c.site != "" {
				h.Set("Sec-Fetch-Site", c.site)
			}
			return h
		}
		for _, transport := range transports {
			conn, status := s.tryDial(transport, "", client.Options{Header: header("token=" + subscribeToken)})
			if conn != nil {
				conn.Close()
			}
			if want := max(c.status, 200); status != want {
				t.Errorf("%s: %s: %d, want %d", c.name, transport, status, want)
			}
		}
		for path, cookie := range map[string]string{"/publish": "token=" + publishToken, "/ticket": "token=" + subscribeToken} {
			response, body := s.request("POST", path, header(cookie), `1`)
			if want := max(c.status, 201); response.StatusCode != want {
				t.Errorf("%s: %s: %s %s", c.name, path, response.Status, body)
			}
			if mayRead := response.Header.Get("Access-Control-Allow-Origin"); mayRead != "" && mayRead != c.origin || c.status != 0 && mayRead != "" {
				t.Errorf("%s: %s: %q may read the answer", c.name, path, mayRead)
			}
		}
	}
	for what, header := range map[string]http.Header{
		"a cookie that is no token": {"Sec-Fetch-Site": {"same-origin"}, "Cookie": {"token=abc"}},
		"another cookie":            {"Sec-Fetch-Site": {"same-origin"}, "Cookie": {"session=" + subscribeToken}},
	} {
		if got := s.refused("GET", "/sse", header); got.status != 401 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if got := serve(t, hub.Config{}, web.Config{Access: control(t, true)}).refused("GET", "/sse",
		http.Header{"Sec-Fetch-Site": {"same-origin"}, "Cookie": {"token=" + subscribeToken}}); got.status != 401 {
		t.Errorf("a cookie where none may be: %+v", got)
	}
}

// Pages of allowed origins read refusals too, and may send what they need (CORS-01, CORS-02).
func TestCORSWithCredentials(t *testing.T) {
	const app = "https://app.example"
	s := serve(t, hub.Config{}, web.Config{Access: control(t, true), AllowedOrigins: []string{app}})
	for _, path := range []string{"/sse", "/longpoll", "/publish", "/ticket"} {
		preflight, _ := s.request("OPTIONS", path, http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,last-event-id"}}, "")
		allowed := preflight.Header.Get("Access-Control-Allow-Headers")
		if preflight.StatusCode != 204 || !strings.Contains(allowed, "Authorization") || !strings.Contains(allowed, "Last-Event-ID") || preflight.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: %s %v", path, preflight.Status, preflight.Header)
		}
		answer, _ := s.request("POST", path, http.Header{"Origin": {app}}, "")
		if answer.StatusCode != 401 || answer.Header.Get("Access-Control-Allow-Origin") != app || answer.Header.Get("Access-Control-Allow-Credentials") != "true" || answer.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %s %v", path, answer.Status, answer.Header)
		}
	}
}

// A log holds no token and no ticket, whatever happens; refusals are counted by reason.
func TestNoSecretIsLogged(t *testing.T) {
	var log lockedLog
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false), AuthCookie: "token",
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	token := newToken("a", "a", time.Now().Add(time.Hour))
	secrets := strings.Split(token, ".")[1:]
	for _, transport := range transports {
		ticket := s.makeTicket(bearer(token))
		secrets = append(secrets, ticket)
		if transport != "longpoll" {
			conn, status := s.tryDial(transport, "?ticket="+ticket, client.Options{})
			if status != http.StatusOK {
				t.Fatalf("%s: %d", transport, status)
			}
			conn.Close()
		}
		conn, status := s.tryDial(transport, "", client.Options{Token: token})
		if status != http.StatusOK {
			t.Fatalf("%s: %d", transport, status)
		}
		conn.Close()
		s.refused("GET", "/"+transport+"?ticket="+ticket+"x", upgrade(transport, nil))
		s.refused("GET", "/"+transport+"?after=x", upgrade(transport, bearer(token)))
		s.refused("GET", "/"+transport, upgrade(transport, bearer(token+"x")))
		s.refused("GET", "/"+transport+"?topic=b", upgrade(transport, bearer(token)))
		s.refused("GET", "/"+transport, upgrade(transport, http.Header{"Cookie": {"token=" + token}}))
	}
	s.refused("GET", "/nothing?ticket="+secrets[len(secrets)-1], bearer(token))
	_, metrics := s.request("GET", "/metrics", nil, "")
	for _, want := range []string{`pushlab_requests_refused_total{reason="unauthorized"} 8`, `pushlab_requests_refused_total{reason="forbidden"} 8`,
		`pushlab_requests_refused_total{reason="operation"} 0`, `pushlab_requests_refused_total{reason="tickets"} 0`} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	text := log.String()
	if !strings.Contains(text, "stream opened") {
		t.Errorf("nothing was logged: %s", text)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// A lockedLog is a log that may be written and read at a time.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Labs are for everybody on this machine, so they show no events that need a token.
func TestLabsShowNothingThatNeedsAToken(t *testing.T) {
	guarded := serve(t, hub.Config{}, web.Config{Demo: true, Access: control(t, true)})
	open := serve(t, hub.Config{}, web.Config{Demo: true})
	for _, s := range []*service{guarded, open} {
		if response, body := s.request("POST", "/lab", nil, ""); response.StatusCode != http.StatusCreated {
			t.Fatalf("%s %s", response.Status, body)
		}
	}
	after(t, "a lab shows the events of an open server", func() bool { return open.hub.State().Subscriptions == 1 })
	if n := guarded.hub.State().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions without a token", n)
	}
}
