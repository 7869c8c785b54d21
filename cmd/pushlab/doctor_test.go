package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// doDoctor runs the command.
func doDoctor(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := doctorCommand(streams{strings.NewReader(""), &out, &errs})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(ctx)
	if errs.Len() > 0 {
		t.Errorf("it wrote %q, though nobody looks", errs.String())
	}
	return out.String(), err
}

// TestDoctor asks a server that runs as a process, straight, and through a proxy that drops a header field.
func TestDoctor(t *testing.T) {
	socket := "unix:" + filepath.Join(t.TempDir(), "pushlab.sock")
	server, address := startServer(t, "--listen", socket, "--trust-proxy", "127.0.0.1")
	server.line() // the second listener
	for _, args := range [][]string{{address}, {socket}, {"--publish=false", address}} {
		out, err := doDoctor(t, append(args, "--idle", "1s")...)
		if err != nil || strings.Contains(out, "BROKEN") || !strings.Contains(out, "\nFINE    delay        longpoll, httpstream, sse, websocket: ") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of clients that are gone
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Last-Event-ID")
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	out, err := doDoctor(t, "--idle", "0", "--direct", socket, front.URL)
	if err == nil || err.Error() != "something is broken" || errors.As(err, new(*usageError)) {
		t.Error(err)
	}
	for _, want := range []string{"\nBROKEN  resume       sse: Last-Event-ID", "\n                     nginx:   take out: proxy_set_header Last-Event-ID", ", 1 broken, 0 notes, in "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	out, err = doDoctor(t, "--idle", "0", "--json", front.URL)
	var found struct {
		Broken       int
		Observations []struct{ Check, State string }
	}
	if err == nil || json.Unmarshal([]byte(out), &found) != nil || found.Broken != 1 || found.Observations[0].State != "fine" {
		t.Errorf("%v, %s", err, out)
	}
}

// TestDoctorToken asks through something that wants to know who asks.
func TestDoctorToken(t *testing.T) {
	_, address := startServer(t, "--trust-proxy", "127.0.0.1")
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of clients that are gone
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := doDoctor(t, "--idle", "0", front.URL); err == nil || !strings.Contains(out, "--token-file") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := doDoctor(t, "--idle", "0", "--token-file", file, front.URL); err != nil || strings.Contains(out, "secret") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Setenv(tokenVariable, "secret")
	if out, err := doDoctor(t, "--idle", "0", front.URL); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDoctorTokenDropped asks a server that wants a token through something that drops it.
func TestDoctorTokenDropped(t *testing.T) {
	const token = "a-token-of-more-than-16-characters"
	_, address := startServer(t, "--publish-token", token, "--subscribe-token", token)
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // of clients that are gone
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Authorization")
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	t.Setenv(tokenVariable, token)
	if out, err := doDoctor(t, "--idle", "0", address); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := doDoctor(t, "--idle", "0", "--direct", address, front.URL); err == nil || !strings.Contains(out, `take out: proxy_set_header Authorization "";`) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Setenv(tokenVariable, "wrong")
	if out, err := doDoctor(t, "--idle", "0", address); err == nil || !strings.Contains(out, "give --token-file") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDoctorMistakes(t *testing.T) {
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
		{"localhost:8080", true, "https://example.com"},
		{"ftp://localhost/", true, "https://example.com"},
		{"--direct nonsense http://localhost:1", true, "https://example.com"},
		{"--idle 1ms http://localhost:1", true, "too short"},
		{"--header nonsense http://localhost:1", true, "Authorization"},
		{"--token-file /nowhere http://localhost:1", true, "--token-file"},
		{"http://" + nowhere.Addr().String(), false, "pushlab serve"},
	} {
		out, err := doDoctor(t, strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, new(*usageError)) != c.usage {
			t.Errorf("%s: %v; want a word about %q", c.args, err, c.want)
		}
		if out != "" {
			t.Errorf("%s: printed %q", c.args, out)
		}
	}
}
