package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"pushlab/bench/result"
)

// redraw is how often a terminal is redrawn, and how often it is told how a measurement goes.
const redraw = 250 * time.Millisecond

// A liveScreen shows a run while it goes on: on a terminal as a table that is drawn again and again, anywhere
// else as lines. It writes in a goroutine of its own, so that a terminal that is held up holds up nothing.
type liveScreen struct {
	out   io.Writer
	size  func() (width, height int) // nil: it is no terminal
	lines chan string                // for where it is none
	stop  chan struct{}
	ended sync.WaitGroup

	mu    sync.Mutex // guards view, and is not held while anything is written
	view  liveView
	began time.Time // the run

	drawn         int // lines of the frame that stands there
	width, height int // when it was drawn
}

// isLive reports whether a table can be drawn there: on a terminal that knows how, which nobody reads later.
func isLive(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) || os.Getenv("TERM") == "dumb" || os.Getenv("CI") != "" {
		return false
	}
	width, height := terminalSize(f)
	return width > 0 && height > 0
}

// newLiveScreen returns a screen that shows until it is closed. When ctx ends it says what happens then.
func newLiveScreen(ctx context.Context, out io.Writer) *liveScreen {
	s := &liveScreen{out: out, lines: make(chan string, 1000), stop: make(chan struct{}), began: time.Now(), view: liveView{color: color(out)}}
	if f, ok := out.(*os.File); ok && isLive(out) {
		s.size = func() (int, int) { return terminalSize(f) }
	}
	s.ended.Go(func() { s.run(ctx) })
	return s
}

// every is how often it is worth telling how a measurement goes.
func (s *liveScreen) every() time.Duration {
	if s.size != nil {
		return redraw
	}
	return time.Second
}

// take shows an event soon. Lines for which nobody has taken a thousand others yet are left out.
func (s *liveScreen) take(e result.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Plan != nil {
		s.began = time.Now().Add(-e.At)
	}
	s.view.take(e)
	if s.size != nil {
		return // it is drawn when it is time
	}
	if line := s.view.line(e); line != "" {
		select {
		case s.lines <- line:
		default:
		}
	}
}

// close takes the table away, and returns when nothing more is written.
func (s *liveScreen) close() {
	close(s.stop)
	s.ended.Wait()
}

func (s *liveScreen) run(ctx context.Context) {
	var draw <-chan time.Time
	if s.size != nil {
		ticker := time.NewTicker(redraw)
		defer ticker.Stop()
		draw = ticker.C
	}
	interrupted := ctx.Done()
	for {
		select {
		case line := <-s.lines:
			fmt.Fprintln(s.out, line)
		case <-draw:
			s.draw()
		case <-interrupted:
			interrupted = nil
			s.mu.Lock()
			s.view.ending = true
			s.mu.Unlock()
			if s.size == nil {
				fmt.Fprintln(s.out, "ending: what is under way is received; a second interrupt ends at once")
			}
			s.draw()
		case <-s.stop:
			for len(s.lines) > 0 {
				fmt.Fprintln(s.out, <-s.lines)
			}
			s.erase()
			return
		}
	}
}

// What a terminal is told (ECMA-48, and DEC's private modes). Between two frames it is always as it was
// found, with its cursor shown in the line below the frame: whatever ends the program, there is
// nothing left to restore.
const (
	hideCursor, showCursor = "\x1b[?25l", "\x1b[?25h"
	wrapOff, wrapOn        = "\x1b[?7l", "\x1b[?7h"
	eraseLine, eraseBelow  = "\x1b[K", "\x1b[J"
	eraseAll               = "\x1b[H\x1b[J"
)

// draw draws the frame in place of the one before, in one write.
func (s *liveScreen) draw() {
	if s.size == nil {
		return
	}
	width, height := s.size()
	if width <= 0 || height <= 0 {
		return
	}
	var b strings.Builder
	b.WriteString(hideCursor + wrapOff)
	// A terminal that was made narrower has wrapped the old frame in its own way.
	if s.drawn > 0 && (width != s.width || height != s.height) {
		b.WriteString(eraseAll)
	} else {
		b.WriteString(s.above())
	}
	s.mu.Lock()
	lines := s.view.frame(width, height, time.Since(s.began))
	s.mu.Unlock()
	for _, line := range lines {
		b.WriteString(line + eraseLine + "\r\n")
	}
	b.WriteString(eraseBelow + wrapOn + showCursor)
	s.drawn, s.width, s.height = len(lines), width, height
	io.WriteString(s.out, b.String()) // a terminal that is gone shows nothing, which is no reason to end
}

// above goes to where the frame begins.
func (s *liveScreen) above() string {
	if s.drawn == 0 {
		return "\r"
	}
	return fmt.Sprintf("\r\x1b[%dA", s.drawn)
}

// erase takes the frame away.
func (s *liveScreen) erase() {
	if s.drawn > 0 {
		io.WriteString(s.out, s.above()+eraseBelow)
		s.drawn = 0
	}
}
