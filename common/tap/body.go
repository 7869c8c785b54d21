package tap

import (
	"bytes"
	"strconv"
	"strings"
)

// A content parses what is in a body, whatever frames that. The bytes come in any pieces.
type content interface {
	// feed parses b, which is not empty.
	feed(s *stream, b []byte)
	// suspend puts all that came into the tree, and ends the spans that it opened, as parts: something
	// else follows in the stream.
	suspend(s *stream)
	// finish does so when the body ends; complete says whether it ended as it should.
	finish(s *stream, complete bool)
	// unfinished says what is wrong if the body ends here; "" if nothing is.
	unfinished() string
}

// newContent returns the parser for a media type.
func newContent(h *head) content {
	switch {
	case h.coded:
		return &plainContent{kind: "content-coded"}
	case h.mediaType == "text/event-stream":
		return &eventStream{}
	case h.mediaType == "application/x-ndjson", h.mediaType == "application/ndjson", h.mediaType == "application/jsonl",
		h.mediaType == "application/x-jsonlines", h.mediaType == "application/stream+json":
		return &lines{kind: "ndjson-line"}
	case h.mediaType == "application/json", strings.HasSuffix(h.mediaType, "+json"):
		return &document{}
	case strings.HasPrefix(h.mediaType, "text/"):
		return &lines{kind: "text-line"}
	default:
		return &plainContent{kind: "content"}
	}
}

// startBody begins the body behind a head.
func (s *stream) startBody(h *head) {
	s.body, s.base = newContent(h), 0
	switch {
	case h.chunked:
		s.mode = inChunkSize
	case h.length >= 0:
		s.mode, s.left = inLength, h.length
	default:
		s.mode = inRest
	}
}

// endBody ends a body, and leads to the next head.
func (s *stream) endBody(complete bool) {
	s.body.finish(s, complete)
	s.body, s.mode = nil, inHead
	s.endOfBody(complete)
}

// endOfBody tells that a message is complete, in the sense of HTTP.
func (s *stream) endOfBody(complete bool) {
	if s.dir == Up || !complete {
		return
	}
	s.tell(Message{Kind: EndMessage, Offset: s.at, Label: "the response is complete", Began: s.p.now})
}

// A chunkState is what is known of a chunk.
type chunkState struct {
	began moment
	size  int64
}

// maxSizeLine is how long a chunk's size line may be.
const maxSizeLine = 4 << 10

// chunkSize parses a size line: RFC 9112, section 7.1.
func (s *stream) chunkSize(b []byte) int {
	if len(s.pending) == 0 {
		s.chunk = chunkState{began: s.here(0)}
	}
	n, line, ok := s.collect(b, maxSizeLine)
	if !ok {
		return n
	}
	content := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	digits := content
	if i := bytes.IndexAny(content, "; \t"); i >= 0 {
		digits = content[:i]
	}
	size, err := strconv.ParseUint(string(digits), 16, 62)
	if err != nil {
		s.pending = line
		s.giveUp("this should be the size of a chunk")
		return n
	}
	s.chunk.size, s.left = int64(size), int64(size)
	kind := "chunk"
	if size == 0 {
		kind = "last-chunk"
	}
	s.open(kind).Label = chunkLabel(s.chunk.size)
	if span := s.leaf("chunk-size", digits); span.Text != number(s.chunk.size) {
		span.Label = excerpt(digits) + " hexadecimal is " + number(s.chunk.size)
	}
	if extension := content[len(digits):]; len(extension) > 0 {
		s.leaf("chunk-extension", extension)
	}
	s.leaf("chunk-crlf", line[len(content):])
	if size == 0 {
		s.mode = inTrailer
		s.redactor = redactor{}
		s.head = &head{} // of the trailer
		return n
	}
	s.mode = inChunkData
	s.open("chunk-data")
	s.base = len(s.stack)
	return n
}

func chunkLabel(size int64) string {
	if size == 0 {
		return "the last chunk"
	}
	return "a chunk of " + bytesText(size)
}

func (s *stream) chunkData(b []byte) int {
	n := int(min(int64(len(b)), s.left))
	s.body.feed(s, b[:n])
	if s.left -= int64(n); s.left == 0 {
		s.body.suspend(s)
		s.base = 0
		s.close()
		s.mode = inChunkEnd
	}
	return n
}

// chunkEnd parses the line end behind a chunk's data.
func (s *stream) chunkEnd(b []byte) int {
	n, line, ok := s.collect(b, 2)
	if s.mode == inOpaque {
		return n
	}
	if !ok {
		return n
	}
	if string(line) != "\r\n" && string(line) != "\n" {
		s.pending = line
		s.giveUp("a chunk's data must end with a line end")
		return n
	}
	s.leaf("chunk-crlf", line)
	root := s.close()
	root.Label = chunkLabel(s.chunk.size)
	s.mode = inChunkSize
	s.tellChunk()
	return n
}

func (s *stream) tellChunk() {
	c := s.chunk
	s.tell(Message{Kind: ChunkMessage, Offset: c.began.at, Length: s.at - c.began.at, Payload: c.size, Label: chunkLabel(c.size), Began: c.began.when})
}

// trailerBytes parses what stands behind the last chunk: RFC 9112, section 7.1.2.
func (s *stream) trailerBytes(b []byte) int {
	if s.at+int64(len(s.pending))-s.chunk.began.at >= maxHead || s.head.fields == maxFields {
		s.giveUp("a trailer of more than 64 KiB or 256 fields")
		return 0
	}
	b = b[:min(int64(len(b)), maxHead-(s.at+int64(len(s.pending))-s.chunk.began.at))]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	s.redactor.redact(b)
	n, line, ok := s.collect(b, maxHead)
	if !ok {
		return n
	}
	content := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(content) > 0 {
		s.head.fields++
		s.field("trailer", content, line[len(content):])
		return n
	}
	s.leaf("chunk-crlf", line).Label = "empty line, the end of the body"
	s.close().Wrong = s.body.unfinished() // the chunks with what lacks its end are in the tree already
	s.head = nil
	s.tellChunk()
	s.endBody(true)
	return n
}

// pieces says where the bytes of something lie in the stream that was cut in pieces.
type pieces []struct{ from, at int64 } // content from there on lies at

func (p *pieces) add(from int, at int64) {
	*p = append(*p, struct{ from, at int64 }{int64(from), at})
}

// locate returns where byte i lies.
func (p pieces) locate(i int) int64 {
	for n := len(p) - 1; n >= 0; n-- {
		if int64(i) >= p[n].from {
			return p[n].at + int64(i) - p[n].from
		}
	}
	return 0
}

// plainContent is a body that is shown as it is.
type plainContent struct {
	kind  string
	begun bool
	pend  []byte
}

func (c *plainContent) feed(s *stream, b []byte) {
	for len(b) > 0 {
		if s.full(len(c.pend)) {
			c.suspend(s)
			s.cut()
		}
		n := int(min(int64(len(b)), maxTree-s.size()-int64(len(c.pend))))
		c.pend = append(c.pend, b[:n]...)
		b = b[n:]
	}
}

func (c *plainContent) suspend(s *stream) { c.put(s, false) }

func (c *plainContent) finish(s *stream, complete bool) { c.put(s, complete) }

func (c *plainContent) unfinished() string { return "" }

func (c *plainContent) put(s *stream, last bool) {
	if len(c.pend) == 0 {
		return
	}
	span := s.leaf(c.kind, c.pend)
	span.Part = partOf(!c.begun, last)
	if c.kind == "content-coded" {
		span.Text = ""
	}
	c.begun, c.pend = true, nil
}
