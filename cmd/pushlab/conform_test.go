package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/probe"
	"pushlab/web"
)

// notAsked is what cannot be asked of our server.
var notAsked = map[string]string{
	"LP-09":   "it shows in the server alone",
	"HTTP-02": "it is for clients",
	"SSE-38":  "it takes an operator",
	"WS-12":   "it takes an operator",

	"HTTP-05":  "it needs TLS",
	"HTTP-06":  "we do not compress",
	"HTTP-08b": "we refuse nobody",
	"PMD-01c":  "we do not compress",
}

// TestOurServerConforms asks our own server everything, in virtual time, so that heartbeats, pings
// and time-outs are waited for.
func TestOurServerConforms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		server, err := web.NewServer(h, web.Config{})
		if err != nil {
			t.Fatal(err)
		}
		l := newMemoryListener()
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx, l) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		urls, _, err := conformTargets(memhttp.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		report, err := probe.Conform(context.Background(), urls, probe.Options{DialContext: l.dial, Timeout: 100 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Endpoints) != 4 {
			t.Fatalf("%d endpoints were asked", len(report.Endpoints))
		}
		for _, e := range report.Endpoints {
			if !e.Pushlab || e.Publish == "" {
				t.Errorf("%s is not taken for a Pushlab server where one can publish", e.URL)
			}
			for _, r := range e.Results {
				switch {
				case r.Outcome == probe.NotApplicable && notAsked[r.ID] == "" && !(e.Transport == "longpoll" && r.ID == "HTTP-01a"):
					t.Errorf("%s %s was not asked: %s", e.Transport, r.ID, r.Note)
				case r.Outcome == probe.Fail, r.Outcome == probe.Warn:
					t.Errorf("%s %s: %s\n%s (%s)\nseen: %s", e.Transport, r.ID, r.Sentence, r.Note, r.Section, r.Seen)
				}
			}
		}
	})
}

// A memoryListener is reached by its dial alone.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := memhttp.Pipe(memhttp.BufferSize)
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// doConform runs the command.
func doConform(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := conformCommand(streams{strings.NewReader(""), &out, &errs})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(ctx)
	return out.String(), err
}

// TestConform asks a server that runs as a process, over TCP and a Unix socket.
func TestConform(t *testing.T) {
	socket := "unix:" + filepath.Join(t.TempDir(), "pushlab.sock")
	server, url := startServer(t, "--listen", socket)
	server.line() // the second listener
	began := time.Now()
	out, err := doConform(t, url)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if err != nil || strings.Contains(out, "FAIL") || strings.Contains(out, "\nwarn") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{url + "/longpoll\n", url + "/httpstream\n", url + "/sse\n", url + "/websocket\n", "\npass  SSE-01 ", "n/a   SSE-38 "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"--only SSE-30,SSE-01 " + url + "/sse", "5 passed, 0 failed, 0 warnings, 0 not applicable"},
		{"--only WS-02a " + url, "1 passed, 0 failed"},
		{"--only WS-02a " + strings.Replace(url, "http", "ws", 1), "1 passed, 0 failed"},
		{"--only LP-10a --transport longpoll " + url, "1 passed, 0 failed"},
		{"--only SSE-34 " + socket, "3 passed, 0 failed"},
		{"--only WS-14 --max-message 1MiB " + url, "1 passed, 0 failed"},
		{"--only SSE-31 --publish " + url + "/publish " + url + "/sse", "1 passed, 0 failed"},
	} {
		if out, err := doConform(t, strings.Fields(c.args)...); err != nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, %s", c.args, err, out)
		}
	}
	out, err = doConform(t, "--json", "--only", "SSE-36a", url+"/sse")
	var report struct {
		Passed    int
		Endpoints []struct {
			Results []struct{ ID, Outcome string }
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.Passed != 1 || report.Endpoints[0].Results[0].Outcome != "pass" {
		t.Errorf("%v, %s", err, out)
	}
}

// TestConformFails asks a server that does wrong, and wants to know who asks.
func TestConformFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer abc" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write([]byte("retry: 3s\ndata: hello\n\n"))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	out, err := doConform(t, "--only", "SSE-30a,SSE-36a", "--timeout", "2s", "--header", "Authorization: Bearer abc", server.URL+"/")
	if err == nil || err.Error() != "a check failed" || errors.As(err, new(*usageError)) {
		t.Error(err)
	}
	for _, want := range []string{"sse, guessed from the content's type", "pass  SSE-30a", "FAIL  SSE-36a", "(WHATWG HTML, section 9.2.6)", `seen: "retry: 3s"`, "1 passed, 1 failed"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	if _, err := doConform(t, server.URL+"/sse"); err == nil || !strings.Contains(err.Error(), "401") {
		t.Error(err)
	}
}

func TestConformMistakes(t *testing.T) {
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	for _, c := range []struct {
		args  string
		usage bool
		want  string // in what it says
	}{
		{"localhost:8080", true, "http://localhost:8080/sse"},
		{"ftp://localhost/", true, "https"},
		{"--transport pigeon http://localhost:1", true, "longpoll"},
		{"--timeout 1s http://localhost:1", true, "too short"},
		{"--timeout -1s http://localhost:1", true, "too short"},
		{"--only SSE-99 http://localhost:1", true, "SSE-99"},
		{"--header nonsense http://localhost:1", true, "Authorization"},
		{"http://" + nowhere.Addr().String(), false, "pushlab serve"},
		{"http://" + nowhere.Addr().String() + "/sse", false, "refused"},
	} {
		out, err := doConform(t, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, new(*usageError)) != c.usage {
			t.Errorf("%s: %v; want a word about %q", c.args, err, c.want)
		}
		if out != "" {
			t.Errorf("%s: printed %q", c.args, out)
		}
	}
}
