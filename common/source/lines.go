package source

import (
	"bytes"
	"log/slog"
)

// MaxLine is the longest line, in bytes and without its line feed, that standard input, a followed
// file or a recording may have. Longer ones are skipped with a warning.
const MaxLine = 1 << 20

// lines cuts what is written to it into lines. How the input is split into writes makes no
// difference. It holds at most one line, and never more than limit bytes of it.
type lines struct {
	limit int
	// each gets a line without its line feed. The bytes are valid until it returns.
	each func(line []byte) error
	// skipped gets the length of a line that was longer than limit.
	skipped func(length int64)

	held   []byte // the line so far; meaningless once length > limit
	length int64  // of the line so far
}

// newLines returns lines that warn of what they skip. from names the input in the warning.
func newLines(from string, limit int, log *slog.Logger, each func(line []byte) error) *lines {
	return &lines{limit: limit, each: each, skipped: func(length int64) {
		log.Warn("source: skipped a line that is too long; split it into shorter ones",
			"from", from, "bytes", length, "limit", limit)
	}}
}

// Write implements io.Writer. It fails when each does.
func (l *lines) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		part, _, complete := bytes.Cut(p[n:], []byte("\n"))
		n += len(part)
		l.hold(part)
		if complete {
			n++
			if err := l.end(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// Flush ends the last line if there is one without a line feed.
func (l *lines) Flush() error {
	if l.length == 0 {
		return nil
	}
	return l.end()
}

func (l *lines) hold(part []byte) {
	l.length += int64(len(part))
	if l.length <= int64(l.limit) {
		l.held = append(l.held, part...)
	}
}

func (l *lines) end() error {
	line, length := l.held, l.length
	l.held, l.length = l.held[:0], 0
	if length > int64(l.limit) {
		l.skipped(length)
		return nil
	}
	return l.each(line)
}
