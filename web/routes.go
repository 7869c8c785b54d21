package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"pushlab/common/request"
)

// routes assembles the echo server.
func (s *Server) routes() error {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	// Without this echo believes any client's X-Forwarded-For.
	e.IPExtractor = peer
	e.HTTPErrorHandler = s.handleError

	e.Pre(middleware.RecoverWithConfig(middleware.RecoverConfig{LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
		s.config.Logger.Error("a handler panicked; this is a bug", "path", c.Request().URL.Path, "error", err, "stack", string(stack))
		return err
	}}))
	e.Pre(endUpgrades)
	e.Pre(s.countRefusals)
	e.Pre(s.limitBody) // before all that refuses
	e.Pre(s.limitHead)
	e.Pre(s.checkStrangers)
	if !s.proxies.none() {
		e.Pre(s.seeThrough)
	}
	e.Pre(s.hideTicket)
	e.Pre(s.checkHost)
	crossOrigin, err := s.crossOriginProtection()
	if err != nil {
		return err
	}
	e.Pre(crossOrigin)
	e.Pre(s.cors)

	for _, name := range s.names {
		all(e, "/"+name, echo.WrapHandler(s.transports[name]), s.limitSubscribers, s.authorize(subscribing))
	}
	if s.echoes != nil {
		all(e, "/websocket/echo", echo.WrapHandler(s.echoes), s.limitSubscribers, s.authorize(subscribing))
	}
	all(e, "/publish", s.publish, s.limitPublishers, s.authorize(publishing))
	all(e, "/ticket", s.ticket, s.limitTickets)
	all(e, "/lab", s.lab)
	all(e, "/lab/*", s.lab)
	for path, handler := range s.config.Routes {
		all(e, path, echo.WrapHandler(handler))
	}
	get(e, "/healthz", s.healthz)
	get(e, "/readyz", s.readyz)
	get(e, "/metrics", echo.WrapHandler(s.newMetrics()))
	get(e, "/version", s.version)
	s.echo = e
	return s.mountPage(e)
}

// all mounts a handler for every method, unknown ones too: it says best itself which it allows.
func all(e *echo.Echo, path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) {
	e.Any(path, h, m...)
	e.RouteNotFound(path, h, m...)
}

// get mounts a handler for GET and HEAD, which echo does not imply.
func get(e *echo.Echo, path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) {
	e.GET(path, h, m...)
	e.HEAD(path, h, m...)
}

// peer returns the address that a request comes from. On a Unix socket peers have none: there everybody is "unix", unless
// the proxy before it is trusted.
func peer(r *http.Request) string {
	if addr := clientOf(r.RemoteAddr); addr.IsValid() {
		return addr.String()
	}
	return "unix"
}

// handleError answers with what a handler returned instead of answering, as a problem.
func (s *Server) handleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var problem *request.Problem
	var httpError *echo.HTTPError
	switch {
	case errors.As(err, &problem):
	case errors.As(err, &httpError) && httpError.Code == http.StatusMethodNotAllowed:
		// Echo has set Allow.
		allow := c.Response().Header().Get(echo.HeaderAllow)
		problem = &request.Problem{Status: httpError.Code, Parameter: "method", Detail: "use one of " + allow}
	case errors.As(err, &httpError) && httpError.Code == http.StatusNotFound:
		problem = &request.Problem{Status: httpError.Code, Parameter: "path",
			Detail: "there is nothing here; try /, /" + strings.Join(s.names, ", /") + ", /publish, /metrics or /version"}
	case errors.As(err, &httpError) && httpError.Code < 500:
		problem = &request.Problem{Status: httpError.Code}
	default:
		s.config.Logger.Error("a request failed", "path", c.Request().URL.Path, "error", err)
		problem = &request.Problem{Status: http.StatusInternalServerError, Detail: "this is the server's fault, and in its log"}
	}
	problem.ServeHTTP(c.Response(), c.Request())
}
