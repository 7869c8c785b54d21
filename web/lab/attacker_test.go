package lab

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAttackerServesTwoFiles(t *testing.T) {
	const page = "http://localhost:8080"
	handler := Attacker(os.DirFS("../static"), page)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/": {200, "<!doctype html>"}, "/attacker.html": {200, "<!doctype html>"}, "/attacker.js": {200, "WebSocket"},
		"/app.js": {404, ""}, "/index.html": {404, ""}, "/../static.go": {0, ""}, "/attacker.html/": {404, ""},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "http://attacker.localhost"+path, nil))
		if want.status != 0 && w.Code != want.status || w.Code == 200 && !strings.Contains(w.Body.String(), want.text) || want.status == 0 && w.Code == 200 {
			t.Errorf("%s: %d %.100s", path, w.Code, w.Body)
		}
		if w.Code != 200 {
			continue
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasSuffix(policy, "; frame-ancestors "+page) || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: Content-Security-Policy is %q", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "cross-origin",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	for method, status := range map[string]int{"HEAD": 200, "POST": 405, "OPTIONS": 405} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "/attacker.html", nil))
		if w.Code != status {
			t.Errorf("%s: %d, want %d", method, w.Code, status)
		}
	}
	w := httptest.NewRecorder()
	Attacker(fstest.MapFS{}, page).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("without files: %d", w.Code)
	}
}
