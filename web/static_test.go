package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

// identity asks for no compression, which http.Client would undo by itself.
var identity = http.Header{"Accept-Encoding": {"identity"}}

// hashedPath finds where a page loads from.
var hashedPath = regexp.MustCompile(`"(/a/[0-9a-f]{20}/)([^"]+)"`)

// byOwnName finds what a page loads without a hash.
var byOwnName = regexp.MustCompile(`(?:src|href)="(/[^"]*\.(?:js|css|svg))"`)

func TestStaticHashedPaths(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	for _, page := range []string{"/bundle/index.html", "/index.html", "/lanes.html"} {
		response, body := s.request("GET", page, identity, "")
		if response.StatusCode != 200 {
			t.Errorf("%s: %s", page, response.Status)
			continue
		}
		if got := response.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control is %q: a new version would not be seen", page, got)
		}
		references := hashedPath.FindAllSubmatch(body, -1)
		if len(references) < 3 { // icon, style, script
			t.Errorf("%s loads %q by hash", page, references)
		}
		for _, m := range references {
			kept, keptBody := s.request("GET", string(m[1])+string(m[2]), identity, "")
			if got := kept.Header.Get("Cache-Control"); kept.StatusCode != 200 || got != "public, max-age=31536000, immutable" {
				t.Errorf("%s: %s, Cache-Control %q", m[0], kept.Status, got)
			}
			plain, plainBody := s.request("GET", "/"+string(m[2]), identity, "")
			if got := plain.Header.Get("Cache-Control"); plain.StatusCode != 200 || got != "no-cache" {
				t.Errorf("/%s: %s, Cache-Control %q", m[2], plain.Status, got)
			}
			if !bytes.Equal(keptBody, plainBody) {
				t.Errorf("%s and /%s differ", m[0], m[2])
			}
		}
		for _, m := range byOwnName.FindAllSubmatch(hashedPath.ReplaceAll(body, nil), -1) {
			t.Errorf("%s loads %s, which is not there", page, m[1])
		}
	}
	// What a script loads relative to itself is below the same hash.
	_, body := s.request("GET", "/", identity, "")
	base := string(hashedPath.FindSubmatch(body)[1])
	for path, want := range map[string]int{
		base + "transports/sse.js":  200,
		base + "vendor/lit-html.js": 200,
		base + "nothing.js":         404,
		base + "attacker.js":        404,
		base:                        200,
		"/a/00000000000000000000/transports/sse.js": 404,
		"/a/":            404,
		"/a":             404,
		"/transports/":   404, // folders are not listed
		"/minimal/":      200,
		"/../static.go":  404,
		"/attacker.html": 404,
		"/attacker.js":   404,
		"/dev/reload":    404,
	} {
		if response, _ := s.request("GET", path, nil, ""); response.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
}

func TestStaticPages(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	same := func(a, b string) {
		t.Helper()
		_, first := s.request("GET", a, nil, "")
		_, second := s.request("GET", b, nil, "")
		if !bytes.Equal(first, second) {
			t.Errorf("%s and %s differ", a, b)
		}
	}
	same("/", "/lanes.html") // there is no demo
	same("/minimal/", "/minimal/index.html")
	same("/minimal", "/minimal/")
	for _, path := range []string{"/%5Cevil.example%2f..%2fminimal", "/%09/evil.example%2f..%2fminimal", "/minimal//minimal/.."} {
		if response, _ := s.request("GET", path, nil, ""); response.StatusCode != 404 {
			t.Errorf("%s: %s, Location %q", path, response.Status, response.Header.Get("Location"))
		}
	}
	if response, _ := s.request("HEAD", "/", nil, ""); response.StatusCode != 200 {
		t.Errorf("HEAD: %s", response.Status)
	}
}

// TestStaticDemo: the demo is for this machine's names alone, and needs to talk to other ports.
func TestStaticDemo(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Demo: true, Hosts: []string{"example.com"}})
	_, front := s.request("GET", "/bundle/index.html", nil, "")
	_, plain := s.request("GET", "/lanes.html", nil, "")
	for host, demo := range map[string]bool{"localhost:8080": true, "127.0.0.1": true, "a.localhost": true, "example.com": false} {
		response, body := s.request("GET", "/", http.Header{"Host": {host}}, "")
		if demo && !bytes.Equal(body, front) || !demo && !bytes.Equal(body, plain) {
			t.Errorf("%s gets the other page", host)
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, part := range []string{"; connect-src 'self' ", " ws://*.localhost:* ", " http://127.0.0.1:* ", "; frame-src http://localhost:* http://*.localhost:*"} {
			if strings.Contains(policy, part) != demo {
				t.Errorf("%s: Content-Security-Policy is %q", host, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || !strings.HasPrefix(policy, "default-src 'self'; worker-src 'self'; ") {
			t.Errorf("%s: Content-Security-Policy is %q", host, policy)
		}
	}
	// The page's folder lab is beside the labs.
	if response, _ := s.request("GET", "/lab/session.js", nil, ""); response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("/lab/session.js: %s", response.Status)
	}
	if response, _ := s.request("GET", "/lab/kinds", nil, ""); response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/json" {
		t.Errorf("/lab/kinds: %s %v", response.Status, response.Header)
	}
}

func TestStaticHeaders(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	for path, contentType := range map[string]string{
		"/":                   "text/html; charset=utf-8",
		"/lanes.js":           "text/javascript; charset=utf-8",
		"/lanes.css":          "text/css; charset=utf-8",
		"/icon.svg":           "image/svg+xml",
		"/vendor/VERSIONS":    "text/plain; charset=utf-8",
		"/vendor/lit-html.js": "text/javascript; charset=utf-8",
	} {
		response, _ := s.request("GET", path, nil, "")
		for name, want := range map[string]string{
			"Content-Type":                 contentType,
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Embedder-Policy": "require-corp",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "localhost") {
			t.Errorf("%s: without the demo, Content-Security-Policy is %q", path, policy)
		}
	}
}

func TestStaticConditional(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	plain, _ := s.request("GET", "/lanes.js", identity, "")
	zipped, _ := s.request("GET", "/lanes.js", http.Header{"Accept-Encoding": {"gzip"}}, "")
	tag, zippedTag := plain.Header.Get("ETag"), zipped.Header.Get("ETag")
	if tag == "" || tag == zippedTag {
		t.Errorf("the tags are %s and, in gzip, %s", tag, zippedTag)
	}
	for _, c := range []struct {
		tag, coding string
		status      int
	}{
		{tag, "identity", 304}, {zippedTag, "gzip", 304}, {tag, "gzip", 200}, {`"other"`, "identity", 200},
	} {
		response, body := s.request("GET", "/lanes.js", http.Header{"If-None-Match": {c.tag}, "Accept-Encoding": {c.coding}}, "")
		if response.StatusCode != c.status || c.status == 304 && len(body) > 0 {
			t.Errorf("%+v: %s, %d bytes", c, response.Status, len(body))
		}
	}
}

// TestStaticCompression: HTTP-06. What is compressed depends on Accept-Encoding, and says so.
func TestStaticCompression(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	_, want := s.request("GET", "/lanes.js", identity, "")
	for accept, zipped := range map[string]bool{
		"":                         false,
		"gzip":                     true,
		"GZIP":                     true,
		"gzip, deflate, br, zstd":  true,
		"br;q=1.0, gzip;q=0.8":     true,
		"br;q=1.0, gzip ; q = 0.8": true,
		"*":                        true,
		"*;q=0.1":                  true,
		"gzip;q=0":                 false,
		"gzip;q=0.000, *":          false,
		"gzip;q=nonsense":          false,
		"deflate, br":              false,
		"identity":                 false,
		"identity, gzip;q=0.5":     false,
		"identity;q=0.5, gzip":     true,
		"identity;q=0, *;q=0.5":    true,
		"xgzip":                    false,
	} {
		response, body := s.request("GET", "/lanes.js", http.Header{"Accept-Encoding": {accept}}, "")
		if got := response.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip is %t, want %t", accept, got, zipped)
		}
		if vary := strings.Join(response.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%q: Vary is %q", accept, vary)
		}
		if zipped {
			r, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Errorf("%q: %v", accept, err)
				continue
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Errorf("%q: %v", accept, err)
			}
		}
		if !bytes.Equal(body, want) {
			t.Errorf("%q: another file", accept)
		}
	}
}
