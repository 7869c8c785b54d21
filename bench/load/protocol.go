package load

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"pushlab/common/client"
	"pushlab/longpoll"
)

// A Protocol is how to talk to a server by one transport.
type Protocol struct {
	// Subscribe is how to subscribe, Publish how to publish what subscribers are to get.
	Subscribe Subscription
	Publish   Publishing
	// Echo is how clients get their own events back; nil if that cannot be measured.
	Echo *Echoing
}

// A Subscription is how to subscribe to a server. Events are found by their data, wherever it stands in
// what comes, also inside a JSON string.
type Subscription struct {
	// Request is what everybody asks with.
	Request
	// Method is the request's. Default: GET.
	Method string
	// Subprotocol is what a WebSocket asks for. Default: none.
	Subprotocol string
	// Opened is what a message or a line begins with that says that one is subscribed. Default: the head
	// of the answer says so.
	Opened string
	// Settle is how long to wait after that, or after the request where nothing says so.
	Settle time.Duration
	// Cursors are what is remembered, and given back by whoever comes back. Long polling gives it back
	// with every poll. Without a cursor one comes back as if for the first time.
	Cursors []Cursor
	// First is what is different in the first poll of long polling, so that it is answered at once. If it
	// is nil, nothing says that one is subscribed.
	First *Request
	// Resume is what is different for whoever comes back with cursors; nil is nothing but these.
	Resume *Request
	// Envelopes says that the server is a Pushlab server: events are in its envelopes, whose IDs are a
	// cursor that is From "id", and it says goodbye.
	Envelopes bool
}

// A Request is what of asking for a subscription can be different from one time to the next.
type Request struct {
	// Path is where to ask; it may have a query. Query is added to it, percent-encoded.
	Path    string
	Query   []Field
	Headers []Field
	// Body is the body. Default: none.
	Body string
	// Greeting are the messages that a WebSocket sends when its handshake is done.
	Greeting []string
}

// A Field is a parameter of a query, or of a head.
type Field struct{ Name, Value string }

// A Cursor is something that the server tells, and is told again.
type Cursor struct {
	// From is "id": a line "id: …"; "header:NAME" of an answer; or "json:NAME": the last value of that
	// member, in whatever depth.
	From string
	// To is "header:NAME" or "query:NAME"; or "word:NAME": it replaces {NAME} in Resume.
	To string
}

// with returns the request with what is different in another. Of a query or a head, that is the fields
// that it names.
func (r Request) with(other *Request) Request {
	if other == nil {
		return r
	}
	if other.Path != "" {
		r.Path = other.Path
	}
	if other.Body != "" {
		r.Body = other.Body
	}
	if other.Greeting != nil {
		r.Greeting = other.Greeting
	}
	r.Query, r.Headers = replaced(r.Query, other.Query), replaced(r.Headers, other.Headers)
	return r
}

func replaced(fields, by []Field) []Field {
	fields = slices.Clone(fields)
	for _, f := range by {
		if at := slices.IndexFunc(fields, func(old Field) bool { return strings.EqualFold(old.Name, f.Name) }); at >= 0 {
			fields[at] = f
		} else {
			fields = append(fields, f)
		}
	}
	return fields
}

// Target returns path and query, the request's target.
func (r Request) Target() string {
	target := r.Path
	for _, f := range r.Query {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + url.QueryEscape(f.Name) + "=" + url.QueryEscape(f.Value)
	}
	return target
}

// Pushlab is how to talk to a Pushlab server by a transport.
func Pushlab(transport string) Protocol {
	s := Subscription{
		Request:   Request{Path: "/" + transport, Query: []Field{{"topic", Topic}}},
		Cursors:   []Cursor{{From: "id", To: "query:after"}},
		Envelopes: true,
	}
	if transport == longpoll.Name {
		// The server says what to ask with next in the head too, so that the body need not be decoded.
		s.Cursors[0].From = "header:" + client.CursorHeader
		s.First = &Request{Query: []Field{{"wait", "0"}}}
	}
	return Protocol{Subscribe: s, Publish: ToPushlab(), Echo: pushlabEchoing(s)}
}
