package request_test

import (
	"crypto/tls"
	"testing"

	"pushlab/common/request"
)

func TestNormalOrigin(t *testing.T) {
	for origin, want := range map[string]string{
		"http://example.com":        "http://example.com",
		"https://example.com":       "https://example.com",
		"HTTPS://Example.COM":       "https://example.com",
		"http://example.com:80":     "http://example.com",
		"https://example.com:443":   "https://example.com",
		"http://example.com:443":    "http://example.com:443",
		"https://example.com:80":    "https://example.com:80",
		"http://example.com:8080":   "http://example.com:8080",
		"http://127.0.0.1:8080":     "http://127.0.0.1:8080",
		"http://[::1]":              "http://[::1]",
		"http://[::1]:80":           "http://[::1]",
		"http://[::1]:8080":         "http://[::1]:8080",
		"https://[2001:DB8::A]:443": "https://[2001:db8::a]",
	} {
		if got, ok := request.NormalOrigin(origin); !ok || got != want {
			t.Errorf("%s: %q, %v; want %q", origin, got, ok, want)
		}
	}
	for _, origin := range []string{
		"", "null", "*", "example.com", "//example.com", "localhost:8080", "http:", "http://", "http://:80", "http:example.com",
		"http://example.com/", "http://example.com/page", "http://example.com?", "http://example.com?q", "http://example.com#",
		"http://user@example.com", "http://user:secret@example.com", "http://@example.com",
		"http://example.com:port", "http://example.com:80:80", "http://[::1", "http://::1", "http://[fe80::1%25eth0]",
		"http://example.com http://example.org", "http://exam%70le.com", " http://example.com", "http://example.com\n",
		"ws://example.com", "file://", "chrome-extension://abcdef", "about:blank",
	} {
		if got, ok := request.NormalOrigin(origin); ok {
			t.Errorf("%q is an origin: %q", origin, got)
		}
	}
}

func FuzzNormalOrigin(f *testing.F) {
	for _, seed := range []string{"http://example.com:80", "https://[2001:DB8::A]:8443", "null", "http://a%25b", "http://\u0130"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		normal, ok := request.NormalOrigin(origin)
		if !ok {
			if normal != "" {
				t.Fatalf("%q is none, and yet %q", origin, normal)
			}
			return
		}
		if again, ok := request.NormalOrigin(normal); !ok || again != normal {
			t.Errorf("%q gives %q, and that %q, %v", origin, normal, again, ok)
		}
	})
}

func TestOriginAllowed(t *testing.T) {
	listed := []string{"https://app.example", "http://localhost:3000", "HTTPS://Shop.Example:443"}
	for _, c := range []struct {
		name, origin, host string
		tls                bool
		want               bool
	}{
		{"from no page", "", "example.com", false, true},
		{"the server's own page", "http://example.com", "example.com", false, true},
		{"in other case", "http://Example.com", "eXample.com", false, true},
		{"its own, with a port", "http://example.com:8080", "example.com:8080", false, true},
		{"its own, the default port in Host", "http://example.com", "example.com:80", false, true},
		{"its own, the default port in Origin", "http://example.com:80", "example.com", false, true},
		{"its own, over TLS", "https://example.com", "example.com", true, true},
		{"its own, over TLS, the default port in Host", "https://example.com", "example.com:443", true, true},
		{"its own, IPv6", "http://[::1]:8080", "[::1]:8080", false, true},
		{"its own, IPv6, in other case", "http://[2001:db8::a]", "[2001:DB8::A]:80", false, true},
		{"listed", "https://app.example", "example.com", false, true},
		{"listed, with a port", "http://localhost:3000", "example.com", true, true},
		{"listed in another form", "https://shop.example", "example.com", false, true},

		{"another host", "http://evil.example", "example.com", false, false},
		{"a host that begins alike", "http://example.com.evil.example", "example.com", false, false},
		{"a host that ends alike", "http://notexample.com", "example.com", false, false},
		{"a subdomain", "http://www.example.com", "example.com", false, false},
		{"another port", "http://example.com:8080", "example.com", false, false},
		{"no port", "http://example.com", "example.com:8080", false, false},
		{"another scheme", "https://example.com", "example.com", false, false},
		{"another scheme, over TLS", "http://example.com", "example.com", true, false},
		{"another scheme, the port alike", "https://example.com:80", "example.com", false, false},
		{"another name of the same machine", "http://localhost:8080", "127.0.0.1:8080", false, false},
		{"the opaque origin", "null", "example.com", false, false},
		{"the opaque origin, and Host so", "null", "null", false, false},
		{"listed, another scheme", "http://app.example", "example.com", false, false},
		{"listed, another port", "https://app.example:8443", "example.com", false, false},
		{"a path", "http://example.com/", "example.com", false, false},
		{"user information", "http://user@example.com", "example.com", false, false},
		{"user information in Host", "http://example.com", "user@example.com", false, false},
		{"a path in Host", "http://example.com", "example.com/x", false, false},
		{"no Host", "http://example.com", "", false, false},
		{"two origins", "http://example.com https://app.example", "example.com", false, false},
		{"an extension", "chrome-extension://example.com", "example.com", false, false},
	} {
		r := get("", "Origin", c.origin)
		r.Host = c.host
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := request.OriginAllowed(r, listed); got != c.want {
			t.Errorf("%s: Origin %q to Host %q (TLS: %v): %v", c.name, c.origin, c.host, c.tls, got)
		}
	}
}

// Nothing in the list lets a malformed or opaque origin in.
func TestOriginListIsNoPattern(t *testing.T) {
	for _, listed := range []string{"", "*", "null", "https://*", "https://*.example", "https://app.example/"} {
		for _, origin := range []string{"null", "https://app.example"} {
			r := get("", "Origin", origin)
			if request.OriginAllowed(r, []string{listed}) {
				t.Errorf("%q lets %q in", listed, origin)
			}
		}
	}
}
