package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/httpstream"
	"pushlab/sse"
	"pushlab/web/lab"
	"pushlab/websocket"
)

// lab serves what is below /lab: to this machine alone, since who has a lab can have this program do as much as he likes.
func (s *Server) lab(c echo.Context) error {
	r := c.Request()
	if path.Ext(r.URL.Path) == ".js" {
		return s.page(c) // the page has a folder of that name; no lab has a dot
	}
	if s.labs == nil || !fromHere(r) {
		return &request.Problem{Status: http.StatusNotFound, Parameter: "path",
			Detail: "there is no demo here; start the server with --demo, and ask for it as localhost"}
	}
	s.labs.ServeHTTP(c.Response(), r)
	return nil
}

// fromHere reports whether a request comes from this machine, as far as can be told: a proxy on it that changes Host, and
// says nothing of those it asks for, looks like one of its users.
func fromHere(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || !localHost(r.Host) {
		return false
	}
	return cameByProxy(r) == ""
}

// labServer makes the private server of a lab: one like this, without a demo. It has no engine, since its connections are
// watched.
func (s *Server) labServer(h *hub.Hub, o lab.ServerOptions) (lab.Server, error) {
	return NewServer(h, Config{
		Heartbeats: map[string]time.Duration{
			httpstream.Name: time.Duration(o.Heartbeats.HTTPStream),
			sse.Name:        time.Duration(o.Heartbeats.SSE),
			websocket.Name:  time.Duration(o.Heartbeats.WebSocket),
		},
		Retry: o.Retry, Wait: o.Wait, WriteDeadline: s.config.WriteDeadline, Drain: o.Drain,
		AllowedOrigins: []string{o.Origin}, SocketOrigins: o.SocketOrigins, Compress: o.Compress, Routes: o.Routes,
		MaxMessage: o.MaxMessage, MaxConnections: 512, Version: s.config.Version, Logger: slog.New(warnings{s.config.Logger.Handler()}),
	})
}

// warnings passes on what is a warning or worse: that streams come and go in a lab, its page shows.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
