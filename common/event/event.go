// Package event defines what Pushlab delivers: an Event, the ID that doubles as a cursor, and the
// envelope, the one JSON form that every transport carries unchanged.
//
//	{"id":"mfrggzdf-42","topic":"clock","data":{"time":"2026-11-23T10:00:00Z"}}
//
// An Event is a value. Nothing in this package changes one after it was made, so events may be
// shared between goroutines freely; Data must not be modified.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxTopic is the longest topic, in bytes.
const MaxTopic = 128

// DefaultTopic is the topic of events that were published without one.
const DefaultTopic = "message"

// An Event is one thing that happened: a JSON value on a topic, at a place in the log.
type Event struct {
	// ID is the event's place in the log. Subscribers resume from it.
	ID ID
	// Topic is what subscribers choose by. Control events, which the server makes for one
	// stream, have a topic that begins with "$".
	Topic string
	// Data is a compact JSON value in valid UTF-8: it holds no line break, so that line-based
	// framings carry it as it is. Compact and Text make such values.
	Data json.RawMessage
}

// Control reports whether the event was made by the server for one stream, and is not in the log.
func (e Event) Control() bool { return strings.HasPrefix(e.Topic, "$") }

// AppendEnvelope appends the event's envelope to dst and returns the result. It writes Data as it
// is: an ID and a topic hold no character that JSON would escape.
func (e Event) AppendEnvelope(dst []byte) []byte {
	dst = append(dst, `{"id":"`...)
	dst = e.ID.append(dst)
	dst = append(dst, `","topic":"`...)
	dst = append(dst, e.Topic...)
	dst = append(dst, `","data":`...)
	dst = append(dst, e.Data...)
	return append(dst, '}')
}

// Envelope returns the event's envelope.
func (e Event) Envelope() []byte {
	const fixed = len(`{"id":"` + `","topic":"` + `","data":` + `}`)
	return e.AppendEnvelope(make([]byte, 0, fixed+maxID+len(e.Topic)+len(e.Data)))
}

// ParseEnvelope is the inverse of Envelope. It also accepts what another implementation would
// write: other white space, another order of members, members it does not know.
func ParseEnvelope(b []byte) (Event, error) {
	var env struct {
		ID    *string
		Topic *string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(b, &env); err != nil {
		return Event{}, fmt.Errorf("event: not an envelope: %w", err)
	}
	if env.ID == nil || env.Topic == nil || env.Data == nil {
		return Event{}, fmt.Errorf("event: not an envelope: it needs id, topic and data: %.100q", b)
	}
	id, err := ParseID(*env.ID)
	if err != nil {
		return Event{}, err
	}
	if err := CheckTopic(strings.TrimPrefix(*env.Topic, "$")); err != nil {
		return Event{}, err
	}
	data, err := Compact(env.Data)
	if err != nil {
		return Event{}, err
	}
	return Event{ID: id, Topic: *env.Topic, Data: data}, nil
}

// CheckTopic tells whether subscribers and publishers may use the topic: words of letters, digits,
// '_' and '-', joined by dots, beginning with a letter or digit, at most MaxTopic bytes.
func CheckTopic(topic string) error {
	if topic == "" {
		return errors.New("event: the topic is empty; leave it out, or name one such as \"chat\"")
	}
	if len(topic) > MaxTopic {
		return fmt.Errorf("event: the topic has %d bytes; the limit is %d", len(topic), MaxTopic)
	}
	wordStart := true
	for i := range len(topic) {
		c := topic[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		switch {
		case alnum, (c == '_' || c == '-') && i > 0:
			wordStart = false
		case c == '.' && !wordStart:
			wordStart = true
		default:
			return badTopic(topic)
		}
	}
	if wordStart {
		return badTopic(topic)
	}
	return nil
}

func badTopic(topic string) error {
	return fmt.Errorf("event: the topic %.40q is malformed; use words of A-Z a-z 0-9 _ - joined by dots, such as \"chat.room-1\"", topic)
}

// Compact returns a JSON text as the data of an event: without insignificant white space. It
// refuses what is not JSON (RFC 8259) or not UTF-8 (section 8.1).
func Compact(text []byte) (json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("event: the data is not valid UTF-8 (RFC 8259, section 8.1)")
	}
	var b bytes.Buffer
	b.Grow(len(text))
	if err := json.Compact(&b, text); err != nil {
		return nil, fmt.Errorf("event: the data is not JSON: %w", err)
	}
	return b.Bytes(), nil
}

// Text returns a string as the data of an event: a JSON string. It refuses invalid UTF-8.
func Text(s string) (json.RawMessage, error) {
	if !utf8.ValidString(s) {
		return nil, errors.New("event: the text is not valid UTF-8")
	}
	var b bytes.Buffer
	b.Grow(len(s) + 2)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the escapes would only cost bytes: no envelope is put into HTML
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Line returns one line of text as the data of an event, the way line-based sources mean it: the
// JSON value if the line is one, else the line as a JSON string. A line end is cut off, and bytes
// that are not UTF-8 become U+FFFD, since a source has nobody to refuse them to.
func Line(line string) json.RawMessage {
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r\n"), "\uFFFD")
	if data, err := Compact([]byte(line)); err == nil {
		return data
	}
	data, err := Text(line)
	if err != nil {
		panic("event: valid UTF-8 was refused: " + err.Error())
	}
	return data
}
