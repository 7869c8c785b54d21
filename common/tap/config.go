package tap

import "cmp"

// Config says how much a Tap keeps. A zero field means its default.
type Config struct {
	// ConnBytes is how many bytes are kept of a connection; of older records only the outline stays.
	// Default 64 KiB.
	ConnBytes int
	// Bytes is how much memory all records may take, about, with their spans. Of older ones only the outline
	// stays; when the outlines take a quarter, the oldest are dropped. Default 2 MiB.
	Bytes int
	// RecordBytes is how many bytes are kept of one Read or Write. Default 16 KiB.
	RecordBytes int
}

func (c Config) withDefaults() Config {
	c.ConnBytes = cmp.Or(c.ConnBytes, 64<<10)
	c.Bytes = cmp.Or(c.Bytes, 2<<20)
	c.RecordBytes = cmp.Or(c.RecordBytes, 16<<10)
	return c
}
