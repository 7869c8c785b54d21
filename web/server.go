// Package web is the echo server: it mounts the four transports, publishing, the page, health and
// metrics, guards them, and drains them when the server leaves.
//
// Transports know nothing of echo. They are mounted as http.Handlers, below middleware that never
// wraps the response of a stream, so that package wire can take its connection over.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/access"
	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/web/lab"
	"pushlab/websocket"
)

// Config is how a Server behaves. A zero field means its default.
type Config struct {
	// Heartbeat, Retry and WriteDeadline are those of the transports' configurations.
	Heartbeat, Retry, WriteDeadline time.Duration
	// Heartbeats are those of single transports, by name, where it is not the one of all.
	Heartbeats map[string]time.Duration
	// Drain is how long the server takes to leave: in the first two thirds of it subscribers are told goodbye, each at a time
	// of his own, so that they do not come back together; those who have not taken it at the end are cut off. Few
	// are told at once: see hub.Drain. Default 3 s.
	Drain time.Duration
	// MaxMessage is how large a published event may be, in bytes. Default 1 MiB.
	MaxMessage int
	// MaxConnections is how many subscribers there may be at a time, polls that wait included;
	// a further one is answered 503. Default: as many as the system allows.
	MaxConnections int
	// MaxPerAddress is how many subscribers there may be at a time from one address, and of IPv6 from one network of 64
	// bits; a further one is answered 429. Negative is without limit. Default 1,000, but for loopback, for which only what is
	// configured counts. Peers on Unix sockets have no address, and no such limit.
	MaxPerAddress int
	// ConnectRate and PublishRate are how often in a second one address may subscribe, with polls, tickets and the subscribe
	// operations of WebSockets, and publish; what is refused for want of a token counts, too. Ten
	// seconds' worth may come at once. Beyond that it is answered 429. Negative and default as for MaxPerAddress, 100.
	ConnectRate, PublishRate float64
	// TrustProxy are the addresses or networks of proxies whose X-Forwarded-For is believed, "unix" for those on Unix
	// sockets. Default: nobody is, and the address is that of the connection.
	TrustProxy []string
	// MaxHeader is how large the head of a request may be, in bytes; a larger one is answered 431. Default 32 KiB.
	MaxHeader int
	// ReadDeadline is how long a request's content, or a WebSocket message once it has begun, may take to arrive. Default 30 s.
	ReadDeadline time.Duration
	// Hosts are names, beside localhost, under which the server may be asked for.
	Hosts []string
	// Open lets the server be asked for under any name.
	Open bool
	// AllowedOrigins are the origins of further pages that may use the server, such as
	// "https://example.com".
	AllowedOrigins []string
	// Echo mounts /websocket/echo, which sends every message back, for protocol test suites. For tokens and limits its
	// connections are subscribers; in metrics they are not.
	Echo bool
	// SocketOrigins are the origins of further pages that may open WebSockets, and nothing else.
	SocketOrigins []string
	// Wait is how long a poll waits that asks for no time: see longpoll.Config.
	Wait time.Duration
	// Access says who may publish and subscribe. Default: everybody who can reach the server.
	Access *access.Control
	// AuthCookie is the name of a cookie that may hold a token. Default: none may.
	AuthCookie string
	// Routes are further paths, and what serves them.
	Routes map[string]http.Handler
	// Demo mounts the labs of the teaching page below /lab, for those who ask under a name of this machine. Run ends them
	// when it drains.
	Demo bool
	// Compress lets WebSocket clients agree on permessage-deflate. Default off: the length of what
	// is compressed tells of secrets in it.
	Compress bool
	// Dev is a folder to serve the page from, instead of from the program, for those who change it: the
	// browser loads the page again when a file changes. Default: none.
	Dev string
	// Engine serves streams while they have nothing to do. It is the caller's to close, after Run has
	// returned. Default: none, each stream has goroutines of its own.
	Engine *wire.Engine
	// Collectors are collected for /metrics, beside the server's own.
	Collectors []prometheus.Collector
	// Version is what /version tells, as JSON.
	Version any
	// Logger is told what happens. Default: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Drain = cmp.Or(c.Drain, 3*time.Second)
	c.MaxMessage = cmp.Or(c.MaxMessage, 1<<20)
	c.MaxHeader = cmp.Or(c.MaxHeader, 32<<10)
	c.ReadDeadline = cmp.Or(c.ReadDeadline, 30*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// Limits of the HTTP server (HTTP-11). An answer has writeTimeout to be taken; streams and polls take that back, since theirs
// may last, and have a deadline for each write.
const (
	readHeaderTimeout = 10 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
)

// A transport serves subscribers.
type transport interface {
	http.Handler
	Counters() *wire.Counters
}

// A Server serves one hub. Its methods may be called from any goroutine.
type Server struct {
	config     Config
	hub        *hub.Hub
	echo       *echo.Echo
	names      []string // of the transports, in the order of the lesson
	transports map[string]transport
	echoes     *websocket.Echo  // nil: there is no echo endpoint
	labs       *lab.Labs        // nil: there is no demo
	page       echo.HandlerFunc // serves the page's files
	addresses  *addresses
	proxies    proxies
	places     atomic.Int64 // that subscribers have taken, where they are limited
	draining   atomic.Bool

	tickets     access.Tickets
	refusals    refusals
	connections atomic.Int64 // that there have been
}

// NewServer returns a server of the hub's events. It fails on an origin or host that is none.
func NewServer(h *hub.Hub, config Config) (*Server, error) {
	config = config.withDefaults()
	for _, host := range config.Hosts {
		if !validHost(host) {
			return nil, fmt.Errorf("web: %q is not a host; give a name or an address, such as \"example.com\", without a scheme", host)
		}
	}
	config.AllowedOrigins = slices.Clone(config.AllowedOrigins) // the caller's stay as they are
	for i, origin := range config.AllowedOrigins {
		normal, ok := request.NormalOrigin(origin)
		if !ok {
			return nil, fmt.Errorf("web: %q is not an origin; give scheme, host and port, such as \"https://example.com\"", origin)
		}
		config.AllowedOrigins[i] = normal
	}
	s := &Server{
		config:    config,
		hub:       h,
		refusals:  newRefusals(),
		addresses: newAddresses(config),
		names:     []string{longpoll.Name, httpstream.Name, sse.Name, websocket.Name},
		transports: map[string]transport{
			longpoll.Name: longpoll.New(h, longpoll.Config{Retry: config.Retry, Wait: config.Wait, WriteDeadline: config.WriteDeadline}),
			httpstream.Name: httpstream.New(h, httpstream.Config{
				Heartbeat: cmp.Or(config.Heartbeats[httpstream.Name], config.Heartbeat), Retry: config.Retry, WriteDeadline: config.WriteDeadline,
				Engine: config.Engine, Logger: config.Logger}),
			sse.Name: sse.New(h, sse.Config{
				Heartbeat: cmp.Or(config.Heartbeats[sse.Name], config.Heartbeat), Retry: config.Retry, WriteDeadline: config.WriteDeadline,
				Engine: config.Engine, Logger: config.Logger}),
		},
	}
	s.transports[websocket.Name] = websocket.New(h, websocket.Config{
		Heartbeat: cmp.Or(config.Heartbeats[websocket.Name], config.Heartbeat), Retry: config.Retry, WriteDeadline: config.WriteDeadline,
		Engine: config.Engine, Logger: config.Logger,
		AllowedOrigins: slices.Concat(config.AllowedOrigins, config.SocketOrigins), MaxMessage: config.MaxMessage, Compress: config.Compress,
		ReadDeadline: config.ReadDeadline, MayPublish: s.mayPublishMessage, MaySubscribe: s.maySubscribeMessage, Refused: s.refusals.count})
	var err error
	if s.proxies, err = parseProxies(config.TrustProxy); err != nil {
		return nil, err
	}
	if config.Echo {
		s.echoes = websocket.NewEcho(websocket.Config{
			WriteDeadline: config.WriteDeadline, ReadDeadline: config.ReadDeadline, Refused: s.refusals.count, Logger: config.Logger, AllowedOrigins: config.AllowedOrigins, Compress: config.Compress})
	}
	if config.Demo {
		files := pageFiles()
		if config.Dev != "" {
			files = os.DirFS(config.Dev)
		}
		bridged := h
		if len(config.Access.Anonymous().Subscribe) == 0 { // who asks for a lab brings no token
			bridged = nil
		}
		s.labs = lab.New(lab.Config{Server: s.labServer, TLS: localTLS(), Files: files, Main: bridged, Logger: config.Logger})
	}
	return s, s.routes()
}

// ServeHTTP serves a request, for those who run their own http.Server.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.echo.ServeHTTP(w, r) }

// Run serves the listeners until ctx ends, then drains: /readyz says no, one subscriber after the other
// is told goodbye, and the listeners close. It returns nil after that, and an error if serving failed.
func (s *Server) Run(ctx context.Context, listeners ...net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    2 * s.config.MaxHeader, // see limitHead
		ConnState:         s.countConnection,
		Protocols:         protocols(),
		HTTP2:             s.config.http2(),
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
		// What net/http answers by itself, OPTIONS *, has none of our limits: its content may take for ever.
		DisableGeneralOptionsHandler: true,
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- server.Serve(l) }()
	}
	var err error
	left := len(listeners)
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("web: %w", err)
		left--
	}
	s.drain(server)
	for range left {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// drain ends what is open, bit by bit, and then closes the server: RFC 9112, section 9.6 (HTTP-10). A subscriber
// that comes meanwhile is served and told goodbye, not refused: an EventSource that is answered 503
// never comes back, WHATWG HTML, section 9.2.2 (SSE-38). Nothing is published here meanwhile, so who is told
// goodbye has everything, or, of a log that others publish to as well, a cursor to go on from.
func (s *Server) drain(server *http.Server) {
	begin := time.Now()
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Drain)
	var closing sync.WaitGroup
	defer closing.Wait()
	defer cancel()
	closing.Go(func() {
		<-ctx.Done()
		server.Close() // what would not end; a stream over HTTP/2 that cannot be written to ends by nothing else
	})
	var labs sync.WaitGroup
	if s.labs != nil {
		labs.Go(s.labs.Close) // whose time is bounded by itself
	}
	s.config.Logger.Info("draining", "subscribers", s.subscribers(), "drain", s.config.Drain)
	s.hub.Drain(ctx, s.config.Drain*2/3)
	s.waitForStreams(ctx)
	labs.Wait()
	if s.echoes != nil {
		s.echoes.Shutdown(ctx) // in whose time it ends what does not end by itself
	}
	server.Shutdown(ctx)
	s.waitForStreams(ctx) // those that were just being opened
	s.config.Logger.Info("drained", "duration", time.Since(begin).Round(time.Millisecond))
}

func (s *Server) countConnection(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.connections.Add(1)
	}
}

// waitForStreams waits for all streams to end, until ctx does.
func (s *Server) waitForStreams(ctx context.Context) {
	for _, name := range s.names {
		if t, ok := s.transports[name].(interface{ Shutdown(context.Context) error }); ok {
			if err := t.Shutdown(ctx); err != nil {
				s.config.Logger.Warn("not all streams took their goodbye in time", "transport", name, "drain", s.config.Drain)
			}
		}
	}
}

// Subscribers lists the open streams of all transports. Polls are none.
func (s *Server) Subscribers() (list []wire.Subscriber) {
	for _, name := range s.names {
		if t, ok := s.transports[name].(interface{ Subscribers() []wire.Subscriber }); ok {
			list = append(list, t.Subscribers()...)
		}
	}
	return list
}

// subscribers counts the open streams and waiting polls.
func (s *Server) subscribers() int {
	n := int64(0)
	for _, t := range s.transports {
		n += t.Counters().Open.Load()
	}
	return int(n)
}

// ConnectionsOpened counts the connections that there have been, for whatever purpose.
func (s *Server) ConnectionsOpened() int64 { return s.connections.Load() }
