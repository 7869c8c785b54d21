package machine

import (
	"os"
	"testing"
)

// What is read here is what this system tells.
func TestKernelTells(t *testing.T) {
	if overflows, drops, err := ListenDrops(); err != nil || overflows < 0 || drops < 0 {
		t.Errorf("%d, %d, %v", overflows, drops, err)
	}
	if buffers, err := SocketBuffers(); err != nil || buffers < 0 {
		t.Errorf("buffers of %d bytes, %v", buffers, err)
	}
	if peak, err := PeakMemory(os.Getpid()); err != nil || peak < 1<<20 {
		t.Errorf("a peak of %d bytes, %v", peak, err)
	}
}
