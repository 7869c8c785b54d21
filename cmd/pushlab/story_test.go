package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pushlab/common/event"
)

// TestStory is the README's: lines go in at one end and come out at the other, by every transport.
func TestStory(t *testing.T) {
	server, url := startServer(t, "--source", "-")
	for _, transport := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		t.Run(transport, func(t *testing.T) {
			sub := start(t, nil, "sub", "--transport", transport, "--after", "earliest", url)
			io.WriteString(server.stdin, "plain "+transport+"\n")
			for {
				e, err := event.ParseEnvelope([]byte(sub.line()))
				if err != nil {
					t.Fatal(err)
				}
				if string(e.Data) == `"plain `+transport+`"` {
					break
				}
			}
			io.WriteString(server.stdin, `{"json": true}`+"\n")
			if e, err := event.ParseEnvelope([]byte(sub.line())); err != nil || string(e.Data) != `{"json":true}` || e.Topic != "message" {
				t.Errorf("got %s, %v", e.Envelope(), err)
			}
			sub.signal(syscall.SIGINT)
			if code := sub.exit(); code != 0 {
				t.Errorf("sub exits with %d", code)
			}
		})
	}
	server.stdin.Close() // the end of a source is not the end of the server
	if out, stderr, code := do(t, "", "pub", url, "still there"); code != 0 {
		t.Errorf("pub: %d %s%s", code, out, stderr)
	}
	server.signal(syscall.SIGTERM)
	if code := server.exit(); code != 0 {
		t.Errorf("serve exits with %d", code)
	}
}

func TestPubAndSub(t *testing.T) {
	_, url := startServer(t, "--source", "none")
	out, stderr, code := do(t, "one\n{\"two\": 2}\n\n", "pub", "--topic", "chat", url, "-")
	ids := strings.Fields(out)
	if code != 0 || len(ids) != 3 {
		t.Fatalf("pub: %d %q %s", code, out, stderr)
	}
	out, stderr, code = do(t, "", "sub", "--count", "3", "--after", "earliest", "--topic", "chat", url)
	want := fmt.Sprintf("{\"id\":%q,\"topic\":\"chat\",\"data\":\"one\"}\n{\"id\":%q,\"topic\":\"chat\",\"data\":{\"two\":2}}\n{\"id\":%q,\"topic\":\"chat\",\"data\":\"\"}\n", ids[0], ids[1], ids[2])
	if code != 0 || out != want {
		t.Errorf("sub: %d %s%s, want %s", code, out, stderr, want)
	}
	out, _, code = do(t, "", "sub", "--transport", "websocket", "--count", "1", "--after", ids[1], url)
	if code != 0 || !strings.Contains(out, ids[2]) {
		t.Errorf("sub after %s: %d %s", ids[1], code, out)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pushlab.sock")
	listen := "unix:" + path
	server := start(t, nil, "serve", "--source", "none", "--listen", listen, "--socket-mode", "0600")
	if got := server.line(); got != "pushlab: listening on "+listen {
		t.Error(got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v", info.Mode(), err)
	}
	if _, stderr, code := do(t, "", "pub", listen, "hello"); code != 0 {
		t.Errorf("pub: %d %s", code, stderr)
	}
	for _, transport := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		if out, stderr, code := do(t, "", "sub", "--transport", transport, "--count", "1", "--after", "earliest", listen); code != 0 || !strings.Contains(out, `"hello"`) {
			t.Errorf("%s: %d %s%s", transport, code, out, stderr)
		}
	}
	// A socket on which a server answers is left alone; one that was left behind is replaced.
	if _, stderr, code := do(t, "", "serve", "--listen", listen); code != 1 || !strings.Contains(stderr, "answers on") {
		t.Errorf("a second server: %d %s", code, stderr)
	}
	server.signal(syscall.SIGKILL)
	server.exit()
	again := start(t, nil, "serve", "--source", "none", "--listen", listen)
	again.line()
	again.signal(syscall.SIGTERM)
	if code := again.exit(); code != 0 {
		t.Errorf("the next server exits with %d", code)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket was left behind")
	}
}

// TestSSESource chains two servers: what one publishes the other passes on.
func TestSSESource(t *testing.T) {
	_, first := startServer(t, "--source", "none")
	_, second := startServer(t, "--source", "sse:"+first+"/sse")
	sub := start(t, nil, "sub", "--topic", "chat", "--after", "earliest", second)
	for {
		// The second server may not be connected yet, and subscribes from now on.
		if _, stderr, code := do(t, "", "pub", "--topic", "chat", first, "hello"); code != 0 {
			t.Fatal(stderr)
		}
		select {
		case line := <-sub.lines:
			if !strings.Contains(line, `"topic":"chat","data":"hello"`) {
				t.Error(line)
			}
			return
		default:
		}
	}
}

func TestMistakes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string // in what it says
	}{
		{"nonsense", 2, "nonsense"},
		{"serve --nonsense", 2, "--nonsense"},
		{"serve extra", 2, "extra"},
		{"serve --source nonsense", 2, "clock"},
		{"serve --source clock:soon", 2, "soon"},
		{"serve --source - --source -", 2, "only one standard input"},
		{"serve --source sse:nowhere", 2, "URL"},
		{"serve --source replay:" + file + ".missing", 2, "missing"},
		{"serve --history 0", 2, "--history"},
		{"serve --history-bytes lots", 2, "64MiB"},
		{"serve --heartbeat -1s", 2, "--heartbeat"},
		{"serve --socket-mode rw", 2, "0660"},
		{"serve --allow-origin example.com", 2, "https://example.com"},
		{"serve --host http://example.com", 2, "example.com"},
		{"serve --log-format xml", 2, "json"},
		{"serve --log-level loud", 2, "loud"},
		{"serve --listen " + taken.Addr().String(), 1, "--listen"},
		{"serve --listen nonsense", 1, "HOST:PORT"},
		{"serve --listen unix:" + file, 1, "no socket"},
		{"serve --listen unix:" + file + "/no/such/folder", 1, "folder"},
		{"serve --listen unix:" + file + ".sock --socket-group nobody-has-this", 1, "--socket-group"},
		{"sub", 2, "arg"},
		{"sub localhost:8080", 2, "http://localhost:8080"},
		{"sub --transport pigeon http://localhost:1", 2, "longpoll"},
		{"sub --topic $x http://localhost:1", 2, "topic"},
		{"sub --after x http://localhost:1", 2, "earliest"},
		{"sub http://" + nowhere.Addr().String(), 1, "pushlab serve"},
		{"pub --topic a..b http://localhost:1 x", 2, "topic"},
		{"pub http://" + nowhere.Addr().String() + " x", 1, "pushlab serve"},
	} {
		stdout, stderr, code := do(t, "", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %q; want %d and a word about %q", c.args, code, stderr, c.code, c.want)
		}
		if stdout != "" {
			t.Errorf("%s: printed %q", c.args, stdout)
		}
	}
}

func TestServerRefusesWhatIsPublished(t *testing.T) {
	_, url := startServer(t, "--source", "none", "--max-message", "10B")
	if _, stderr, code := do(t, "", "pub", url, "more than ten bytes"); code != 1 || !strings.Contains(stderr, "413") {
		t.Errorf("%d %s", code, stderr)
	}
}

func TestEnvironment(t *testing.T) {
	p := start(t, []string{"PUSHLAB_LISTEN=localhost:0;127.0.0.1:0", "PUSHLAB_SOURCE=load:rate=100,size=100;none", "PUSHLAB_LOG_FORMAT=json"}, "serve")
	url := strings.TrimPrefix(p.line(), "pushlab: listening on ")
	p.line() // the second listener
	out, stderr, code := do(t, "", "sub", "--count", "1", url)
	if code != 0 || !strings.Contains(out, `"topic":"load"`) {
		t.Errorf("%d %s%s", code, out, stderr)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(p.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is not JSON: %s", line)
		}
	}
	bad := start(t, []string{"PUSHLAB_HISTORY=many"}, "serve")
	if code := bad.exit(); code != 2 || !strings.Contains(bad.stderr.String(), "PUSHLAB_HISTORY") {
		t.Errorf("%d %s", code, bad.stderr.String())
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]size{"1": 1, "65536": 65536, "10B": 10, "2kB": 2000, "512KiB": 512 << 10, "64MiB": 64 << 20, "1GB": 1e9, "3GiB": 3 << 30} {
		var s size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
		var again size
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%s became %s, and that %d", text, s.String(), again)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "0", "1.5MiB", "99999999999GiB", "1 MiB", "1mib"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q was read as %d", text, s)
		}
	}
}
