package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"pushlab/common/event"
)

// Limits of the speed, and the pause before a line that has no time of its own: 10 lines a second.
const (
	minSpeed    = 0.001
	maxSpeed    = 1e6
	replayPause = 100 * time.Millisecond
)

// replay publishes a recording: a file of lines, each an envelope or anything else.
type replay struct {
	path  string
	speed float64 // +Inf: no waiting
	log   *slog.Logger
}

func parseReplay(arg string, log *slog.Logger) (run, error) {
	r := replay{path: arg, speed: 1, log: log}
	if i := strings.LastIndexByte(arg, ':'); i >= 0 {
		if speed, ok := parseSpeed(arg[i+1:]); ok {
			r.path, r.speed = arg[:i], speed
		}
	}
	if r.speed < minSpeed || r.speed > maxSpeed && !math.IsInf(r.speed, 1) {
		return nil, fmt.Errorf("the speed %g is not from %g to %d; use a factor such as 2 or 0.5, or max", r.speed, minSpeed, int(maxSpeed))
	}
	err := checkFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; to make a recording: pushlab sub URL > FILE", err)
	}
	return r.run, err
}

// parseSpeed reads a speed as people write one: digits with at most one point, or max. The narrow
// form keeps parts of file names such as "inf" or "1e3" from being taken for speeds.
func parseSpeed(s string) (float64, bool) {
	if s == "max" {
		return math.Inf(1), true
	}
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	speed, err := strconv.ParseFloat(s, 64)
	return speed, err == nil
}

func (r replay) run(ctx context.Context, publish Publish) error {
	f, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := pace{start: time.Now(), speed: r.speed}
	l := newLines(r.path, MaxLine, r.log, func(line []byte) error {
		if len(bytes.TrimSpace(line)) == 0 {
			return nil // the end of a file made by hand, not something that happened
		}
		rec := parseRecord(line)
		if strings.HasPrefix(rec.topic, "$") {
			return nil // made for the stream that was recorded; each new stream gets its own
		}
		if err := sleepUntil(ctx, p.next(rec.time)); err != nil {
			return err
		}
		return publish(ctx, rec.topic, rec.data)
	})
	if _, err := io.Copy(l, f); err != nil {
		return err
	}
	return l.Flush()
}

// A record is one line of a recording.
type record struct {
	topic string
	data  json.RawMessage
	time  time.Time // zero: the line does not say
}

// parseRecord reads a line. It is an envelope if it is an object with a topic, data, and the id of an
// event; or without an id, as written by hand, if it has no other member but a time. What is not
// an envelope is data itself, as a whole. A member "time" of any object, in RFC 3339, is its time:
// so a program's JSON log replays at the pace at which it was written.
func parseRecord(line []byte) record {
	line = bytes.ToValidUTF8(line, []byte("\uFFFD"))
	rec := record{topic: event.DefaultTopic}
	var members map[string]json.RawMessage // a map, because names of members are case-sensitive
	if json.Unmarshal(line, &members) == nil {
		if t, err := time.Parse(time.RFC3339, text(members["time"])); err == nil {
			rec.time = t
		}
		if isEnvelope(members) {
			if data, err := event.Compact(members["data"]); err == nil {
				rec.topic, rec.data = text(members["topic"]), data
				return rec
			}
		}
	}
	rec.data = event.Line(string(line))
	return rec
}

func isEnvelope(members map[string]json.RawMessage) bool {
	if event.CheckTopic(strings.TrimPrefix(text(members["topic"]), "$")) != nil || members["data"] == nil {
		return false
	}
	if id, ok := members["id"]; ok {
		_, err := event.ParseID(text(id))
		return err == nil
	}
	_, timed := members["time"]
	return len(members) == 2 || len(members) == 3 && timed
}

// text returns a JSON string's value, and "" for anything else.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// pace computes when each line of a recording is due.
type pace struct {
	start time.Time
	speed float64

	begun   bool
	due     float64   // when the last line was due, in nanoseconds after start
	timed   time.Time // the time of the last line that had one
	timedAt float64   // when that one was due
}

// next returns when the next line is due, given its time. The first line is due at once; a line
// with a time follows the last line with a time as it did when it was recorded; before any other
// line there is a pause of replayPause. No line is due before the one above it, so that a step
// backwards in the recorded time counts as none.
func (p *pace) next(t time.Time) time.Time {
	switch {
	case !p.begun:
		p.begun = true
	case t.IsZero() || p.timed.IsZero():
		p.due += float64(replayPause) / p.speed
	default:
		p.due = max(p.due, p.timedAt+float64(t.Sub(p.timed))/p.speed)
	}
	if !t.IsZero() {
		p.timed, p.timedAt = t, p.due
	}
	return later(p.start, p.due)
}
