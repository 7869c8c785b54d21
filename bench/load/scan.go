package load

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// Topic is what the events are published on.
const Topic = "bench"

// appendData appends the data of event n, which is due that long after the load's start: a JSON
// object of size bytes.
func appendData(dst []byte, n int, due time.Duration, size int) []byte {
	start := len(dst)
	dst = append(dst, `{"n":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, `,"due":`...)
	dst = strconv.AppendInt(dst, int64(due), 10)
	dst = append(dst, `,"pad":"`...)
	for len(dst)-start < size-2 {
		dst = append(dst, 'x')
	}
	return append(dst, `"}`...)
}

// An arrival is what the load looks at in an event.
type arrival struct {
	control string        // the topic of a control event; then the rest says nothing
	n       int           // the event's number
	due     time.Duration // when it was due, since the load's start
}

var (
	topicMember = []byte(`"topic":"`)
	dataMember  = []byte(Topic + `","data":`)
)

// A form is how the beginning of what appendData wrote looks: up to the number, and from there to the due
// time.
type form struct{ first, due []byte }

// forms are how it looks as it is, and inside a JSON string.
var forms = [...]form{
	{[]byte(`{"n":`), []byte(`,"due":`)},
	{[]byte(`{\"n\":`), []byte(`,\"due\":`)},
}

// scan finds the envelopes in a text that has only complete ones, and hands them over in order; it
// returns the last one's ID. It knows what appendData writes, and that an envelope is the same on all
// transports; so it looks at a few bytes of each event instead of decoding JSON, which would cost
// more than receiving it.
func scan(text []byte, observe func(arrival) error) (id []byte, err error) {
	for {
		start := bytes.Index(text, topicMember)
		if start < 0 {
			return id, nil
		}
		id = memberBefore(text[:start])
		text = text[start+len(topicMember):]
		var a arrival
		if len(text) > 0 && text[0] == '$' {
			end := max(0, bytes.IndexByte(text, '"'))
			a.control = string(text[:end])
		} else {
			rest, ours := bytes.CutPrefix(text, dataMember)
			if !ours {
				return id, foreign(text)
			}
			if text, ours = a.read(rest, &forms[0]); !ours {
				return id, foreign(text)
			}
		}
		if err := observe(a); err != nil {
			return id, err
		}
	}
}

// scanAnywhere is scan for a server that is not ours: the events may stand bare, in any envelope, or
// escaped inside a JSON string.
func scanAnywhere(text []byte, observe func(arrival) error) error {
	for i := range forms {
		start := bytes.Index(text, forms[i].first)
		if start < 0 {
			continue
		}
		for start >= 0 {
			var a arrival
			rest, ours := a.read(text[start:], &forms[i])
			if !ours {
				return foreign(rest)
			}
			if err := observe(a); err != nil {
				return err
			}
			text = rest
			start = bytes.Index(text, forms[i].first)
		}
		return nil
	}
	return nil
}

// endOfEvents returns where in a text the last complete event ends, 0 if there is none. An event ends with
// its first closing brace.
func endOfEvents(text []byte) (end int) {
	for i := range forms {
		start := bytes.LastIndex(text, forms[i].first)
		if start < 0 {
			continue
		}
		brace := bytes.IndexByte(text[start:], '}')
		if brace >= 0 {
			return start + brace + 1
		}
		return endOfEvents(text[:start])
	}
	return 0
}

// lastID returns the value of the last line "id: …"; nil if there is none.
func lastID(text []byte) (id []byte) {
	for {
		if rest, ok := bytes.CutPrefix(text, []byte("id:")); ok {
			id, _, _ = bytes.Cut(rest, []byte("\n"))
		}
		next := bytes.Index(text, []byte("\nid:"))
		if next < 0 {
			return bytes.TrimSpace(id)
		}
		text = text[next+1:]
	}
}

// lastMember returns the last value of a JSON member, whose name is given with quotes and colon; nil if
// there is none, or if it is no string or number.
func lastMember(text, name []byte) (value []byte) {
	for {
		at := bytes.Index(text, name)
		if at < 0 {
			return value
		}
		text = bytes.TrimLeft(text[at+len(name):], " ")
		rest, quoted := bytes.CutPrefix(text, []byte(`"`))
		end := bytes.IndexAny(text, ",}] \r\n")
		switch {
		case quoted && bytes.IndexByte(rest, '"') >= 0:
			value = rest[:bytes.IndexByte(rest, '"')]
		case !quoted && end > 0 && (text[0] == '-' || text[0] >= '0' && text[0] <= '9'):
			value = text[:end]
		}
	}
}

// read reads the beginning of what appendData wrote. It returns the rest, and whether it was ours.
func (a *arrival) read(text []byte, as *form) (rest []byte, ok bool) {
	rest, begins := bytes.CutPrefix(text, as.first)
	n, rest, counted := cutNumber(rest)
	rest, goesOn := bytes.CutPrefix(rest, as.due)
	due, rest, dated := cutNumber(rest)
	if !begins || !counted || !goesOn || !dated {
		return a.readSpaced(text, as)
	}
	a.n, a.due = int(n), time.Duration(due)
	return rest, true
}

// readSpaced is read for a server that has decoded the data, and encoded it with spaces.
func (a *arrival) readSpaced(text []byte, as *form) (rest []byte, ok bool) {
	spaces := func(text []byte) []byte { return bytes.TrimLeft(text, " ") }
	rest, begins := bytes.CutPrefix(text, as.first)
	n, rest, counted := cutNumber(spaces(rest))
	rest, separated := bytes.CutPrefix(rest, as.due[:1])
	rest, goesOn := bytes.CutPrefix(spaces(rest), as.due[1:])
	due, rest, dated := cutNumber(spaces(rest))
	if !begins || !counted || !separated || !goesOn || !dated {
		return text, false
	}
	a.n, a.due = int(n), time.Duration(due)
	return rest, true
}

func foreign(text []byte) error {
	return fmt.Errorf("an event that the load did not publish: …%.100q; is somebody else on the server?", text)
}

// memberBefore returns the string in front of a comma, which is the ID that an envelope begins with.
func memberBefore(text []byte) []byte {
	text, ok := bytes.CutSuffix(text, []byte(`",`))
	if !ok {
		return nil
	}
	return text[bytes.LastIndexByte(text, '"')+1:]
}

// cutNumber splits decimal digits off, as many as fit.
func cutNumber(text []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(text) && i < 18 && text[i] >= '0' && text[i] <= '9' {
		n = n*10 + int64(text[i]-'0')
		i++
	}
	return n, text[i:], i > 0
}
