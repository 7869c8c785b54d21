package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pushlab/common/client"
)

// startNginx starts nginx on a directory with these files. It returns how to connect to it.
func startNginx(t *testing.T, files map[string]string) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	directory := t.TempDir()
	config, err := os.ReadFile("servers/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	files["nginx.conf"] = strings.ReplaceAll(string(config), "DIRECTORY", directory)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(tool(t, "nginx", "nginx"), "-e", "stderr", "-p", directory, "-c", "nginx.conf")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // it was killed, so that its status says nothing
		if t.Failed() {
			t.Logf("nginx: %s", stderr.Bytes())
		}
	})
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(directory, "socket"))
	}
	until(t, "nginx listens", func() bool {
		c, err := dial(t.Context(), "", "")
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return dial
}

// TestForeignNginx has nginx serve event streams that are plain files.
func TestForeignNginx(t *testing.T) {
	t.Parallel()
	const events = 1000
	var stream, lines strings.Builder
	var want []string
	for n := range events {
		fmt.Fprintf(&stream, "id: %d\nevent: count\ndata: {\"n\":%d}\n\n", n, n)
		fmt.Fprintf(&lines, `{"id":"mfrggzdf-%d","topic":"count","data":{"n":%d}}`+"\n", n, n)
		want = append(want, fmt.Sprintf(`count {"n":%d}`, n))
	}
	opts := client.Options{DialContext: startNginx(t, map[string]string{
		"static.sse":    stream.String(),
		"static.ndjson": lines.String(),
		"static.html":   "<!doctype html>",
	})}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s := &server{process: &process{t: t}, url: "http://localhost", ctx: ctx}

	for _, tt := range []struct {
		path   string
		dial   dial
		cursor string
	}{
		{"/static.sse", dialSSE, "999"},
		{"/moved", dialSSE, "999"},
		{"/static.ndjson", dialHTTPStream, "mfrggzdf-999"},
	} {
		if got, cursor, err := s.read(tt.dial, tt.path, opts); !slices.Equal(got, want) || err != io.EOF || cursor != tt.cursor {
			t.Errorf("%s: %d events, %v and the cursor %q", tt.path, len(got), err, cursor)
		}
	}
	for _, tt := range []struct {
		path      string
		dial      dial
		status    int
		permanent bool
	}{
		{"/static.html", dialSSE, 200, true},
		{"/static.ndjson", dialSSE, 200, true},
		{"/static.sse", dialLongPoll, 200, true},
		{"/static.sse", dialWebSocket, 200, true},
		{"/none.ndjson", dialHTTPStream, 404, true},
		{"/stop", dialSSE, 204, true},
		{"/stop", dialHTTPStream, 204, true},
		{"/busy", dialSSE, 503, false},
		{"/busy", dialLongPoll, 503, false},
		{"/busy", dialWebSocket, 503, false},
	} {
		_, _, err := s.read(tt.dial, tt.path, opts)
		var status *client.StatusError
		if !errors.As(err, &status) || status.Status != tt.status || status.Permanent() != tt.permanent {
			t.Errorf("%s: %v, want status %d", tt.path, err, tt.status)
		}
	}
}
