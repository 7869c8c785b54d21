package websocket_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/websocket"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }

// TestPost: a handshake cannot be one, and Follow does not try again and again.
func TestPost(t *testing.T) {
	for _, opts := range []client.Options{{Method: "POST"}, {Body: []byte("question")}} {
		f := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
			return websocket.Dial(ctx, "ws://localhost/", opts)
		}, "", client.Policy{})
		if _, err := f.Next(context.Background()); err == nil || !strings.Contains(err.Error(), "Method") {
			t.Errorf("%v", err)
		}
	}
}

// A bareServer accepts every handshake, and leaves the frames to the test.
type bareServer struct {
	*memhttp.Server
	requests chan *http.Request
	conns    chan net.Conn
}

func newBareServer(t *testing.T, accept func(key string) string) *bareServer {
	s := &bareServer{requests: make(chan *http.Request, 1), conns: make(chan net.Conn, 1)}
	s.Server = memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- r
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			accept(r.Header.Get("Sec-WebSocket-Key")))
		s.conns <- conn
	}))
	return s
}

// acceptKey is the answer to a key (RFC 6455, section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (s *bareServer) dial(t *testing.T, opts client.Options) (*websocket.Conn, net.Conn) {
	t.Helper()
	opts.DialContext = s.Dial
	conn, err := websocket.Dial(context.Background(), "ws://localhost/", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, <-s.conns
}

// clientSays reads a frame of the client, which must be masked: "close 1002", "pong x".
func clientSays(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	if head[1]&0x80 == 0 {
		t.Fatalf("the client does not mask: % x", head)
	}
	payload := make([]byte, head[1]&0x7f)
	if _, err := io.ReadFull(r, payload); err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	switch head[0] {
	case closeFrame:
		if len(payload) < 2 {
			return "close"
		}
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload))
	case pong:
		return "pong " + string(payload)
	}
	return fmt.Sprintf("%#x %q", head[0], payload)
}

// TestClientHandshake: RFC 6455, section 4.1: what the client sends, and that it looks at the answer.
func TestClientHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBareServer(t, acceptKey)
		keys := map[string]bool{}
		for range 3 {
			s.dial(t, client.Options{})
			r := <-s.requests
			for name, want := range map[string]string{
				"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Version": "13", "Sec-Websocket-Protocol": "pushlab.v1",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			key := r.Header.Get("Sec-Websocket-Key")
			if nonce, err := base64.StdEncoding.DecodeString(key); err != nil || len(nonce) != 16 || keys[key] {
				t.Errorf("the key %q is no fresh 16 bytes", key)
			}
			keys[key] = true
		}
		wrong := newBareServer(t, func(string) string { return acceptKey("another key") })
		if _, err := websocket.Dial(context.Background(), "ws://localhost/", client.Options{DialContext: wrong.Dial}); err == nil {
			t.Error("a wrong Sec-WebSocket-Accept is good enough")
		}
	})
}

// TestClientRefuses: what the client cannot accept ends the connection, and the server is told why.
func TestClientRefuses(t *testing.T) {
	envelope := string(transporttest.Samples.Event.Envelope())
	for _, c := range []struct{ name, bytes, want string }{
		{"binary", serverFrame(binaryFrame, envelope), "close 1003"},
		{"not UTF-8", serverFrame(text, strings.Replace(envelope, "1", "\"\xff\"", 1)), "close 1007"},
		{"not UTF-8 over fragments", serverFrame(textBegin, envelope[:20]+"\xe2") + serverFrame(lastPart, "x"), "close 1007"},
		{"no envelope", serverFrame(text, "hello"), "close 1007"},
		{"masked", string(clientFrame(text, envelope)), "close 1002"},
		{"RSV1", serverFrame(text|0x40, envelope), "close 1002"},
		{"opcode 3", serverFrame(0x83, envelope), "close 1002"},
		{"a continuation of nothing", serverFrame(lastPart, envelope), "close 1002"},
		{"too big", serverFrame(text, envelope+strings.Repeat(" ", 1000)), "close 1009"},
		{"too big in fragments", serverFrame(textBegin, envelope) + serverFrame(lastPart, strings.Repeat(" ", 1000)), "close 1009"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, server := newBareServer(t, acceptKey).dial(t, client.Options{MaxEvent: 1000})
				io.WriteString(server, serverFrame(text, envelope)+c.bytes)
				if e, err := conn.Next(context.Background()); err != nil || e.ID.Seq != 42 {
					t.Errorf("%s, %v", e.Envelope(), err)
				}
				e, err := conn.Next(context.Background())
				if err == nil || errors.Is(err, io.EOF) {
					t.Errorf("%s, %v", e.Envelope(), err)
				}
				r := bufio.NewReader(server)
				if got := clientSays(t, r); got != c.want {
					t.Errorf("the client says %s, want %s", got, c.want)
				}
				if conn.Cursor() != "mfrggzdf-42" {
					t.Errorf("the cursor is %s", conn.Cursor())
				}
				conn.Close()
				if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
					t.Errorf("behind its close frame it says %q, %v", rest, err)
				}
			})
		})
	}
}

// TestServerCloses: a close in order is the end, one for another reason an error.
func TestServerCloses(t *testing.T) {
	for payload, inOrder := range map[string]bool{
		"\x03\xe8": true, "\x03\xe9": true, "\x03\xe9going away": true, // 1000, 1001
		"": false, "\x03\xea": false, "\x03\xf0": false, "\x03\xf3": false, "\x03\xf5": false, "\x0f\xa0": false, // 1002, 1008, 1011, 1013, 4000
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, server := newBareServer(t, acceptKey).dial(t, client.Options{})
			bye := transporttest.Samples.Bye
			io.WriteString(server, string(websocket.AppendFrame(nil, bye))+serverFrame(closeFrame, payload))
			if e, err := conn.Next(context.Background()); err != nil || e.Topic != event.ByeTopic {
				t.Errorf("%s, %v", e.Envelope(), err)
			}
			if e, err := conn.Next(context.Background()); err == nil || errors.Is(err, io.EOF) != inOrder {
				t.Errorf("%q: %s, %v; in order: %v", payload, e.Envelope(), err, inOrder)
			}
			want := "close"
			if payload != "" {
				want = fmt.Sprintf("close %d", binary.BigEndian.Uint16([]byte(payload)))
			}
			if got := clientSays(t, bufio.NewReader(server)); got != want {
				t.Errorf("%q was answered %s, want %s", payload, got, want)
			}
		})
	}
}

// TestServerVanishes: an end without a close frame, which browsers report as code 1006, is an error.
func TestServerVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := newBareServer(t, acceptKey).dial(t, client.Options{})
		server.Close()
		if e, err := conn.Next(context.Background()); err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, %v", e.Envelope(), err)
		}
	})
}

// TestClientSays: the client answers pings by itself, and says goodbye when it closes.
func TestClientSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := newBareServer(t, acceptKey).dial(t, client.Options{})
		go conn.Next(context.Background())
		r := bufio.NewReader(server)
		for _, payload := range []string{"", "hello", strings.Repeat("x", 125)} {
			io.WriteString(server, serverFrame(ping, payload))
			if got := clientSays(t, r); got != "pong "+payload {
				t.Errorf("the ping %q was answered %s", payload, got)
			}
		}
		// Replies to what somebody else published are no events.
		io.WriteString(server, serverFrame(text, `{"op":"ack","ref":"7","id":"mfrggzdf-1"}`))
		synctest.Wait()
		conn.Close()
		if got := clientSays(t, r); got != "close 1000" {
			t.Errorf("it closes with %s", got)
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("behind its close frame it says %q, %v", rest, err)
		}
	})
}
