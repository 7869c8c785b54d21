package tap

import (
	"cmp"
	"time"
)

// Config says how much a Tap keeps. A zero field means its default.
type Config struct {
	// Remote has connections from other machines recorded too. Default: those from this machine
	// alone, and those that have no address; the others are not even wrapped.
	Remote bool
	// HeadBytes is how much is kept of a request whose connection nobody has claimed yet. A longer head
	// can be claimed, but not read. Default 8 KiB.
	HeadBytes int
	// HeadAge is how long that is kept. Default 10 s.
	HeadAge time.Duration
	// Heads is how many such requests may be kept at a time; those beyond cannot be claimed. Default 256.
	Heads int
	// Sessions is how many learners there may be at a time. When there are as many, a further one takes the place
	// of the one that was quiet for longest and that nobody watches; if all are watched, Open fails. Default 64.
	Sessions int
	// SessionAge is after how long a session ends that nobody has used. Default 10 min.
	SessionAge time.Duration
	// Conns is how many connections a session may have open at a time. Default 32.
	Conns int
	// ConnBytes is how many bytes are kept of a connection; of older records only the outline stays.
	// Default 64 KiB.
	ConnBytes int
	// SessionBytes is how much memory a session's records may take, about, with their spans. Older ones are
	// dropped. Default 2 MiB.
	SessionBytes int
	// RecordBytes is how many bytes are kept of one Read or Write. Default 16 KiB.
	RecordBytes int
}

func (c Config) withDefaults() Config {
	c.HeadBytes = cmp.Or(c.HeadBytes, 8<<10)
	c.HeadAge = cmp.Or(c.HeadAge, 10*time.Second)
	c.Heads = cmp.Or(c.Heads, 256)
	c.Sessions = cmp.Or(c.Sessions, 64)
	c.SessionAge = cmp.Or(c.SessionAge, 10*time.Minute)
	c.Conns = cmp.Or(c.Conns, 32)
	c.ConnBytes = cmp.Or(c.ConnBytes, 64<<10)
	c.SessionBytes = cmp.Or(c.SessionBytes, 2<<20)
	c.RecordBytes = cmp.Or(c.RecordBytes, 16<<10)
	return c
}
