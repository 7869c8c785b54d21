package cluster

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/deploy"
)

// The cluster itself is tested by TestCluster in cmd/pushlab, which has the programs.

// TestReadmeNamesFiles: an operator finds all that there is.
func TestReadmeNamesFiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(string(readme), "("+path+")") {
			t.Errorf("README.md does not name %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnits has systemd check the unit of NATS, and that of a node with what a cluster changes: that it understands each line, and
// that the services may do little.
func TestUnits(t *testing.T) {
	node, err := deploy.Files.ReadFile("systemd/pushlab.service")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		text, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	root := t.TempDir()
	for path, content := range map[string][]byte{
		"etc/systemd/system/pushlab.service":                node,
		"etc/systemd/system/pushlab.service.d/cluster.conf": read("systemd/pushlab-cluster.conf"),
		"etc/systemd/system/nats.service":                   read("systemd/nats.service"),
		"usr/local/bin/pushlab":                             nil,
		"usr/local/bin/nats-server":                         nil,
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, map[bool]os.FileMode{true: 0o755, false: 0o644}[strings.Contains(path, "/bin/")]); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range []string{"pushlab.service", "nats.service"} {
		for _, args := range [][]string{
			{"verify", "--root=" + root, "--man=no", "--recursive-errors=no", unit},
			{"security", "--root=" + root, "--offline=yes", "--no-pager", "--threshold=25", unit}, // they have the network, 2.5 of 10
		} {
			out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
			if err != nil || args[0] == "verify" && len(out) > 0 {
				t.Errorf("systemd-analyze %s: %v; `make deps` installs it\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
}
