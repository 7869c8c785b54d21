package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/common/access"
	"pushlab/web"
)

const token = "a-token-0123456789abcdef"

// file writes a file.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Who can be reached from elsewhere asks for tokens, in both directions, or says that everybody may come.
func TestPublicServersAskForTokens(t *testing.T) {
	publish, both := access.Config{PublishToken: token}, access.Config{PublishToken: token, SubscribeToken: token}
	for _, c := range []struct {
		listen, hosts string
		config        access.Config
		want          string // in the refusal; "": it may start
	}{
		{"localhost:8080", "", access.Config{}, ""},
		{"127.0.0.1:0 [::1]:0 unix:/run/pushlab.sock", "localhost demo.localhost:80 127.0.0.1", access.Config{}, ""},
		{"0.0.0.0:8080", "", access.Config{}, "publish and subscribe"},
		{":8080", "", access.Config{}, "--listen :8080"},
		{"[::]:8080", "", access.Config{}, "--listen [::]:8080"},
		{"192.0.2.1:80", "", access.Config{}, "--jwt-key"},
		{"push.example:80", "", access.Config{}, "--open"},
		{"localhost:0 0.0.0.0:8080", "", access.Config{}, "0.0.0.0"},
		{"localhost:0", "push.example", access.Config{}, "--host push.example"},
		{"localhost:0", "localhost 192.0.2.1", access.Config{}, "--host 192.0.2.1"},
		{"unix:/run/pushlab.sock", "push.example", access.Config{}, "--host push.example"},
		{"0.0.0.0:8080", "", publish, "everybody there could subscribe"},
		{"0.0.0.0:8080", "", access.Config{SubscribeToken: token}, "everybody there could publish"},
		{"0.0.0.0:8080", "push.example", both, ""},
	} {
		control, err := access.New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		o := serveOptions{listen: strings.Fields(c.listen), web: web.Config{Hosts: strings.Fields(c.hosts)}}
		var usage *usageError
		switch err := o.checkPublic(control); {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: %v", c, err)
		}
		o.web.Open = true
		if err := o.checkPublic(control); err != nil {
			t.Errorf("%+v, and --open: %v", c, err)
		}
	}
}

func TestMistakesWithTokens(t *testing.T) {
	tokens, empty, private := file(t, "token", token), file(t, "empty", "\n"), file(t, "key", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")
	for _, c := range []struct{ args, want string }{
		{"serve --listen 0.0.0.0:0", "--open"},
		{"serve --host push.example", "--publish-token-file"},
		{"serve --publish-token short", "openssl rand"},
		{"serve --publish-token " + token + " --publish-token-file " + tokens, "both name a token"},
		{"serve --subscribe-token-file " + empty, "empty"},
		{"serve --subscribe-token-file " + tokens + ".missing", "no such file"},
		{"serve --jwt-key " + tokens + ".missing", "no such file"},
		{"serve --jwt-key " + tokens, "openssl rand"},
		{"serve --jwt-key " + private, "private key"},
		{"serve --jwt-issuer me", "--jwt-key"},
		{"serve --auth-cookie token", "--jwt-key"},
		{"serve --auth-cookie a=b --publish-token " + token, "name of a cookie"},
		{"sub --token-file " + empty + " http://localhost:1", "empty"},
		{"pub --token-file " + tokens + ".missing http://localhost:1 x", "no such file"},
		{"conform --token-file " + tokens + ".missing http://localhost:1", "no such file"},
	} {
		stdout, stderr, code := do(t, "", strings.Fields(c.args)...)
		if code != 2 || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit code %d, %q%q; want a word about %q", c.args, code, stdout, stderr, c.want)
		}
		if strings.Contains(stderr, token) {
			t.Errorf("%s: the token is printed: %s", c.args, stderr)
		}
	}
}

// The tools show a token, from a file or the environment, and a server that wants one is content.
func TestToolsWithAToken(t *testing.T) {
	tokens := file(t, "token", token+"\n")
	server, url := startServer(t, "--source", "none", "--publish-token-file", tokens, "--subscribe-token-file", tokens)
	for _, args := range [][]string{{"pub", url, "hello"}, {"sub", "--count", "1", url}} {
		if _, stderr, code := do(t, "", args...); code != 1 || !strings.Contains(stderr, "401") || !strings.Contains(stderr, "token") {
			t.Errorf("%v without a token: %d %s", args, code, stderr)
		}
	}
	if _, stderr, code := do(t, "", "pub", "--token-file", tokens, url, "hello"); code != 0 {
		t.Errorf("pub: %d %s", code, stderr)
	}
	t.Setenv(tokenVariable, token)
	for _, transport := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		if out, stderr, code := do(t, "", "sub", "--transport", transport, "--count", "1", "--after", "earliest", url); code != 0 || !strings.Contains(out, "hello") {
			t.Errorf("%s: %d %s%s", transport, code, out, stderr)
		}
	}
	if out, stderr, code := do(t, "", "conform", "--only", "SSE-30,SSE-31", url+"/sse"); code != 0 || !strings.Contains(out, "SSE-30a") {
		t.Errorf("conform: %d %s%s", code, out, stderr)
	}
	if text := server.stderr.String(); strings.Contains(text, token) {
		t.Errorf("the server's log has the token: %s", text)
	}
}
