package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/tap"
)

// answerer is a server that answers one connection after the other with the next of some bytes, and closes it when close
// says so. It returns its address, and what it was asked.
func answerer(t *testing.T, answers ...string) (address string, asked func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var requests []string
	var serving sync.WaitGroup
	serving.Go(func() {
		for _, answer := range answers {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4<<10)
			n, _ := conn.Read(buf)
			mu.Lock()
			requests = append(requests, string(buf[:n]))
			mu.Unlock()
			io.WriteString(conn, answer)
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return requests
	}
}

var (
	anyTime = regexp.MustCompile(` +\d+\.\d{3} s`)
	anyPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	endings = regexp.MustCompile(`(?m)^━.*━$|^   (▲|▼|each|TCP).*$`)
)

// plain takes out of an output what differs from run to run.
func plain(out string) string {
	out = anyTime.ReplaceAllString(out, " T")
	out = anyPort.ReplaceAllString(out, "ADDRESS")
	return endings.ReplaceAllString(out, "━")
}

// foreignStream is an event stream with an event of that text, and one that is cut by a chunk.
func foreignStream(text string) string {
	first := "retry: 1\nid: 7\ndata: \x1b[31m" + text + "\n\n"
	return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nSet-Cookie: s=secret\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n", len(first), first) + "7\r\ndata: x\r\n2\r\n\n\n\r\n0\r\n\r\n"
}

var update = flag.Bool("update", false, "write what tap shows into testdata")

func TestTap(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	for _, test := range []struct{ name, args string }{
		{"text", ""}, {"hex", "--hex"}, {"explain", "--explain"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address, _ := answerer(t, foreignStream("hello"))
			args := append([]string{"tap", "--count", "2", "--topic", "a.b", "--header", "Host: example.com", "--header", "Authorization: secret"}, strings.Fields(test.args)...)
			out, stderr, code := do(t, "", append(args, "http://"+address+"/events")...)
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d, %s", code, stderr)
			}
			if strings.Contains(out, "secret") || strings.Contains(out, "\x1b") {
				t.Errorf("it shows a secret, or what a terminal obeys:\n%s", out)
			}
			file := filepath.Join("testdata", "tap-"+test.name+".txt")
			got := plain(out)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run the test with -update, and read what it writes", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// TestTapReconnects: it connects again after what the server said, and goes on where it was.
func TestTapReconnects(t *testing.T) {
	address, asked := answerer(t, foreignStream("hello"), foreignStream("hello"))
	out, stderr, code := do(t, "", "tap", "--count", "3", "http://"+address)
	if code != 0 || strings.Count(out, "━━ connection") != 2 || !strings.Contains(out, "connecting again in 1ms, to go on after 7") {
		t.Errorf("%d %s\n%s", code, stderr, out)
	}
	if requests := asked(); len(requests) != 2 || !strings.Contains(requests[1], "Last-Event-ID: 7\r\n") || !strings.HasPrefix(requests[0], "GET /sse HTTP/1.1\r\n") {
		t.Errorf("it asked %q", requests)
	}
}

// TestTapPushlab: every transport of our own server shows the same events.
func TestTapPushlab(t *testing.T) {
	_, address := startServer(t, "--source", "none", "--heartbeat", "100ms")
	for _, text := range []string{"first", "second"} {
		if _, stderr, code := do(t, "", "pub", "--topic", "chat", address, text); code != 0 {
			t.Fatal(stderr)
		}
	}
	for transport, inside := range map[string][]string{
		"longpoll":   {"Prefer: wait=", `answer │ {"events":[`, "▼ body"},
		"httpstream": {"line of JSON │ {", "chunk size │ "},
		"sse":        {"id field │ id: ", `empty line │ \n`},
		"websocket":  {"▼ text frame", "first byte │ 10000001   FIN, text", "▲ close frame", "close code │ 1000", "the server has ended its direction"},
	} {
		t.Run(transport, func(t *testing.T) {
			out, stderr, code := do(t, "", "tap", "--count", "2", "--after", "earliest", address+"/"+transport)
			if code != 0 || stderr != "" {
				t.Errorf("exit code %d, %s", code, stderr)
			}
			for _, want := range append(inside, `"second"`, "▲ request", "▼ response", "of framing") {
				if !strings.Contains(out, want) {
					t.Errorf("there is no %q in\n%s", want, out)
				}
			}
		})
	}

	t.Run("JSON", func(t *testing.T) {
		out, stderr, code := do(t, "", "tap", "--json", "--count", "2", "--after", "earliest", address+"/websocket")
		events := 0
		for line := range strings.Lines(out) {
			var r tap.Record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			for _, m := range r.Messages {
				if m.Kind == tap.EventMessage {
					events++
				}
			}
		}
		if code != 0 || stderr != "" || events != 2 {
			t.Errorf("exit code %d, %d events, %s", code, events, stderr)
		}
	})

	t.Run("ping and signal", func(t *testing.T) {
		p := start(t, nil, "tap", "--transport", "websocket", address)
		for !strings.Contains(p.line(), "▲ pong frame") {
		}
		p.signal(syscall.SIGINT)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		var rest []string
		for line := range p.lines {
			rest = append(rest, line)
		}
		if text := strings.Join(rest, "\n"); !strings.Contains(text, "▲ close frame") || !strings.Contains(text, "of framing") {
			t.Errorf("in the end it shows:\n%s", text)
		}
	})
}

func TestTapTLS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"hello": "there"}`)
	}))
	defer server.Close()
	out, stderr, code := do(t, "", "tap", "--insecure", server.URL+"/page")
	if code != 0 || !strings.Contains(out, "inside TLS 1.3") || !strings.Contains(out, `{"hello": "there"}`) || !strings.Contains(out, "that was no stream") {
		t.Errorf("%d %s\n%s", code, stderr, out)
	}
	if _, stderr, code := do(t, "", "tap", server.URL); code != 1 || !strings.Contains(stderr, "--insecure") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestTapMistakes(t *testing.T) {
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	notFound := httptest.NewServer(http.NotFoundHandler())
	defer notFound.Close()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"tap", 2, "arg"},
		{"tap localhost:8080", 2, "http://localhost:8080"},
		{"tap ftp://localhost", 2, "http://localhost:8080"},
		{"tap --transport pigeon http://localhost:1", 2, "longpoll"},
		{"tap --topic $x http://localhost:1", 2, "topic"},
		{"tap --header x http://localhost:1", 2, "Authorization"},
		{"tap http://" + nowhere.Addr().String(), 1, "pushlab serve"},
		{"tap " + notFound.URL + "/longpoll", 1, "404"},
	} {
		if _, stderr, code := do(t, "", strings.Fields(c.args)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %q; want %d and a word about %q", c.args, code, stderr, c.code, c.want)
		}
	}
}

// TestTapColors: with colours and without the text is the same, and no line is too long.
func TestTapColors(t *testing.T) {
	recorder := tap.New(tap.Config{})
	client, server := net.Pipe()
	defer server.Close()
	conn := recorder.Client(client, "sse")
	var serving sync.WaitGroup
	serving.Go(func() {
		io.WriteString(server, foreignStream("hällo 🙂 "+strings.Repeat("long ", 300)))
		server.Close()
	})
	io.Copy(io.Discard, conn)
	serving.Wait()
	conn.Close()
	batch, err := recorder.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	escape := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for _, width := range []int{40, 60, 200} {
		for _, hex := range []bool{false, true} {
			var texts []string
			for _, color := range []bool{false, true} {
				view := newTapView(tapShow{hex: hex, explain: true, color: color, width: width})
				text := ""
				for _, r := range batch.Records {
					text += view.record(r)
				}
				texts = append(texts, text+view.summary(3))
			}
			if !escape.MatchString(texts[1]) {
				t.Error("there are no colours")
			}
			legend := regexp.MustCompile("(?m)^   heads.*\n")
			trailing := regexp.MustCompile("(?m) +$")
			without := legend.ReplaceAllString(escape.ReplaceAllString(texts[1], ""), "")
			if diff := cmp.Diff(trailing.ReplaceAllString(texts[0], ""), trailing.ReplaceAllString(without, "")); diff != "" {
				t.Errorf("width %d, hex %v (-plain +colours):\n%s", width, hex, diff)
			}
			for line := range strings.Lines(texts[0]) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); strings.Contains(line, "│") && n > max(width, 46) {
					t.Errorf("width %d, but %d: %s", width, n, line)
				}
			}
		}
	}
}
