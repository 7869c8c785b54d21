package web_test

import (
	"context"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/web"
)

// socketPath returns where a test can make a socket: the path of one is short.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pushlab-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
}

// refused checks that a socket is not made, with an error that says all that.
func refused(t *testing.T, path string, socket web.Socket, says ...string) {
	t.Helper()
	l, err := web.Listen(context.Background(), "unix:"+path, socket)
	if err == nil {
		l.Close()
		t.Fatalf("there is a socket %s", path)
	}
	for _, text := range append(says, path) {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
}

// TestSocketIsReplaced: one that a dead server left behind, and no other.
func TestSocketIsReplaced(t *testing.T) {
	path := socketPath(t)
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	live, err := web.Listen(context.Background(), "unix:"+path, web.Socket{Mode: 0o620})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o620 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	refused(t, path, web.Socket{Mode: 0o600}, "a server answers", "stop it")
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the live socket is gone: %v", err)
	}
	c.Close()
}

func TestSocketMistakes(t *testing.T) {
	path := socketPath(t)
	refused(t, filepath.Join(path, "below"), web.Socket{Mode: 0o600}, "there is no folder "+path, "RuntimeDirectory")
	refused(t, path+strings.Repeat("x", 100), web.Socket{Mode: 0o600}, "choose a shorter one")
	refused(t, path, web.Socket{Mode: 0o600, Group: "no-such-group"}, "no-such-group", "--socket-group")
	if _, err := os.Lstat(path); err == nil {
		t.Error("a socket is left, though its group could not be set")
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, web.Socket{Mode: 0o600}, "is no socket")
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file has %q, %v", text, err)
	}
}
