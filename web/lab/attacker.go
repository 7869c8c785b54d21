package lab

import (
	"io/fs"
	"net/http"
)

// Attacker serves the page of somebody else, which tries to use a learner's connections. It is served on a port of its
// own, so that it has an origin of its own, and only the page at the origin that is given may show it in a frame. files
// has attacker.html and attacker.js.
func Attacker(files fs.FS, page string) http.Handler {
	mux := http.NewServeMux()
	for path, file := range map[string]struct{ name, contentType string }{
		"GET /{$}":           {"attacker.html", "text/html; charset=utf-8"},
		"GET /attacker.html": {"attacker.html", "text/html; charset=utf-8"},
		"GET /attacker.js":   {"attacker.js", "text/javascript; charset=utf-8"},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			body, err := fs.ReadFile(files, file.name)
			if err != nil {
				http.Error(w, "the attacker's page is missing", http.StatusInternalServerError)
				return
			}
			h := w.Header()
			h.Set("Content-Type", file.contentType)
			h.Set("Content-Security-Policy", attackerPolicy+page)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			// Without these two an isolated page may not show another origin's: WHATWG HTML, section 7.1.4.
			h.Set("Cross-Origin-Embedder-Policy", "require-corp")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
			w.Write(body)
		})
	}
	return mux
}

// attackerPolicy lets the attacker's page reach nothing but ports of this machine. What may show it in a frame comes
// behind it.
const attackerPolicy = "default-src 'none'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
	"connect-src http://localhost:* http://*.localhost:* http://127.0.0.1:* ws://localhost:* ws://*.localhost:* ws://127.0.0.1:*; " +
	"frame-ancestors "
