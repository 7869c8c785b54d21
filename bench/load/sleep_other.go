//go:build !linux

package load

import "time"

// SleepExactly is time.Sleep, where nothing better is known.
func SleepExactly(d time.Duration) { time.Sleep(d) }
