//go:build !linux

package machine

import (
	"errors"
	"syscall"
	"time"
)

func apart() *syscall.SysProcAttr { return nil }

func killGroup(int) {}

// Cores returns the cores that this process may run on, where that can be changed.
func Cores() []int { return nil }

// errPin is why nothing can be pinned.
var errPin = errors.New("bench: pinning to cores is for Linux only")

// Pin fails here.
func Pin(int) (func() error, error) { return nil, errPin }

// OnCore fails: it is not known here how to choose a core.
func OnCore(int, func() error) error { return errPin }

// QuickCPUTime fails here.
func QuickCPUTime(...int) (time.Duration, error) {
	return 0, errors.New("bench: the CPU time of a process is told on Linux only")
}
