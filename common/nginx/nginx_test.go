package nginx

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// nginxPatience is how long a test waits for nginx. A test that passes never waits so long.
const nginxPatience = 20 * time.Second

// nginxBefore starts an nginx before a handler, and returns how to make requests through it.
func nginxBefore(t *testing.T, o Options, handler http.HandlerFunc) (*Nginx, *http.Client) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	server := httptest.NewServer(handler)
	ctx, cancel := context.WithTimeout(context.Background(), nginxPatience)
	defer cancel()
	n, err := New()
	if errors.Is(err, ErrNotInstalled) {
		t.Fatal("this test needs nginx: run `make deps`, or install the package nginx")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(ctx, server.Listener.Addr().String(), o); err != nil {
		n.Close()
		t.Fatal(err)
	}
	transport := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return n.Dial(ctx) },
		DisableCompression: true,
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := os.Stat(n.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its folder is left: %v", err)
		}
		server.Close()
		goleak.VerifyNone(t, leaks)
	})
	return n, &http.Client{Transport: transport}
}

// nginxRequest returns a request that ends with the test.
func nginxRequest(t *testing.T, header http.Header) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), nginxPatience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", "http://sse.localhost:40003/sse?after=x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	return r
}

// nginxGet makes such a request.
func nginxGet(t *testing.T, client *http.Client, header http.Header) *http.Response {
	t.Helper()
	response, err := client.Do(nginxRequest(t, header))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// lineByLine writes a short line at once, and the others when it is told to; the response ends when next is closed.
func lineByLine(next <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store, no-transform")
		w.Header().Set("X-Accel-Buffering", "no")
		io.WriteString(w, "first\n")
		for {
			w.(http.Flusher).Flush()
			select {
			case line, ok := <-next:
				if !ok {
					return
				}
				io.WriteString(w, line+"\n")
			case <-r.Context().Done():
				return
			}
		}
	}
}

func TestNginxPassesOnAtOnce(t *testing.T) {
	for name, o := range map[string]Options{
		"no buffering":                    {},
		"buffering, but the server knows": {Buffering: true, ObeyAccel: true},
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan string)
			_, client := nginxBefore(t, o, lineByLine(next))
			lines := bufio.NewScanner(nginxGet(t, client, nil).Body)
			for _, want := range []string{"first", "second", "third"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("%q, %v, want %q", lines.Text(), lines.Err(), want)
				}
				if want != "third" {
					next <- map[string]string{"first": "second", "second": "third"}[want]
				}
			}
			close(next)
		})
	}
}

// TestNginxBuffers shows what the lesson is about: nothing comes, not even the head, until a buffer is full or the
// response ends.
func TestNginxBuffers(t *testing.T) {
	next := make(chan string)
	_, client := nginxBefore(t, Options{Buffering: true}, lineByLine(next))
	come, r := make(chan string), nginxRequest(t, nil)
	go func() {
		defer close(come)
		response, err := client.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			come <- lines.Text()
		}
	}()
	const line = 100
	sent := 0
	for held := true; held; {
		select {
		case next <- strings.Repeat("x", line-1):
			sent += line
		case text, ok := <-come:
			if !ok {
				t.Fatal("nothing came through")
			}
			if text != "first" {
				t.Errorf("%q came first", text)
			}
			held = false
		case <-time.After(nginxPatience):
			t.Fatal("nothing comes through")
		}
	}
	t.Logf("%d bytes were sent when the first ones came through", sent)
	if sent < 3000 {
		t.Errorf("the first bytes came through after %d, before a buffer can have been full", sent)
	}
	close(next)
	for range come { // the rest
	}
}

// TestNginxPassesChunksOn: asked for by HTTP/1.1, what the server sends in chunks is not held.
func TestNginxPassesChunksOn(t *testing.T) {
	_, client := nginxBefore(t, Options{Buffering: true, HTTP11: true}, lineByLine(nil))
	lines := bufio.NewScanner(nginxGet(t, client, nil).Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
}

// TestNginxCompressionBuffers: with gzip, chunks are held as well, but not those of a response that is not buffered.
func TestNginxCompressionBuffers(t *testing.T) {
	next := make(chan string)
	_, client := nginxBefore(t, Options{Buffering: true, HTTP11: true, Gzip: true}, lineByLine(next))
	var ended atomic.Bool
	go func() {
		for range 20 {
			next <- "one more"
		}
		ended.Store(true)
		close(next)
	}()
	nginxGet(t, client, http.Header{"Accept-Encoding": {"gzip"}})
	if !ended.Load() {
		t.Error("the head came before the response had ended")
	}

	_, client = nginxBefore(t, Options{Gzip: true}, lineByLine(nil))
	zipped, err := gzip.NewReader(nginxGet(t, client, http.Header{"Accept-Encoding": {"gzip"}}).Body)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(zipped).ReadString('\n'); line != "first\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// TestNginxReadTimeout: a quiet stream is cut.
func TestNginxReadTimeout(t *testing.T) {
	_, client := nginxBefore(t, Options{ReadTimeout: time.Second}, lineByLine(nil))
	began := time.Now()
	body, err := io.ReadAll(nginxGet(t, client, nil).Body)
	if took := time.Since(began); took < 900*time.Millisecond || took > nginxPatience/2 {
		t.Errorf("it took %v", took)
	}
	if string(body) != "first\n" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v: want a body that breaks off", body, err)
	}
}

// TestNginxCompresses: also what says no-transform, for those who accept it.
func TestNginxCompresses(t *testing.T) {
	for _, on := range []bool{true, false} {
		next := make(chan string)
		_, client := nginxBefore(t, Options{Gzip: on}, lineByLine(next))
		response := nginxGet(t, client, http.Header{"Accept-Encoding": {"gzip"}})
		body := io.Reader(response.Body)
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != on {
			t.Fatalf("gzip %t: Content-Encoding is %q", on, response.Header.Get("Content-Encoding"))
		}
		close(next)
		if on {
			zipped, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = zipped
		}
		if text, err := io.ReadAll(body); err != nil || string(text) != "first\n" {
			t.Errorf("gzip %t: %q, %v", on, text, err)
		}
	}
}

// TestNginxUpgrades: both directions pass after a 101, whatever the buffering, and the Host is that of the client.
func TestNginxUpgrades(t *testing.T) {
	n, _ := nginxBefore(t, Options{Buffering: true}, func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: %s\r\nSeen: %s %s\r\n\r\n",
			r.Header.Get("Upgrade"), r.Header.Get("Connection"), r.Host, r.RequestURI)
		for {
			line, err := buffered.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(conn, strings.ToUpper(line))
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), nginxPatience)
	defer cancel()
	conn, err := n.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	io.WriteString(conn, "GET /websocket?a=%20b HTTP/1.1\r\nHost: websocket.localhost:40004\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 101 || response.Header.Get("Upgrade") != "websocket" ||
		response.Header.Get("Seen") != "websocket.localhost:40004 /websocket?a=%20b" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	for _, text := range []string{"a\n", "b\n"} {
		io.WriteString(conn, text)
		if line, err := in.ReadString('\n'); err != nil || line != strings.ToUpper(text) {
			t.Errorf("%q, %v", line, err)
		}
	}
}

func TestNginxVersion(t *testing.T) {
	n, _ := nginxBefore(t, Options{}, http.NotFound)
	if n.Version == "" || strings.ContainsAny(n.Version, " \n/") {
		t.Errorf("the version is %q", n.Version)
	}
}

func TestNginxAddresses(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1", "example.com:80", "10.0.0.1:80", "localhost:80", "127.0.0.1:80; }", "unix:", "unix:a", "unix:/a;b", "unix:/a b"} {
		if _, err := (Options{}).config(address); err == nil {
			t.Errorf("%q goes into the configuration", address)
		}
	}
	for _, address := range []string{"127.0.0.1:80", "[::1]:8080", "unix:/run/a-b_c.sock"} {
		if config, err := (Options{}).config(address); err != nil || !strings.Contains(string(config), "server "+address+";") {
			t.Errorf("%q: %v\n%s", address, err, config)
		}
	}
}
