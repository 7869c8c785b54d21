package longpoll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"

	"pushlab/common/client"
	"pushlab/common/event"
)

// A Conn is a client's side of a chain of polls. Its methods are those of client.Conn. What the
// streaming transports have on the wire, it makes up: an open event at first, a beat for an answer
// that says nothing, and a bye when the server leaves.
type Conn struct {
	url    string
	opts   client.Options
	http   *http.Client
	ctx    context.Context // ended by Close
	cancel context.CancelFunc

	pending []event.Event // of the last answer
	ended   bool          // the server has left

	mu     sync.Mutex // guards the cursor, which anybody may ask for
	cursor event.ID   // behind the last event that was given out
	next   event.ID   // what the next poll asks with
	closed atomic.Bool
}

// Dial makes the first poll, which does not wait: without a cursor it asks for one. Its context
// bounds that poll. An answer that is none is a *client.StatusError. To go on after an error, use
// client.Follow.
func Dial(ctx context.Context, url string, opts client.Options) (*Conn, error) {
	c := &Conn{url: url, opts: opts, http: opts.HTTPClient()}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	cursor := opts.After
	events, err := c.poll(ctx, cursor, "0")
	if err != nil {
		c.Close()
		return nil, err
	}
	// The cursor is where the events begin, as far as that is known.
	if id, err := event.ParseID(cursor); err == nil {
		c.cursor = id
	} else if len(events) == 0 {
		c.cursor = c.next
	} else if first := events[0].ID; events[0].Topic != event.GapTopic && first.Seq > 0 {
		c.cursor = event.ID{Epoch: first.Epoch, Seq: first.Seq - 1}
	} else {
		c.cursor = event.Unknown
	}
	c.pending = append([]event.Event{event.Open(c.cursor, opts.Topics)}, events...)
	return c, nil
}

// Next implements client.Conn. A poll that is given up because ctx has ended is asked again by the
// next call.
func (c *Conn) Next(ctx context.Context) (event.Event, error) {
	for len(c.pending) == 0 {
		if c.closed.Load() {
			return event.Event{}, client.ErrClosed
		}
		if c.ended {
			return event.Event{}, io.EOF
		}
		events, err := c.poll(ctx, c.next.String(), "")
		if c.closed.Load() {
			return event.Event{}, client.ErrClosed
		}
		if err != nil {
			return event.Event{}, err
		}
		if len(events) == 0 {
			events = []event.Event{event.Beat(c.next)}
		}
		c.pending = events
	}
	e := c.pending[0]
	c.pending = c.pending[1:]
	c.mu.Lock()
	c.cursor = e.ID
	c.mu.Unlock()
	return e, nil
}

// poll asks once, and returns what came; nothing, if the answer has no events.
func (c *Conn) poll(ctx context.Context, after, wait string) ([]event.Event, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	events, err := c.ask(ctx, after, wait)
	if err != nil {
		return nil, fmt.Errorf("longpoll: %w", err)
	}
	return events, nil
}

func (c *Conn) ask(ctx context.Context, after, wait string) ([]event.Event, error) {
	opts := c.opts
	opts.After = after
	url, err := opts.URL(c.url)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, opts.Header)
	r.Header.Set("Accept", contentType)
	if wait != "" {
		// RFC 7240, section 4.3
		r.Header.Set("Prefer", "wait="+wait)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNoContent:
		if c.next, err = event.ParseID(response.Header.Get(client.CursorHeader)); err != nil {
			return nil, err
		}
		if retry := client.RetryAfter(response.Header); retry > 0 {
			c.ended = true
			return []event.Event{event.Bye(c.next, retry)}, nil
		}
		return nil, nil
	case response.StatusCode != http.StatusOK || !client.HasType(response, contentType):
		return nil, client.NewStatusError(response)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, int64(opts.Limit())+1))
	if err != nil {
		return nil, err
	}
	if len(content) > opts.Limit() {
		return nil, fmt.Errorf("an answer of more than %d bytes; raise the limit if that is right", opts.Limit())
	}
	var d Decoder
	events, err := d.Decode(nil, content)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, errors.New("an answer without events")
	}
	c.next = d.Cursor
	return events, nil
}

// Cursor implements client.Conn.
func (c *Conn) Cursor() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cursor.String()
}

// Close implements client.Conn.
func (c *Conn) Close() error {
	c.closed.Store(true)
	c.cancel()
	c.http.CloseIdleConnections()
	return nil
}
