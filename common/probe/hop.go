package probe

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"
)

// A Hop is something between us and the server.
type Hop struct {
	// Name is the product, or the value of Via if that is not known.
	Name string
	// Seen is the header field, or the page, by which it was recognized.
	Seen string
}

// Names of hops whose directives we know.
const (
	nginxHop   = "nginx"
	haproxyHop = "HAProxy"
	apacheHop  = "Apache"
	caddyHop   = "Caddy"
	varnishHop = "Varnish"
)

// A sign is a header field by which a hop is known. Our server has none of them.
type sign struct {
	field string
	has   string // in the value, in lower case; "" is any value
	hop   string
}

var signs = []sign{
	{"Server", "openresty", nginxHop},
	{"Server", "nginx", nginxHop},
	{"Server", "apache", apacheHop}, // but see Traffic Server, whose name is ATS there
	{"Server", "haproxy", haproxyHop},
	{"Server", "caddy", caddyHop},
	{"Via", "caddy", caddyHop},
	{"X-Varnish", "", varnishHop},
	{"Via", "varnish", varnishHop},
	{"Server", "cloudflare", "Cloudflare"},
	{"Cf-Ray", "", "Cloudflare"},
	{"Via", "cloudfront", "CloudFront"},
	{"X-Amz-Cf-Id", "", "CloudFront"},
	{"Server", "awselb", "AWS load balancer"},
	{"Via", "1.1 google", "Google load balancer"},
	{"Server", "envoy", "Envoy"},
	{"X-Envoy-Upstream-Service-Time", "", "Envoy"},
	{"Via", "squid", "Squid"},
	{"Server", "ats/", "Traffic Server"},
	{"Server", "lighttpd", "lighttpd"},
	{"Server", "h2o", "H2O"},
	{"Via", "vegur", "Heroku"},
	{"X-Served-By", "cache-", "Fastly"},
}

// recognize tells the hops from the header fields that they add.
func recognize(heads []http.Header) (hops []Hop) {
	known := make(map[string]bool)
	add := func(name, field, value string) {
		if !known[name] {
			known[name] = true
			hops = append(hops, Hop{name, field + ": " + value})
		}
	}
	for _, head := range heads {
		for _, s := range signs {
			for _, value := range head.Values(s.field) {
				if strings.Contains(strings.ToLower(value), s.has) {
					add(s.hop, s.field, value)
				}
			}
		}
		for _, value := range head.Values("Via") { // RFC 9110, section 7.6.3
			named := false
			for _, s := range signs {
				named = named || s.field == "Via" && strings.Contains(strings.ToLower(value), s.has)
			}
			if !named {
				add("a hop", "Via", value)
			}
		}
	}
	return hops
}

// pages tell a hop by what it answers to a request that is malformed.
var pages = []struct{ has, hop string }{
	{"<center>nginx", nginxHop},
	{"Your browser sent an invalid request.", haproxyHop},
	{"Your browser sent a request that this server could not understand", apacheHop},
}

// provoke sends a malformed request, which the first hop answers by itself, and remembers by whose page.
func (w *way) provoke(ctx context.Context) {
	t := w.target("")
	c, err := t.dial(ctx)
	if err != nil {
		return
	}
	defer c.close()
	// RFC 9112, section 5.1: a field has a colon behind its name, and no space before that.
	a, err := c.exchange([]byte("GET / HTTP/1.1\r\nHost: "+t.URL.Host+"\r\nthis is malformed, to see who says so\r\n\r\n"), http.MethodGet)
	if err != nil {
		return
	}
	content, _ := a.content(time.Now().Add(opening)) // what has come of it will do
	for _, p := range pages {
		if bytes.Contains(content, []byte(p.has)) {
			w.page = append(w.page, Hop{p.hop, "its page for a malformed request"})
			return
		}
	}
	w.saw(a) // its Server field, perhaps
}
