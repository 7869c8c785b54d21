package request

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// OriginAllowed reports whether a page of the request's origin may use the answer: the server's own
// pages, and those of the listed origins. A request without Origin comes from no page. Scheme, host
// and port are compared, RFC 6454, section 5 (CORS-03), in the form of NormalOrigin; the opaque
// origin "null" is nobody's.
//
// The server's own scheme is that of the connection: behind a proxy that ends TLS, list the public
// origin.
func OriginAllowed(r *http.Request, listed []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	normal, ok := NormalOrigin(origin)
	if !ok {
		return false
	}
	if own, ok := NormalOrigin(scheme + "://" + r.Host); ok && own == normal {
		return true
	}
	return slices.ContainsFunc(listed, func(origin string) bool {
		other, ok := NormalOrigin(origin)
		return ok && other == normal
	})
}

// NormalOrigin brings an origin into the form in which it is compared: lower case, without the
// scheme's default port. It reports whether the text is an origin, and of the web at all.
func NormalOrigin(origin string) (string, bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || strings.ContainsAny(origin, "?#%") {
		return "", false // an origin has no more than scheme, host and port (RFC 6454, section 6.2)
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" {
		return "", false
	}
	host := strings.ToLower(u.Hostname())
	if p := u.Port(); p != "" && p != port {
		return u.Scheme + "://" + net.JoinHostPort(host, p), true
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host, true
}
