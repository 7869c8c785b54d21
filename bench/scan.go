package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// topic is what the events are published on.
const topic = "bench"

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
	dataMember  = []byte(topic + `","data":{"n":`)
	dueMember   = []byte(`,"due":`)
)

// scan finds the envelopes in a text that has only complete ones, and hands them over in order. It
// knows what appendData writes, and that an envelope is the same on all transports; so it looks at
// a few bytes of each event instead of decoding JSON, which would cost more than receiving it.
func scan(text []byte, observe func(arrival) error) error {
	for {
		start := bytes.Index(text, topicMember)
		if start < 0 {
			return nil
		}
		text = text[start+len(topicMember):]
		var a arrival
		if len(text) > 0 && text[0] == '$' {
			end := max(0, bytes.IndexByte(text, '"'))
			a.control = string(text[:end])
		} else {
			rest, ours := bytes.CutPrefix(text, dataMember)
			n, rest, ok := cutNumber(rest)
			rest, found := bytes.CutPrefix(rest, dueMember)
			due, rest, ok2 := cutNumber(rest)
			if !ours || !ok || !found || !ok2 {
				return fmt.Errorf("an event that the load did not publish: …%.100q; is somebody else on the server?", text)
			}
			a.n, a.due = int(n), time.Duration(due)
			text = rest
		}
		if err := observe(a); err != nil {
			return err
		}
	}
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

// ack and refusal begin a server's answer to a publisher.
var (
	ack     = []byte(`{"op":"ack"`)
	refusal = []byte(`{"op":"error"`)
)

// isAck tells an acknowledgement from what else comes to the publisher. It fails on a refusal.
func isAck(message []byte) (bool, error) {
	if bytes.HasPrefix(message, refusal) {
		return false, errors.New("the server refuses an event: " + string(message[:min(len(message), 300)]))
	}
	return bytes.HasPrefix(message, ack), nil
}
