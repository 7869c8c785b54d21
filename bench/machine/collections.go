package machine

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"time"
)

// traceCollections is what a Go program takes from GODEBUG to tell of each garbage collection on its standard error, as it
// ends. To be told costs the server a few writes for each; to ask for counters would cost it more, and in every interval.
const traceCollections = "gctrace=1"

// withTrace returns an environment in which a Go program tells of its garbage collections, beside what GODEBUG says already.
func withTrace(environment []string) []string {
	setting := traceCollections
	if v, ok := os.LookupEnv("GODEBUG"); ok && v != "" {
		setting = v + "," + setting
	}
	return append(environment, "GODEBUG="+setting) // the last one counts
}

// A traceReader takes from what a server writes to its standard error what Go's runtime tells of garbage collections. The
// rest goes on to the tail.
type traceReader struct {
	rest tail

	mu    sync.Mutex
	line  []byte // that has not ended
	times []time.Time
}

// maxCollections is how many collections are remembered: the last ones.
const maxCollections = 10_000

func (t *traceReader) Write(p []byte) (int, error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		piece, after, complete := bytes.Cut(rest, []byte("\n"))
		t.line = append(t.line, piece...)
		rest = after
		if !complete && len(t.line) < maxLine {
			break
		}
		if told, forced := isCollection(t.line); !told {
			t.rest.Write(append(t.line, '\n'))
		} else if !forced {
			t.times = append(t.times, now)
			t.times = t.times[max(0, len(t.times)-maxCollections):]
		}
		t.line = t.line[:0]
	}
	return len(p), nil
}

// text returns the last of what went on, and the line that has not ended.
func (t *traceReader) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.line) > 0 {
		t.rest.Write(t.line)
		t.line = t.line[:0]
	}
	return t.rest.text()
}

// isCollection reports whether a line tells of a collection, such as "gc 7 @0.5s 2%: … 2 P", and whether that was asked
// for, as it is before memory is read.
func isCollection(line []byte) (told, forced bool) {
	text := string(line)
	if !strings.HasPrefix(text, "gc ") || !strings.Contains(text, " @") || !strings.Contains(text, "%: ") {
		return false, false
	}
	return true, strings.HasSuffix(text, "(forced)")
}

// between returns when collections ended after one time, up to another.
func (t *traceReader) between(after, until time.Time) (times []time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, at := range t.times {
		if at.After(after) && !at.After(until) {
			times = append(times, at)
		}
	}
	return times
}

// Collections returns when the server's garbage collections ended, after one time and up to another, as far as it is a Go
// program that this one has started. Those that were asked for are left out.
func (s *Server) Collections(after, until time.Time) []time.Time {
	if s.trace == nil {
		return nil
	}
	return s.trace.between(after, until)
}
