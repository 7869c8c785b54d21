package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"pushlab/common/kernel"
)

// TestWire: the server writes in the way that it is told to, says in which, and ends in good order.
func TestWire(t *testing.T) {
	_, missing := kernel.Uring()
	best := "uring"
	if missing != nil {
		best = "write"
	}
	for _, c := range []struct{ flag, want string }{
		{"", best}, {"auto", best}, {"uring", "uring"}, {"write", "write"}, {"goroutine", "goroutine"},
	} {
		t.Run("wire="+c.flag, func(t *testing.T) {
			args := []string{"--source", "none"}
			if c.flag != "" {
				args = append(args, "--wire", c.flag)
			}
			if c.flag == "uring" && missing != nil {
				t.Logf("this system does not offer it: %v", missing)
				_, stderr, code := do(t, "", append([]string{"serve", "--listen", "localhost:0"}, args...)...)
				if code != exitFailed || !strings.Contains(stderr, "--wire uring: kernel: io_uring: ") {
					t.Errorf("serve exits with %d: %s", code, stderr)
				}
				return
			}
			server, url := startServer(t, args...)
			var version struct{ Wire string }
			if err := json.Unmarshal(fetch(t, url+"/version"), &version); err != nil || version.Wire != c.want {
				t.Errorf("/version says %q (%v), want %q", version.Wire, err, c.want)
			}
			if want := "pushlab_wire_info{engine=\"" + c.want + "\"} 1\n"; !strings.Contains(string(fetch(t, url+"/metrics")), want) {
				t.Errorf("/metrics does not say %s", want)
			}
			for _, transport := range []string{"httpstream", "sse", "websocket"} {
				sub := start(t, nil, "sub", "--transport", transport, "--after", "earliest", url)
				if out, stderr, code := do(t, "", "pub", url, transport); code != exitDone {
					t.Fatalf("pub: %d %s%s", code, out, stderr)
				}
				for line := ""; !strings.Contains(line, transport); {
					line = sub.line()
				}
			}
			server.signal(syscall.SIGTERM)
			if code := server.exit(); code != exitDone {
				t.Errorf("serve exits with %d", code)
			}
		})
	}
}

func TestUnknownWire(t *testing.T) {
	_, stderr, code := do(t, "", "serve", "--listen", "localhost:0", "--wire", "pigeon")
	if code != exitUsage || !strings.Contains(stderr, `--wire is "pigeon"; use one of auto, uring, write, goroutine`) {
		t.Errorf("serve exits with %d: %s", code, stderr)
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
