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

// TestUnit has systemd check the unit, in a folder that stands for the root of a machine: that it understands each line,
// and what the service may do.
func TestUnit(t *testing.T) {
	root := t.TempDir()
	for _, f := range []struct {
		path, content string
		mode          os.FileMode
	}{
		{"etc/systemd/system/pushlab.service", file("systemd/pushlab.service"), 0o644},
		{"usr/local/bin/pushlab", "", 0o755},
	} {
		path := filepath.Join(root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.content), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"verify", "--root=" + root, "--man=no", "--recursive-errors=no", "pushlab.service"},
		{"security", "--root=" + root, "--offline=yes", "--no-pager", "--threshold=" + maxExposure, "pushlab.service"},
	} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v; `make deps` installs it\n%s", strings.Join(args, " "), err, out)
		}
		if args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd does not like the unit:\n%s", out)
		}
	}
}
