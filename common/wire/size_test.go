package wire

import (
	"testing"
	"unsafe"
)

// What an idle stream costs is this struct, to the largest part. The allocator rounds up to 224, and then to 240.
func TestSizeOfAStream(t *testing.T) {
	if size := unsafe.Sizeof(Stream{}); size > 224 {
		t.Errorf("a stream takes %d bytes", size)
	}
}
