package sse

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Message is an event as the format knows it, for servers that send something other than
// envelopes. AppendFrame writes events of a hub; this writes anything.
type Message struct {
	// ID becomes the client's last event ID, unless it is nil; an empty one takes the last back.
	ID *string
	// Event is the type under which a browser dispatches the event; "" is "message".
	Event string
	// Data is the event's text, of any number of lines. A message without data, which is nil, is
	// not dispatched: it may still carry an ID or a Retry.
	Data *string
	// Retry is the time after which to reconnect, in whole milliseconds; 0 leaves it as it is.
	Retry time.Duration
	// Comment is text that clients ignore, of any number of lines; "" is none.
	Comment string
}

// ErrField is returned for a field that would break the framing.
var ErrField = errors.New("sse: a field has a character that the format cannot carry")

// AppendMessage appends a message: WHATWG HTML, section 9.2.6 (SSE-31). It fails with ErrField if the ID has
// a line end or NUL, or the event type a line end: a line end would begin another field, which whoever
// chose the text could then write, and an ID with NUL is ignored.
func AppendMessage(dst []byte, m Message) ([]byte, error) {
	if m.ID != nil && strings.ContainsAny(*m.ID, "\r\n\x00") {
		return dst, fmt.Errorf("%w: the id %.60q", ErrField, *m.ID)
	}
	if strings.ContainsAny(m.Event, "\r\n") {
		return dst, fmt.Errorf("%w: the event type %.60q", ErrField, m.Event)
	}
	if m.Comment != "" {
		dst = appendLines(dst, "", m.Comment)
	}
	if m.Retry > 0 {
		dst = fmt.Appendf(dst, "retry: %d\n", m.Retry.Milliseconds())
	}
	if m.ID != nil {
		dst = fmt.Appendf(dst, "id: %s\n", *m.ID)
	}
	if m.Event != "" {
		dst = fmt.Appendf(dst, "event: %s\n", m.Event)
	}
	if m.Data != nil {
		dst = appendLines(dst, "data", *m.Data)
	}
	return append(dst, '\n'), nil
}

// appendLines appends a field for each line of the text. All three line ends of the format end a
// line here, since the client could not tell one that we let through from one that we wrote.
func appendLines(dst []byte, name, text string) []byte {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, line...)
		dst = append(dst, '\n')
	}
	return dst
}
