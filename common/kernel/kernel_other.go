//go:build !linux

package kernel

import (
	"errors"
	"fmt"
	"runtime"
)

// Uring is an error: io_uring is of Linux.
func Uring() (Kernel, error) { return nil, unsupported("io_uring") }

// Write is an error: there is a poller for Linux only.
func Write() (Kernel, error) { return nil, unsupported("waiting for many sockets at once") }

func unsupported(what string) error {
	return fmt.Errorf("kernel: %s is for Linux, and this is %s: %w", what, runtime.GOOS, errors.ErrUnsupported)
}
