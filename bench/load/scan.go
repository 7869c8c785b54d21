package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"pushlab/bench/result"
)

// Topic is what the events are published on.
const Topic = "bench"

// appendData appends the data of event n, which is due that long after the load's start: a JSON
// object of size bytes.
func appendData(dst []byte, n int, due time.Duration, size int) []byte {
	return appendObject(dst, n, due, size, result.PadData)
}

// appendObject is appendData with what it is filled up with.
func appendObject(dst []byte, n int, due time.Duration, size int, kind result.Data) []byte {
	start := len(dst)
	dst = append(dst, `{"n":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, `,"due":`...)
	dst = strconv.AppendInt(dst, int64(due), 10)
	random := rand.NewPCG(uint64(n), 0)
	if kind == result.JSONData {
		const longest, pad = len(`,{"symbol":"ABCD","bid":1234.56,"ask":1234.56,"volume":123456}`), len(`],"pad":""}`)
		dst = append(dst, `,"quotes":[`...)
		for first := true; len(dst)-start+longest+pad <= size; first = false {
			if !first {
				dst = append(dst, ',')
			}
			dst = appendQuote(dst, random.Uint64())
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `,"pad":"`...)
	for len(dst)-start < size-2 {
		c := byte('x')
		if kind == result.RandomData {
			c = digits[random.Uint64()>>58]
		}
		dst = append(dst, c)
	}
	return append(dst, `"}`...)
}

// appendQuote appends a price of something, made of 64 bits of chance.
func appendQuote(dst []byte, bits uint64) []byte {
	symbols := [...]string{"ALFA", "BETA", "GAMA", "DLTA", "EPSI", "ZETA", "ETAX", "THET"}
	bid := bits >> 3 % 1_000_000
	dst = append(dst, `{"symbol":"`+symbols[bits%8]+`","bid":`...)
	dst = strconv.AppendFloat(dst, float64(bid)/100, 'f', 2, 64)
	dst = append(dst, `,"ask":`...)
	dst = strconv.AppendFloat(dst, float64(min(bid+bits>>60, 999_999))/100, 'f', 2, 64)
	dst = append(dst, `,"volume":`...)
	dst = strconv.AppendUint(dst, bits>>32%1_000_000, 10)
	return append(dst, '}')
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

// A form is how the beginning of what appendDataOf wrote looks: up to the number; from there to the due time,
// nil where that follows at once, in digits to the base of 64; and what it ends with.
type form struct {
	first, due []byte
	last       byte
}

// forms are how it looks: an object or a string, as it is or inside a JSON string.
var forms = [...]form{
	{[]byte(`{"n":`), []byte(`,"due":`), '}'},
	{[]byte(`{\"n\":`), []byte(`,\"due\":`), '}'},
	{[]byte{'"', sign}, nil, '"'},
	{[]byte{'\\', '"', sign}, nil, '"'},
}

// formOf returns how data looks that stands as it is.
func formOf(data []byte) *form {
	if len(data) > 0 && data[0] == '"' {
		return &forms[2]
	}
	return &forms[0]
}

// scan finds the envelopes in a text that has only complete ones, and hands them over in order; it
// returns the last one's ID. It knows what appendDataOf writes, and that an envelope is the same on all
// transports; so it looks at a few bytes of each event instead of decoding JSON, which would cost
// more than receiving it.
func scan(text []byte, observe func(arrival) error) (id []byte, err error) {
	return scanTopic(text, dataMember, observe)
}

// scanTopic is scan for events of another topic: member is what comes between their topic member and their data.
func scanTopic(text, member []byte, observe func(arrival) error) (id []byte, err error) {
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
			rest, ours := bytes.CutPrefix(text, member)
			if !ours {
				return id, foreign(text)
			}
			if text, ours = a.read(rest, formOf(rest)); !ours {
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

// endOfEvents returns where in a text the last complete event ends, 0 if there is none: with the first closing
// brace or quote. What else an event may have is behind what the load looks at.
func endOfEvents(text []byte) (end int) {
	for i := range forms {
		start := bytes.LastIndex(text, forms[i].first)
		if start < 0 {
			continue
		}
		from := start + len(forms[i].first)
		if end := bytes.IndexByte(text[from:], forms[i].last); end >= 0 {
			return from + end + 1
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

// read reads the beginning of what appendDataOf wrote. It returns the rest, and whether it was ours.
func (a *arrival) read(text []byte, as *form) (rest []byte, ok bool) {
	rest, begins := bytes.CutPrefix(text, as.first)
	if as.due == nil {
		n, rest, counted := cutDigits(rest, numberSize)
		due, rest, dated := cutDigits(rest, dueSize)
		if !begins || !counted || !dated {
			return text, false
		}
		a.n, a.due = int(n), time.Duration(due)
		return rest, true
	}
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
