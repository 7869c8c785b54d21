package websocket

import (
	"cmp"
	"log/slog"
	"time"

	"pushlab/common/wire"
)

// Config is how a Handler behaves. A zero field means its default.
type Config struct {
	// Heartbeat is after how long a quiet stream gets a heartbeat, so that neither end nor
	// anything between them takes it for dead. It comes up to a tenth earlier. Negative is never.
	// Default 15 s.
	Heartbeat time.Duration
	// Retry is after how long the server wants its subscribers back when it leaves. Each is told
	// a time between half and one and a half of it, so that they do not come together. Negative is
	// at once. Default 3 s.
	Retry time.Duration
	// WriteDeadline is how long a subscriber may accept no byte at all before it is cut off.
	// Negative is for ever. Default 10 s.
	WriteDeadline time.Duration
	// AllowedOrigins are the origins of further pages that may connect, such as
	// "https://example.com", beside those of the server itself. Default: none.
	AllowedOrigins []string
	// MaxMessage is how large a client's message may be, in bytes, also after it was inflated; a
	// larger one is answered with close code 1009: RFC 6455, section 10.4 (WS-14). Default 1 MiB.
	MaxMessage int
	// ReadDeadline is how long a client's message, or a control frame, may take to arrive once it has begun; a slower one is
	// answered with close code 1008. Negative is for ever. Default 30 s.
	ReadDeadline time.Duration
	// MayPublish is asked before a client publishes an event, with the client's address; its error is the answer. It must
	// return soon. Default: everybody may.
	MayPublish func(peer string) error
	// MaySubscribe is asked in the same way before a client changes what it subscribes to.
	MaySubscribe func(peer string) error
	// Refused is told of each limit that a client's message crosses, by the names of package request. Default: nobody is.
	Refused func(limit string)
	// Compress lets clients agree on compression (RFC 7692, permessage-deflate). Each event is then
	// compressed once for all of them. Where secrets and somebody else's text share an event, its
	// length tells of the secret, section 8 (PMD-05), so default is off.
	Compress bool
	// Engine serves the streams while they have nothing to do: see wire.NewEngine. Shut the handler
	// down before closing it. Default: none, each stream has goroutines of its own.
	Engine *wire.Engine
	// Logger is told of the start and end of each stream. Default: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.MaxMessage = cmp.Or(c.MaxMessage, 1<<20)
	c.ReadDeadline = cmp.Or(c.ReadDeadline, 30*time.Second)
	if c.MayPublish == nil {
		c.MayPublish = func(string) error { return nil }
	}
	if c.MaySubscribe == nil {
		c.MaySubscribe = func(string) error { return nil }
	}
	if c.Refused == nil {
		c.Refused = func(string) {}
	}
	return c
}
