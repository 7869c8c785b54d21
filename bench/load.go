package bench

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A load is all subscribers of one transport.
type load struct {
	transport   string
	dialer      dialer
	size        int       // of an event's data, in bytes
	base        time.Time // what due times count from
	subscribers []*subscriber
	ended       atomic.Int64 // how many lost their connection

	live    context.Context // ended by close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// A subscriber receives on one connection and keeps its accounts. Its fields are its goroutine's,
// until that has ended.
type subscriber struct {
	base             time.Time
	warmUp, measured *ledger
	gaps             int64
	err              error // why it ended
	lost             bool  // it ended before the load was closed
}

const (
	connecting = 64       // how many subscribers connect at a time
	maxBody    = 16 << 20 // how large a long poll's answer, or a message, may be, in bytes
)

// newLoad returns a load that is not connected yet.
func newLoad(scenario Scenario, transport string, d dialer, base time.Time) *load {
	l := &load{transport: transport, dialer: d, size: scenario.Size, base: base}
	l.live, l.cancel = context.WithCancel(context.Background())
	warmUp, events := scenario.warmUp(), scenario.events()
	for range scenario.Subscribers {
		l.subscribers = append(l.subscribers, &subscriber{
			base: base, warmUp: newLedger(0, warmUp), measured: newLedger(warmUp, events),
		})
	}
	return l
}

// connect starts all subscribers and waits until each has its first answer.
func (l *load) connect(ctx context.Context) error {
	slots := make(chan struct{}, connecting)
	opened := make(chan error, len(l.subscribers))
	for _, s := range l.subscribers {
		l.running.Go(func() {
			s.err = l.run(s, slots, opened)
			if s.lost = l.live.Err() == nil; s.lost {
				l.ended.Add(1)
			}
		})
	}
	for i := range l.subscribers {
		select {
		case err := <-opened:
			if err != nil {
				return fmt.Errorf("bench: subscriber %d of %d could not connect: %w", i+1, len(l.subscribers), err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// close ends all subscribers and waits for them.
func (l *load) close() {
	l.cancel()
	l.running.Wait()
}

// came reports whether everybody has that many events of a ledger. Who has lost the connection is
// not waited for.
func (l *load) came(of func(*subscriber) *ledger, events int) bool {
	missing := int64(0)
	for _, s := range l.subscribers {
		if of(s).came.Load() < int64(events) {
			missing++
		}
	}
	return missing <= l.ended.Load()
}

// run connects a subscriber, reports that to opened, and receives until the load is closed.
func (l *load) run(s *subscriber, slots chan struct{}, opened chan<- error) error {
	slots <- struct{}{}
	receive, end, err := l.open(s)
	<-slots
	opened <- err
	if err != nil {
		return err
	}
	defer end()
	for {
		if err := receive(); err != nil {
			return err
		}
	}
}

// open connects. Receive waits for what comes next and enters it into the ledgers.
func (l *load) open(s *subscriber) (receive func() error, end func(), err error) {
	conn, err := l.dialer.connect(l.live)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(l.live, func() { conn.Close() })
	end = func() {
		stop()
		conn.Close()
	}
	switch l.transport {
	case longpoll.Name:
		receive, err = l.poll(conn, s)
	case httpstream.Name, sse.Name:
		receive, err = l.stream(conn, s)
	case websocket.Name:
		receive, err = l.messages(conn, s)
	default:
		err = fmt.Errorf("bench: unknown transport %q", l.transport)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return receive, end, nil
}

// request makes a request with no more than it needs.
func (l *load) request(dst []byte, query string) []byte {
	dst = append(dst, "GET /"...)
	dst = append(dst, l.transport...)
	dst = append(dst, "?topic="+topic...)
	dst = append(dst, query...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, l.dialer.address...)
	return append(dst, "\r\n\r\n"...)
}

// stream receives a response that stays open, line by line: an envelope is never more than one line,
// in HTTP streaming as in Server-Sent Events.
func (l *load) stream(conn *socket, s *subscriber) (func() error, error) {
	response, err := conn.handshake(l.request(nil, ""), http.StatusOK)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReaderSize(response.Body, readBuffer+l.size)
	return func() error {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return unexpected(err)
		}
		return scan(line, s.observe)
	}, nil
}

// messages receives WebSocket messages.
func (l *load) messages(conn *socket, s *subscriber) (func() error, error) {
	c, err := upgrade(conn, l.dialer.address, "/"+l.transport+"?topic="+topic)
	if err != nil {
		return nil, err
	}
	return func() error {
		message, err := c.next()
		if err != nil {
			return unexpected(err)
		}
		return scan(message, s.observe)
	}, nil
}

// poll asks, waits for the answer, and asks again, on one connection.
func (l *load) poll(conn *socket, s *subscriber) (func() error, error) {
	response, err := conn.handshake(l.request(nil, "&wait=0"), http.StatusNoContent)
	if err != nil {
		return nil, err
	}
	cursor := response.Header.Get(client.CursorHeader)
	var request, body []byte
	return func() error {
		request = l.request(request[:0], "&after="+url.QueryEscape(cursor))
		response, err := conn.get(request)
		if err != nil {
			return unexpected(err)
		}
		defer response.Body.Close()
		switch {
		case client.RetryAfter(response.Header) > 0:
			return errLeaving
		case response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent:
			return refused(response)
		}
		// The server says what to ask with next in the head too, so that the body need not be decoded.
		cursor = cmp.Or(response.Header.Get(client.CursorHeader), cursor)
		if body, err = appendBody(body[:0], response); err != nil {
			return err
		}
		return scan(body, s.observe)
	}, nil
}

// appendBody reads the body of an answer that tells its length.
func appendBody(dst []byte, response *http.Response) ([]byte, error) {
	length := response.ContentLength
	if length < 0 || length > maxBody {
		return nil, fmt.Errorf("an answer with Content-Length %q; a length of at most %d bytes was expected",
			cmp.Or(response.Header.Get("Content-Length"), "missing"), maxBody)
	}
	if int64(cap(dst)) < length {
		dst = make([]byte, length)
	}
	dst = dst[:length]
	_, err := io.ReadFull(response.Body, dst)
	return dst, unexpected(err)
}

var errLeaving = errors.New("the server said goodbye in the middle of the run")

// observe enters what came.
func (s *subscriber) observe(a arrival) error {
	switch a.control {
	case "":
	case event.GapTopic:
		s.gaps++
		return nil
	case event.ByeTopic:
		return errLeaving
	default:
		return nil
	}
	latency := time.Since(s.base) - a.due
	switch {
	case s.measured.has(a.n):
		s.measured.observe(a.n, latency)
	case s.warmUp.has(a.n):
		s.warmUp.observe(a.n, latency)
	default:
		return errors.New("an event came that was not published: number " + strconv.Itoa(a.n))
	}
	return nil
}
