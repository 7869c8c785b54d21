package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// systemdListens listens, as systemd does for a service, and returns the socket to pass on.
func systemdListens(t *testing.T, network, address string) (net.Addr, *os.File) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return l.Addr(), f
}

// startActivated starts pushlab serve with sockets of systemd's.
func startActivated(t *testing.T, sockets []*os.File, args ...string) *process {
	t.Helper()
	// The process's own number has to be known before there is the process: exec keeps that of the shell.
	cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$0" serve --source none "$@"`, os.Args[0]}, args...)...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(sockets)))
	cmd.ExtraFiles = sockets
	return startCommand(t, cmd)
}

// TestSocketActivation: while the server restarts, nobody is refused who comes by a socket of systemd's. They wait, and
// nothing is lost.
func TestSocketActivation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "socket")
	_, unix := systemdListens(t, "unix", path)
	tcp, tcpFile := systemdListens(t, "tcp", "localhost:0")
	serve := func() *process {
		p := startActivated(t, []*os.File{unix, tcpFile}, "--journal", "file:"+filepath.Join(dir, "log"), "--listen", "unix:"+path, "--listen", tcp.String())
		for _, want := range []string{"unix:" + path, "http://" + tcp.String()} {
			if line := p.line(); line != "pushlab: listening on "+want {
				t.Errorf("it says %q, want %s", line, want)
			}
		}
		return p
	}
	first := serve()
	before, stderr, code := do(t, "", "pub", "unix:"+path, "before")
	if code != 0 {
		t.Fatalf("pub: %d %s", code, stderr)
	}
	first.signal(syscall.SIGTERM)
	if code := first.exit(); code != exitDone {
		t.Fatalf("the server ended with %d", code)
	}

	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatalf("there is nobody to connect to: %v", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /sse HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n", strings.TrimSpace(before))
	var publishing sync.WaitGroup
	publishing.Go(func() {
		response, err := http.Post("http://"+tcp.String()+"/publish", "application/json", strings.NewReader(`"meanwhile"`))
		if err != nil {
			t.Error(err)
			return
		}
		response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			t.Errorf("publishing meanwhile is answered %s", response.Status)
		}
	})
	second := serve()
	publishing.Wait()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("who came meanwhile is answered %v, %v", response, err)
	}
	defer response.Body.Close()
	var data []string
	for s := bufio.NewScanner(response.Body); len(data) < 2 && s.Scan(); {
		if text, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			data = append(data, text)
		}
	}
	if len(data) < 2 || !strings.Contains(data[1], `"meanwhile"`) { // behind $open
		t.Errorf("who came meanwhile gets %q", data)
	}
	second.signal(syscall.SIGTERM)
	second.exit()
}

// TestSocketActivationRefused: a socket that no flag names would keep those who connect to it waiting for ever.
func TestSocketActivationRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	_, socket := systemdListens(t, "unix", path)
	p := startActivated(t, []*os.File{socket}, "--listen", "localhost:0")
	if code := p.exit(); code != exitUsage || !strings.Contains(p.stderr.String(), "give --listen unix:"+path) {
		t.Errorf("exit code %d, and it says %q", code, p.stderr.String())
	}
}
