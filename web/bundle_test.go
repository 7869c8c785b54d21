package web_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const bundleFolder = "static/bundle"

// TestBundle checks that the bundle is made of what there is, and that it is as it was made.
func TestBundle(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(bundleFolder, "SOURCES"))
	if err != nil {
		t.Fatalf("%v: run go generate ./web", err)
	}
	listed := map[string]bool{"SOURCES": true}
	check := func(file, sum, complaint string) {
		t.Helper()
		content, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: run go generate ./web", err)
		} else if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s %s: run go generate ./web", file, complaint)
		}
	}
	pinned, err := os.ReadFile("../tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sources, tools := 0, 0
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case len(fields) == 3 && fields[0] == "tool":
			tools++
			if require := "\t" + fields[1] + " " + fields[2] + "\n"; !bytes.Contains(pinned, []byte(require)) {
				t.Errorf("the bundle was made by %s %s, which is not the version in tools/go.mod: run go generate ./web", fields[1], fields[2])
			}
		case len(fields) == 3 && fields[0] == "source":
			sources++
			check(filepath.Join("static", fields[1]), fields[2], "has changed since the bundle was made")
		case len(fields) == 3 && fields[0] == "file":
			listed[fields[1]] = true
			check(filepath.Join(bundleFolder, fields[1]), fields[2], "is not as it was made")
		default:
			t.Errorf("SOURCES: what is %q?", lines.Text())
		}
	}
	if tools != 1 {
		t.Errorf("SOURCES names %d bundlers, want the one that made the bundle", tools)
	}
	if sources < 50 {
		t.Errorf("the bundle is made of %d files only", sources)
	}
	files, err := os.ReadDir(bundleFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !listed[file.Name()] {
			t.Errorf("%s/%s is not in SOURCES: run go generate ./web", bundleFolder, file.Name())
		}
	}
}

// TestBundleMaps checks that who looks at a bundle is led to the modules that can be read, and to the licences of others.
func TestBundleMaps(t *testing.T) {
	maps, err := filepath.Glob(bundleFolder + "/*.map")
	if err != nil || len(maps) == 0 {
		t.Fatalf("there are no source maps: %v", err)
	}
	for _, file := range maps {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sourceMap struct{ Sources, SourcesContent []string }
		if err := json.Unmarshal(text, &sourceMap); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		bundled, err := os.ReadFile(strings.TrimSuffix(file, ".map"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "sourceMappingURL=" + filepath.Base(file); !bytes.Contains(bundled, []byte(want)) {
			t.Errorf("%s has no %s", strings.TrimSuffix(file, ".map"), want)
		}
		if len(sourceMap.SourcesContent) > 0 {
			t.Errorf("%s has the sources in it, which are served beside", file)
		}
		for _, source := range sourceMap.Sources {
			name := path.Join(bundleFolder, source)
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			library, vendored := strings.CutPrefix(strings.TrimSuffix(source, path.Ext(source)), "../vendor/")
			if vendored && !bytes.Contains(bundled, []byte("see vendor/"+library+".LICENSE")) {
				t.Errorf("%s does not say what licence %s has", strings.TrimSuffix(file, ".map"), library)
			}
		}
	}
}
