package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxExposure is how much systemd may find to criticise in the unit, in tenths: 100 is a service that may do everything,
// 10 is well within what it calls safe.
const maxExposure = "10"

// TestUnit has systemd check the units, in a folder that stands for the root of a machine: that it understands each line,
// and what the service may do. Once with the socket as the server's, and once as systemd's.
func TestUnit(t *testing.T) {
	type install struct {
		path, content string
		mode          os.FileMode
	}
	service := []install{
		{"etc/systemd/system/pushlab.service", file("systemd/pushlab.service"), 0o644},
		{"usr/local/bin/pushlab", "", 0o755},
	}
	for name, installed := range map[string][]install{
		"pushlab.service": service,
		"pushlab.socket": append(service,
			install{"etc/systemd/system/pushlab.socket", file("systemd/pushlab.socket"), 0o644},
			install{"etc/systemd/system/pushlab.service.d/socket.conf", file("systemd/socket.conf"), 0o644}),
	} {
		root := t.TempDir()
		for _, f := range installed {
			path := filepath.Join(root, f.path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(f.content), f.mode); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{
			{"verify", "--root=" + root, "--man=no", "--recursive-errors=no", name},
			{"security", "--root=" + root, "--offline=yes", "--no-pager", "--threshold=" + maxExposure, "pushlab.service"},
		} {
			out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
			if err != nil {
				t.Errorf("systemd-analyze %s: %v; `make deps` installs it\n%s", strings.Join(args, " "), err, out)
			}
			if args[0] == "verify" && len(out) > 0 {
				t.Errorf("systemd does not like %s:\n%s", name, out)
			}
		}
	}
}
