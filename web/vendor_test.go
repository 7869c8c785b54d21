package web_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVendor checks that the files of others are those that VERSIONS says they are, and that there are no more.
func TestVendor(t *testing.T) {
	const dir = "static/vendor"
	versions, err := os.ReadFile(filepath.Join(dir, "VERSIONS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{"VERSIONS": true}
	library, libraries := "", []string{}
	for lines := bufio.NewScanner(bytes.NewReader(versions)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case len(fields) == 4 && fields[0] == "package":
			library = fields[1]
			libraries = append(libraries, library)
		case len(fields) == 3 && fields[0] == "tarball":
			if sum, err := hex.DecodeString(fields[2]); err != nil || len(sum) != sha256.Size || !strings.HasPrefix(fields[1], "https://") {
				t.Errorf("the tarball of %s is not pinned: %q", library, lines.Text())
			}
		case len(fields) == 3 && fields[0] == "file":
			listed[fields[1]] = true
			content, err := os.ReadFile(filepath.Join(dir, fields[1]))
			if err != nil {
				t.Error(err)
			} else if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != fields[2] {
				t.Errorf("%s is not as it was made; go generate ./web makes it anew", fields[1])
			}
		default:
			t.Errorf("VERSIONS: what is %q?", lines.Text())
		}
	}
	for _, library := range libraries {
		if !listed[library+".LICENSE"] {
			t.Errorf("%s has no licence here", library)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !listed[file.Name()] {
			t.Errorf("%s is not in VERSIONS", file.Name())
		}
	}
}
