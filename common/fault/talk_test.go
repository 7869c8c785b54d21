package fault

import (
	"slices"
	"testing"
)

// However the bytes are split, the boundaries are found at the same places, and no byte is lost.
func FuzzTalk(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHEAD / HTTP/1.1\r\n\r\n"),
		[]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"+
			"a;x\r\n0123456789\r\n0\r\nT: t\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), uint8(3))
	f.Add([]byte("GET / HTTP/1.1\n\n"), []byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01a"), uint8(1))
	f.Add([]byte("\r\n\r\nGET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), []byte("HTTP/1.0 200\r\n\r\nrest"), uint8(2))
	f.Add([]byte("\x16\x03\x01"), []byte("hello"), uint8(1))
	f.Fuzz(func(t *testing.T, up, down []byte, piece uint8) {
		// follow returns where the boundaries are.
		follow := func(piece int) (marks []int) {
			var k talk
			for _, side := range []struct {
				bytes []byte
				feed  func([]byte) (int, bool)
			}{{up, k.request}, {down, k.response}} {
				at := 0
				for p := range slices.Chunk(side.bytes, piece) {
					for len(p) > 0 {
						n, boundary := side.feed(p)
						if n <= 0 || n > len(p) {
							t.Fatalf("took %d bytes of %d", n, len(p))
						}
						at, p = at+n, p[n:]
						if boundary && !k.opaque {
							marks = append(marks, at)
						}
					}
				}
				marks = append(marks, -at)
			}
			return marks
		}
		whole := follow(max(1, len(up)+len(down)))
		if got := follow(max(1, int(piece))); !slices.Equal(got, whole) {
			t.Errorf("in pieces of %d: %v; at once: %v", piece, got, whole)
		}
	})
}
