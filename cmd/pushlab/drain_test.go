package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestDrain (HTTP-10) ends a server that has a thousand connections of mixed kinds: all are told goodbye, and
// the process exits with 0 in under five seconds.
func TestDrain(t *testing.T) {
	const connections = 1_000
	server, url := startServer(t, "--source", "none", "--log-level", "warn")
	address := strings.TrimPrefix(url, "http://")
	kinds := []struct {
		path, header string
		// farewell checks the connection's last bytes.
		farewell func(head string, body []byte) error
	}{
		{"/longpoll?wait=110", "", func(head string, _ []byte) error {
			for _, want := range []string{"204 No Content", "Retry-After: ", "Connection: close", "Pushlab-Cursor: "} {
				if !strings.Contains(head, want) {
					return fmt.Errorf("%q has no %q", head, want)
				}
			}
			return nil
		}},
		{"/httpstream", "", goodbyeChunk},
		{"/sse", "", goodbyeChunk},
		{"/websocket", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
			func(_ string, body []byte) error {
				closeFrame := []byte{0x88, 2, 0x03, 0xe9} // 1001
				if !bytes.Contains(body, []byte(`"topic":"$bye"`)) || !bytes.HasSuffix(body, closeFrame) {
					return fmt.Errorf("it ends with %q", body)
				}
				return nil
			}},
	}
	var open, done sync.WaitGroup
	open.Add(connections)
	for i := range connections {
		kind := kinds[i%len(kinds)]
		done.Go(func() {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				open.Done()
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", kind.path, kind.header)
			r := bufio.NewReader(c)
			if kind.path[1] != 'l' {
				r.Peek(1) // the stream is open; a poll says nothing yet
			}
			open.Done()
			all, err := io.ReadAll(r)
			if err != nil {
				t.Errorf("%s: %v", kind.path, err)
				return
			}
			head, body, _ := bytes.Cut(all, []byte("\r\n\r\n"))
			if err := kind.farewell(string(head), body); err != nil {
				t.Errorf("%s: %v", kind.path, err)
			}
		})
	}
	open.Wait()
	waitForPolls(t, url, connections/len(kinds))
	begin := time.Now()
	server.signal(syscall.SIGTERM)
	code := server.exit()
	took := time.Since(begin)
	done.Wait()
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %v", code, took)
	}
	t.Logf("%d connections were said goodbye to in %v", connections, took.Round(time.Millisecond))
}

// goodbyeChunk checks that a chunked body is complete.
func goodbyeChunk(_ string, body []byte) error {
	if !bytes.Contains(body, []byte(`"topic":"$bye"`)) || !bytes.HasSuffix(body, []byte("\r\n0\r\n\r\n")) {
		return fmt.Errorf("it ends with %q", body)
	}
	return nil
}

// waitForPolls waits until that many polls wait.
func waitForPolls(t *testing.T, url string, n int) {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	want := fmt.Sprintf("pushlab_streams_open{transport=\"longpoll\"} %d\n", n)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		response, err := http.Get(url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), want) {
			return
		}
	}
	t.Fatal("the polls do not arrive")
}
