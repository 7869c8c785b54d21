package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how to ask. A zero field means its default.
type Options struct {
	// Transport is how the server pushes; by default it is guessed.
	Transport string
	// Publish is a URL to which events can be posted that come out at the server, or "none".
	// Default: that of a Pushlab server; without one, the events that come by themselves have to do.
	Publish string
	// Timeout is how long to wait for an answer or an event. Default 5 s.
	Timeout time.Duration
	// Only selects checks: SSE-30a, SSE-30 for all its parts, SSE for all of a standard. Default: all.
	Only []string
	// MaxMessage is how large a WebSocket message the server takes, in bytes. Default 1 MiB, but
	// then a server that takes more is not to blame.
	MaxMessage int
	// Header has further fields for all requests, those that publish included, such as Authorization.
	Header http.Header
	// DialContext connects to the server, say through a Unix socket. Default: by TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for connections to https and wss. Default: as Go does it.
	TLS *tls.Config
	// Parallel is how many checks may run at a time. Default 8.
	Parallel int
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	o.Parallel = cmp.Or(o.Parallel, 8)
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	return o
}

// A Target is a server's endpoint, about which something is known already.
type Target struct {
	// URL is http or https.
	URL *url.URL
	// Transport is one of Transports.
	Transport string
	// Guessed says from what the transport was guessed; empty if it was told.
	Guessed string
	// Pushlab says that the server keeps Pushlab's own contract, too.
	Pushlab bool

	options   Options
	page      string // an origin to tell, as a page would
	held      bool   // the first answer did not come in time
	publisher *publisher
	mute      string // why there is no publisher
	run       string // tells the events of this run from all others
	serial    atomic.Int64

	mu       sync.Mutex
	refusals []*answer // those with 429 or 503
}

// An ask is a request to be made.
type ask struct {
	method string     // default GET
	proto  string     // default HTTP/1.1
	query  url.Values // replaces what the URL has of the same names
	header []string   // lines; they replace the usual ones of the same name; "Name:" leaves one out
	body   []byte
}

// NewTarget looks at an endpoint for the first time. It fails if nobody answers there, or not as
// the transport would have it.
func NewTarget(ctx context.Context, address string, o Options) (*Target, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("probe: %q is no URL; it looks like http://localhost:8080/sse", address)
	}
	t := &Target{URL: u, Transport: o.Transport, options: o.withDefaults(), run: strings.ToLower(rand.Text()[:8])}
	switch u.Scheme {
	case "http", "https":
	case "ws", "wss":
		u.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
		if t.Transport == "" {
			t.Transport, t.Guessed = WebSocket, "the scheme"
		}
	default:
		return nil, fmt.Errorf("probe: %q is not asked by HTTP; use http, https, ws or wss", address)
	}
	if u.Path == "" {
		u.Path = "/" // RFC 9112, section 3.2.1
	}
	if err := t.look(ctx); err != nil {
		return nil, fmt.Errorf("probe: %s: %w", address, err)
	}
	if err := t.findPublisher(ctx); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	return t, nil
}

// timeout is how long to wait for something that has to come.
func (t *Target) timeout() time.Duration { return t.options.Timeout }

// deadline is when to stop waiting for something that has to come.
func (t *Target) deadline() time.Time { return time.Now().Add(t.timeout()) }

// prompt is how long something may take that needs no waiting at all: enough for a slow line, and
// less than what has to come may take.
func (t *Target) prompt() time.Duration { return t.timeout() / 2 }

// settle is how long to listen for something that must not come.
func (t *Target) settle() time.Duration { return min(t.timeout()/10, 300*time.Millisecond) }

// origin returns the server's own origin.
func (t *Target) origin() string { return t.URL.Scheme + "://" + t.URL.Host }

// mark returns a text that nothing else in this run, or any other, contains. It needs no escaping
// anywhere, and may be a topic.
func (t *Target) mark() string { return fmt.Sprintf("conform-%s-%d-end", t.run, t.serial.Add(1)) }

// usual returns the header fields of a request of the transport's clients.
func (t *Target) usual() []string {
	lines := []string{"Host: " + t.URL.Host, "User-Agent: pushlab-conform"}
	switch t.Transport {
	case SSE: // WHATWG HTML, section 9.2.2
		lines = append(lines, "Accept: text/event-stream", "Cache-Control: no-cache")
	case HTTPStream:
		lines = append(lines, "Accept: application/x-ndjson, application/jsonl, application/json;q=0.5")
	case LongPoll: // RFC 7240, section 4.3: who does not know it ignores it
		lines = append(lines, "Accept: application/json", "Prefer: wait=0")
	}
	if t.page != "" {
		lines = append(lines, "Origin: "+t.page)
	}
	var own []string
	for name, values := range t.options.Header {
		for _, value := range values {
			own = append(own, name+": "+value)
		}
	}
	return replaced(lines, own)
}

// replaced returns the lines, with others in place of those of the same name. An other that is but
// "Name:" leaves that field out.
func replaced(lines, others []string) []string {
	kept := without(lines, others)
	for _, line := range others {
		if !strings.HasSuffix(line, ":") {
			kept = append(kept, line)
		}
	}
	return kept
}

// without returns the lines but those that have the name of one of the others.
func without(lines, others []string) (kept []string) {
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		if !slices.ContainsFunc(others, func(other string) bool {
			otherName, _, _ := strings.Cut(other, ":")
			return strings.EqualFold(name, otherName)
		}) {
			kept = append(kept, line)
		}
	}
	return kept
}

// request returns a request as bytes.
func (t *Target) request(u *url.URL, a ask) []byte {
	if len(a.query) > 0 {
		query := u.Query()
		for name, values := range a.query {
			query[name] = values
		}
		with := *u
		with.RawQuery = query.Encode()
		u = &with
	}
	lines := replaced(t.usual(), a.header)
	if a.body != nil {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(a.body)))
	}
	head := fmt.Sprintf("%s %s %s\r\n%s\r\n\r\n", cmp.Or(a.method, http.MethodGet), u.RequestURI(), cmp.Or(a.proto, "HTTP/1.1"), strings.Join(lines, "\r\n"))
	return append([]byte(head), a.body...)
}

// ask sends a request on a connection of its own, and reads the head of the answer. The caller
// closes the answer.
func (t *Target) ask(ctx context.Context, a ask) (*answer, error) { return t.askAt(ctx, t.URL, a) }

func (t *Target) askAt(ctx context.Context, u *url.URL, a ask) (*answer, error) {
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := c.exchange(t.request(u, a), cmp.Or(a.method, http.MethodGet))
	if err != nil {
		c.close()
		return nil, err
	}
	if answer.status == http.StatusTooManyRequests || answer.status == http.StatusServiceUnavailable {
		t.mu.Lock()
		t.refusals = append(t.refusals, answer)
		t.mu.Unlock()
	}
	return answer, nil
}
