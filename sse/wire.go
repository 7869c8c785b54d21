package sse

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"pushlab/common/event"
)

// contentType of an event stream (WHATWG HTML, section 9.2.2). It is always UTF-8.
const contentType = "text/event-stream"

// open sets the header fields of the response.
func open(h http.Header, cursor event.ID) {
	// WHATWG HTML, section 9.2.2 (SSE-30): with any other type the browser gives up for good.
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

// appendRetry appends the field that says after how many milliseconds to reconnect (WHATWG HTML,
// section 9.2.6 (SSE-36)); jittered, so that the clients of a server that died do not come back
// together. It stands in front of the open event, in its block, whose id is where to resume.
func appendRetry(dst []byte, retry time.Duration) []byte {
	retry = retry/2 + rand.N(retry+1)
	return fmt.Appendf(dst, "retry: %d\n", retry.Milliseconds())
}

// AppendFrame appends an event as this transport frames it (WHATWG HTML, section 9.2.6): a block
// of fields, and an empty line. The data is the envelope, which never contains a line end, so that
// it is one field (SSE-31). Events have the type "message", whatever their topic, so that a page's onmessage
// sees them all; a control event has its topic as its type, which hides it from onmessage.
func AppendFrame(dst []byte, e event.Event) []byte {
	switch e.Topic {
	case event.BeatTopic:
		// Section 9.2.7 (SSE-33): a comment keeps legacy proxies from dropping the connection. It would
		// be enough; the event behind it keeps the cursor fresh.
		dst = append(dst, ": beat\n"...)
	case event.ByeTopic:
		if retry, err := event.ParseBye(e); err == nil {
			dst = fmt.Appendf(dst, "retry: %d\n", retry.Milliseconds())
		}
	}
	dst = append(dst, "id: "...)
	dst = append(dst, e.ID.String()...)
	if e.Control() {
		dst = append(dst, "\nevent: "...)
		dst = append(dst, e.Topic...)
	}
	dst = append(dst, "\ndata: "...)
	dst = e.AppendEnvelope(dst)
	return append(dst, "\n\n"...)
}

// A Decoder reads an event stream, in pieces of any size (WHATWG HTML, section 9.2.6). It reads
// any server's stream: an event whose data is no envelope gets no ID, its type as its topic, and
// its data as it is if that is JSON, else as a JSON string. The zero Decoder is ready for use.
type Decoder struct {
	// Limit is how long a line, and the data of an event, may be, in bytes. Default 16 MiB.
	Limit int
	// LastID is the last event ID: what a reconnecting client sends as Last-Event-ID.
	LastID string
	// Retry is the reconnection time that the server asked for; if it did not, it stays as it was.
	Retry time.Duration

	line    []byte // the beginning of a line whose end has not come yet
	started bool   // the first line was read
	afterCR bool   // a line feed now belongs to the line end before it

	data      []byte // the event's fields so far
	eventType string
	id        string
}

var byteOrderMark = []byte("\uFEFF")

// Decode appends the events that p completes to dst. It does not keep p. After an error, which is
// about the stream's content, the decoder is of no more use.
func (d *Decoder) Decode(dst []event.Event, p []byte) ([]event.Event, error) {
	limit := cmp.Or(d.Limit, 16<<20)
	for len(p) > 0 {
		// WHATWG HTML, section 9.2.5 (SSE-03): lines end with CRLF, LF or CR. A CR ends its line
		// at once; a LF behind it, which may come with the next piece, is part of the same line end.
		if d.afterCR && p[0] == '\n' {
			p = p[1:]
			d.afterCR = false
			continue
		}
		d.afterCR = false
		end := bytes.IndexAny(p, "\r\n")
		piece := p
		if end >= 0 {
			piece = p[:end]
		}
		// The format has no longest line (SSE-15); who reaches ours is told.
		if len(d.line)+len(piece)+len(d.data) > limit {
			return dst, fmt.Errorf("sse: an event of more than %d bytes; raise the limit if that is right", limit)
		}
		if end < 0 {
			d.line = append(d.line, piece...)
			return dst, nil
		}
		line := piece
		if len(d.line) > 0 {
			line = append(d.line, piece...)
			d.line = nil
		}
		d.afterCR = p[end] == '\r'
		p = p[end+1:]
		if !d.started {
			d.started = true
			line = bytes.TrimPrefix(line, byteOrderMark) // section 9.2.5 (SSE-02): one, at the stream's start only
		}
		if len(line) > 0 {
			d.field(line)
		} else if e, ok := d.dispatch(); ok {
			dst = append(dst, e)
		}
	}
	return dst, nil
}

// field processes a line that is not empty (WHATWG HTML, section 9.2.6).
func (d *Decoder) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":")) // (SSE-06): without a colon the line is a name
	value = bytes.TrimPrefix(value, []byte(" "))   // (SSE-05): one space, and no more
	// (SSE-07): names are compared as they are, with no case folding.
	switch string(name) {
	case "": // (SSE-04): a comment
	case "data": // (SSE-08): each has a line feed behind it, of which dispatch takes the last away
		d.data = append(append(d.data, value...), '\n')
	case "event": // (SSE-09): the last one counts, for this event only
		d.eventType = string(value)
	case "id":
		// (SSE-10): one with NUL is ignored, since no header can carry it. In data (SSE-16) it may be.
		if !bytes.ContainsRune(value, 0) {
			d.id = string(decodeUTF8(value))
		}
	case "retry":
		// (SSE-12): digits only, and at once. More than 49 days is taken for a mistake.
		if ms, err := strconv.ParseUint(string(value), 10, 32); err == nil {
			d.Retry = time.Duration(ms) * time.Millisecond
		}
	}
}

// dispatch processes an empty line: it makes an event of the fields since the last one, unless
// they have no data (WHATWG HTML, section 9.2.6).
func (d *Decoder) dispatch() (event.Event, bool) {
	d.LastID = d.id // (SSE-11): with or without data; and the next event without an id has this one
	data, eventType := d.data, d.eventType
	d.data, d.eventType = nil, ""
	if data == nil { // (SSE-13): the type is gone all the same
		return event.Event{}, false
	}
	data = data[:len(data)-1] // the line feed of the last data field
	data = decodeUTF8(data)
	if e, err := event.ParseEnvelope(data); err == nil {
		return e, true
	}
	if event.CheckTopic(eventType) != nil {
		eventType = event.DefaultTopic
	}
	value, err := event.Compact(data)
	if err != nil {
		if value, err = event.Text(string(data)); err != nil {
			panic("sse: valid UTF-8 was refused: " + err.Error())
		}
	}
	return event.Event{Topic: eventType, Data: value}, true
}

// decodeUTF8 replaces what is not UTF-8: WHATWG HTML, section 9.2.6 (SSE-01): whatever charset the
// type names. As in every browser a character that breaks off is one U+FFFD, and so is each byte that
// begins none (WHATWG Encoding, section 8.1.1).
func decodeUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	var valid []byte
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			for size < len(b) && !utf8.FullRune(b[:size+1]) { // which goes on well
				size++
			}
		}
		valid = utf8.AppendRune(valid, r)
		b = b[size:]
	}
	return valid
}

// End tells what the end of the response means: always io.EOF, since an event that is not complete
// is discarded: WHATWG HTML, section 9.2.6 (SSE-14).
func (d *Decoder) End() error { return io.EOF }
