package httpstream

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"

	"pushlab/common/event"
)

// contentType of newline-delimited JSON. No RFC registers it; this is what is in use.
const contentType = "application/x-ndjson"

// open sets the header fields of the response.
func open(h http.Header, cursor event.ID) {
	h.Set("Content-Type", contentType)
	// RFC 9111, section 5.2.2.5: nobody may store the response; section 5.2.2.6 (HTTP-07):
	// nor transform it, since what compresses it also holds it back.
	h.Set("Cache-Control", "no-store, no-transform")
	// Not a standard, but what nginx obeys: pass the response on as it comes.
	h.Set("X-Accel-Buffering", "no")
	// WHATWG Fetch, section 3.6: the type is the one above, whatever the content looks like.
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Pushlab-Cursor", cursor.String())
}

// AppendFrame appends an event as this transport frames it: the envelope and a line feed. An
// envelope never contains one. A chunk could not be the frame: RFC 6202, section 3.2 (LP-11).
func AppendFrame(dst []byte, e event.Event) []byte {
	return append(e.AppendEnvelope(dst), '\n')
}

// A Decoder reads what AppendFrame wrote, in pieces of any size, since intermediaries may merge and
// split chunks: RFC 9112, section 7.1 (HTTP-04). The zero Decoder is ready for use.
type Decoder struct {
	// Limit is how long a line may be, in bytes. Default 16 MiB.
	Limit int

	line []byte // the beginning of a line whose end has not come yet
}

// Decode appends the events that p completes to dst. It does not keep p. After an error, which is
// about the stream's content, the decoder is of no more use.
func (d *Decoder) Decode(dst []event.Event, p []byte) ([]event.Event, error) {
	limit := cmp.Or(d.Limit, 16<<20)
	for len(p) > 0 {
		piece, rest, complete := bytes.Cut(p, []byte("\n"))
		if len(d.line)+len(piece) > limit {
			return dst, fmt.Errorf("httpstream: a line of more than %d bytes; raise the limit if that is right", limit)
		}
		if !complete {
			d.line = append(d.line, piece...)
			return dst, nil
		}
		line := piece
		if len(d.line) > 0 {
			line = append(d.line, piece...)
			d.line = nil
		}
		p = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue // other servers keep their streams alive with empty lines
		}
		e, err := event.ParseEnvelope(line)
		if err != nil {
			return dst, fmt.Errorf("httpstream: %w", err)
		}
		dst = append(dst, e)
	}
	return dst, nil
}

// End tells what the end of the response means: io.EOF, or io.ErrUnexpectedEOF if it came within
// a line.
func (d *Decoder) End() error {
	if len(d.line) > 0 {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
