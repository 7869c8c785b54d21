package web

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

//go:embed static
var assets embed.FS

// contentSecurityPolicy lets the page load, and talk to, nothing but this server (CORS-06).
const contentSecurityPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// static serves the page.
func (s *Server) static() echo.HandlerFunc {
	files, err := fs.Sub(assets, "static")
	if err != nil {
		panic("web: " + err.Error()) // the name is a constant
	}
	server := http.FileServerFS(files)
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		name := strings.Trim(r.URL.Path, "/")
		if name == "" {
			name = "."
		}
		info, err := fs.Stat(files, name)
		if err == nil && info.IsDir() {
			_, err = fs.Stat(files, path.Join(name, "index.html")) // folders are not listed
		}
		if err != nil {
			return echo.ErrNotFound
		}
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		server.ServeHTTP(c.Response(), r)
		return nil
	}
}
