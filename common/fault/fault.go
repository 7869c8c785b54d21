package fault

import (
	"errors"
	"fmt"
	"time"
)

// A Fault says what a proxy does wrong; the zero Fault is a proxy that does nothing wrong. Several
// parts may be set at once. It is written as text (Parse, String) and as JSON, in the same words.
type Fault struct {
	Up   Line // from the client to the server; "upstream" in Toxiproxy
	Down Line // from the server to the client; "downstream"

	Cut    Cut           // ends the connection
	Idle   Idle          // ends a connection on which nothing moves
	Refuse time.Duration // for so long, cuts all connections and refuses new ones; Always: until changed
	Limit  Limit         // how many connections are served at once
	Answer Answer        // has the proxy answer HTTP requests by itself
}

// Always is how long something lasts that has no end of its own.
const Always = time.Duration(1<<63 - 1)

// A Line is what is wrong with one direction of a connection. What is held back obeys the Line of
// now: to take a delay away lets everything go that waited for it.
type Line struct {
	// Delay is how long each byte, and the end, takes; Jitter is by how much more or less, drawn
	// evenly for all that came in the same moment. The order is kept: what is quicker waits.
	Delay, Jitter time.Duration
	// Rate is how many bytes pass in a second, on each connection. 0: any number.
	Rate int64
	// Split cuts what passes into pieces, each its own write.
	Split Split
	// Buffer collects bytes before it passes them on.
	Buffer Buffer
	// Stall reads nothing, so that the sender's buffers fill and it has to wait. Nor is it noticed
	// when the sender closes.
	Stall bool
	// BlackHole reads everything, end included, and passes nothing. A direction that has lost
	// something stays so when the fault is gone: a stream of bytes with a hole in it is worse than
	// one that is dead.
	BlackHole bool
	// Cut ends this direction with a FIN, and leaves the other one open.
	Cut Cut
}

// Split says how long the pieces are, and how long to wait after each.
type Split struct {
	Size  int // bytes; 0: as they come
	Pause time.Duration
}

// Buffer says when a buffering proxy passes on what it has: when it has Size bytes, exactly that
// many; after the oldest has waited for Wait; when the other end is done. On an HTTP/1 connection
// also when a response is complete; and nothing is buffered after 101 Switching Protocols.
type Buffer struct {
	Size  int           // bytes, at most Config.MaxHeld; 0: no buffer
	Wait  time.Duration // 0: for ever
	Accel bool          // obey "X-Accel-Buffering: no" in a response, as nginx does
}

// A Kind is how a connection ends.
type Kind string

// The kinds.
const (
	// FIN closes: the peer reads everything that came before, and then the end.
	FIN Kind = "fin"
	// RST aborts: the peer's next read fails, and it may lose what it had not read yet. Only TCP has
	// it; a Unix socket or one in memory is closed, unread bytes or not.
	RST Kind = "rst"
	// Silence keeps the connection open and passes nothing any more, in both directions.
	Silence Kind = "blackhole"
)

// A Cut ends a connection: when it is After old, or has passed so many Bytes to the client (for a
// Line: in its direction), whichever comes first; with neither, at once. Jitter and Spread are by
// how much more or less, drawn for each connection. A connection that is older than the fault counts
// from then on. What the proxy still held is lost.
type Cut struct {
	Kind          Kind // "": no cut
	After, Jitter time.Duration
	Bytes, Spread int64
}

// Idle ends a connection after so long without a byte in either direction.
type Idle struct {
	After time.Duration // 0: never
	Kind  Kind          // "" is FIN, as of a proxy; Silence is what address translators do
}

// A Limit is how many connections are served at once. Those that are open already stay.
type Limit struct {
	Connections int  // 0: no limit but Config.MaxConnections
	Refuse      bool // refuse the others; otherwise they are accepted, and wait for their turn
}

// An Answer is what the proxy says instead of the server. It speaks HTTP/1 and closes after it; what
// is no HTTP/1 request is passed on. A request whose head has begun to pass goes on passing.
type Answer struct {
	Status     int           // 0: none
	Requests   int           // how many requests; 0: any number
	For        time.Duration // for how long; 0: until changed
	RetryAfter time.Duration // sent in whole seconds, rounded up; 0: not sent
	Type       string        // the media type; "" is text/plain
}

// Limits of what a Fault may say, so that no sum of two overflows.
const (
	maxTime  = 24 * time.Hour
	maxBytes = 1 << 40
	maxSize  = 1 << 30
)

// Check tells what is wrong with a fault, if anything is.
func (f Fault) Check() error {
	for _, d := range []struct {
		name string
		line Line
	}{{"up:", f.Up}, {"down:", f.Down}} {
		l := d.line
		if err := errors.Join(
			within(d.name+"delay", l.Delay, maxTime),
			within(d.name+"delay", l.Jitter, maxTime),
			within(d.name+"rate", l.Rate, maxBytes),
			within(d.name+"split", l.Split.Size, maxSize),
			within(d.name+"split", l.Split.Pause, maxTime),
			within(d.name+"buffer", l.Buffer.Size, maxSize),
			within(d.name+"buffer", l.Buffer.Wait, maxTime),
			l.Cut.check(d.name+"cut"),
		); err != nil {
			return first(err)
		}
		switch {
		case l.Split.Size == 0 && l.Split.Pause > 0:
			return fmt.Errorf("fault: %ssplit has a pause, and no size", d.name)
		case l.Buffer.Size == 0 && l.Buffer != Buffer{}:
			return fmt.Errorf("fault: %sbuffer has no size", d.name)
		case l.Cut.Kind != "" && l.Cut.Kind != FIN:
			return fmt.Errorf("fault: %scut=%s: only fin can end one direction; leave %q out", d.name, l.Cut.Kind, d.name)
		}
	}
	refuse := f.Refuse
	if refuse == Always {
		refuse = 0
	}
	if err := errors.Join(
		f.Cut.check("cut"),
		within("idle", f.Idle.After, maxTime),
		within("refuse", refuse, maxTime),
		within("connections", f.Limit.Connections, maxSize),
		within("answer", f.Answer.Requests, maxSize),
		within("answer", f.Answer.For, maxTime),
		within("answer", f.Answer.RetryAfter, maxTime),
	); err != nil {
		return first(err)
	}
	switch {
	case f.Idle.After == 0 && f.Idle.Kind != "":
		return errors.New("fault: idle has no time")
	case f.Idle.Kind != "" && !f.Idle.Kind.known():
		return fmt.Errorf("fault: idle: unknown kind %q; use fin, rst or blackhole", f.Idle.Kind)
	case f.Limit.Connections == 0 && f.Limit.Refuse:
		return errors.New("fault: connections has no number")
	case f.Answer.Status == 0 && f.Answer != Answer{}:
		return errors.New("fault: answer has no status")
	case f.Answer.Status != 0 && (f.Answer.Status < 200 || f.Answer.Status > 599):
		return fmt.Errorf("fault: answer=%d: use a final status, 200 to 599", f.Answer.Status)
	case !isMediaType(f.Answer.Type):
		return fmt.Errorf("fault: answer: %.40q is no media type; use one such as text/html", f.Answer.Type)
	}
	return nil
}

func (k Kind) known() bool { return k == FIN || k == RST || k == Silence }

func (c Cut) check(name string) error {
	switch {
	case c == Cut{}:
		return nil
	case !c.Kind.known():
		return fmt.Errorf("fault: %s: unknown kind %q; use fin, rst or blackhole", name, c.Kind)
	case c.After == 0 && c.Jitter > 0 || c.Bytes == 0 && c.Spread > 0:
		return fmt.Errorf("fault: %s: more or less than what? give a time or a size before ±", name)
	}
	return errors.Join(within(name, c.After, maxTime), within(name, c.Jitter, maxTime),
		within(name, c.Bytes, maxBytes), within(name, c.Spread, maxBytes))
}

func within[N int | int64 | time.Duration](name string, n, most N) error {
	if n < 0 || n > most {
		return fmt.Errorf("fault: %s: %v is outside 0 to %v", name, n, most)
	}
	return nil
}

// first returns the first of joined errors: one is enough to act upon.
func first(err error) error {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return joined.Unwrap()[0]
	}
	return err
}

// isMediaType tells whether s can stand in a header field and in the text of a fault.
func isMediaType(s string) bool {
	for _, b := range []byte(s) {
		if b < ' ' || b >= 0x7f || b == ',' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}

// with returns f with the parts of g that are set in their place.
func (f Fault) with(g Fault) Fault {
	f.Up, f.Down = f.Up.with(g.Up), f.Down.with(g.Down)
	f.Cut, f.Idle = either(g.Cut, f.Cut), either(g.Idle, f.Idle)
	f.Refuse, f.Limit, f.Answer = either(g.Refuse, f.Refuse), either(g.Limit, f.Limit), either(g.Answer, f.Answer)
	return f
}

func (l Line) with(g Line) Line {
	if g.Delay != 0 || g.Jitter != 0 {
		l.Delay, l.Jitter = g.Delay, g.Jitter
	}
	l.Rate, l.Split, l.Buffer = either(g.Rate, l.Rate), either(g.Split, l.Split), either(g.Buffer, l.Buffer)
	l.Stall, l.BlackHole = g.Stall || l.Stall, g.BlackHole || l.BlackHole
	l.Cut = either(g.Cut, l.Cut)
	return l
}

// either returns a, or b if a is not set.
func either[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}
