//go:build !linux

package bench

import (
	"syscall"
	"time"
)

func sleepExactly(d time.Duration) { time.Sleep(d) }

func apart() *syscall.SysProcAttr { return nil }
