package main

import (
	"context"
	"time"
)

// To connect takes ten times the memory that staying connected does: net/http's buffers, the request,
// a stack. After a crowd has come, all that is garbage, which the runtime would keep for the next
// crowd. It is given back to the system once only few came within settled, if at least a crowd came before. On a server that
// is used there is always somebody who comes. Those who come to do harm open no streams, so connections are what counts.
const (
	crowd   = 1000
	few     = 100
	settled = time.Second
)

// giveMemoryBack does that until ctx ends, by calling free. Opened tells how many connections there have been.
func giveMemoryBack(ctx context.Context, opened func() int64, free func()) {
	ticker := time.NewTicker(settled)
	defer ticker.Stop()
	var before, given int64
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := opened()
		if now-before < few && now-given >= crowd {
			free()
			given = now
		}
		before = now
	}
}
