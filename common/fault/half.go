package fault

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

// A half is one direction of a connection: a goroutine that reads from the source into a queue, and
// one that writes from the queue to the target when its bytes are due.
//
//	source ── read ──▶ [ collected by a buffer | due at some time ] ── write ──▶ target
//
// What is due is computed from the settings of the moment, whenever somebody looks. So a change
// counts for what is held already, and there is nothing to be undone.
type half struct {
	c      *conn
	name   string
	source net.Conn
	target net.Conn
	line   Line
	cutter cutter
	random *rand.Rand

	bytes     []byte    // all that is held: first that of queue, then that of waiting
	spare     []byte    // where bytes begins when it is empty
	queue     []segment // let go by the buffer
	waiting   []segment // in the buffer
	instant   time.Time // of the latest arrival
	variation float64   // drawn for it
	cleared   int       // how often bytes was thrown away

	ready time.Time // rate: when the piece on the wire has arrived
	wire  int64     // the rate that was computed with; 0: nothing on the wire
	piece int       // how much is on the wire
	busy  bool      // the wire was never idle since ready
	pause time.Time // split: before that nothing is written

	holding time.Time // since when something is held; zero: nothing is

	passed, swallowed int64
	dead              bool // lost something, and passes nothing any more
	shut              bool // passes no more of what comes
	endNow            bool // the end is to be passed before anything else
	over              bool // the end has passed, or was swallowed
	reset             bool // the end was a reset

	more chan struct{} // for the reader: there may be room
	look chan struct{} // for the writer: something may be due
}

// A segment is a number of bytes that came in the same moment, or the end.
type segment struct {
	n         int
	at        time.Time // when it came, or was let go by the buffer
	variation float64   // of its delay, -1 to 1
	end       bool
}

// readSize is how much is read at once.
const readSize = 16 << 10

// tick is how long a piece may be on the wire when there is a rate: short enough to look smooth.
const tick = 20 * time.Millisecond

func (h *half) init(c *conn, name string, random *rand.Rand) {
	h.c, h.name, h.random = c, name, random
	h.more, h.look = make(chan struct{}, 1), make(chan struct{}, 1)
	if h == &c.up {
		h.source = c.client
	} else {
		h.target = c.client
	}
}

func (h *half) traffic() Traffic {
	held := len(h.bytes)
	if h == &h.c.up {
		held += len(h.c.head)
	}
	return Traffic{Passed: h.passed, Held: int64(held), Swallowed: h.swallowed}
}

// apply has the half obey a line.
func (h *half) apply(l Line, now time.Time) {
	h.line = l
	h.cutter.set(l.Cut, now, h.passed, h.random)
	if l.BlackHole && len(h.bytes) > 0 {
		h.silence(now)
	}
	h.pace()
	notify(h.more)
	notify(h.look)
}

// pace has the reader stop, or go on. A deadline in the past ends a read that waits already.
func (h *half) pace() {
	if h.source == nil || h.c.ended {
		return
	}
	var deadline time.Time
	if h.stalled() {
		deadline = time.Unix(1, 0)
	}
	h.source.SetReadDeadline(deadline)
}

func (h *half) stalled() bool { return h.line.Stall && !h.line.BlackHole && !h.dead && !h.shut }

// hole tells whether what comes is swallowed.
func (h *half) hole() bool { return h.dead || h.line.BlackHole }

// silence makes the half lose what it holds, and be dead from now on.
func (h *half) silence(now time.Time) {
	if h.dead {
		return
	}
	lost := len(h.bytes)
	h.clear()
	h.die(lost, now)
	h.interrupt()
}

// interrupt ends a write that waits, and has both goroutines look again. No more will be written.
func (h *half) interrupt() {
	if h.target != nil && !h.c.ended {
		h.target.SetWriteDeadline(time.Unix(1, 0))
	}
	h.pace()
	notify(h.more)
	notify(h.look)
}

// die notes that bytes, or the end, were lost.
func (h *half) die(lost int, now time.Time) {
	if !h.dead {
		h.dead = true
		if lost > 0 {
			h.c.p.observe(Event{At: now, Kind: Swallowed, Connection: h.c.id, Direction: h.name, Bytes: lost})
		}
	}
}

// clear throws away what is held.
func (h *half) clear() {
	h.swallow(len(h.bytes))
	h.bytes, h.spare, h.queue, h.waiting = nil, nil, nil, nil // a write may still look at them
	h.holding, h.wire, h.busy = time.Time{}, 0, false
	h.cleared++
}

func (h *half) swallow(n int) { h.swallowed += int64(n) }

// shutNow passes the end, and nothing that comes after.
func (h *half) shutNow(now time.Time) {
	h.cutter.stop()
	if h.shut || h.dead {
		return
	}
	h.clear()
	h.shut, h.endNow = true, true
	h.interrupt()
}

// read is the goroutine that reads.
func (h *half) read(source net.Conn) {
	p := make([]byte, readSize)
	for {
		h.c.p.mu.Lock()
		room, ended := h.room(), h.c.ended
		h.c.p.mu.Unlock()
		if ended {
			return
		}
		if room == 0 {
			select {
			case <-h.more:
			case <-h.c.done:
			}
			continue
		}
		n, err := source.Read(p[:min(room, len(p))])
		h.c.p.mu.Lock()
		goOn := h.arrived(p[:n], err)
		h.c.p.mu.Unlock()
		if !goOn {
			return
		}
	}
}

// room returns how much may be read.
func (h *half) room() int {
	switch {
	case h.stalled():
		return 0
	case h.hole() || h.shut:
		return readSize
	}
	if h == &h.c.up && h.c.asking {
		return readSize // a head has a limit of its own
	}
	return max(0, h.c.p.config.MaxHeld-len(h.bytes))
}

// arrived takes what was read, and tells whether to read on.
func (h *half) arrived(p []byte, err error) bool {
	c, now := h.c, time.Now()
	if c.ended {
		c.p.count(h, Traffic{Swallowed: int64(len(p))})
		return false
	}
	if len(p) > 0 {
		c.active = now
		switch {
		case h.shut:
			h.swallow(len(p))
		case h.hole():
			h.swallow(len(p))
			h.die(len(p), now)
		case h == &c.up:
			c.asks(p, now)
		default:
			c.replies(p, now)
		}
	}
	switch {
	case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
		return true
	case h.shut:
		if !h.over && !h.endNow && !c.answered {
			c.over(h, now)
		}
	case h.hole():
		h.die(0, now)
		c.over(h, now)
	default:
		if c.asking && h == &c.up {
			c.giveUp(now)
		}
		c.pass() // who says nothing and closes has connected all the same
		h.pushEnd(err != io.EOF, now)
	}
	return false
}

// push puts bytes into the queue, or into the buffer.
func (h *half) push(p []byte, now time.Time) {
	if len(p) == 0 {
		return
	}
	if h.dead {
		h.swallow(len(p))
		return
	}
	// In virtual time it is chance how many reads bring what is sent in one moment. So the moment
	// is what counts, and the same seed draws the same numbers.
	if !now.Equal(h.instant) {
		h.instant, h.variation = now, vary(h.random)
	}
	if len(h.bytes) == 0 {
		h.bytes = append(h.spare[:0], p...)
		if h.spare = nil; cap(h.bytes) <= 2*readSize {
			h.spare = h.bytes
		}
	} else {
		if need := len(h.bytes) + len(p); need > cap(h.bytes) {
			// Never in place, since a write may be going on; append alone would grow by too little.
			h.bytes = append(make([]byte, 0, 2*need), h.bytes...)
		}
		h.bytes = append(h.bytes, p...)
	}
	s := segment{n: len(p), at: now, variation: h.variation}
	if h.line.Buffer.Size == 0 && len(h.waiting) == 0 {
		h.put(&h.queue, s)
	} else {
		h.put(&h.waiting, s)
		h.let(now)
	}
	notify(h.look)
}

// put adds a segment to a list. Where nothing is made of the difference it becomes part of the last.
func (h *half) put(list *[]segment, s segment) {
	if n := len(*list); n > 0 && !s.end && !(*list)[n-1].end {
		last := &(*list)[n-1]
		if last.at.Equal(s.at) && last.variation == s.variation || h.line.Delay == 0 && h.line.Jitter == 0 && h.line.Buffer.Size == 0 {
			last.n += s.n
			return
		}
	}
	*list = append(*list, s)
}

// pushEnd puts the end behind all that is held.
func (h *half) pushEnd(reset bool, now time.Time) {
	h.flush(now)
	if !now.Equal(h.instant) {
		h.instant, h.variation = now, vary(h.random)
	}
	h.reset = reset
	h.put(&h.queue, segment{at: now, variation: h.variation, end: true})
	notify(h.look)
}

// let moves what the buffer lets go by now into the queue, and returns when to look again.
func (h *half) let(now time.Time) (next time.Time) {
	n := 0
	for _, s := range h.waiting {
		n += s.n
	}
	if n == 0 {
		return next
	}
	b := h.line.Buffer
	oldest := h.waiting[0].at.Add(b.Wait)
	switch {
	case b.Size == 0,
		b.Wait > 0 && !now.Before(oldest),
		h == &h.c.down && h.c.talk.unbuffered(b.Accel):
		h.flush(now)
	default:
		h.move(n-n%b.Size, now)
		if len(h.waiting) > 0 && b.Wait > 0 {
			next = h.waiting[0].at.Add(b.Wait)
		}
	}
	return next
}

// flush has the buffer let go of all.
func (h *half) flush(now time.Time) {
	n := 0
	for _, s := range h.waiting {
		n += s.n
	}
	h.move(n, now)
	notify(h.look)
}

// move moves the first n bytes of the buffer into the queue, as one segment.
func (h *half) move(n int, now time.Time) {
	if n == 0 {
		return
	}
	moved := segment{n: n, at: now, variation: h.waiting[0].variation}
	for n > 0 {
		first := &h.waiting[0]
		if first.n > n {
			first.n -= n
			break
		}
		n -= first.n
		h.waiting = h.waiting[1:]
	}
	if len(h.waiting) == 0 {
		h.waiting = nil
	}
	h.put(&h.queue, moved)
}

// An action is what the writer should do.
type action uint8

const (
	wait action = iota
	write
	end
	stop
)

// next says what to write now, or until when to wait; a zero time is until something changes.
func (h *half) next(now time.Time) (do action, piece []byte, until time.Time) {
	switch {
	case h.c.ended || h.over:
		return stop, nil, until
	case h.endNow:
		return end, nil, until
	case h.hole():
		return wait, nil, until
	}
	again := h.let(now)
	if len(h.bytes) > 0 && h.stalled() {
		h.busy = false
		return h.hold("stall", now, until)
	}
	if len(h.queue) == 0 {
		h.busy = false
		if len(h.waiting) > 0 {
			return h.hold("buffer", now, again)
		}
		return wait, nil, again
	}
	first := &h.queue[0]
	late := h.line.Delay + time.Duration(first.variation*float64(h.line.Jitter))
	if due := first.at.Add(max(0, late)); now.Before(due) {
		h.busy = false
		return h.hold("delay", now, sooner(due, again))
	}
	if now.Before(h.pause) && h.line.Split.Pause > 0 {
		return wait, nil, sooner(h.pause, again)
	}
	if first.end {
		return end, nil, until
	}
	n := first.n
	if h.line.Split.Size > 0 {
		n = min(n, h.line.Split.Size)
	}
	for _, k := range []*cutter{&h.cutter, &h.c.cutter} {
		if k.bytes > 0 && (k == &h.cutter || h == &h.c.down) {
			n = int(min(int64(n), k.bytes-h.passed))
		}
	}
	if rate := h.line.Rate; rate > 0 {
		if h.wire != rate {
			start := now
			if h.busy && h.wire == 0 {
				start = h.ready // go on where the last piece ended, however late we were woken
			}
			h.piece = int(min(int64(n), max(1, rate/int64(time.Second/tick))))
			h.wire, h.ready = rate, start.Add(time.Duration(int64(h.piece)*int64(time.Second)/rate))
		}
		n = min(n, h.piece)
		if now.Before(h.ready) {
			return wait, nil, sooner(h.ready, again)
		}
	}
	return write, h.bytes[:n], until
}

// hold waits, and notes that something is held.
func (h *half) hold(why string, now, until time.Time) (action, []byte, time.Time) {
	if h.holding.IsZero() && len(h.bytes) > 0 {
		h.holding = now
		h.c.p.observe(Event{At: now, Kind: Held, Connection: h.c.id, Direction: h.name, Bytes: len(h.bytes), Why: why})
	}
	return wait, nil, until
}

// write is the goroutine that writes.
func (h *half) write(target net.Conn) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		h.c.p.mu.Lock()
		now := time.Now()
		do, piece, until := h.next(now)
		if do == write {
			h.letGo(len(piece), now)
		}
		cleared := h.cleared
		h.c.p.mu.Unlock()
		switch do {
		case stop:
			return
		case end:
			h.pass(target)
		case write:
			n, err := target.Write(piece)
			h.wrote(n, err, cleared)
		case wait:
			timer.Stop()
			var expired <-chan time.Time
			if !until.IsZero() {
				timer.Reset(until.Sub(now))
				expired = timer.C
			}
			select {
			case <-h.look:
			case <-expired:
			case <-h.c.done:
			}
		}
	}
}

// letGo notes that what was held is held no longer.
func (h *half) letGo(n int, now time.Time) {
	if !h.holding.IsZero() {
		h.c.p.observe(Event{At: now, Kind: Released, Connection: h.c.id, Direction: h.name, Bytes: n, For: now.Sub(h.holding)})
		h.holding = time.Time{}
	}
}

// wrote notes that the first n bytes are gone.
func (h *half) wrote(n int, err error, cleared int) {
	h.c.p.mu.Lock()
	defer h.c.p.mu.Unlock()
	now := time.Now()
	h.passed += int64(n)
	if h.cleared != cleared { // they were thrown away, and counted, meanwhile
		h.swallowed -= int64(n)
		if h.c.ended {
			h.c.p.count(h, Traffic{Passed: int64(n), Swallowed: -int64(n)})
		}
		return
	}
	if n > 0 {
		if h.bytes = h.bytes[n:]; len(h.bytes) == 0 {
			h.bytes = nil
		}
		if h.queue[0].n -= n; h.queue[0].n == 0 {
			if len(h.queue) == 1 {
				h.queue = h.queue[:0] // with its room, for what comes next
			} else {
				h.queue = h.queue[1:]
			}
		}
	}
	h.busy, h.wire = h.line.Rate > 0, 0
	h.pause = now.Add(h.line.Split.Pause)
	notify(h.more)
	if h.c.ended {
		return
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		why := WhyServerReset
		if h == &h.c.down {
			why = WhyClientReset
		}
		h.c.finish(RST, why, now)
		return
	}
	h.c.due(now)
}

// pass passes the end on.
func (h *half) pass(target net.Conn) {
	h.c.p.mu.Lock()
	ended, reset := h.c.ended || h.over, h.reset && !h.endNow
	h.c.p.mu.Unlock()
	if ended {
		return
	}
	// This sends a FIN; the peer may go on talking.
	closed := !reset && closeWrite(target)

	h.c.p.mu.Lock()
	defer h.c.p.mu.Unlock()
	now := time.Now()
	switch {
	case closed:
		h.c.over(h, now)
	case reset:
		h.c.finish(RST, h.sender(" reset"), now)
	default: // this kind of connection has no halves
		h.c.finish(FIN, h.sender(" closed"), now)
	}
}

// sender says who does something at the source of this half.
func (h *half) sender(does string) string {
	if h == &h.c.up {
		return "client" + does
	}
	return "server" + does
}
