package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"pushlab/common/event"
)

// stdin publishes the lines of a reader.
type stdin struct {
	r   io.Reader
	log *slog.Logger
}

// chunk is what one read gave.
type chunk struct {
	data []byte
	err  error
}

// run reads in a second goroutine, since ctx cannot interrupt a read. Env.Stdin tells the user what
// becomes of that goroutine; the rule is at the end of this function.
func (s stdin) run(ctx context.Context, publish Publish) error {
	chunks := make(chan chunk)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.read(chunks, stop)
	}()
	defer func() {
		close(stop)
		if d, ok := s.r.(interface{ SetReadDeadline(time.Time) error }); ok && d.SetReadDeadline(time.Unix(1, 0)) == nil {
			<-done
			d.SetReadDeadline(time.Time{}) // whoever owns the reader may go on with it
		}
	}()

	l := newLines("stdin", MaxLine, s.log, func(line []byte) error {
		return publish(ctx, event.DefaultTopic, event.Line(string(line)))
	})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-chunks:
			if _, err := l.Write(c.data); err != nil {
				return err
			}
			if c.err == nil {
				continue
			}
			<-done // after an error, it reads no more
			if err := l.Flush(); err != nil {
				return err
			}
			if errors.Is(c.err, io.EOF) {
				return nil
			}
			return fmt.Errorf("standard input cannot be read any more; start again with another: %w", c.err)
		}
	}
}

// read sends what it reads until the first error or until stop is closed. Two buffers are enough:
// the channel has no room, so when the second one is taken, the first has been dealt with.
func (s stdin) read(chunks chan<- chunk, stop <-chan struct{}) {
	var buffers [2][32 << 10]byte
	for i := 0; ; i++ {
		buf := buffers[i%2][:]
		n, err := s.r.Read(buf)
		select {
		case chunks <- chunk{buf[:n], err}:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}
