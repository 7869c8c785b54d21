package longpoll

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"pushlab/common/event"
	"pushlab/common/request"
)

// contentType of an answer (RFC 8259).
const contentType = "application/json"

// open sets the header fields that every answer to a poll has.
func open(h http.Header, poll request.Poll) {
	// RFC 6202, section 5.6 (LP-05), RFC 9111, section 5.2.2.5: each poll is answered by the server itself.
	h.Set("Cache-Control", "no-store")
	// WHATWG Fetch, section 3.6: the type is the one we name, whatever the content looks like.
	h.Set("X-Content-Type-Options", "nosniff")
	if poll.Preferred {
		// RFC 7240, section 3: how the preference was understood.
		h.Set("Preference-Applied", "wait="+strconv.Itoa(int(poll.Wait/time.Second)))
	}
}

// AppendFrame appends an event as this transport frames it: the envelope, one of the events of an
// answer.
func AppendFrame(dst []byte, e event.Event) []byte { return e.AppendEnvelope(dst) }

// appendAnswer appends the content of an answer: a batch, framed once for one client, of envelopes
// that were framed once for all.
func appendAnswer(dst []byte, a answer) []byte {
	size := len(`{"events":[],"cursor":"","more":false}`) + 200
	for _, r := range a.records {
		size += len(r.Envelope()) + 1
	}
	dst = append(make([]byte, 0, len(dst)+size), dst...)
	dst = append(dst, `{"events":[`...)
	first := len(dst)
	if a.gap != nil {
		dst = append(AppendFrame(dst, a.gap.Event()), ',')
	}
	for _, r := range a.records {
		dst = append(append(dst, r.Envelope()...), ',')
	}
	if len(dst) > first {
		dst = dst[:len(dst)-1] // the last comma
	}
	dst = append(dst, `],"cursor":"`...)
	dst = append(dst, a.cursor.String()...)
	dst = append(dst, `","more":`...)
	return append(strconv.AppendBool(dst, a.more), '}')
}

// A Decoder reads answers. The zero Decoder is ready for use.
type Decoder struct {
	// Cursor is what to ask with next.
	Cursor event.ID
	// More says that the next poll will be answered at once.
	More bool
}

// Decode appends the events of an answer, which must be complete, to dst.
func (d *Decoder) Decode(dst []event.Event, content []byte) ([]event.Event, error) {
	var answer struct {
		Events []json.RawMessage
		Cursor string
		More   bool
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return dst, fmt.Errorf("longpoll: not an answer: %w", err)
	}
	cursor, err := event.ParseID(answer.Cursor)
	if err != nil {
		return dst, fmt.Errorf("longpoll: %w", err)
	}
	for _, envelope := range answer.Events {
		e, err := event.ParseEnvelope(envelope)
		if err != nil {
			return dst, fmt.Errorf("longpoll: %w", err)
		}
		dst = append(dst, e)
	}
	d.Cursor, d.More = cursor, answer.More
	return dst, nil
}
