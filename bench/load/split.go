package load

import (
	"bytes"

	"pushlab/bench/result"
	"pushlab/httpstream"
	"pushlab/sse"
)

// A split counts what bytes were there for, as far as they are no payload. Who parses enters them as they
// pass; payload is the rest, so that the parts always sum up.
type split struct {
	heads     int64 // of responses
	framing   int64 // to the subscribers
	framingUp int64 // from them
}

// chunk enters the bytes of one chunk around its content: the digits of its size, and two line ends.
func (s *split) chunk(around int) { s.framing += int64(around) }

// lines enters complete lines of a stream.
func (s *split) lines(transport string, text []byte) {
	switch transport {
	case httpstream.Name:
		s.framing += int64(bytes.Count(text, lineFeed))
	case sse.Name:
		s.framing += int64(len(text)) - dataOf(text)
	}
}

var (
	lineFeed  = []byte("\n")
	dataField = []byte("data:")
)

// dataOf returns how many bytes of complete lines are values of data fields (WHATWG HTML, section 9.2.6).
func dataOf(text []byte) (n int64) {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return n
		}
		if line := text[:end]; len(line) > len(dataField) && line[0] == 'd' && bytes.HasPrefix(line, dataField) {
			value := line[len(dataField):]
			if value[0] == ' ' {
				value = value[1:]
			}
			n += int64(len(bytes.TrimSuffix(value, carriageReturn)))
		}
		text = text[end+1:]
	}
	return n
}

var carriageReturn = []byte("\r")

// Split returns what the bytes were there for that came and were sent, without those of TLS. It is zero where that is not
// known: the frames of HTTP/2 are not told apart, nor what clients of an echo post.
func (l *Load) Split() result.Roles {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsplit {
		return result.Roles{}
	}
	return result.Roles{
		RequestHeads: l.out - l.split.framingUp, ResponseHeads: l.split.heads,
		Framing: l.split.framing + l.split.framingUp, Payload: l.in - l.split.heads - l.split.framing,
	}
}
