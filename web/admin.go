package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"pushlab/common/request"
)

// ServeAdmin serves those who look after the server, until ctx ends: /metrics, and /debug/pprof/, which tells of memory and
// can take a core, so it is nowhere else. The listener must be one that only they can reach; pages of other sites in their
// browsers are refused.
func (s *Server) ServeAdmin(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.newMetrics())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{
		Handler:           s.onlyLocal(mux),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    s.config.MaxHeader,
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
		// As for the others; a ServeMux answers 400.
		DisableGeneralOptionsHandler: true,
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		server.Close() // a profile is of no use to who has gone
	})
	err := server.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("web: the admin listener: %w", err)
}

// onlyLocal refuses what a page of another site may have asked for: by a name that was made to point here, or by its script.
func (s *Server) onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 { // nothing here wants any; net/http reads it before it answers
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.config.ReadDeadline))
		}
		site := r.Header.Get("Sec-Fetch-Site")
		switch {
		case r.Host != "" && !localHost(r.Host):
			s.refuse(refusedHost, &request.Problem{Status: http.StatusMisdirectedRequest, Parameter: "Host",
				Detail: fmt.Sprintf("the admin listener does not answer for %.100q; ask for it as localhost", r.Host)}).ServeHTTP(w, r)
		case site != "" && site != "same-origin" && site != "none":
			s.refuse(refusedForbidden, &request.Problem{Status: http.StatusForbidden, Parameter: "Sec-Fetch-Site",
				Detail: "other pages may not ask the admin listener"}).ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
