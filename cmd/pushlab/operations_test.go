package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// TestOperationsTable: the limits in the operators' guide have the defaults that the program has, and those that have a flag
// are all there.
func TestOperationsTable(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	flags := serveCommand(streams{strings.NewReader(""), io.Discard, io.Discard}).Flags()
	listed := map[string]bool{}
	for line := range strings.Lines(string(guide)) {
		cells := strings.Split(line, "|")
		if len(cells) < 7 || !strings.Contains(cells[2], "`--") {
			continue
		}
		name := strings.Trim(cells[2], " `-")
		listed[name] = true
		switch f := flags.Lookup(name); {
		case f == nil:
			t.Errorf("there is no --%s", name)
		case f.DefValue != strings.TrimSpace(cells[3]):
			t.Errorf("the default of --%s is %s, the guide says %s", name, f.DefValue, strings.TrimSpace(cells[3]))
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if (strings.HasPrefix(f.Name, "max-") || strings.HasSuffix(f.Name, "-rate") || strings.HasSuffix(f.Name, "-deadline")) && !listed[f.Name] {
			t.Errorf("the table has no --%s", f.Name)
		}
	})
	// What is fixed is told by those who know it: see web's TestSlowRequests and request.MaxTopics.
}

// TestLimitFlags: a flag that was given is for loopback too, and 0 takes its limit away.
func TestLimitFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, 200}, {[]string{"--max-connections-per-address", "1"}, 429}, {[]string{"--max-connections-per-address", "0"}, 200},
		{[]string{"--connect-rate", "1/m"}, 429}, {[]string{"--connect-rate", "0"}, 200},
	} {
		_, url := startServer(t, append([]string{"--source", "none", "--log-level", "warn"}, c.args...)...)
		first, err := http.Get(url + "/sse")
		if err != nil {
			t.Fatal(err)
		}
		defer first.Body.Close()
		second, err := http.Get(url + "/sse")
		if err != nil {
			t.Fatal(err)
		}
		defer second.Body.Close()
		if first.StatusCode != 200 || second.StatusCode != c.want {
			t.Errorf("%q: %s and %s", c.args, first.Status, second.Status)
		}
	}
	for _, args := range [][]string{
		{"--max-connections-per-address", "-1"}, {"--max-topics", "0"}, {"--read-deadline", "0s"}, {"--connect-rate", "-1"}, {"--max-header", "0"},
		{"--trust-proxy", "everybody"},
		{"--admin", "0.0.0.0:6060"}, {"--admin", ":6060"}, {"--admin", "192.0.2.1:6060"}, {"--admin", "example.com:6060"}, {"--admin", "6060"},
	} {
		_, stderr, code := do(t, "", append([]string{"serve", "--listen", "localhost:0"}, args...)...)
		if code != exitUsage || stderr == "" {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}

// TestAdminListener: on an address of its own, or a socket that is this user's alone; and gone with the server.
func TestAdminListener(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	for _, address := range []string{"localhost:0", "unix:" + socket} {
		p := start(t, nil, "serve", "--listen", "localhost:0", "--source", "none", "--log-level", "warn", "--admin", address)
		admin, ok := strings.CutPrefix(p.line(), "pushlab: the admin listener is ")
		if !ok {
			t.Fatal("it does not say where the admin listener is")
		}
		public, _ := strings.CutPrefix(p.line(), "pushlab: listening on ")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if strings.HasPrefix(admin, "unix:") {
			client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}
			admin = "http://localhost"
			if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the socket: %v, %v", info.Mode(), err)
			}
		}
		for url, want := range map[string]string{admin + "/debug/pprof/": "goroutine", admin + "/metrics": "pushlab_ready 1"} {
			response, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != 200 || !bytes.Contains(body, []byte(want)) {
				t.Errorf("%s: %s %v %.200s", url, response.Status, err, body)
			}
		}
		response, err := http.Get(public + "/debug/pprof/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 404 {
			t.Errorf("the public listener has profiles: %s", response.Status)
		}
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// TestSecondSignal: the first has the server drain for as long as that takes, the second ends it.
func TestSecondSignal(t *testing.T) {
	const subscribers = 300
	p, url := startServer(t, "--source", "none", "--log-level", "warn", "--drain", "1h")
	var conns []net.Conn
	for range subscribers {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(c, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	p.signal(syscall.SIGTERM)
	for ready := true; ready; {
		response, err := http.Get(url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		ready = response.StatusCode == 200
	}
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	<-p.ended
	took := time.Since(begin)
	var exit *exec.ExitError
	if !errors.As(p.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM || took > 2*time.Second {
		t.Errorf("it ended with %v after %v", p.err, took)
	}
	waiting := 0
	for _, c := range conns {
		// Who was told goodbye reads it before the end.
		if rest, _ := io.ReadAll(c); !bytes.Contains(rest, []byte("$bye")) {
			waiting++
		}
	}
	if waiting == 0 {
		t.Error("all had been told goodbye before the second signal")
	}
}
