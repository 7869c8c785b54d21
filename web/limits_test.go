package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/access"
	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/kernel"
	"pushlab/common/wire"
	"pushlab/web"
)

// from returns options that connect from an address of this machine.
func from(address string) client.Options {
	return client.Options{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext(ctx, network, to)
	}}
}

// countsRefused waits until so many were refused for a reason.
func (s *service) countsRefused(reason string, n int) {
	s.t.Helper()
	after(s.t, fmt.Sprintf("%d are refused for %s", n, reason), func() bool {
		return strings.Contains(s.get("/metrics"), fmt.Sprintf("pushlab_requests_refused_total{reason=%q} %d\n", reason, n))
	})
}

// TestMaxPerAddress: who has as many subscribers as he may gets no more, and is told when to ask again; others do not notice.
// A place is free again when its subscriber has left, and was not taken by whom a transport refused.
func TestMaxPerAddress(t *testing.T) {
	for _, parked := range []bool{false, true} {
		t.Run(fmt.Sprintf("parked=%v", parked), func(t *testing.T) {
			config := web.Config{MaxPerAddress: 4}
			if parked {
				k, err := kernel.Write()
				if err != nil {
					t.Logf("this system does not offer it: %v", err)
					return
				}
				if config.Engine, err = wire.NewEngine(k); err != nil {
					t.Fatal(err)
				}
				defer config.Engine.Close()
			}
			t.Run("server", func(t *testing.T) { maxPerAddress(t, config) }) // which ends before its engine
		})
	}
}

func maxPerAddress(t *testing.T, config web.Config) {
	s := serve(t, hub.Config{}, config)
	for range config.MaxPerAddress * 2 {
		s.request("HEAD", "/sse", nil, "")
		s.request("GET", "/sse?topic=$", nil, "")
	}
	var conns []client.Conn
	for _, transport := range transports {
		c := s.dial(transport, from("127.0.0.1"))
		if _, err := c.Next(context.Background()); err != nil { // then a poll asks again
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	after(t, "the poll waits", func() bool { return s.hub.State().Subscriptions == len(transports) })
	refused := 0
	for _, transport := range transports {
		response, body := s.request("GET", "/"+transport, nil, "")
		refused++
		var problem struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(body, &problem); err != nil || problem.Status != 429 || !strings.Contains(problem.Detail, "127.0.0.1 has 4") ||
			response.StatusCode != 429 || response.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: %s %v %s", transport, response.Status, response.Header, body)
		}
		other := s.dial(transport, from("127.0.0.2"))
		defer other.Close()
	}
	for _, c := range conns {
		c.Close()
	}
	for _, transport := range transports {
		after(t, "a place is free", func() bool {
			c, err := dialers[transport](context.Background(), s.url+"/"+transport, from("127.0.0.1"))
			if err != nil {
				refused++
				return false
			}
			t.Cleanup(func() { c.Close() })
			return true
		})
	}
	s.countsRefused("address_connections", refused)
}

// An asker asks a server without any connection, as whoever.
type asker struct {
	t       *testing.T
	handler http.Handler
}

func asking(t *testing.T, config web.Config) *asker {
	t.Helper()
	handler, err := web.NewServer(hub.New(hub.Config{}), config)
	if err != nil {
		t.Fatal(err)
	}
	return &asker{t, handler}
}

func (a *asker) as(remote, forwarded string, r *http.Request) *http.Response {
	r.Host, r.RemoteAddr = "localhost", remote
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Result()
}

func (a *asker) poll(remote, forwarded string) int {
	return a.as(remote, forwarded, httptest.NewRequest("GET", "/longpoll?wait=0", nil)).StatusCode
}

func (a *asker) publish(remote string) *http.Response {
	r := httptest.NewRequest("POST", "/publish", strings.NewReader("1"))
	r.Header.Set("Content-Type", "application/json")
	return a.as(remote, "", r)
}

// TestRates: who subscribes or publishes too often is told when he may again, and may then.
func TestRates(t *testing.T) {
	for name, ask := range map[string]func(a *asker, remote string) *http.Response{
		"connect": func(a *asker, remote string) *http.Response {
			return a.as(remote, "", httptest.NewRequest("GET", "/longpoll?wait=0", nil))
		},
		"publish": (*asker).publish,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := asking(t, web.Config{ConnectRate: 0.5, PublishRate: 0.5})
				for _, remote := range []string{"203.0.113.7:1000", "[2001:db8::1]:1000", "127.0.0.1:1000"} { // each has his own
					for i := range 5 { // ten seconds' worth
						if r := ask(a, remote); r.StatusCode > 299 {
							t.Fatalf("%s: request %d: %s", remote, i, r.Status)
						}
					}
					for _, again := range []string{remote, strings.Replace(remote, "1000", "2000", 1), strings.Replace(remote, "db8::1", "db8::2", 1)} {
						r := ask(a, again)
						body, _ := io.ReadAll(r.Body)
						if r.StatusCode != 429 || r.Header.Get("Retry-After") != "2" || !strings.Contains(string(body), `"status":429`) {
							t.Errorf("%s, beyond the limit: %s %v %s", again, r.Status, r.Header, body)
						}
					}
				}
				time.Sleep(2 * time.Second)
				if r := ask(a, "203.0.113.7:1000"); r.StatusCode > 299 {
					t.Errorf("after the time that it was told: %s", r.Status)
				}
				if r := ask(a, "203.0.113.7:1000"); r.StatusCode != 429 {
					t.Errorf("and once more: %s", r.Status)
				}
				for range 100 { // nobody can tell them apart
					if r := ask(a, "@"); r.StatusCode > 299 {
						t.Fatalf("on a Unix socket: %s", r.Status)
					}
				}
			})
		})
	}
}

// TestLoopbackIsSpared: without a word of the operator's, an address of another machine has limits and one of this machine has
// none, since it may be a proxy, or a benchmark. One whose limit was taken away has none either.
func TestLoopbackIsSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			config  web.Config
			remote  string
			refused int
		}{
			{web.Config{}, "127.0.0.1:1", 0}, {web.Config{}, "127.8.9.1:1", 0}, {web.Config{}, "[::1]:1", 0}, {web.Config{}, "@", 0}, {web.Config{}, "", 0},
			{web.Config{}, "203.0.113.7:1", 500}, {web.Config{}, "[2001:db8::1]:1", 500}, {web.Config{}, "[::ffff:203.0.113.7]:1", 500},
			{web.Config{ConnectRate: -1}, "203.0.113.7:1", 0}, {web.Config{ConnectRate: 50}, "127.0.0.1:1", 1000},
		} {
			a, refused := asking(t, c.config), 0
			for range 1500 { // the default is 1,000 at once
				if a.poll(c.remote, "") == 429 {
					refused++
				}
			}
			if refused != c.refused {
				t.Errorf("%+v, %s: %d were refused, want %d", c.config, c.remote, refused, c.refused)
			}
		}
	})
}

// TestTrustProxy: X-Forwarded-For is believed only of those who are trusted, and only what they have added. Each case asks
// twice, as two who must not have the limit of one.
func TestTrustProxy(t *testing.T) {
	const alone, together = 204, 429
	for _, c := range []struct {
		trust                  []string
		remote, first, another string
		want                   int
	}{
		{nil, "203.0.113.7:1", "198.51.100.1", "198.51.100.2", together}, // anybody can write that
		{nil, "127.0.0.1:1", "198.51.100.1", "198.51.100.2", together},
		{[]string{"127.0.0.1"}, "127.0.0.1:1", "198.51.100.1", "198.51.100.2", alone},
		{[]string{"127.0.0.1"}, "127.0.0.1:1", "198.51.100.1", "198.51.100.1", together},
		{[]string{"127.0.0.1"}, "127.0.0.2:1", "198.51.100.1", "198.51.100.2", together},
		{[]string{"127.0.0.0/8"}, "127.0.0.2:1", "198.51.100.1", "198.51.100.2", alone},
		{[]string{"10.0.0.0/8", "unix"}, "10.1.2.3:1", "198.51.100.1, 10.9.9.9", "198.51.100.2, 10.9.9.9", alone}, // a proxy before ours
		{[]string{"10.0.0.0/8"}, "10.1.2.3:1", "1.1.1.1, 198.51.100.1", "2.2.2.2, 198.51.100.1", together},        // what the client wrote itself
		{[]string{"10.0.0.0/8"}, "10.1.2.3:1", "10.0.0.1, 198.51.100.1", "10.0.0.2, 198.51.100.1", together},      // as if it were a proxy's
		{[]string{"10.0.0.0/8"}, "10.1.2.3:1", "10.0.0.1", "10.0.0.2", alone},                                     // the first of all
		{[]string{"10.0.0.0/8"}, "10.1.2.3:1", "what", "ever", together},                                          // then it is the proxy's
		{[]string{"10.0.0.0/8"}, "10.1.2.3:1", "198.51.100.1:7", "198.51.100.2:7", alone},                         // with ports
		{[]string{"::ffff:10.1.2.3"}, "10.1.2.3:1", "198.51.100.1", "198.51.100.2", alone},                        // the same address
		{[]string{"10.1.2.3"}, "[::ffff:10.1.2.3]:1", "198.51.100.1", "198.51.100.2", alone},                      // as a socket for both tells it
		{[]string{"unix"}, "@", "198.51.100.1", "198.51.100.2", alone},
		{[]string{"unix"}, "@", "198.51.100.1", "198.51.100.1", together},
		{[]string{"unix"}, "@", "2001:db8::1", "2001:db8:0:1::1", alone},
		{[]string{"unix"}, "127.0.0.1:1", "198.51.100.1", "198.51.100.2", together},
	} {
		a := asking(t, web.Config{ConnectRate: 0.001, TrustProxy: c.trust, Open: true})
		if got := a.poll(c.remote, c.first); got != alone {
			t.Errorf("%+v: the first was answered %d", c, got)
		}
		if got := a.poll(c.remote, c.another); got != c.want {
			t.Errorf("%+v: the second was answered %d", c, got)
		}
	}
	for _, bad := range []string{"", "proxy", "10.0.0.0/33", "unix:/run/x", "::ffff:10.0.0.0/104", "::ffff:10.1.2.3/128"} {
		if _, err := web.NewServer(hub.New(hub.Config{}), web.Config{TrustProxy: []string{bad}}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestPublishRateByMessage: the same limit holds for events that come by WebSocket.
func TestPublishRateByMessage(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{PublishRate: 0.1})
	if response, body := s.request("POST", "/publish", jsonType(), "1"); response.StatusCode != 201 {
		t.Fatalf("%s %s", response.Status, body)
	}
	answer := s.operate(`{"op":"publish","ref":"1","data":2}`)
	if !strings.Contains(answer, `"op":"error","ref":"1"`) || !strings.Contains(answer, "--publish-rate") {
		t.Errorf("it was answered %s", answer)
	}
	s.countsRefused("publish_rate", 1)
}

// operate sends a message of less than 126 bytes by WebSocket and returns the answer.
func (s *service) operate(message string) string { return s.operations("/websocket", nil, message)[0] }

// operations sends messages of less than 126 bytes by WebSocket, and returns the answer to each, up to its first closing brace.
func (s *service) operations(path string, header http.Header, messages ...string) (answers []string) {
	s.t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := httptest.NewRequest("GET", path, nil)
	r.Host, r.Header = "localhost", upgrade("websocket", header)
	if err := r.Write(conn); err != nil {
		s.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	readTo(s.t, in, "}}") // of the open event
	for _, message := range messages {
		if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(message)), 0, 0, 0, 0}, message...)); err != nil {
			s.t.Fatal(err)
		}
		readTo(s.t, in, `{"`)
		answer, err := in.ReadString('}')
		if err != nil {
			s.t.Fatal(err)
		}
		answers = append(answers, `{"`+answer)
	}
	return answers
}

// TestConnectRateByMessage: to change the subscription of a WebSocket is to subscribe. While the server drains it is not
// refused, as nobody is.
func TestConnectRateByMessage(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{ConnectRate: 0.2}) // two at once
	const subscribe = `{"op":"subscribe","ref":"1","topics":["a"],"after":"earliest"}`
	answers := s.operations("/websocket", nil, subscribe, subscribe, `{"op":"ping"}`)
	if !strings.Contains(answers[0], `"topic":"$open"`) || !strings.Contains(answers[1], `"op":"error","ref":"1"`) ||
		!strings.Contains(answers[1], "--connect-rate") || answers[2] != `{"op":"pong"}` {
		t.Errorf("it was answered %q", answers)
	}
	s.countsRefused("connect_rate", 1)
}

// A gatedWriter has a poll wait just before it counts as one that is open.
type gatedWriter struct {
	*httptest.ResponseRecorder
	gate chan struct{}
}

func (w gatedWriter) SetWriteDeadline(time.Time) error {
	<-w.gate
	return nil
}

// TestPlacesAreTakenAtOnce: a place is taken by whoever is let in, not only when his stream or poll is open.
func TestPlacesAreTakenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asking(t, web.Config{MaxConnections: 1})
		gate := make(chan struct{})
		var coming sync.WaitGroup
		var answers [100]int
		for i := range answers {
			coming.Go(func() {
				w := gatedWriter{httptest.NewRecorder(), gate}
				r := httptest.NewRequest("GET", "/longpoll?wait=0", nil)
				r.Host = "localhost"
				a.handler.ServeHTTP(w, r)
				answers[i] = w.Code
			})
		}
		synctest.Wait()
		close(gate)
		coming.Wait()
		came := map[int]int{}
		for _, status := range answers {
			came[status]++
		}
		if came[204] != 1 || came[503] != len(answers)-1 {
			t.Errorf("of %d who came at once, by status: %v", len(answers), came)
		}
	})
}

// TestMaxConnectionsAtOnce: of many who come together as many get in as may, whatever the transport; and each place can be taken
// again.
func TestMaxConnectionsAtOnce(t *testing.T) {
	const limit, all = 3, 100
	for _, transport := range transports {
		synctest.Test(t, func(t *testing.T) {
			s, dial := inMemory(t, web.Config{MaxConnections: limit})
			for range 3 {
				ctx, leave := context.WithCancel(t.Context())
				var coming sync.WaitGroup
				var in, refused atomic.Int64
				for range all {
					coming.Go(func() {
						conn, err := dial(ctx)
						if err != nil {
							t.Error(err)
							return
						}
						defer conn.Close()
						r := httptest.NewRequest("GET", "/"+transport, nil)
						r.Host, r.Header = "localhost", upgrade(transport, nil)
						if err := r.Write(conn); err != nil {
							t.Error(err)
							return
						}
						if transport == "longpoll" { // which is answered when something comes
							in.Add(1)
							defer in.Add(-1)
						}
						response, err := http.ReadResponse(bufio.NewReader(conn), r)
						switch {
						case err != nil:
							t.Error(err)
						case response.StatusCode == 503:
							refused.Add(1)
						default:
							in.Add(1)
							<-ctx.Done()
							in.Add(-1)
						}
					})
				}
				synctest.Wait()
				if in.Load() != limit || refused.Load() != all-limit {
					t.Errorf("%s: %d are in, %d were refused", transport, in.Load(), refused.Load())
				}
				s.publish("a", "1") // so polls are answered
				synctest.Wait()
				leave()
				coming.Wait()
				synctest.Wait()
			}
		})
	}
}

// TestWhoIsRefusedTakesNothing: of an address that has as many subscribers as it may, nothing is taken off the number of
// times that it may come; and no place is kept by whom another limit, or a transport, refuses.
func TestWhoIsRefusedTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const remote = "203.0.113.7:1"
		a := asking(t, web.Config{MaxPerAddress: 1, MaxConnections: 2, ConnectRate: 0.2}) // two at once
		ctx, leave := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		waiting.Go(func() { a.as(remote, "", httptest.NewRequestWithContext(ctx, "GET", "/longpoll", nil)) })
		synctest.Wait()
		for range 5 {
			if status := a.poll(remote, ""); status != 429 {
				t.Errorf("a second subscriber: %d", status)
			}
		}
		leave()
		waiting.Wait()
		if status := a.poll(remote, ""); status != 204 {
			t.Errorf("after the first has left: %d", status)
		}
		if status := a.poll(remote, ""); status != 429 {
			t.Errorf("a third time: %d", status)
		}
		for range 5 { // if one of those kept its place, there would be none
			if status := a.poll("203.0.113.8:1", ""); status != 204 && status != 429 {
				t.Errorf("somebody else: %d", status)
			}
			if status := a.as("@", "", httptest.NewRequest("POST", "/longpoll", nil)).StatusCode; status != 405 {
				t.Errorf("by another method: %d", status)
			}
		}
	})
}

// TestLimitsComeBeforeTokens: who brings tokens that are none is slowed down by the limits of his address, for tickets, too; and
// a ticket that comes when there is no place is still good when there is one.
func TestLimitsComeBeforeTokens(t *testing.T) {
	for path, method := range map[string]string{"/longpoll": "GET", "/ticket": "POST", "/publish": "POST", "/websocket/echo": "GET"} {
		synctest.Test(t, func(t *testing.T) {
			a := asking(t, web.Config{Access: control(t, false), ConnectRate: 0.5, PublishRate: 0.5, Echo: true})
			want := []int{401, 401, 401, 401, 401, 429, 429} // ten seconds' worth
			for i, want := range want {
				r := httptest.NewRequest(method, path, nil)
				r.Header = bearer("guess")
				if response := a.as("203.0.113.7:1", "", r); response.StatusCode != want {
					t.Errorf("%s, guess %d: %s", path, i, response.Status)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		const remote = "203.0.113.7:1"
		a := asking(t, web.Config{Access: control(t, false), ConnectRate: 0.2, MaxConnections: 1}) // two at once
		token := bearer(newToken("", "*", time.Now().Add(time.Hour)))
		ticket := func() string {
			t.Helper()
			r := httptest.NewRequest("POST", "/ticket", nil)
			r.Header = token
			var made struct{ Ticket string }
			if response := a.as(remote, "", r); response.StatusCode != 201 || json.NewDecoder(response.Body).Decode(&made) != nil {
				t.Fatalf("no ticket: %s", response.Status)
			}
			return "/longpoll?wait=0&ticket=" + made.Ticket
		}
		poll := func(remote, path string, want int) {
			t.Helper()
			if response := a.as(remote, "", httptest.NewRequest("GET", path, nil)); response.StatusCode != want {
				t.Errorf("%s, want %d", response.Status, want)
			}
		}
		ticket() // not used
		path := ticket()
		poll(remote, path, 429)
		time.Sleep(5 * time.Second)
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		var waiting sync.WaitGroup
		defer waiting.Wait()
		r := httptest.NewRequestWithContext(ctx, "GET", "/longpoll", nil)
		r.Header = token
		waiting.Go(func() { a.as("127.0.0.1:1", "", r) })
		synctest.Wait()
		poll(remote, path, 503)
		leave()
		waiting.Wait()
		poll(remote, path, 204)
		time.Sleep(10 * time.Second)
		poll(remote, path, 401) // it was used
	})
}

// TestTooManyTickets: as many as there may be unused; the next one is refused until some have ended.
func TestTooManyTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asking(t, web.Config{Access: control(t, true)})
		ask := func() *http.Response {
			r := httptest.NewRequest("POST", "/ticket", nil)
			r.Header = bearer(subscribeToken)
			return a.as("127.0.0.1:1", "", r) // which has no limit of its own
		}
		for range access.MaxTickets {
			if response := ask(); response.StatusCode != 201 {
				t.Fatal(response.Status)
			}
		}
		response := ask()
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 503 || response.Header.Get("Retry-After") != "30" || !strings.Contains(string(body), "too many tickets") {
			t.Errorf("%s %v %s", response.Status, response.Header, body)
		}
		time.Sleep(30 * time.Second)
		if response := ask(); response.StatusCode != 201 {
			t.Errorf("after the time that it was told: %s", response.Status)
		}
		metrics, _ := io.ReadAll(a.as("127.0.0.1:1", "", httptest.NewRequest("GET", "/metrics", nil)).Body)
		if !strings.Contains(string(metrics), `pushlab_requests_refused_total{reason="tickets"} 1`) {
			t.Error("it was not counted")
		}
	})
}

// TestOtherLimits: each is answered with what it is about and, where it may be different later, with when to ask again.
func TestOtherLimits(t *testing.T) {
	s := serve(t, hub.Config{Topics: 2}, web.Config{MaxMessage: 100, MaxConnections: 1, MaxHeader: 4096})
	s.publish("a", "1")
	s.publish("b", "1")
	refused := map[string]int{}
	topics := "/sse?" + strings.Repeat("topic=a&", 101)
	for _, c := range []struct {
		method, path string
		header       http.Header
		body         string
		status       int
		parameter    string
		reason       string
		again        bool
	}{
		{"POST", "/publish?topic=c", jsonType(), "1", 503, "topic", "log_topics", true},
		{"POST", "/publish?topic=a", jsonType(), strings.Repeat("1", 101), 413, "body", "message_size", false},
		{"GET", topics, nil, "", 400, "topic", "subscription_topics", false},
		{"GET", "/healthz", http.Header{"Cookie": {strings.Repeat("x", 4096)}}, "", 431, "header", "header_size", false},
		{"GET", "/healthz", http.Header{"Cookie": strings.Split(strings.Repeat("x ", 1000), " ")}, "", 431, "header", "header_size", false},
		{"GET", "/websocket", http.Header{"Origin": {"http://evil.example"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}, "", 403, "Origin", "forbidden", false},
		{"GET", "/", http.Header{"Host": {"evil.example"}}, "", 421, "Host", "host", false},
	} {
		response, body := s.request(c.method, c.path, c.header, c.body)
		var problem struct {
			Status            int
			Detail, Parameter string
		}
		if err := json.Unmarshal(body, &problem); err != nil || response.StatusCode != c.status || problem.Status != c.status || problem.Parameter != c.parameter || problem.Detail == "" {
			t.Errorf("%s %.40s: %s %s", c.method, c.path, response.Status, body)
		}
		if got := response.Header.Get("Retry-After") != ""; got != c.again {
			t.Errorf("%s %.40s: Retry-After is %q", c.method, c.path, response.Header.Get("Retry-After"))
		}
		refused[c.reason]++
		s.countsRefused(c.reason, refused[c.reason])
	}
	if answer := s.operate(`{"op":"publish","topic":"c","data":2}`); !strings.Contains(answer, `"op":"error"`) {
		t.Errorf("a third topic, by WebSocket: %s", answer)
	}
	s.countsRefused("log_topics", 2)
	after(t, "it has left", func() bool {
		return strings.Contains(s.get("/metrics"), "pushlab_streams_open{transport=\"websocket\"} 0\n")
	})
	c := s.dial("sse", client.Options{})
	defer c.Close()
	s.request("GET", "/sse", nil, "")
	s.countsRefused("connections", 1)
}

// TestSlowRequests (HTTP-11): a head that does not come ends the connection, and content that does not come is answered. Who
// announces more than net/http reads gets its answer.
func TestSlowRequests(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		took        time.Duration
		want        []string
	}{
		{"half a head", "GET /healthz HTTP/1.1\r\nHost: localh", 10 * time.Second, nil},
		{"no content", "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n12", 20 * time.Second,
			[]string{"HTTP/1.1 408 Request Timeout\r\n", "Connection: close\r\n", `"parameter":"body"`, "--read-deadline"}},
		{"an endless head", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " + strings.Repeat("x", 100<<10), 0,
			[]string{"HTTP/1.1 431 Request Header Fields Too Large\r\n", "Connection: close\r\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEngines(t, web.Config{ReadDeadline: 20 * time.Second}, func(t *testing.T, b *bubble) {
				end := b.live()
				conn, err := b.dial(context.Background(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				begin := time.Now()
				go io.WriteString(conn, c.bytes) // which ends with the connection
				answer, err := io.ReadAll(conn)
				if err != nil {
					t.Error(err)
				}
				if took := time.Since(begin).Round(time.Second); took < c.took || took > c.took+time.Second {
					t.Errorf("it was held for %v, want %v", took, c.took)
				}
				for _, want := range c.want {
					if !strings.Contains(string(answer), want) {
						t.Errorf("the answer has no %q: %s", want, answer)
					}
				}
				if len(c.want) == 0 && len(answer) > 0 {
					t.Errorf("it was answered %s", answer)
				}
				end()
			})
		})
	}
}
