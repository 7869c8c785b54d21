package web_test

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/web"
)

// complaints are what the log has of failures.
type complaints struct {
	slog.Handler

	mu   sync.Mutex
	list []string
}

// Enabled implements slog.Handler. A panic that net/http caught is logged at the level of debug.
func (c *complaints) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (c *complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// Handle implements slog.Handler.
func (c *complaints) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	if r.Level >= slog.LevelError || strings.Contains(text, "panic") {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.list = append(c.list, text)
	}
	return nil
}

// take returns what there was since it was last called.
func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

// FuzzRequests sends any bytes to a server, by one connection, as HTTP/1.1, HTTP/2 or nothing of the kind, WebSocket frames
// included. Whatever they are, no handler panics, none fails (500), and when the client has ended, the connection does.
func FuzzRequests(f *testing.F) {
	for _, seed := range requestSeeds() {
		f.Add([]byte(seed))
	}
	log := new(complaints)
	h := hub.New(hub.Config{History: 100})
	server, err := web.NewServer(h, web.Config{
		Echo: true, Compress: true, Demo: true, MaxMessage: 64 << 10, Hosts: []string{"push.example"},
		AllowedOrigins: []string{"https://app.example"}, Version: "fuzz", Logger: slog.New(log),
	})
	if err != nil {
		f.Fatal(err)
	}
	l := memhttp.Listen()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, request []byte) {
		conn, err := l.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		var sending sync.WaitGroup
		sending.Go(func() {
			conn.Write(request) // which fails if the server has heard enough
			conn.(interface{ CloseWrite() error }).CloseWrite()
		})
		answer, err := io.ReadAll(conn)
		conn.Close()
		sending.Wait()
		if err != nil {
			t.Errorf("the connection does not end: %v", err)
		}
		if status, _, _ := bytes.Cut(answer, []byte("\r\n")); bytes.HasPrefix(status, []byte("HTTP/1.")) && bytes.Contains(status, []byte(" 500 ")) {
			t.Errorf("it was answered %s", status)
		}
		for _, complaint := range log.take() {
			t.Error(complaint)
		}
	})
}

// requestSeeds are requests for every endpoint with every parameter and header field that is read, well-formed and not.
func requestSeeds() (seeds []string) {
	ask := func(line, fields, body string) {
		seeds = append(seeds, line+" HTTP/1.1\r\nHost: localhost\r\n"+fields+"\r\n"+body)
	}
	queries := []string{
		"", "?topic=a&topic=chat.room-1&after=earliest&wait=0&limit=1", "?last_event_id=mfrggzdf-42&wait=0", "?after=aaaaaaaa-0&wait=0",
		"?topic=$open", "?topic=", "?topic=a..b", "?after=yesterday", "?after=a-1&last_event_id=b-2", "?wait=-1", "?wait=99999999999999999999",
		"?limit=0", "?limit=x", "?%zz;", "?topic=%ff", "?after=" + strings.Repeat("a", 300) + "-" + strings.Repeat("9", 300),
	}
	for _, path := range []string{"/longpoll", "/httpstream", "/sse"} {
		for _, query := range queries {
			ask("GET "+path+query, "", "")
		}
		ask("GET "+path, "Last-Event-ID: mfrggzdf-42\r\nPrefer: wait=0, respond-async; x=\"a,b\"\r\nOrigin: https://app.example\r\n", "")
		ask("GET "+path, "Last-Event-ID: \xff\xfe\r\nPrefer: wait=\"\r\nAccept-Encoding: gzip;q=x, *;q=0\r\n", "")
		ask("GET "+path, "Content-Length: 5\r\n", "hello")
		ask("HEAD "+path, "", "")
		ask("OPTIONS "+path, "Origin: https://app.example\r\nAccess-Control-Request-Method: GET\r\n", "")
		ask("OPTIONS "+path, "Origin: null\r\nAccess-Control-Request-Method: GET\r\n", "")
		ask("BREW "+path, "", "")
		seeds = append(seeds, "GET "+path+" HTTP/1.0\r\n\r\n", "GET "+path+" HTTP/1.1\r\n\r\n")
	}
	for _, query := range []string{"", "?topic=chat", "?topic=$gap", "?topic=a&topic=b", "?%zz"} {
		ask("POST /publish"+query, "Content-Type: application/json\r\nContent-Length: 9\r\n", ` {"a": 1}`)
	}
	for _, contentType := range []string{"text/plain; charset=utf-8", "text/plain; charset=utf-16", "text/", "image/png", "a;b", `text/plain; charset="`, "\xff/\xff"} {
		ask("POST /publish", "Content-Type: "+contentType+"\r\nTransfer-Encoding: chunked\r\n", "5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n")
	}
	ask("POST /publish", "Content-Type: application/json\r\nContent-Length: 100000\r\n", strings.Repeat("[", 100_000))
	ask("POST /publish", "Content-Type: application/json\r\nContent-Length: 2\r\n", "\"\xff")
	ask("POST /publish", "Content-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 2\r\n", "hi")
	ask("POST /publish", "Content-Type: text/plain\r\nExpect: the unexpected\r\nContent-Length: 2\r\n", "hi")
	ask("POST /publish", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n", "")
	ask("POST /publish", "Content-Encoding: gzip\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n", "\x1f\x8b\x08")
	ask("POST /publish", "Content-Type: text/plain\r\nContent-Length: -1\r\n", "")
	ask("POST /publish", "Content-Type: text/plain\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")
	for _, path := range []string{
		"/", "/healthz", "/readyz", "/metrics", "/version", "/index.html", "/lanes.html", "/minimal", "/minimal/", "/a/0/app.js", "/a//", "/source/",
		"/source/sse/handler.go", "/source/../go.mod", "/lab", "/lab/0123", "/lab/0123/records/1", "/lab/ui.js", "/../../etc/passwd", "//evil.example",
		"/%2e%2e/", "/%00", "/\xff", "/nowhere", "*", "http://localhost/sse?wait=0", "http://evil.example/", "localhost:80",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "CONNECT", "DELETE"} {
			ask(method+" "+path, "Connection: close\r\n", "")
		}
	}
	ask("GET /metrics", "Accept: application/openmetrics-text;version=1.0.0;q=x\r\nAccept-Encoding: zstd, gzip\r\n", "")
	ask("GET /metrics?name[]=x&name[]=\xff", "", "")
	ask("GET /version", "If-None-Match: *\r\nRange: bytes=5-1,,-\r\nIf-Range: x\r\n", "")
	ask("GET /style.css", "If-None-Match: \"\r\nRange: bytes=0-0,1-1,-1\r\nAccept-Encoding: gzip\r\n", "")
	for _, host := range []string{"evil.example", "push.example:1", "[::1]", "[", ":", "localhost.", "127.1", "\xff", "a b", "localhost, localhost"} {
		seeds = append(seeds, "GET /version HTTP/1.1\r\nHost: "+host+"\r\nForwarded: for=x\r\nX-Forwarded-For: ,\r\n\r\n")
	}
	seeds = append(seeds, webSocketSeeds()...)
	get := string(http2Preface()) + string(http2Get(1, "/sse?topic=a")) + string(http2Get(3, "/longpoll?wait=0"))
	seeds = append(seeds,
		get, get+string(http2Frame(http2RstStream, 0, 1, []byte{0, 0, 0, 8})), get+"HTTP/2 no more", string(http2Preface())+string(http2Get(2, "*")),
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n",
		"", "\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET", "GET / HTTP/9.9\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 40_000)+"\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /sse HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",
	)
	return seeds
}

// webSocketSeeds are handshakes, and what may come behind them.
func webSocketSeeds() (seeds []string) {
	shake := func(path, fields, frames string) {
		seeds = append(seeds, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+fields+"\r\n"+frames)
	}
	frame := func(first byte, payload string) string {
		b := []byte{first, 0x80 | byte(len(payload))}
		if len(payload) > 125 {
			b = []byte{first, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload))}
		}
		return string(append(b, 0, 0, 0, 0)) + payload // a mask that is not seen
	}
	for _, path := range []string{"/websocket?topic=a", "/websocket/echo"} {
		for _, message := range []string{
			`{"op":"publish","ref":"7","topic":"chat","data":{"a":1}}`, `{"op":"publish"}`, `{"op":"publish","topic":"$","data":1}`,
			`{"op":"subscribe","ref":8,"topics":["a","b"],"after":"earliest"}`, `{"op":"subscribe","topics":null,"after":"mfrggzdf-1"}`,
			`{"op":"subscribe","topics":[]}`, `{"op":"ping","ref":{"a":[]}}`, `{"op":7}`, `[]`, ``, "\xff", strings.Repeat("[", 60_000),
		} {
			shake(path, "", frame(0x81, message)+frame(0x89, "ping")+frame(0x88, "\x03\xe8bye"))
		}
		for _, frames := range []string{
			frame(0x01, `{"op":`) + frame(0x89, "") + frame(0x80, `"ping"}`), frame(0x80, "from nowhere"), frame(0x82, "binary"), frame(0x83, "reserved"),
			frame(0xc1, "compressed?"), frame(0x88, "\x03"), frame(0x88, "\x00\x00"), "\x81\x05hello", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
			"\x81\xfe\x00\x01mask!", "\x89\xfe\x01\x00", "\xff\xff\xff\xff", "GET / HTTP/1.1\r\n\r\n",
		} {
			shake(path, "", frames)
		}
		for _, content := range []string{`{"op":"ping"}`, strings.Repeat(" ", 1<<20)} {
			shake(path, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", frame(0xc1, deflate(content)))
		}
	}
	shake("/websocket", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8, permessage-deflate;;=\"\r\nSec-WebSocket-Protocol: pushlab.v1, x\r\n", "")
	shake("/websocket", "Sec-WebSocket-Key: short\r\nOrigin: https://evil.example\r\n", "")
	shake("/websocket?after=x", "Content-Length: 3\r\n", "abc")
	return seeds
}

// deflate returns a message as permessage-deflate has it.
func deflate(message string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(fmt.Sprint("the level is a constant: ", err))
	}
	io.WriteString(w, message)
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}
