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

// TestUnit starts the server as systemd would: by the command in the unit, with another socket, and a group that the
// user of the test is in.
func TestUnit(t *testing.T) {
	unit, err := deploy.Files.ReadFile("systemd/pushlab.service")
	if err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(string(unit), "\nExecStart=/usr/local/bin/pushlab ")
	command, _, _ = strings.Cut(command, "\n")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "pushlab.sock")
	command = strings.NewReplacer(proxies.Socket, socket, "www-data", group.Name).Replace(command)
	p := start(t, nil, strings.Fields(command)...)
	if line := p.line(); line != "pushlab: listening on unix:"+socket {
		t.Error(line)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	if out, stderr, code := do(t, "", "pub", "unix:"+socket, "hello"); code != 0 {
		t.Errorf("pub: %d %s%s", code, out, stderr)
	}
}
