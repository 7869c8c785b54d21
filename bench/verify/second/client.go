package second

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Load is what is published, and to how many. WarmUp and Events may be 0; all else is needed.
type Load struct {
	// URL is the server's, such as "http://127.0.0.1:41234", Transport the path there.
	URL       string
	Transport string
	// Subscribers is how many connections there are.
	Subscribers int
	// Rate is how many events are published in a second, Size how many bytes of data each has, at least 64.
	Rate float64
	Size int
	// WarmUp is how many events are published before those that count, and Events how many these are: none is to
	// wait for as long as Window says, which costs what a server costs that does nothing.
	WarmUp, Events int
	Window         time.Duration
}

// A Count is what became of the events.
type Count struct {
	// Delivered is how many deliveries of the events that count came, to all together.
	Delivered int
	// P50 and P99 are of how long they took, from when an event was due until the kernel had it for a connection.
	P50, P99 time.Duration
	// Late is how late events were published: the p99.
	Late time.Duration
}

const (
	topic    = "bench"
	patience = 10 * time.Second // for connections, and for what is under way
	quiet    = 100 * time.Millisecond
)

// Run connects, publishes, and counts. It fails if a connection is lost, and if an event does not come exactly
// once to each, in order.
func Run(ctx context.Context, l Load) (Count, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address := strings.TrimPrefix(l.URL, "http://")
	base := time.Now()
	var arrived atomic.Int64
	clients := make([]client, l.Subscribers)
	var running, opening sync.WaitGroup
	for i := range clients {
		c := &clients[i]
		c.latencies = make([]time.Duration, 0, l.WarmUp+l.Events)
		opening.Add(1)
		running.Go(func() { c.err = c.run(ctx, address, l.Transport, base, &arrived, opening.Done) })
	}
	opening.Wait()
	late, err := l.publish(ctx, address, base, &arrived)
	if err == nil {
		err = wait(ctx, quiet) // for what should not come
	}
	cancel()
	running.Wait()

	var all []time.Duration
	delivered := 0
	for i, c := range clients {
		if err == nil && c.err != nil && !errors.Is(c.err, context.Canceled) {
			err = fmt.Errorf("second: connection %d: %w", i, c.err)
		}
		if err == nil && len(c.latencies) != l.WarmUp+l.Events {
			err = fmt.Errorf("second: connection %d was given %d events of %d", i, len(c.latencies), l.WarmUp+l.Events)
		}
		counted := c.latencies[min(l.WarmUp, len(c.latencies)):]
		delivered += len(counted)
		all = append(all, counted...)
	}
	slices.Sort(all)
	slices.Sort(late)
	return Count{Delivered: delivered, P50: percentile(all, 50), P99: percentile(all, 99), Late: percentile(late, 99)}, err
}

// percentile returns the smallest of sorted times that at least p of a hundred are not above; 0 of none.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(math.Ceil(p/100*float64(len(sorted))))-1]
}

// A client is one connection: all events that it was given.
type client struct {
	latencies []time.Duration // by number
	err       error
}

// run reads until ctx ends. It calls opened once, when it is subscribed, or has failed.
func (c *client) run(ctx context.Context, address, transport string, base time.Time, arrived *atomic.Int64, opened func()) error {
	conn, next, err := open(ctx, address, transport)
	opened()
	if err != nil {
		return err
	}
	defer conn.Close()
	for {
		text, err := next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		came := conn.came.Sub(base)
		for n, due := range events(text) {
			switch {
			case n != len(c.latencies):
				return fmt.Errorf("event %d came where %d was due", n, len(c.latencies))
			case conn.came.IsZero():
				return fmt.Errorf("the kernel does not say when event %d came", n)
			}
			c.latencies = append(c.latencies, came-due)
			arrived.Add(1)
		}
	}
}

// begin and middle are around the number in an event's data; a due time in nanoseconds follows.
var begin, middle = []byte(`{"n":`), []byte(`,"due":`)

// events finds the numbers and due times of all events in a text.
func events(text []byte) func(yield func(n int, due time.Duration) bool) {
	return func(yield func(int, time.Duration) bool) {
		for {
			_, rest, found := bytes.Cut(text, begin)
			number, rest, whole := bytes.Cut(rest, middle)
			due, after, ended := bytes.Cut(rest, []byte(","))
			if !found || !whole || !ended {
				return
			}
			n, _ := strconv.Atoi(string(number))
			ns, err := strconv.ParseInt(string(due), 10, 64)
			if err != nil || !yield(n, time.Duration(ns)) {
				return
			}
			text = after
		}
	}
}

// publish publishes everything on schedule, and waits each time until all have come. It returns how late the
// events that count were.
func (l Load) publish(ctx context.Context, address string, base time.Time, arrived *atomic.Int64) (late []time.Duration, err error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	socket, err := upgrade(conn, address, "/websocket?topic="+topic+".publisher")
	if err != nil {
		return nil, err
	}
	go func() { // acknowledgements; until the connection is closed
		for {
			if _, err := socket.next(); err != nil {
				return
			}
		}
	}()
	if err := wait(ctx, quiet); err != nil { // until the last poll waits at the server
		return nil, err
	}
	if _, err := l.schedule(ctx, socket, base, 0, l.WarmUp); err != nil {
		return nil, err
	}
	l.await(ctx, arrived, l.WarmUp)
	runtime.GC() // what connecting left behind is not to be collected now
	began := time.Now()
	if late, err = l.schedule(ctx, socket, base, l.WarmUp, l.Events); err != nil {
		return nil, err
	}
	l.await(ctx, arrived, l.WarmUp+l.Events)
	return late, wait(ctx, time.Until(began.Add(l.Window)))
}

// await waits until everybody has so many events. Those that never do are missed elsewhere.
func (l Load) await(ctx context.Context, arrived *atomic.Int64, events int) {
	for limit := time.Now().Add(patience); arrived.Load() < int64(l.Subscribers*events) && time.Now().Before(limit); {
		if wait(ctx, time.Millisecond) != nil {
			return
		}
	}
}

// schedule publishes so many events, numbered from first.
func (l Load) schedule(ctx context.Context, to *socket, base time.Time, first, events int) (late []time.Duration, err error) {
	start := time.Since(base) + 20*time.Millisecond
	var message []byte
	for i := range events {
		due := start + time.Duration(float64(i)/l.Rate*float64(time.Second))
		// A timer may be a millisecond late, so the rest is a loop, which lets others run.
		if err := wait(ctx, due-time.Since(base)-2*time.Millisecond); err != nil {
			return late, err
		}
		for time.Since(base) < due {
			runtime.Gosched()
		}
		late = append(late, time.Since(base)-due)
		message = append(message[:0], `{"op":"publish","ref":"1","topic":"`+topic+`","data":`...)
		message = append(l.appendData(message, first+i, due), '}')
		if err := to.send(opText, message); err != nil {
			return late, err
		}
	}
	return late, nil
}

// appendData appends an event's data.
func (l Load) appendData(dst []byte, n int, due time.Duration) []byte {
	from := len(dst)
	dst = fmt.Appendf(dst, `{"n":%d,"due":%d,"pad":"`, n, int64(due))
	for len(dst)-from < l.Size-2 {
		dst = append(dst, 'x')
	}
	return append(dst, `"}`...)
}

// dial connects. The connection is closed when ctx ends.
func dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err == nil {
		context.AfterFunc(ctx, func() { conn.Close() })
	}
	return conn, err
}

// wait waits that long, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
