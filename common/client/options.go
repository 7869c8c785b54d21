package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Options say what to subscribe to and how to reach it. The zero Options subscribe to all topics
// from now on.
type Options struct {
	// Topics to subscribe to; nil means all.
	Topics []string
	// After is the cursor to resume from, or "earliest" for all that the server still holds.
	After string
	// Header has further fields of the requests.
	Header http.Header
	// Token is shown to the server with each request, as a bearer token (RFC 6750, section 2.1). Default: none.
	Token string
	// Method of the requests, for servers that answer a POST with a stream. Default GET. The
	// handshake of WebSocket can have no other, and no body: there Dial refuses both.
	Method string
	// Body is the content of each request, those that reconnect or poll again too. Its type goes
	// into Header, as Content-Type.
	Body []byte
	// DialContext connects to the server, say through a Unix socket. Default: by TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxEvent is how large one event may be, in bytes with its framing; a larger one fails the
	// connection. Default 16 MiB.
	MaxEvent int
}

// Limit returns MaxEvent or its default.
func (o Options) Limit() int { return cmp.Or(o.MaxEvent, 16<<20) }

// Earliest as Options.After asks for everything that the server still holds.
const Earliest = "earliest"

// URL adds the topics, and the cursor if there is one, to a subscribe URL.
func (o Options) URL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", Permanent(fmt.Errorf("client: %w", err))
	}
	if len(o.Topics) == 0 && o.After == "" {
		return base, nil // to write the query anew might change what it means to a foreign server
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", Permanent(fmt.Errorf("client: the query of %q: %w", base, err))
	}
	for _, topic := range o.Topics {
		query.Add("topic", topic)
	}
	if o.After != "" {
		query.Set("after", o.After)
		query.Del("last_event_id") // its other name: a server refuses two cursors
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// Fields returns the further fields of the requests: Header, and Authorization if there is a Token.
func (o Options) Fields() http.Header {
	if o.Token == "" {
		return o.Header
	}
	fields := http.Header{}
	maps.Copy(fields, o.Header)
	fields.Set("Authorization", "Bearer "+o.Token)
	return fields
}

// Request makes a request as the options say, for an answer of that media type.
func (o Options) Request(ctx context.Context, url, mediaType string) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, cmp.Or(o.Method, http.MethodGet), url, bytes.NewReader(o.Body))
	if err != nil {
		return nil, Permanent(err)
	}
	maps.Copy(r.Header, o.Fields())
	r.Header.Set("Accept", mediaType)
	// RFC 9110, section 12.5.3: without this field any coding would do, and what is compressed is
	// held back by those who compress it.
	r.Header.Set("Accept-Encoding", "identity")
	return r, nil
}

// HTTPClient returns a client that connects as the options say. Its idle connections are the
// caller's to close.
func (o Options) HTTPClient() *http.Client {
	dial, proxy := o.DialContext, (func(*http.Request) (*url.URL, error))(nil)
	if dial == nil { // else it is the server that is at the other end, and no proxy
		dial, proxy = (&net.Dialer{Timeout: 10 * time.Second}).DialContext, http.ProxyFromEnvironment
	}
	return &http.Client{Transport: &http.Transport{
		DialContext:         dial,
		TLSHandshakeTimeout: 10 * time.Second,
		Proxy:               proxy,
		DisableCompression:  true, // see Request
		MaxIdleConnsPerHost: 1,
		ForceAttemptHTTP2:   true,
	}}
}

// A StatusError is an answer that is no stream.
type StatusError struct {
	// Status is the answer's status code.
	Status int
	// Detail is what the server said about it, if it said something readable.
	Detail string
	// RetryAfter is after how long the server wants to be asked again, a day at most; 0 if it did
	// not say.
	RetryAfter time.Duration
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Permanent reports whether to ask again is pointless: the request itself is at fault, or the server
// has told its subscribers to stop, by 204. WHATWG HTML, section 9.2.2 (SSE-21) gives up on any other
// status than 200; this is milder with those that get better by themselves.
func (e *StatusError) Permanent() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status < 500
}

// NewStatusError reads an answer that was not the one hoped for. The caller closes its body.
func NewStatusError(r *http.Response) *StatusError {
	e := &StatusError{Status: r.StatusCode, RetryAfter: RetryAfter(r.Header)}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 4<<10)) // what could be read will do
	var problem struct {
		Detail string `json:"detail"`
	}
	if HasType(r, "application/problem+json") && json.Unmarshal(body, &problem) == nil {
		e.Detail = problem.Detail
	} else if HasType(r, "text/plain") {
		e.Detail = string(bytes.TrimSpace(body))
	}
	return e
}

// HasType reports whether the answer's content has that media type, with whatever parameters.
func HasType(r *http.Response, want string) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // "" if it is none
	return mediaType == want
}

// RetryAfter reads the field Retry-After, a number of seconds or a date (RFC 9110, section 10.2.3):
// after how long to ask again. It is 0 for a date that has passed and for what is neither, and at
// most a day, which is also the most that a goodbye can say.
func RetryAfter(h http.Header) time.Duration {
	const most = 24 * time.Hour
	field := h.Get("Retry-After")
	if date, err := http.ParseTime(field); err == nil {
		return min(max(0, time.Until(date)), most)
	}
	seconds, err := strconv.ParseUint(field, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second
}

// Permanent returns the error as one that tells Follow not to try again.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (permanent) Permanent() bool { return true }

func (p permanent) Unwrap() error { return p.error }

// CursorHeader is the field with the cursor that an answer starts from, or leads to. A server that
// is not Pushlab does not send it.
const CursorHeader = "Pushlab-Cursor"
