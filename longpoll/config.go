package longpoll

import (
	"cmp"
	"time"

	"pushlab/common/request"
)

// Config is how a Handler behaves. A zero field means its default.
type Config struct {
	// Retry is after how long the server wants its subscribers back when it leaves. Each is told
	// a time between half and one and a half of it, so that they do not come together, in whole
	// seconds. Negative is at once, which is a second here. Default 3 s.
	Retry time.Duration
	// Wait is how long a poll waits that asks for no time. Negative is not at all. Default 25 s.
	Wait time.Duration
	// WriteDeadline is how long an answer may take to be written. Negative is for ever.
	// Default 10 s.
	WriteDeadline time.Duration
}

func (c Config) withDefaults() Config {
	c.Retry = max(0, cmp.Or(c.Retry, 3*time.Second))
	c.Wait = max(0, cmp.Or(c.Wait, request.DefaultWait))
	c.WriteDeadline = cmp.Or(c.WriteDeadline, 10*time.Second)
	return c
}
