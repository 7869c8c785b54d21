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
	out    io.Writer
	size   func() (width, height int) // nil: it is no terminal
	view   liveView
	events chan result.Event
	stop   chan struct{}
	ended  sync.WaitGroup

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
	s := &liveScreen{out: out, events: make(chan result.Event, 1000), stop: make(chan struct{}), view: liveView{color: color(out)}}
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

// take shows an event soon. While the terminal is held up, readings are left out.
func (s *liveScreen) take(e result.Event) {
	if e.Kind == result.ReadingMade && len(s.events) > cap(s.events)/2 {
		return
	}
	select {
	case s.events <- e:
	case <-s.stop:
	}
}

// close takes the table away, and returns when nothing more is written.
func (s *liveScreen) close() {
	close(s.stop)
	s.ended.Wait()
}

func (s *liveScreen) run(ctx context.Context) {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	began, interrupted := time.Now(), ctx.Done()
	for {
		select {
		case e := <-s.events:
			if e.Plan != nil {
				began = time.Now().Add(-e.At)
			}
			s.show(e)
		case <-ticker.C:
			s.draw(time.Since(began))
		case <-interrupted:
			interrupted = nil
			s.view.ending = true
			if s.size == nil {
				fmt.Fprintln(s.out, "ending: what is under way is received; a second interrupt ends at once")
			}
			s.draw(time.Since(began))
		case <-s.stop:
			for len(s.events) > 0 {
				s.show(<-s.events)
			}
			s.erase()
			return
		}
	}
}

// show takes an event in, and writes it down where it is no terminal.
func (s *liveScreen) show(e result.Event) {
	s.view.take(e)
	if s.size != nil {
		return
	}
	if line := s.view.line(e); line != "" {
		fmt.Fprintln(s.out, line)
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
func (s *liveScreen) draw(now time.Duration) {
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
	lines := s.view.frame(width, height, now)
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
