//go:build !linux

package bench

import "time"

// sleepExactly is time.Sleep, where nothing better is known.
func sleepExactly(d time.Duration) { time.Sleep(d) }
