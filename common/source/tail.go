package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"pushlab/common/event"
)

const (
	// tailPoll is how often a followed file is looked at. Asking the file system is portable,
	// needs no descriptor per file, and works on network file systems; it costs two stat calls.
	tailPoll = 200 * time.Millisecond
	// tailPatience is how many polls long a file that was replaced is read while somebody still
	// writes to it: 5 seconds.
	tailPatience = 25
)

// tail publishes the lines by which a file grows, like tail -F. It begins at the end of the file, or
// at the beginning if the file comes into being later. A line is an event once its line feed is
// there; what stands after the last line feed when the source starts belongs to such a line.
//
// Rotation, where another file takes over the path: the old one is read until nothing came for a
// whole poll, since its writer may notice later than we do, then the new one from its beginning.
// Truncation, where the file becomes shorter than what was read: it is read again from its
// beginning. In both cases an unfinished last line is published as it is, because its end will not
// come. Two things cannot be seen from outside and lose lines: a second rotation within the time of
// the first, and a file that was truncated and has its old length again by the next poll.
// On Windows a file cannot be renamed while it is followed; rotate it there by copy and truncate.
type tail struct {
	path  string
	log   *slog.Logger
	poll  time.Duration
	limit int // of a line
}

func (t tail) run(ctx context.Context, publish Publish) error {
	f := &follower{tail: t, buf: make([]byte, 32<<10)}
	f.lines = newLines(t.path, t.limit, t.log, func(line []byte) error {
		return publish(ctx, event.DefaultTopic, event.Line(string(line)))
	})
	defer f.close()
	if err := f.start(); err != nil {
		return err
	}
	return every(ctx, t.poll, f.look)
}

// follower is a tail at work.
type follower struct {
	tail
	lines *lines
	buf   []byte

	file     *os.File // nil until the path names a file that can be read
	offset   int64    // what was read of it
	replaced int      // for how many polls the path has named another file
	trouble  string   // the last one told, so that none is told at every poll
}

// start opens the file if it is there, and goes to its last, unfinished line.
func (f *follower) start() error {
	file, ok := f.open()
	if !ok {
		return nil
	}
	f.file = file
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f.offset, err = lineStart(file, info.Size(), f.limit)
	if err != nil {
		return err
	}
	_, err = file.Seek(f.offset, io.SeekStart)
	return err
}

// look reads what is new, then finds out whether it still reads the right file.
func (f *follower) look() error {
	if f.file == nil {
		file, ok := f.open()
		if !ok {
			return nil
		}
		f.switchTo(file)
	}
	n, err := f.read()
	if err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < f.offset {
		return f.restart()
	}

	now, err := os.Stat(f.path)
	if err != nil || os.SameFile(now, info) {
		f.replaced = 0 // renamed or deleted, and not created anew yet: nothing to change to
		return nil
	}
	f.replaced++
	quiet := n == 0 && f.replaced > 1
	if !quiet && f.replaced < tailPatience {
		return nil
	}
	file, ok := f.open()
	if !ok {
		return nil
	}
	if err := f.lines.Flush(); err != nil {
		file.Close()
		return err
	}
	f.log.Info("source: the followed file was replaced; reading the new one", "file", f.path)
	f.switchTo(file)
	_, err = f.read()
	return err
}

// open opens what the path names now. It reports whether that worked; if not, the log tells why, and
// the next poll tries again.
func (f *follower) open() (*os.File, bool) {
	info, err := os.Stat(f.path)
	if err == nil && !info.Mode().IsRegular() { // to open a named pipe would block
		err = fmt.Errorf("%s is not a regular file", f.path)
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(f.path)
	}
	switch {
	case err == nil:
		f.trouble = ""
		return file, true
	case err.Error() == f.trouble:
	case errors.Is(err, fs.ErrNotExist):
		f.log.Info("source: waiting for the file to be created", "file", f.path)
	default:
		f.log.Warn("source: the file cannot be read; trying again until it can", "file", f.path, "error", err)
	}
	f.trouble = err.Error()
	return nil, false
}

// read reads to the end of the file and returns how many bytes that were.
func (f *follower) read() (int, error) {
	total := 0
	for {
		n, err := f.file.Read(f.buf)
		total += n
		f.offset += int64(n)
		if _, err := f.lines.Write(f.buf[:n]); err != nil {
			return total, err
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, fmt.Errorf("the file cannot be read any more; start again once it can: %w", err)
		}
	}
}

// restart reads the truncated file from its beginning.
func (f *follower) restart() error {
	f.log.Info("source: the followed file was truncated; reading it from its beginning", "file", f.path)
	if err := f.lines.Flush(); err != nil {
		return err
	}
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	f.offset = 0
	_, err := f.read()
	return err
}

func (f *follower) switchTo(file *os.File) {
	f.close()
	f.file, f.offset, f.replaced = file, 0, 0
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close() // was only read from: there is nothing that closing could fail to save
	}
}

// lineStart returns where the last line begins: after the last line feed. It looks back by one byte
// more than a line may have; where that is not enough, it returns a place from which the line is
// still seen to be too long.
func lineStart(r io.ReaderAt, size int64, limit int) (int64, error) {
	from := max(0, size-int64(limit)-1)
	b := make([]byte, size-from)
	n, err := r.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return from + int64(bytes.LastIndexByte(b[:n], '\n')) + 1, nil
}
