package web_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestSource asks for every file that is to be shown, and compares it with the one on the disk.
func TestSource(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	var want []string
	for _, dir := range []string{"longpoll", "httpstream", "sse", "websocket", "common/wire", "common/hub", "common/request"} {
		names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if !strings.HasSuffix(name, "_test.go") {
				want = append(want, filepath.ToSlash(strings.TrimPrefix(name, "../")))
			}
		}
	}
	modules, err := filepath.Glob("static/transports/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range modules {
		want = append(want, "web/"+filepath.ToSlash(name))
	}
	slices.Sort(want)

	var list struct{ Files []string }
	_, body := s.request("GET", "/source/", nil, "")
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(list.Files, want) {
		t.Errorf("/source/ lists\n%q, want\n%q\n(the patterns are in source.go at the root)", list.Files, want)
	}
	for _, name := range want {
		response, body := s.request("GET", "/source/"+name, nil, "")
		var file struct {
			File      string
			Lines     [][][2]string
			Functions map[string][2]int
		}
		if err := json.Unmarshal(body, &file); err != nil || response.StatusCode != 200 || file.File != name {
			t.Fatalf("%s: %s %v %.100s", name, response.Status, err, body)
		}
		onDisk, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, line := range file.Lines {
			for _, piece := range line {
				text.WriteString(piece[1])
			}
			text.WriteByte('\n')
		}
		if text.String() != string(onDisk) {
			t.Errorf("%s is not what is in the file", name)
		}
		if strings.HasSuffix(name, "/wire.go") && !strings.HasPrefix(name, "common/") {
			lines := file.Functions["AppendFrame"]
			if lines[0] == 0 || file.Lines[lines[0]-1][0] != [2]string{"k", "func"} {
				t.Errorf("%s: AppendFrame is in lines %v", name, lines)
			}
		}
		if strings.HasSuffix(name, "/sse-fetch.js") && file.Functions["Parser.feed"][0] == 0 {
			t.Errorf("%s has %v", name, file.Functions)
		}
	}
	for _, name := range []string{"sse/wire_test.go", "go.mod", "../go.mod", "sse", "sse/", "web/server.go"} {
		if response, _ := s.request("GET", "/source/"+name, nil, ""); response.StatusCode != 404 {
			t.Errorf("%s: %s", name, response.Status)
		}
	}
	if response, _ := s.request("GET", "/source/sse/wire.go", identity, ""); response.Header.Get("ETag") == "" ||
		response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", response.Header)
	}
}
