package lab

import (
	"cmp"
	"context"
	"crypto/tls"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pushlab/common/hub"
	"pushlab/common/wire"
)

// Config is what labs are made of. Server has no default.
type Config struct {
	// Server makes a private server. It is called for each life of one.
	Server func(h *hub.Hub, o ServerOptions) (Server, error)
	// TLS has labs offer HTTP/2 on a port of their own. Default: they do not.
	TLS *tls.Config
	// Files have the attacker's page: see Attacker. Default: there is no attacker.
	Files fs.FS
	// Main is the log whose events are bridged into the labs. Default: none are.
	Main *hub.Hub
	// Labs is how many there may be at a time. Default 16.
	Labs int
	// Alone is after how long a lab ends that nobody observes. Default 60 s.
	Alone time.Duration
	// Logger is told what happens. Default: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Labs = cmp.Or(c.Labs, 16)
	c.Alone = cmp.Or(c.Alone, 60*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// A Server is a private server: an echo server as any other, with a hub of its own.
type Server interface {
	// Run serves the listeners until ctx ends, and then drains: see web.Server.
	Run(ctx context.Context, listeners ...net.Listener) error
	// Subscribers lists the open streams.
	Subscribers() []wire.Subscriber
}

// ServerOptions is what a private server is made with.
type ServerOptions struct {
	// Origin is the page's, which may use the server though that is another origin.
	Origin string
	// SocketOrigins are those of further pages, which may open WebSockets alone.
	SocketOrigins []string
	// Heartbeat, Retry and Wait are those of the transports; negative is never, or at once.
	Heartbeat, Retry, Wait time.Duration
	// Drain is how long subscribers have to take their goodbye.
	Drain time.Duration
	// MaxMessage is how many bytes an event may have.
	MaxMessage int
	// Compress lets WebSocket clients agree on compression.
	Compress bool
	// Routes are further paths, and what serves them.
	Routes map[string]http.Handler
}

// Limits of a lab. What it may hold in all is the log, the records and the batches, and for each connection what its proxy
// holds back (fault.Config.MaxHeld, in each direction).
const (
	maxConnections = 64        // of a lane
	maxObservers   = 8         // of a lab
	maxCommand     = 4 << 10   // bytes of a command
	maxMessage     = 256 << 10 // bytes of an event
	maxRaw         = 256 << 10 // bytes of what /raw answers
	maxRate        = 1000      // events a second
	maxThroughput  = 8 << 20   // bytes of data a second
	minSize        = 16        // bytes of an event's data
	maxSize        = 64 << 10
	maxHistory     = 10_000 // events
	maxDown        = time.Minute
	drain          = 500 * time.Millisecond // it is a loopback away, and a browser keeps a connection in reserve that it never uses

	hubBytes     = 16 << 20  // the log
	tapBytes     = 8 << 20   // the records
	connBytes    = 256 << 10 // the recorded bytes of a connection
	batchesBytes = 16 << 20  // the batches for observers who come back
	batches      = 2400      // two minutes

	maxPending = 2000      // faults, arrivals, and published events of one batch, each
	batchSize  = 512 << 10 // bytes of a batch, about
	interval   = 50 * time.Millisecond
)
