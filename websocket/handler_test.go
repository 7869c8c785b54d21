package websocket_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/common/wire"
	"pushlab/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var transport = transporttest.Transport{
	Path: "/websocket",
	New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
		return websocket.New(h, websocket.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline, Engine: c.Engine})
	},
	Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		return websocket.Dial(ctx, url, opts)
	},
	Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"},
	},
	Upgrade: true,
}

func TestContract(t *testing.T) { transporttest.Run(t, transport) }

func TestNetworks(t *testing.T) { transporttest.RunNetworks(t, transport) }

// A fixture is a handler that is spoken to in frames.
type fixture struct {
	t       *testing.T
	hub     *hub.Hub
	handler *websocket.Handler
	server  *memhttp.Server
}

// start must be called in a synctest bubble.
func start(t *testing.T, config websocket.Config) *fixture {
	return startOn(t, hub.New(hub.Config{}), config)
}

// startOn is start with a hub that was made already.
func startOn(t *testing.T, h *hub.Hub, config websocket.Config) *fixture {
	handler := websocket.New(h, config)
	f := &fixture{t, h, handler, memhttp.NewServer(t, handler)}
	t.Cleanup(func() {
		h.Close()
		if err := handler.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if n := h.State().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
	return f
}

// id returns the text of the ID with that sequence number.
func (f *fixture) id(seq uint64) string {
	return event.ID{Epoch: f.hub.State().Head.Epoch, Seq: seq}.String()
}

func (f *fixture) ended(reason wire.Reason) int64 { return f.handler.Counters().Ended[reason].Load() }

// A peer is the far end of a connection, as bytes.
type peer struct {
	net.Conn
	t        *testing.T
	f        *fixture
	r        *bufio.Reader
	response *http.Response
}

// ask sends a handshake and reads the answer. Each header is "Name: value" and replaces the field of
// a good handshake; "Name:" removes it.
func (f *fixture) ask(requestLine string, header ...string) *peer {
	f.t.Helper()
	conn, err := f.server.Dial(context.Background(), "", "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	fields := transport.Header.Clone()
	fields.Set("Host", "localhost")
	for _, field := range header {
		name, value, _ := strings.Cut(field, ":")
		fields.Del(name)
		if value = strings.TrimSpace(value); value != "" {
			fields.Set(name, value)
		}
	}
	var b strings.Builder
	b.WriteString(requestLine + "\r\n")
	fields.Write(&b)
	if _, err := io.WriteString(conn, b.String()+"\r\n"); err != nil {
		f.t.Fatal(err)
	}
	p := &peer{Conn: conn, t: f.t, f: f, r: bufio.NewReader(conn)}
	method, _, _ := strings.Cut(requestLine, " ")
	if p.response, err = http.ReadResponse(p.r, &http.Request{Method: method}); err != nil {
		f.t.Fatal(err)
	}
	return p
}

// connect opens a connection.
func (f *fixture) connect(query string, header ...string) *peer {
	f.t.Helper()
	p := f.ask("GET /websocket?"+query+" HTTP/1.1", header...)
	if p.response.StatusCode != http.StatusSwitchingProtocols {
		f.t.Fatalf("the handshake was answered %s", p.response.Status)
	}
	return p
}

// send sends a frame as a client does: masked.
func (p *peer) send(first byte, payload string) {
	p.t.Helper()
	if _, err := p.Write(clientFrame(first, payload)); err != nil {
		p.t.Fatal(err)
	}
}

func clientFrame(first byte, payload string) []byte {
	unmasked := []byte(serverFrame(first, payload))
	head := len(unmasked) - len(payload)
	b := append(unmasked[:head:head], "mask"...)
	b[1] |= 0x80
	for i := range len(payload) {
		b = append(b, payload[i]^"mask"[i%4])
	}
	return b
}

// readFrame reads a frame: its first byte and its payload.
func readFrame(r *bufio.Reader) (first byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	length := uint64(head[1])
	var extended [8]byte
	switch head[1] {
	case 126:
		_, err = io.ReadFull(r, extended[6:])
		length = binary.BigEndian.Uint64(extended[:])
	case 127:
		_, err = io.ReadFull(r, extended[:])
		length = binary.BigEndian.Uint64(extended[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if length > 1<<30 {
		return 0, nil, fmt.Errorf("a frame with the header % x is masked, or too long", head)
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(r, payload)
	return head[0], payload, err
}

// next reads a frame as a string: a text message stands for itself, with the epoch of the documents;
// an event is its topic and sequence number; "ping", "pong" and "close" have their payload behind them.
func (p *peer) next() string {
	p.t.Helper()
	first, payload, err := readFrame(p.r)
	if err != nil {
		p.t.Fatalf("instead of a frame: %v", err)
	}
	switch first {
	case ping:
		return "ping " + string(payload)
	case pong:
		return "pong " + string(payload)
	case closeFrame:
		if len(payload) < 2 {
			return "close"
		}
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload))
	case text:
		if e, err := event.ParseEnvelope(payload); err == nil {
			return fmt.Sprintf("%s:%d", e.Topic, e.ID.Seq)
		}
		return transporttest.FixEpoch(p.f.hub, string(payload))
	}
	p.t.Fatalf("a frame that begins with %#x", first)
	return ""
}

// want reads frames and compares them.
func (p *peer) want(frames ...string) {
	p.t.Helper()
	for _, want := range frames {
		if got := p.next(); got != want {
			p.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// opened reads the open event, compressed or not: with compression agreed on that depends on what epoch the log has.
func (p *peer) opened() {
	p.t.Helper()
	if _, _, err := readFrame(p.r); err != nil {
		p.t.Fatal(err)
	}
}

// wantEnd reads the end of the connection.
func (p *peer) wantEnd() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		p.t.Errorf("the connection goes on with %q, %v", rest, err)
	}
}

// TestHandshakeRefused: RFC 6455, section 4.2.1 and 4.4; each answer says what to do.
func TestHandshakeRefused(t *testing.T) {
	upgradeRequired := http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}}
	for _, c := range []struct {
		name      string
		request   string
		header    []string
		status    int
		parameter string
		want      http.Header
	}{
		{"plain GET", "GET / HTTP/1.1", []string{"Upgrade:", "Connection:", "Sec-WebSocket-Key:", "Sec-WebSocket-Version:"}, 426, "Upgrade", upgradeRequired},
		{"another protocol", "GET / HTTP/1.1", []string{"Upgrade: h2c"}, 426, "Upgrade", upgradeRequired},
		{"a proxy that does not pass Connection on", "GET / HTTP/1.1", []string{"Connection: keep-alive"}, 426, "Connection", upgradeRequired},
		{"an old version", "GET / HTTP/1.1", []string{"Sec-WebSocket-Version: 8"}, 426, "Sec-WebSocket-Version", upgradeRequired},
		{"no version", "GET / HTTP/1.1", []string{"Sec-WebSocket-Version:"}, 426, "Sec-WebSocket-Version", upgradeRequired},
		{"no key", "GET / HTTP/1.1", []string{"Sec-WebSocket-Key:"}, 400, "Sec-WebSocket-Key", nil},
		{"a short key", "GET / HTTP/1.1", []string{"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"}, 400, "Sec-WebSocket-Key", nil},
		{"a key that is no base64", "GET / HTTP/1.1", []string{"Sec-WebSocket-Key: the sample nonce !!"}, 400, "Sec-WebSocket-Key", nil},
		{"HTTP/1.0", "GET / HTTP/1.0", nil, 400, "protocol", nil},
		{"HEAD", "HEAD / HTTP/1.1", nil, 405, "", http.Header{"Allow": {"GET"}}},
		{"POST", "POST / HTTP/1.1", nil, 405, "method", http.Header{"Allow": {"GET, HEAD"}}},
		{"a malformed cursor", "GET /?after=7 HTTP/1.1", nil, 400, "after", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, websocket.Config{})
				p := f.ask(c.request, append([]string{"Connection: Upgrade, close"}, c.header...)...)
				body, err := io.ReadAll(p.response.Body)
				if err != nil {
					t.Fatal(err)
				}
				var problem struct{ Parameter, Detail string }
				if c.parameter != "" && json.Unmarshal(body, &problem) != nil || problem.Parameter != c.parameter || c.parameter != "" && problem.Detail == "" {
					t.Errorf("the answer is %q, want a problem with the parameter %s", body, c.parameter)
				}
				if p.response.StatusCode != c.status {
					t.Errorf("%s, want %d", p.response.Status, c.status)
				}
				for name := range c.want {
					if diff := cmp.Diff(c.want[name], p.response.Header[name]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", name, diff)
					}
				}
				if n := f.hub.State().Subscriptions; n != 0 {
					t.Errorf("%d subscriptions were opened", n)
				}
			})
		})
	}
}

// TestHandshakeAccepted: what is just as good.
func TestHandshakeAccepted(t *testing.T) {
	for _, header := range [][]string{
		nil,
		{"Upgrade: WebSocket", "Connection: keep-alive, upgrade"},
		{"Upgrade: h2c, websocket"},
		{"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"}, // none is negotiated
	} {
		synctest.Test(t, func(t *testing.T) {
			p := start(t, websocket.Config{}).connect("", header...)
			want := http.Header{
				"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
				"Cache-Control": {"no-store, no-transform"}, "X-Accel-Buffering": {"no"}, "X-Content-Type-Options": {"nosniff"},
				"Pushlab-Cursor": {p.f.id(0)},
			}
			if diff := cmp.Diff(want, p.response.Header); diff != "" {
				t.Errorf("%q: the header (-want +got):\n%s", header, diff)
			}
			p.want("$open:0")
		})
	}
}

// TestSubprotocol: RFC 6455, section 4.2.2: one that the client offered, or none.
func TestSubprotocol(t *testing.T) {
	for offered, want := range map[string]string{
		"": "", "pushlab.v1": "pushlab.v1", "graphql-ws, pushlab.v1": "pushlab.v1", "pushlab.v2": "", "PUSHLAB.V1": "", "chat,superchat": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := start(t, websocket.Config{}).connect("", "Sec-WebSocket-Protocol: "+offered)
			if got := p.response.Header.Values("Sec-WebSocket-Protocol"); strings.Join(got, "|") != want {
				t.Errorf("offered %q, chosen %q, want %q", offered, got, want)
			}
		})
	}
}

// TestOrigin: RFC 6455, section 10.2. Any page may open a connection, with the user's cookies, so the
// server has to look where it is from.
func TestOrigin(t *testing.T) {
	for origin, want := range map[string]int{
		"":                            101, // no browser
		"http://localhost":            101,
		"http://localhost:80":         101,
		"http://LOCALHOST":            101,
		"https://localhost":           403,
		"http://localhost:8080":       403,
		"http://localhost.evil.test":  403,
		"http://evil.test":            403,
		"http://user@localhost":       403,
		"null":                        403,
		"file://":                     403,
		"https://friend.test":         101,
		"https://friend.test:443":     101,
		"http://friend.test":          403,
		"https://friend.test:8443":    403,
		"https://sub.friend.test":     403,
		"https://friend.test.evil.io": 403,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, websocket.Config{AllowedOrigins: []string{"https://friend.test"}})
			if got := f.ask("GET / HTTP/1.1", "Origin: "+origin).response.StatusCode; got != want {
				t.Errorf("Origin: %s: %d, want %d", origin, got, want)
			}
		})
	}
}

// TestHTTP2: RFC 8441 is not offered, so a WebSocket needs a connection of its own.
func TestHTTP2(t *testing.T) {
	h := hub.New(hub.Config{})
	server := httptest.NewUnstartedServer(websocket.New(h, websocket.Config{}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.ProtoMajor != 2 || response.StatusCode != 400 || !strings.Contains(string(body), "use HTTP/1.1") {
		t.Errorf("over %s: %s, %s", response.Proto, response.Status, body)
	}
}

// TestRoutes: the connection is taken over over TLS too, and from behind middleware that unwraps;
// what middleware has put into the header is kept.
func TestRoutes(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			h := hub.New(hub.Config{})
			handler := websocket.New(h, websocket.Config{})
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "7")
				w.Header().Add("Vary", "Origin")
				w.Header().Add("Vary", "Cookie")
				handler.ServeHTTP(unwrapper{w}, r)
			}))
			var conn net.Conn
			var err error
			scheme := "http"
			if secure {
				scheme = "https"
				server.StartTLS()
				conn, err = tls.Dial("tcp", server.Listener.Addr().String(), server.Client().Transport.(*http.Transport).TLSClientConfig)
			} else {
				server.Start()
				conn, err = net.Dial("tcp", server.Listener.Addr().String())
			}
			if err != nil {
				t.Fatal(err)
			}
			f := &fixture{t, h, handler, nil}
			host := "Host: " + server.Listener.Addr().String() + "\r\nOrigin: " + scheme + "://" + server.Listener.Addr().String()
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\n%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host)
			p := &peer{Conn: conn, t: t, f: f, r: bufio.NewReader(conn)}
			if p.response, err = http.ReadResponse(p.r, nil); err != nil {
				t.Fatal(err)
			}
			if p.response.StatusCode != 101 || p.response.Header.Get("X-Request-Id") != "7" || len(p.response.Header["Vary"]) != 2 {
				t.Errorf("%s %v", p.response.Status, p.response.Header)
			}
			p.want("$open:0")
			transporttest.Publish(t, h, "a", 1)
			p.want("a:1")
			h.Close()
			p.want("$bye:1", "close 1001")
			p.send(closeFrame, "\x03\xe9")
			p.wantEnd()
			conn.Close()
			if err := handler.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			server.Close()
		})
	}
}

type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// TestCannotBeTakenOver: a response writer that hides its connection gets an answer, not a hang.
func TestCannotBeTakenOver(t *testing.T) {
	h := hub.New(hub.Config{})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = transport.Header.Clone()
	w := httptest.NewRecorder()
	websocket.New(h, websocket.Config{}).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s %s", w.Code, w.Header(), w.Body)
	}
	if n := h.State().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestEagerClient: RFC 6455, section 4.1: a client must wait for the answer before it sends frames.
func TestEagerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		var b strings.Builder
		transport.Header.Write(&b)
		conn := transporttest.Send(t, f.server, "GET / HTTP/1.1\r\nHost: localhost\r\n"+b.String()+"\r\n"+string(clientFrame(text, "{}")))
		if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("it was answered %q, %v", rest, err)
		}
		synctest.Wait()
		if n := f.hub.State().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	})
}
