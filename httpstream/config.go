package httpstream

import (
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
	// Engine serves the streams while they have nothing to do: see wire.NewEngine. Shut the handler
	// down before closing it. Default: none, each stream has goroutines of its own.
	Engine *wire.Engine
	// Logger is told of the start and end of each stream. Default: nobody is.
	Logger *slog.Logger
}
