//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package embedded

import (
	"errors"
	"os"
)

// lock fails: without a lock two processes could destroy each other's files.
func lock(string) (*os.File, error) {
	return nil, errors.New("journal: this system has no lock for a directory; use a NATS server")
}
