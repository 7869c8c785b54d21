package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// healthz tells that the process is alive.
func (s *Server) healthz(c echo.Context) error {
	return status(c, http.StatusOK, "ok")
}

// readyz tells whether new subscribers should be sent here.
func (s *Server) readyz(c echo.Context) error {
	if s.draining.Load() {
		return status(c, http.StatusServiceUnavailable, "draining")
	}
	if s.hub.State().LogError != nil { // which is for who looks after the server
		return status(c, http.StatusServiceUnavailable, "nothing can be published: the log is not available")
	}
	return status(c, http.StatusOK, "ready")
}

func status(c echo.Context, code int, text string) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.String(code, text+"\n")
}

// version tells what runs here.
func (s *Server) version(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, s.config.Version)
}
