package fault_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/fault"
)

const get = "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n"

// read returns what there is to be read now.
func read(t *testing.T, c net.Conn) string {
	t.Helper()
	synctest.Wait()
	c.SetReadDeadline(time.Now().Add(time.Nanosecond))
	defer c.SetReadDeadline(time.Time{})
	var all []byte
	p := make([]byte, 64<<10)
	for {
		n, err := c.Read(p)
		all = append(all, p[:n]...)
		if err != nil {
			return string(all)
		}
	}
}

func TestAnswer(t *testing.T) {
	for _, test := range []struct {
		fault, request string
		want           string // without Date
	}{
		{"answer=503", get, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\nX-From: fault\r\n\r\n" +
			"503 Service Unavailable, says the proxy\n"},
		{"answer=502/1x/retry:1500ms", get, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nRetry-After: 2\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 32\r\nX-From: fault\r\n\r\n" +
			"502 Bad Gateway, says the proxy\n"},
		{"answer=200/10s/type:text/html", get, "HTTP/1.1 200 OK\r\nConnection: close\r\n" +
			"Content-Type: text/html\r\nContent-Length: 23\r\nX-From: fault\r\n\r\n" +
			"200 OK, says the proxy\n"},
		{"answer=204", get, "HTTP/1.1 204 No Content\r\nConnection: close\r\nX-From: fault\r\n\r\n"},
		{"answer=502", "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 32\r\nX-From: fault\r\n\r\n"},
		{"answer=204", "\r\nPOST /publish HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 204 No Content\r\nConnection: close\r\nX-From: fault\r\n\r\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fault.Config{
				Header: http.Header{"X-From": {"fault"}},
				Dial:   func(context.Context, net.Conn) (net.Conn, error) { return nil, errors.New("there is no server") },
			})
			b.set(test.fault)
			client, proxys := b.connect()
			for _, c := range test.request { // the head may come in any pieces
				send(t, client, string(c))
			}
			got := read(t, client)
			before, after, _ := strings.Cut(got, "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n")
			if before+after != test.want {
				t.Errorf("%s:\n%q\nwant:\n%q", test.fault, before+after, test.want)
			}
			if did := proxys.list(); len(did) != 2 || did[1] != "0s FIN" {
				t.Errorf("%s: did %q", test.fault, did)
			}
			method, _, _ := strings.Cut(strings.TrimSpace(test.request), " ")
			r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), &http.Request{Method: method})
			if err == nil {
				_, err = io.ReadAll(r.Body)
			}
			if err != nil {
				t.Errorf("%s: %v", test.fault, err)
			}
			if s := b.proxy.State(); s.Answered != 1 || len(s.Connections) != 0 {
				t.Errorf("%s: %+v", test.fault, s)
			}
		})
	}
}

func TestAnswerBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		ask := func() string {
			t.Helper()
			c, _ := b.connect()
			send(t, c, get)
			if len(b.servers) > 0 {
				if got := read(t, b.accept()); got != get {
					t.Errorf("passed on %q", got)
				}
				return "passed"
			}
			status, _, _ := strings.Cut(read(t, c), "\r\n")
			return status
		}
		wants := func(want ...string) {
			t.Helper()
			for _, w := range want {
				if got := ask(); !strings.Contains(got, w) {
					t.Errorf("%q, want %q", got, w)
				}
			}
		}
		b.set("answer=502/3x")
		wants("502", "502")
		if left := b.proxy.State().Answering; left != "502/1x" {
			t.Errorf("left: %s", left)
		}
		wants("502", "passed", "passed")

		b.set("answer=503/10s")
		wants("503")
		time.Sleep(9 * time.Second)
		wants("503")
		if left := b.proxy.State().Answering; left != "503/1s" {
			t.Errorf("left: %s", left)
		}
		b.once("answer=204/1x") // goes first
		wants("204", "503")
		time.Sleep(time.Second)
		wants("passed")
		b.set("answer=503")
		wants("503", "503")
		b.set("none")
		wants("passed")
	})
}

// A browser keeps its connection for the next poll, which is answered there.
func TestAnswerOnOpenConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		client, server, proxys := b.pair()
		send(t, client, get)
		b.set("answer=503")
		send(t, server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		if got := read(t, client); !strings.HasSuffix(got, "hi") {
			t.Errorf("what had begun: %q", got)
		}
		send(t, client, get[:10])
		send(t, client, get[10:])
		if got := read(t, client); !strings.Contains(got, "503 Service") {
			t.Errorf("the next one: %q", got)
		}
		if got := read(t, server); got != get {
			t.Errorf("the server got %q", got)
		}
		if did := proxys.list(); len(did) != 3 || !strings.HasSuffix(did[2], "FIN") {
			t.Errorf("did %q", did)
		}

		b.set("none")
		client, server, _ = b.pair()
		send(t, client, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /")
		b.set("answer=503")
		send(t, client, "\r\n0\r\n\r\n"+get) // asks before it was answered: passes
		if got := read(t, server); !strings.HasSuffix(got, get) {
			t.Errorf("the server got %q", got)
		}
	})
}

// What is not HTTP/1 is passed on, and so is a head that never ends, and one cut short.
func TestAnswerNothing(t *testing.T) {
	for _, sent := range []string{
		"\x16\x03\x01\x02\x00\x01\x00",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HELO example.org\r\n",
		"GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 20<<10),
		"GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 20<<10),
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fault.Config{MaxHeld: 1 << 20})
			b.size = 1 << 20
			b.set("answer=503")
			client, _ := b.connect()
			send(t, client, sent)
			if got := read(t, b.accept()); got != sent {
				t.Errorf("%.40q: the server got %.40q", sent, got)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{MaxHeld: 4})
		b.set("answer=503")
		client, _ := b.connect()
		send(t, client, "GET / HT")
		if len(b.servers) > 0 {
			t.Error("passed on too early")
		}
		if s := b.proxy.State(); s.Up.Held != 8 {
			t.Errorf("%+v", s)
		}
		client.(interface{ CloseWrite() error }).CloseWrite()
		server := b.accept()
		if got, err := io.ReadAll(server); string(got) != "GET / HT" || err != nil {
			t.Errorf("%q, %v", got, err)
		}

		client, _ = b.connect()
		send(t, client, "GET / HT")
		b.proxy.Cut(fault.FIN)
		if s := b.proxy.State(); s.Up.Held != 0 || s.Up.Swallowed != 8 {
			t.Errorf("%+v", s)
		}
	})
}

// The other faults are for the proxy's own answers as well.
func TestAnswerLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		b.set("answer=204,down:delay=2s")
		client, proxys := b.connect()
		send(t, client, get)
		time.Sleep(5 * time.Second)
		if did := proxys.list(); len(did) != 2 || !strings.HasPrefix(did[0], "2s HTTP/1.1 204") || did[1] != "2s FIN" {
			t.Errorf("did %q", did)
		}
	})
}

// A buffering proxy lets go of what is complete, and of what is no HTTP any more.
func TestBufferKnowsHTTP(t *testing.T) {
	const (
		ok     = "HTTP/1.1 200 OK\r\n"
		chunks = ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
	)
	for _, test := range []struct {
		name, fault string
		request     string
		responses   []string
		held        bool // whether any of the last one is
	}{
		{"a poll", "buffer=4KiB/30s", get, []string{ok + "Content-Length: 5\r\n\r\nhello"}, false},
		{"a poll in two parts", "buffer=4KiB/30s", get, []string{ok + "Content-Length: 5\r\n\r\nhe", "llo"}, false},
		{"half a poll", "buffer=4KiB/30s", get, []string{ok + "Content-Length: 5\r\n\r\nhe"}, true},
		{"a stream", "buffer=4KiB/30s", get, []string{chunks, "5\r\nhello\r\n"}, true},
		{"the end of a stream", "buffer=4KiB/30s", get, []string{chunks, "5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"}, false},
		{"a stream that ends with the connection", "buffer=4KiB/30s", get, []string{ok + "\r\nhello"}, true},
		{"nothing", "buffer=4KiB/30s", get, []string{"HTTP/1.1 204 No Content\r\n\r\n"}, false},
		{"not changed", "buffer=4KiB/30s", get, []string{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}, false},
		{"a head alone", "buffer=4KiB/30s", "HEAD / HTTP/1.1\r\n\r\n", []string{ok + "Content-Length: 5\r\n\r\n"}, false},
		{"go on", "buffer=4KiB/30s", get, []string{"HTTP/1.1 100 Continue\r\n\r\n"}, false},
		{"WebSocket", "buffer=4KiB/30s", get, []string{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "\x81\x05hello"}, false},
		{"a polite stream", "buffer=4KiB/30s", get, []string{ok + "X-Accel-Buffering: no\r\n\r\nhello"}, true},
		{"a polite stream, obeyed", "buffer=4KiB/30s/accel", get, []string{ok + "x-accel-buffering:NO\r\n\r\nhello"}, false},
		{"no HTTP", "buffer=4KiB/30s", "hello", []string{"hello"}, true},
		{"no length", "buffer=4KiB/30s", get, []string{ok + "Content-Length: five\r\n\r\nhello"}, true},
		{"no chunks", "buffer=4KiB/30s", get, []string{ok + "Transfer-Encoding: chunked\r\n\r\nhello\r\n"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, fault.Config{})
				client, server, _ := b.pair()
				b.set("down:" + test.fault)
				send(t, client, test.request)
				for i, response := range test.responses {
					send(t, server, response)
					got := read(t, client)
					if i == len(test.responses)-1 && (b.proxy.State().Down.Held > 0) != test.held {
						t.Errorf("received %q", got)
					}
				}
				time.Sleep(time.Minute)
				if s := b.proxy.State(); s.Down.Held != 0 {
					t.Errorf("still held after a minute: %+v", s)
				}
			})
		})
	}
}
