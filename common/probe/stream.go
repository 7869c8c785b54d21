package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A stream is a response that stays open, in units: blocks of an event stream, or lines of JSON.
type stream struct {
	*answer
	split   func([]byte) int // where the first unit ends; -1 if it does not yet
	pending []byte           // the beginning of a unit
	begun   time.Time        // when it began to come

	decode func(piece []byte) ([]byte, error) // undoes a Content-Encoding; nil if there is none
}

// A unit is what a client sees at once, as it came.
type unit struct {
	raw         []byte
	begun, done time.Time // when its first and its last byte came
}

// listen opens a stream, of that topic where the server has topics. The caller closes it.
func (t *Target) listen(ctx context.Context, topic string, a ask) (*stream, error) {
	query := t.about(topic)
	for name, values := range a.query {
		if query == nil {
			query = make(url.Values)
		}
		query[name] = values
	}
	a.query = query
	answer, err := t.get(ctx, a)
	if err != nil {
		return nil, err
	}
	if answer.status != http.StatusOK {
		answer.close()
		return nil, breach(answer.statusLine(), "the answer is no stream")
	}
	s := &stream{answer: answer, split: splitBlock}
	if t.Transport == HTTPStream {
		s.split = splitLine
	}
	return s, nil
}

// next returns the next unit that has any content.
func (s *stream) next(deadline time.Time) (unit, error) {
	for {
		if end := s.split(s.pending); end >= 0 {
			u := unit{s.pending[:end:end], s.begun, time.Now()}
			s.pending, s.begun = s.pending[end:], u.done
			if len(bytes.Trim(u.raw, "\r\n")) > 0 {
				return u, nil
			}
			continue
		}
		if len(s.pending) > maxUnit {
			return unit{}, fmt.Errorf("an event of more than %d bytes", maxUnit)
		}
		piece, err := s.read(deadline)
		if err != nil {
			return unit{}, err
		}
		if s.decode != nil {
			if piece, err = s.decode(piece); err != nil {
				return unit{}, err
			}
		}
		if len(s.pending) == 0 {
			s.begun = time.Now()
		}
		s.pending = append(s.pending, piece...)
	}
}

// until reads units until one has the text in it, and returns all of them. It fails if that one
// does not come in time.
func (s *stream) until(text string) ([]unit, error) {
	var units []unit
	deadline := time.Now().Add(s.wait)
	for {
		u, err := s.next(deadline)
		switch {
		case errors.Is(err, errQuiet):
			return units, breach(quoted(s.pending), "an event that was published did not come within %v", s.wait)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return units, breach("", "the stream ended before an event came that was published")
		case err != nil:
			return units, err
		}
		units = append(units, u)
		if bytes.Contains(u.raw, []byte(text)) {
			return units, nil
		}
	}
}

// sample opens a stream, and returns what comes up to an event: one of our own if we can publish,
// else the second unit to come by itself, since the first may be a greeting. The caller closes it.
func (t *Target) sample(ctx context.Context, a ask) (*stream, []unit, error) {
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, a)
	if err != nil {
		return nil, nil, err
	}
	units, err := t.sampleOf(ctx, s, topic, text)
	if err != nil {
		s.close()
		return nil, nil, err
	}
	return s, units, nil
}

func (t *Target) sampleOf(ctx context.Context, s *stream, topic, text string) (units []unit, err error) {
	if t.publisher != nil {
		if err := t.publish(ctx, topic, text); err != nil {
			return nil, err
		}
		return s.until(text)
	}
	deadline := t.deadline()
	for range 2 {
		u, err := s.next(deadline)
		if errors.Is(err, errQuiet) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		units = append(units, u)
	}
	if len(units) == 0 {
		return nil, skip("no event came within %v, and none can be published", t.timeout())
	}
	return units, nil
}

// splitLine finds the end of a line.
func splitLine(b []byte) int {
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		return end + 1
	}
	return -1
}

// splitBlock finds the end of a block of an event stream: an empty line. Lines end with CRLF, LF or
// CR (WHATWG HTML, section 9.2.5).
func splitBlock(b []byte) int {
	start := 0
	for i := 0; i < len(b); i++ {
		if b[i] != '\n' && b[i] != '\r' {
			continue
		}
		empty := i == start
		if b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			i++
		}
		if start = i + 1; empty {
			return start
		}
	}
	return -1
}

// A block is a block of an event stream.
type block struct {
	fields []field
	data   string // of all its data fields
}

// A field is a line of a block: a comment, if it has no name.
type field struct{ line, name, value string }

// parseBlock reads a block (WHATWG HTML, section 9.2.6).
func parseBlock(raw []byte) block {
	var b block
	var data []string
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(raw))
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\uFEFF"), "\n") {
		if line == "" {
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		b.fields = append(b.fields, field{line, name, value})
		if name == "data" {
			data = append(data, value)
		}
	}
	b.data = strings.Join(data, "\n")
	return b
}

// of returns the fields of that name.
func (b block) of(name string) (found []field) {
	for _, f := range b.fields {
		if f.name == name {
			found = append(found, f)
		}
	}
	return found
}

// fieldsOf returns the fields of that name in all the blocks.
func fieldsOf(units []unit, name string) (found []field) {
	for _, u := range units {
		found = append(found, parseBlock(u.raw).of(name)...)
	}
	return found
}
