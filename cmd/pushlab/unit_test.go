package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/common/proxies"
	"pushlab/deploy"
)

// TestUnit starts the server as systemd would: by the command in the unit, with tokens in a folder, another socket, and a
// group that the user of the test is in.
func TestUnit(t *testing.T) {
	unit, err := deploy.Files.ReadFile("systemd/pushlab.service")
	if err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(string(unit), "\nExecStart=/usr/local/bin/pushlab ")
	command, _, _ = strings.Cut(strings.ReplaceAll(command, "\\\n", ""), "\n")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "pushlab.sock")
	for _, name := range []string{"publish", "subscribe"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("token-to-"+name+"-with-32-characters\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command = strings.NewReplacer(proxies.Socket, socket, "www-data", group.Name, "%d", dir).Replace(command)
	p := start(t, nil, strings.Fields(command)...)
	if line := p.line(); line != "pushlab: listening on unix:"+socket {
		t.Error(line)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if out, stderr, code := do(t, "", "pub", "unix:"+socket, "hello"); code == 0 {
		t.Errorf("anybody may publish: %s%s", out, stderr)
	}
	if out, stderr, code := do(t, "", "pub", "--token-file", filepath.Join(dir, "publish"), "unix:"+socket, "hello"); code != 0 {
		t.Errorf("pub: %d %s%s", code, out, stderr)
	}
	if out, stderr, code := do(t, "", "sub", "--token-file", filepath.Join(dir, "subscribe"), "--after", "earliest", "--count", "1", "unix:"+socket); code != 0 {
		t.Errorf("sub: %d %s%s", code, out, stderr)
	}
}
