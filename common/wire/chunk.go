package wire

import (
	"strconv"

	"pushlab/common/event"
)

// lastChunk ends a chunked body: RFC 9112, section 7.1 (HTTP-01). A body without it is visibly incomplete,
// section 8 (HTTP-02), so it is written after a goodbye only.
var lastChunk = []byte("0\r\n\r\n")

// maxChunkHead is the longest size line of a chunk: 16 hexadecimal digits and the line end.
const maxChunkHead = 18

// appendChunk appends a chunk with what appendContent appends: RFC 9112, section 7.1 (HTTP-01). An empty
// content appends nothing, since a chunk of size zero would end the body.
func appendChunk(dst []byte, appendContent func([]byte) []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, maxChunkHead)...)
	dst = appendContent(dst)
	size := len(dst) - start - maxChunkHead
	if size == 0 {
		return dst[:start]
	}
	// The size is known only now: write it in front, and close up.
	head := append(strconv.AppendUint(dst[start:start], uint64(size), 16), "\r\n"...)
	n := copy(dst[start+len(head):], dst[start+maxChunkHead:])
	return append(dst[:start+len(head)+n], "\r\n"...)
}

// content returns what is in a chunk that appendChunk made.
func content(chunk []byte) []byte {
	for i, c := range chunk {
		if c == '\n' {
			return chunk[i+1 : len(chunk)-2]
		}
	}
	return nil
}

// chunked turns a framing into one whose frames are chunks.
func chunked(appendFrame func([]byte, event.Event) []byte) func([]byte, event.Event) []byte {
	return func(dst []byte, e event.Event) []byte {
		return appendChunk(dst, func(dst []byte) []byte { return appendFrame(dst, e) })
	}
}
