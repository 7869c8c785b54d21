//go:build !linux

package peers

import (
	"context"
	"errors"
	"io"
)

// Floor serves the floor, on Linux.
func Floor(context.Context, io.Writer) error {
	return errors.New("bench: the floor is for Linux only")
}
