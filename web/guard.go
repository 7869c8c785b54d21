package web

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pushlab/common/request"
)

// checkHost refuses requests for names that are not ours. A page of another site whose name was
// made to point here (DNS rebinding) counts as our own for the browser; only Host tells. A request
// without Host is HTTP/1.0, which no browser speaks.
func (s *Server) checkHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if host := c.Request().Host; host != "" && !s.config.Open && !localHost(host) && !s.ourHost(host) {
			return &request.Problem{
				Status: http.StatusMisdirectedRequest, Parameter: "Host",
				Detail: fmt.Sprintf("this server does not answer for %.100q; start it with --host NAME, or --open for all names", host),
			}
		}
		return next(c)
	}
}

// validHost reports whether a Host field could have that value.
func validHost(host string) bool {
	name := hostname(host)
	if strings.Contains(host, "/") { // a URL, perhaps
		return false
	}
	return net.ParseIP(name) != nil || name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// endUpgrades closes the connection behind an answer to a request for an upgrade that is not granted. A proxy may copy bytes
// without a look from that request on, so that what follows could be a request that it would not have passed on like that.
func endUpgrades(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r := c.Request(); r.ProtoMajor != 1 || r.Header.Get("Upgrade") == "" {
			return next(c)
		}
		h := c.Response().Header()
		end := func() {
			if h.Get("Connection") != "close" {
				h["Connection"] = append([]string{"close"}, h["Connection"]...) // beside Upgrade, which 426 lists: RFC 9110, section 7.8
			}
		}
		c.Response().Before(end) // whoever takes the connection over does not come by here
		err := next(c)
		if err == nil && !c.Response().Committed {
			end() // of an answer that net/http begins by itself, since there was nothing to say
		}
		return err
	}
}

// limitBody gives a request's content its time. What refuses a request early needs it too: net/http
// reads what is left of the content before it answers.
func (s *Server) limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if r := c.Request(); r.ContentLength != 0 {
			// Not every writer has deadlines; those of net/http do.
			control := http.NewResponseController(c.Response())
			control.SetReadDeadline(time.Now().Add(s.config.ReadDeadline))
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				if problem := s.skipBody(r.Body); problem != nil {
					return problem
				}
				control.SetReadDeadline(time.Time{}) // the answer may last
			}
		}
		return next(c)
	}
}

// maxSkipped is how much content a request may have that should have none, in bytes.
const maxSkipped = 64 << 10

// skipBody reads the content of a GET, which has no meaning: RFC 9110, section 9.3.1. Before it was read, net/http does not
// notice that a subscriber has left.
func (s *Server) skipBody(body io.Reader) *request.Problem {
	n, err := io.Copy(io.Discard, io.LimitReader(body, maxSkipped+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.tooSlow()
	case err != nil:
		return request.Invalid("body", "the content did not arrive: %v", err)
	case n > maxSkipped:
		return s.refuse(request.LimitMessage, &request.Problem{Status: http.StatusRequestEntityTooLarge, Parameter: "body",
			Detail: "a GET needs no content; leave it out"})
	}
	return nil
}

// tooSlow refuses a request whose content did not come in time: RFC 9110, section 15.5.9. The connection is of no more use.
func (s *Server) tooSlow() *request.Problem {
	return s.refuse(request.LimitArrival, &request.Problem{Status: http.StatusRequestTimeout, Parameter: "body",
		Detail: fmt.Sprintf("the content did not arrive within %v; the server's --read-deadline says how long it may take", s.config.ReadDeadline),
		Header: http.Header{"Connection": {"close"}}})
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// localHost reports whether a Host can only mean this machine.
func localHost(host string) bool {
	name := hostname(host)
	ip := net.ParseIP(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || ip != nil && ip.IsLoopback()
}

func (s *Server) ourHost(host string) bool {
	for _, ours := range s.config.Hosts {
		if hostname(ours) == hostname(host) {
			return true
		}
	}
	return false
}

// crossOriginProtection refuses requests that change something when a page of another origin made
// them: a browser lets any page post a form anywhere.
func (s *Server) crossOriginProtection() (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range s.config.AllowedOrigins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return &request.Problem{
					Status: http.StatusForbidden, Parameter: "Origin",
					Detail: "pages of another origin may not do this; start the server with --allow-origin to let them",
				}
			}
			return next(c)
		}
	}, nil
}

// cors lets the pages of allowed origins read the answers, WHATWG Fetch, section 3.3 (CORS-01), and
// answers their preflights (CORS-02).
func (s *Server) cors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r, h := c.Request(), c.Response().Header()
		h.Add("Vary", "Origin") // a cache must not give one page's answer to another
		origin := r.Header.Get("Origin")
		allowed := request.OriginAllowed(r, s.config.AllowedOrigins)
		if origin != "" && allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "Pushlab-Cursor, Preference-Applied, Retry-After")
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			return next(c)
		}
		if !allowed {
			return &request.Problem{
				Status: http.StatusForbidden, Parameter: "Origin",
				Detail: fmt.Sprintf("pages of %.100q may not use this server; start it with --allow-origin to let them", origin),
			}
		}
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
		h.Set("Access-Control-Allow-Headers", "Last-Event-ID, Prefer, Content-Type, Authorization, Idempotency-Key")
		h.Set("Access-Control-Max-Age", "7200")
		return c.NoContent(http.StatusNoContent)
	}
}
