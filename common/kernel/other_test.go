//go:build !linux

package kernel_test

import (
	"errors"
	"testing"

	"pushlab/common/kernel"
)

func TestUnsupported(t *testing.T) {
	for name, open := range map[string]func() (kernel.Kernel, error){"Uring": kernel.Uring, "Write": kernel.Write} {
		if k, err := open(); k != nil || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}
