package longpoll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// A Conn is a client's side of a chain of polls. Its methods are those of client.Conn. What the
// streaming transports have on the wire, it makes up: an open event at first, a beat for an answer
// that says nothing, and a bye when the server leaves.
type Conn struct{ *client.Stream }

// Dial makes the first poll, which does not wait: without a cursor it asks for one. Its context
// bounds that poll. An answer that is none is a *client.StatusError. To go on after an error, use
// client.Follow.
func Dial(ctx context.Context, url string, opts client.Options) (*Conn, error) {
	p := &poller{url: url, opts: opts, http: opts.HTTPClient(), cursor: opts.After}
	events, err := p.poll(ctx, preferWait(0))
	if err != nil {
		p.http.CloseIdleConnections()
		return nil, fmt.Errorf("longpoll: %w", err)
	}
	start := startOf(opts.After, events, p.cursor)
	p.first = append([]event.Event{event.Open(start, opts.Topics)}, events...)
	live, cancel := context.WithCancel(context.WithoutCancel(ctx))
	read := func() (client.Batch, error) { return p.read(live) }
	return &Conn{client.NewStream(start.String(), read, func() error {
		cancel()
		p.http.CloseIdleConnections()
		return nil
	})}, nil
}

// startOf returns where the events of the first answer begin, as far as that can be known.
func startOf(after string, events []event.Event, cursor string) event.ID {
	if id, err := event.ParseID(after); err == nil {
		return id
	}
	if len(events) > 0 && !events[0].Control() && events[0].ID.Seq > 0 {
		return event.ID{Epoch: events[0].ID.Epoch, Seq: events[0].ID.Seq - 1}
	}
	if len(events) > 0 && events[0].Topic == event.GapTopic {
		return event.Unknown
	}
	id, err := event.ParseID(cursor)
	if err != nil {
		return event.Unknown
	}
	return id
}

// A poller asks, again and again.
type poller struct {
	url    string
	opts   client.Options
	http   *http.Client
	cursor string        // what to ask with next
	first  []event.Event // what the first answer brought
	prefer string        // how long the server is asked to wait; "" leaves it to the server
	ended  bool          // the server has left
}

// read is the read function of a client.Stream: it asks once.
func (p *poller) read(ctx context.Context) (client.Batch, error) {
	if first := p.first; first != nil {
		p.first = nil
		return client.Batch{Events: first}, nil
	}
	if p.ended {
		return client.Batch{}, io.EOF
	}
	begin := time.Now()
	events, err := p.poll(ctx, p.prefer)
	switch {
	case err != nil && ctx.Err() == nil && p.adapt(err, time.Since(begin)):
		return client.Batch{}, nil // and ask again
	case err != nil:
		return client.Batch{}, fmt.Errorf("longpoll: %w", err)
	case len(events) == 0:
		cursor, err := event.ParseID(p.cursor)
		if err != nil {
			return client.Batch{}, fmt.Errorf("longpoll: %w", err)
		}
		events = []event.Event{event.Beat(cursor)}
	}
	return client.Batch{Events: events}, nil
}

// shortest is the time within which no intermediary gives up on a request. A poll that fails sooner
// has another reason.
const shortest = 2 * time.Second

// adapt reports whether a poll failed because something between us and the server does not wait so
// long (RFC 6202, section 5.5), and asks for less from now on: a quarter to half of that time. (Less
// than half, since net/http asks again by itself when a connection that it used before breaks, so
// that it may have been twice as long. Jittered, so that clients who were cut off together do not
// come back together for ever.)
func (p *poller) adapt(err error, waited time.Duration) bool {
	var status *client.StatusError
	if errors.As(err, &status) {
		switch status.Status {
		case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusGatewayTimeout:
		default:
			return false
		}
	}
	if waited < shortest {
		return false
	}
	p.prefer = preferWait(max(time.Second, waited/4+rand.N(waited/4)))
	return true
}

// preferWait is the preference for a wait of at most that long (RFC 7240, section 4.3).
func preferWait(wait time.Duration) string {
	return "wait=" + strconv.Itoa(int(wait/time.Second))
}

// poll asks once, and returns what came; nothing, if the answer has no events. It moves the cursor.
func (p *poller) poll(ctx context.Context, prefer string) ([]event.Event, error) {
	r, err := p.request(ctx, prefer)
	if err != nil {
		return nil, err
	}
	response, err := p.http.Do(r)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNoContent:
		cursor, err := event.ParseID(response.Header.Get(client.CursorHeader))
		if err != nil {
			return nil, err
		}
		p.cursor = cursor.String()
		if retry := client.RetryAfter(response.Header); retry > 0 {
			p.ended = true
			return []event.Event{event.Bye(cursor, retry)}, nil
		}
		return nil, nil
	case response.StatusCode != http.StatusOK || !client.HasType(response, contentType):
		return nil, client.NewStatusError(response)
	}
	limit := p.opts.Limit()
	content, err := io.ReadAll(io.LimitReader(response.Body, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > limit {
		return nil, fmt.Errorf("an answer of more than %d bytes; raise the limit if that is right", limit)
	}
	var d Decoder
	events, err := d.Decode(nil, content)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, errors.New("an answer without events")
	}
	p.cursor = d.Cursor.String()
	return events, nil
}

// request makes the request of a poll.
func (p *poller) request(ctx context.Context, prefer string) (*http.Request, error) {
	opts := p.opts
	opts.After = p.cursor
	url, err := opts.URL(p.url)
	if err != nil {
		return nil, err
	}
	r, err := opts.Request(ctx, url, contentType)
	if err != nil {
		return nil, err
	}
	if prefer != "" {
		r.Header.Set("Prefer", prefer)
	}
	return r, nil
}
