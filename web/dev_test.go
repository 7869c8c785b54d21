package web_test

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

func TestDev(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("index.html", `<html><head><script src="/app.js"></script></head></html>`)
	write("app.js", "first")
	write("attacker.js", "not here")
	s := serve(t, hub.Config{}, web.Config{Dev: dir})
	get := func(path string) (int, string) {
		response, body := s.request("GET", path, nil, "")
		if got := response.Header.Get("Cache-Control"); response.StatusCode == 200 && got != "no-cache" {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
		return response.StatusCode, string(body)
	}
	const want = `<html><head><script src="/app.js"></script><script type="module" src="/dev/reload.js"></script>` + "\n</head></html>"
	if status, body := get("/"); status != 200 || body != want {
		t.Errorf("%d %s", status, body)
	}
	if _, body := get("/app.js"); body != "first" {
		t.Errorf("app.js is %q", body)
	}
	for _, path := range []string{"/attacker.js", "/nothing.js", "/a/x/app.js", "/../secret", "/.."} {
		if status, _ := get(path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, body := get("/dev/reload.js"); status != 200 || !strings.Contains(body, "location.reload()") {
		t.Errorf("%d %s", status, body)
	}

	response, err := http.Get(s.url + "/dev/reload")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("Content-Type is %q", got)
	}
	lines := bufio.NewScanner(response.Body)
	state := func() string {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatalf("no more messages: %v", lines.Err())
		return ""
	}
	first := state()
	write("app.js", "second version")
	second := state()
	if first == second {
		t.Error("the state is the same after a change")
	}
	if _, body := get("/app.js"); body != "second version" {
		t.Errorf("app.js is %q", body)
	}
	write("more.css", "")
	if third := state(); third == second {
		t.Error("the state is the same with another file")
	}
	if err := s.stop(); err != nil { // it does not wait for the page
		t.Error(err)
	}
}

func TestDevFolder(t *testing.T) {
	if _, err := web.NewServer(hub.New(hub.Config{}), web.Config{Dev: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "web/static") {
		t.Errorf("an empty folder: %v", err)
	}
}
