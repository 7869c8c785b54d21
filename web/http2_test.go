package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/kernel"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/web"
	"pushlab/websocket"
)

// http2Client returns a client that knows to speak HTTP/2, over TLS or without, and the count of its connections. Whatever
// it is asked for, it connects by dial.
func http2Client(t *testing.T, secure bool, dial func(context.Context) (net.Conn, error)) (*http.Client, *atomic.Int64) {
	connections := new(atomic.Int64)
	transport := &http.Transport{
		Protocols:          new(http.Protocols),
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true},
		HTTP2:              &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}, // who is not read is soon stopped
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			connections.Add(1)
			return dial(ctx)
		},
	}
	transport.Protocols.SetHTTP2(secure)
	transport.Protocols.SetUnencryptedHTTP2(!secure)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, connections
}

// TestHTTP2Connection has a hundred streams and twenty polls on one connection, beside two streams that are not read: each
// gets every event, in order, and its goodbye. Those that are not read hold up nobody, and get everything when they are.
func TestHTTP2Connection(t *testing.T) {
	for _, c := range []struct {
		name, network string
		secure        bool
	}{
		{"TLS", "tcp", true}, {"plain TCP", "tcp", false}, {"a Unix socket", "unix", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := "127.0.0.1:0"
			if c.network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(c.network, address)
			if err != nil {
				t.Fatal(err)
			}
			connect := func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, c.network, l.Addr().String())
			}
			if c.secure {
				config, _, err := web.SelfSigned(nil)
				if err != nil {
					t.Fatal(err)
				}
				l = tls.NewListener(l, config)
			}
			http2Connection(t, l, c.secure, connect)
		})
	}
}

func http2Connection(t *testing.T, l net.Listener, secure bool, connect func(context.Context) (net.Conn, error)) {
	const each, polls, events = 50, 20, 100
	config := web.Config{WriteDeadline: time.Minute, Drain: time.Minute} // for a machine that has much else to do
	if k, err := kernel.Write(); err == nil {                            // else this system has no engine to be disturbed
		if config.Engine, err = wire.NewEngine(k); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { config.Engine.Close() }) // behind the server's, which comes first
	}
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, config)
	if err != nil {
		t.Fatal(err)
	}
	s := serveListener(t, h, server, l)
	asker, connections := http2Client(t, secure, connect)
	base := "http://localhost/"
	if secure {
		base = "https://localhost/"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	ask := func(path string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := asker.Do(r)
		if err != nil {
			t.Error(err)
			return nil
		}
		if response.ProtoMajor != 2 {
			t.Errorf("%s was answered by %s", path, response.Proto)
		}
		return response
	}
	start := client.Ledger{Last: h.State().Head}
	var neglected []*http.Response
	var reading sync.WaitGroup
	var got atomic.Int64
	for i := range 2*each + 2 {
		response := ask([]string{httpstream.Name, sse.Name}[i%2])
		if response == nil {
			t.FailNow()
		}
		defer response.Body.Close()
		if i < 2 {
			neglected = append(neglected, response)
			continue
		}
		reading.Go(func() {
			if err := followStream(response.Body, start, events, func() { got.Add(1) }); err != nil {
				t.Errorf("stream %d: %v", i, err)
			}
		})
	}
	for range polls {
		reading.Go(func() {
			ledger := start
			for ledger.Events < events && !t.Failed() {
				response := ask(longpoll.Name + "?wait=30&after=" + ledger.Last.String())
				if response == nil {
					return
				}
				var answer struct{ Events []json.RawMessage }
				err := json.NewDecoder(response.Body).Decode(&answer)
				response.Body.Close()
				if err != nil {
					t.Errorf("a poll was answered %s: %v", response.Status, err)
					return
				}
				for _, envelope := range answer.Events {
					e, err := event.ParseEnvelope(envelope)
					if err != nil {
						t.Error(err)
					}
					ledger.Observe(e)
				}
			}
			if ledger != (client.Ledger{Events: events, Last: ledger.Last}) {
				t.Errorf("a poll: %+v", ledger)
			}
		})
	}
	pad := `"` + strings.Repeat("x", 1000) + `"` // a hundred of them are more than a stream's window
	for range events {
		s.publish("a", pad)
	}
	after(t, "those that are read have everything", func() bool { return got.Load() == 2*each || t.Failed() })
	if n := connections.Load(); n != 1 {
		t.Errorf("there are %d connections", n)
	}
	for _, response := range neglected {
		reading.Go(func() {
			if err := followStream(response.Body, start, events, func() { got.Add(1) }); err != nil {
				t.Errorf("one that was not read: %v", err)
			}
		})
	}
	after(t, "so have the others", func() bool { return got.Load() == 2*each+2 || t.Failed() })
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	reading.Wait()
}

// followStream reads a stream of either kind to its end, and calls complete at that many events. Behind its goodbye the
// stream must end as it should.
func followStream(body io.Reader, ledger client.Ledger, events uint64, complete func()) error {
	lines := bufio.NewScanner(body)
	var last event.Event
	for lines.Scan() {
		envelope := bytes.TrimPrefix(lines.Bytes(), []byte("data: ")) // in SSE; there the other lines say nothing new
		if !bytes.HasPrefix(envelope, []byte("{")) {
			continue
		}
		e, err := event.ParseEnvelope(envelope)
		if err != nil {
			return err
		}
		last = e
		ledger.Observe(e)
		if e.Topic == "a" && ledger.Events == events {
			complete()
		}
	}
	if ledger != (client.Ledger{Events: events, Last: ledger.Last}) || last.Topic != event.ByeTopic || lines.Err() != nil {
		return fmt.Errorf("%+v, at the end %s, %w", ledger, last.Topic, lines.Err())
	}
	return nil
}

// TestTLSVersions: what is older than TLS 1.2 is refused, RFC 8996; and who does not ask for HTTP/2, as a WebSocket does,
// gets HTTP/1.1.
func TestTLSVersions(t *testing.T) {
	config, _, err := web.SelfSigned(nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := serveListener(t, h, server, tls.NewListener(l, config))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	dial := func(version uint16, protocols ...string) (*tls.Conn, error) {
		d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version, NextProtos: protocols}}
		c, err := d.DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		return c.(*tls.Conn), nil
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if c, err := dial(version); err == nil {
			c.Close()
			t.Errorf("%s is accepted", tls.VersionName(version))
		}
	}
	for _, c := range []struct {
		version uint16
		offers  []string
		want    string
	}{
		{tls.VersionTLS12, []string{"h2", "http/1.1"}, "h2"},
		{tls.VersionTLS13, []string{"h2", "http/1.1"}, "h2"},
		{tls.VersionTLS13, []string{"http/1.1"}, "http/1.1"},
		{tls.VersionTLS12, nil, ""},
	} {
		conn, err := dial(c.version, c.offers...)
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState(); got.NegotiatedProtocol != c.want || got.Version != c.version {
			t.Errorf("%s, offering %q: %s, %q", tls.VersionName(c.version), c.offers, tls.VersionName(got.Version), got.NegotiatedProtocol)
		}
		conn.Close()
	}
	socket, err := websocket.Dial(ctx, "ws://localhost/websocket", client.Options{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return dial(tls.VersionTLS13, "http/1.1")
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	s.publish("a", "1")
	for _, want := range []string{event.OpenTopic, "a"} {
		if e, err := socket.Next(ctx); err != nil || e.Topic != want {
			t.Errorf("%s, %v; want %s", e.Envelope(), err, want)
		}
	}
}

// inMemory runs a server that dial connects to, for tests in virtual time.
func inMemory(t *testing.T, config web.Config) (s *service, dial func(context.Context) (net.Conn, error)) {
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, config)
	if err != nil {
		t.Fatal(err)
	}
	l := memhttp.Listen()
	return serveListener(t, h, server, l), func(ctx context.Context) (net.Conn, error) { return l.Dial(ctx, "", "") }
}

// TestHTTP2Lasts: the time that an answer has is not that of a stream, nor of a poll that waits.
func TestHTTP2Lasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dial := inMemory(t, web.Config{})
		asker, _ := http2Client(t, false, dial)
		response, err := asker.Get("http://localhost/sse")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		begin := time.Now()
		poll, err := asker.Get("http://localhost/longpoll?wait=110")
		if err != nil {
			t.Fatal(err)
		}
		poll.Body.Close()
		if took := time.Since(begin); poll.StatusCode != 204 || took != 110*time.Second {
			t.Errorf("%s after %v", poll.Status, took)
		}
		time.Sleep(time.Hour)
		s.publish("a", "1")
		readTo(t, bufio.NewReader(response.Body), `"topic":"a"`)
		response.Body.Close()
	})
}

// A http2Peer speaks HTTP/2 byte by byte, since the clients that there are behave.
type http2Peer struct {
	net.Conn
	t *testing.T
}

// Types of frames: RFC 9113, section 6.
const (
	http2Headers      = 1
	http2RstStream    = 3
	http2Settings     = 4
	http2WindowUpdate = 8
)

// http2Preface is how a client begins: RFC 9113, section 3.4. In its settings a stream's window is as large as can be.
func http2Preface() []byte {
	settings := append(binary.BigEndian.AppendUint16(nil, 4), 0x7f, 0xff, 0xff, 0xff)
	b := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), http2Frame(http2Settings, 0, 0, settings)...)
	return append(b, http2Frame(http2WindowUpdate, 0, 0, []byte{0x7f, 0, 0, 0})...)
}

func http2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// http2Get asks for a path: RFC 7541, appendix A has the numbers of fields.
func http2Get(stream uint32, path string) []byte {
	block := append([]byte{0x82, 0x86, 0x04, byte(len(path))}, path...)
	block = append(append(block, 0x01, byte(len("localhost"))), "localhost"...)
	return http2Frame(http2Headers, 0x5, stream, block) // END_STREAM, END_HEADERS
}

func connectHTTP2(t *testing.T, dial func(context.Context) (net.Conn, error), frames ...[]byte) *http2Peer {
	t.Helper()
	conn, err := dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, b := range append([][]byte{http2Preface()}, frames...) {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	return &http2Peer{conn, t}
}

// next reads frames up to one of that kind, and returns its payload.
func (p *http2Peer) next(kind byte) []byte {
	p.t.Helper()
	for {
		var head [9]byte
		if _, err := io.ReadFull(p, head[:]); err != nil {
			p.t.Fatalf("no frame of type %d: %v", kind, err)
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(p, payload); err != nil {
			p.t.Fatal(err)
		}
		if head[3] == kind {
			return payload
		}
	}
}

// TestHTTP2Settings: extended CONNECT is not offered (RFC 8441, section 3), so that browsers open WebSockets by HTTP/1.1; and
// who tries it nevertheless is refused.
func TestHTTP2Settings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dial := inMemory(t, web.Config{})
		connect := append([]byte{0x02, 7}, "CONNECT"...)
		connect = append(append(connect, 0x00, 9), ":protocol"...)
		connect = append(append(connect, 9), "websocket"...)
		connect = append(append(connect, 0x86, 0x04, 10), "/websocket"...)
		connect = append(append(connect, 0x01, 9), "localhost"...)
		p := connectHTTP2(t, dial, http2Frame(http2Headers, 0x4, 1, connect))
		got := map[uint16]uint32{}
		for b := p.next(http2Settings); len(b) >= 6; b = b[6:] {
			got[binary.BigEndian.Uint16(b)] = binary.BigEndian.Uint32(b[2:])
		}
		if _, offered := got[8]; offered || got[3] != 250 || got[5] != 16<<10 {
			t.Errorf("the settings are %v", got)
		}
		if code := binary.BigEndian.Uint32(p.next(http2RstStream)); code != 1 {
			t.Errorf("CONNECT is refused with %d, not PROTOCOL_ERROR", code)
		}
		p.Close()
	})
}

// TestHTTP2Stalled: a client that takes nothing from its connection cannot be told that its streams are over. It is cut off
// all the same, after the time for a write, and when the server leaves.
func TestHTTP2Stalled(t *testing.T) {
	stall := func(t *testing.T, config web.Config) *service {
		s, dial := inMemory(t, config)
		connectHTTP2(t, dial, http2Get(1, "/sse"), http2Get(3, "/httpstream"))
		synctest.Wait()
		if n := s.hub.State().Subscriptions; n != 2 {
			t.Fatalf("%d streams are open", n)
		}
		for range 100 {
			s.publish("a", `"`+strings.Repeat("x", 1000)+`"`)
		}
		return s
	}
	t.Run("write deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := stall(t, web.Config{WriteDeadline: 10 * time.Second})
			time.Sleep(21 * time.Second) // the first bytes were taken
			if n := s.hub.State().Subscriptions; n != 0 {
				t.Errorf("%d streams are still open", n)
			}
		})
	})
	t.Run("drain", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := stall(t, web.Config{WriteDeadline: time.Hour, Drain: 3 * time.Second})
			begin := time.Now()
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > 4*time.Second {
				t.Errorf("the server took %v to leave", took)
			}
		})
	})
	t.Run("vanished", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, dial := inMemory(t, web.Config{})
			connectHTTP2(t, dial, http2Get(1, "/sse")) // answers no ping
			time.Sleep(time.Minute)
			if n := s.hub.State().Subscriptions; n != 0 {
				t.Errorf("%d streams are still open", n)
			}
		})
	})
}

// TestHTTP2Streams: a connection may have 250 streams; the next one is refused, and the others go on. When one has ended there
// is room again.
func TestHTTP2Streams(t *testing.T) {
	for _, acknowledged := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, dial := inMemory(t, web.Config{})
			p := connectHTTP2(t, dial)
			if acknowledged {
				p.Write(http2Frame(http2Settings, 0x1, 0, nil))
			}
			refused := make(chan uint32)
			go func() {
				defer close(refused)
				for {
					var head [9]byte
					if _, err := io.ReadFull(p, head[:]); err != nil {
						return
					}
					payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
					if _, err := io.ReadFull(p, payload); err != nil {
						return
					}
					if head[3] == http2RstStream {
						refused <- binary.BigEndian.Uint32(head[5:])
					}
				}
			}()
			const most = 250
			for i := range uint32(most + 1) {
				if _, err := p.Write(http2Get(2*i+1, "/sse")); err != nil {
					t.Fatal(err)
				}
			}
			if stream := <-refused; stream != 2*most+1 {
				t.Errorf("stream %d is refused", stream)
			}
			synctest.Wait()
			if n := s.hub.State().Subscriptions; n != most {
				t.Errorf("%d streams are open", n)
			}
			p.Write(http2Frame(http2RstStream, 0, 1, []byte{0, 0, 0, 8})) // CANCEL
			synctest.Wait()
			p.Write(http2Get(2*most+3, "/sse"))
			synctest.Wait()
			if n := s.hub.State().Subscriptions; n != most {
				t.Errorf("%d streams are open behind the end of one, and one more", n)
			}
			p.Close()
			for stream := range refused {
				t.Errorf("stream %d is refused", stream)
			}
		})
	}
}

// TestDeadlines: whoever takes his time is cut off, with his answer where there is something to answer (HTTP-11).
func TestDeadlines(t *testing.T) {
	for _, c := range []struct {
		name, says string
		within     time.Duration
		answer     string
	}{
		{"says nothing", "", 10 * time.Second, ""},
		{"half a head", "GET /sse HTTP/1.1\r\nHost: localh", 10 * time.Second, ""},
		{"half of what HTTP/2 begins with", "PRI * HTTP/2.0\r\n\r\nSM", 10 * time.Second, "HTTP/1.1 "},
		{"HTTP/2, and no more", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 10 * time.Second, ""},
		{"half a body", "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf", 30 * time.Second, "HTTP/1.1 408 "},
		{"half a chunk", "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", 30 * time.Second, "HTTP/1.1 408 "},
		{"asks no second time", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 2 * time.Minute, "HTTP/1.1 200 "},
		{"body to somebody who wants none", "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", 30 * time.Second, "HTTP/1.1 4"},
		{"a head that is too large, and a body that does not come", "POST /x HTTP/1.1\r\nHost: localhost\r\nCookie: " + strings.Repeat("x", 40<<10) + "\r\nContent-Length: 1000\r\n\r\n",
			30 * time.Second, "HTTP/1.1 431 "},
		{"body to a question about the server as a whole", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", 30 * time.Second, "HTTP/1.1 4"},
		{"body of a GET", "GET /sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", 30 * time.Second, "HTTP/1.1 408 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, dial := inMemory(t, web.Config{})
				conn, err := dial(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				io.WriteString(conn, c.says)
				begin := time.Now()
				answer, _ := io.ReadAll(conn)
				if took := time.Since(begin); took > c.within+time.Second {
					t.Errorf("it was cut off after %v", took)
				}
				if !strings.HasPrefix(string(answer), c.answer) {
					t.Errorf("it was answered %.200q", answer)
				}
			})
		})
	}
}

// TestUnreadAnswers: who asks for much and reads nothing holds a connection for a minute, not for ever.
func TestUnreadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, dial := inMemory(t, web.Config{})
		conn, err := dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		begin := time.Now()
		for err == nil {
			_, err = io.WriteString(conn, strings.Repeat("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 10))
		}
		if took := time.Since(begin); took > 61*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
