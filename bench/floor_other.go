//go:build !linux

package bench

import (
	"context"
	"errors"
	"io"
)

// ServeFloor serves the floor, on Linux.
func ServeFloor(context.Context, io.Writer) error {
	return errors.New("bench: the floor is for Linux only")
}
