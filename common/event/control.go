package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Topics of control events. The ID of a control event is always a cursor that is safe to resume from.
const (
	// OpenTopic opens every stream; its ID is the cursor that the stream starts from.
	OpenTopic = "$open"
	// BeatTopic is a heartbeat; its ID is the current cursor, so that a subscriber of quiet
	// topics has one that stays within the log.
	BeatTopic = "$beat"
	// GapTopic stands before the first event after a loss; its ID is the cursor that the stream
	// goes on from.
	GapTopic = "$gap"
	// ByeTopic is the server's goodbye; its ID is the cursor to come back with.
	ByeTopic = "$bye"
)

// Open returns the control event that opens a stream of the topics from that cursor. All topics
// are null, no topics are [].
func Open(cursor ID, topics []string) Event {
	return control(cursor, OpenTopic, struct {
		Topics []string `json:"topics"`
	}{topics})
}

// Beat returns a heartbeat.
func Beat(cursor ID) Event { return Event{ID: cursor, Topic: BeatTopic, Data: json.RawMessage(`{}`)} }

// maxAsked bounds how much of a malformed cursor a gap repeats, in bytes.
const maxAsked = 128

// A Gap is the data of a gap event.
type Gap struct {
	// After is the cursor that was asked for.
	After string `json:"after"`
	// Missed is how many events were lost; nil where that is not known exactly.
	Missed *uint64 `json:"missed,omitempty"`
}

// NewGap returns a gap event that leads to the cursor. Of an After that is no cursor it keeps what
// is valid UTF-8, and no more than 128 bytes.
func NewGap(cursor ID, gap Gap) Event {
	gap.After = gap.After[:min(len(gap.After), maxAsked)] // json.Marshal replaces what is not UTF-8
	return control(cursor, GapTopic, gap)
}

// ParseGap reads the data of a gap event.
func ParseGap(e Event) (Gap, error) {
	var gap Gap
	if err := json.Unmarshal(e.Data, &gap); err != nil {
		return Gap{}, fmt.Errorf("event: bad %s data: %w", GapTopic, err)
	}
	return gap, nil
}

// Bye returns a goodbye that asks the subscriber to come back after retry, in whole milliseconds.
func Bye(cursor ID, retry time.Duration) Event {
	return Event{ID: cursor, Topic: ByeTopic, Data: fmt.Appendf(nil, `{"retry":%d}`, retry.Milliseconds())}
}

// ParseBye reads from a goodbye after what time the server wants its subscriber back.
func ParseBye(e Event) (retry time.Duration, err error) {
	var bye struct {
		Retry json.Number `json:"retry"`
	}
	if err := json.Unmarshal(e.Data, &bye); err != nil {
		return 0, fmt.Errorf("event: bad %s data: %w", ByeTopic, err)
	}
	ms, err := strconv.ParseInt(bye.Retry.String(), 10, 64)
	if err != nil || ms < 0 || ms > int64(24*time.Hour/time.Millisecond) {
		return 0, fmt.Errorf("event: bad %s data: %s", ByeTopic, e.Data)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

func control(cursor ID, topic string, data any) Event {
	b, err := json.Marshal(data)
	if err != nil {
		panic("event: " + topic + ": " + err.Error()) // strings and numbers always marshal
	}
	return Event{ID: cursor, Topic: topic, Data: b}
}
