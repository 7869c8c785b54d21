package web

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"pushlab/common/request"
)

//go:generate go -C ../tools run ./vendorjs -out ../web/static/vendor
//go:generate go run ../bench/excerpt -result ../docs/study/result.json.gz -out static/lessons/study.js
//go:generate go -C ../tools run ./bundlejs -dir ../web/static

//go:embed static
var embedded embed.FS

const (
	frontPage   = "index.html"        // of the demo
	bundledPage = "bundle/index.html" // the same, in few files: what is served unless somebody works on it
	plainPage   = "lanes.html"        // needs no more than the transports
	hashed      = "/a/"               // what is below it, and below the hash of everything, never changes
)

// pageFiles returns the page's files as they are in the program.
func pageFiles() fs.FS {
	files, err := fs.Sub(embedded, "static")
	if err != nil {
		panic("web: " + err.Error()) // the name is a constant
	}
	return files
}

// embeddedAssets are read once, for all servers of this process.
var embeddedAssets = sync.OnceValue(func() *assets {
	t, err := readAssets(pageFiles())
	if err != nil {
		panic("web: " + err.Error()) // memory can be read
	}
	return t
})

// files are what the page is made of.
type files interface {
	asset(name string) *asset // nil if there is none of that name
	version() string          // the hash of all of them; "" if they may change
}

// attackers reports whether a file is the attacker's, who has a server of his own.
func attackers(name string) bool { return strings.HasPrefix(name, "attacker.") }

// mountPage serves the page.
func (s *Server) mountPage(e *echo.Echo) error {
	get(e, "/source/*", s.source)
	if s.config.Dev != "" {
		return s.mountDev(e, s.config.Dev)
	}
	s.page = s.static(embeddedAssets())
	get(e, "/*", s.page)
	return nil
}

// static serves the page. Below a path with the hash of everything in it files are kept for good; under their own
// names, for those who read them, they are asked for each time.
func (s *Server) static(page files) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		name, keep := strings.TrimPrefix(r.URL.Path, "/"), false
		if rest, ok := strings.CutPrefix(r.URL.Path, hashed); ok {
			hash, file, _ := strings.Cut(rest, "/")
			if hash != page.version() {
				return &request.Problem{Status: http.StatusNotFound, Parameter: "path",
					Detail: "this is from another version of the page; load the page again"}
			}
			name, keep = file, true
		}
		if name == "" {
			name = s.front(r, page)
		}
		if strings.HasSuffix(name, "/") {
			name += "index.html"
		}
		file := page.asset(name)
		// What is not clean could lead elsewhere: a browser takes /\\example.com/ for another host.
		if file == nil && name == path.Clean(name) && page.asset(path.Join(name, "index.html")) != nil {
			return c.Redirect(http.StatusMovedPermanently, r.URL.Path+"/")
		}
		if file == nil {
			return echo.ErrNotFound
		}
		// A worker has the policy that came with its script, which may be kept from when there was no demo.
		protect(h, s.demo(r) || keep)
		if keep {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			h.Set("Cache-Control", "no-cache")
		}
		file.serve(c.Response(), r)
		return nil
	}
}

// front returns the page at /.
func (s *Server) front(r *http.Request, page files) string {
	switch {
	case !s.demo(r) && page.asset(plainPage) != nil:
		return plainPage
	case page.version() != "" && page.asset(bundledPage) != nil:
		return bundledPage
	default:
		return frontPage
	}
}

// demo reports whether a request is answered with the demo.
func (s *Server) demo(r *http.Request) bool {
	return s.config.Demo && fromHere(r)
}

// protect sets what keeps a page to itself.
func protect(h http.Header, demo bool) {
	policy := contentSecurityPolicy
	if demo {
		policy += demoPolicy
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	// These three isolate the page: WHATWG HTML, section 7.1.3. Its clock then has steps of 5 us instead of 100.
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// contentSecurityPolicy lets the page load, and talk to, nothing but this server (CORS-06).
const contentSecurityPolicy = "default-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; " +
	"frame-ancestors 'none'; object-src 'none'"

// demoPolicy lets the demo's page talk to its lanes too, which are other ports of this machine, and show the attacker's
// page.
var demoPolicy = func() string {
	connect := "; connect-src 'self'"
	for _, scheme := range []string{"http", "https", "ws", "wss"} {
		connect += fmt.Sprintf(" %[1]s://localhost:* %[1]s://*.localhost:* %[1]s://127.0.0.1:*", scheme)
	}
	return connect + "; frame-src http://localhost:* http://*.localhost:*"
}()
