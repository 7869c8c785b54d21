package load

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"pushlab/longpoll"
	"pushlab/websocket"
)

// A plan is a Subscription made ready: what of it is the same for everybody was put together once.
type plan struct {
	Subscription
	transport string
	host      string
	way       Way
	sources   []source // of the cursors
	inText    bool     // some of them are in what events come in
	opened    []byte
	first     asking // without cursors
	next      asking // with them; of long polling each poll
}

// A source is where a cursor comes from.
type source struct {
	kind   string // "id", "header" or "json"
	header []byte // its name
	member []byte // its name as JSON has it, with the colon
}

func newPlan(transport, host string, s Subscription, way Way) *plan {
	p := &plan{Subscription: s, transport: transport, host: host, way: way, opened: []byte(s.Opened)}
	for _, c := range s.Cursors {
		kind, name, _ := strings.Cut(c.From, ":")
		p.sources = append(p.sources, source{kind, []byte(name), []byte(`"` + name + `":`)})
		p.inText = p.inText || kind != "header"
	}
	p.first = p.asking(s.Request.with(s.First))
	p.next = p.asking(s.Request)
	return p
}

// silent says that nothing tells that a subscriber is there.
func (p *plan) silent() bool { return p.transport == longpoll.Name && p.First == nil }

// An asking is a request that needs nothing but its cursors.
type asking struct {
	start    []byte // method, path and query
	query    []place
	head     []byte // the rest of it, but for the line that ends it
	fields   []place
	body     string
	greeting []string
}

// A place is where a cursor goes: behind these bytes.
type place struct {
	before string
	cursor int
}

func (p *plan) asking(r Request) asking {
	method, target := p.Method, r.Target()
	if method == "" {
		method = "GET"
	}
	a := asking{start: []byte(method + " " + target), body: r.Body, greeting: r.Greeting}
	a.head = append(a.head, " HTTP/1.1\r\nHost: "+p.host+"\r\n"...)
	if p.transport == websocket.Name {
		// The key need not be a secret; it keeps caches from answering (RFC 6455, section 1.3).
		a.head = append(a.head, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"...)
	}
	switch {
	case p.transport == websocket.Name && p.way.Deflate:
		a.head = append(a.head, "Sec-WebSocket-Extensions: permessage-deflate\r\n"...)
	case p.transport != websocket.Name && p.way.Gzip:
		a.head = append(a.head, "Accept-Encoding: gzip\r\n"...)
	}
	if p.Subprotocol != "" {
		a.head = append(a.head, "Sec-WebSocket-Protocol: "+p.Subprotocol+"\r\n"...)
	}
	for _, f := range r.Headers {
		a.head = append(a.head, f.Name+": "+f.Value+"\r\n"...)
	}
	if r.Body != "" {
		a.head = append(a.head, "Content-Length: "+strconv.Itoa(len(r.Body))+"\r\n"...)
	}
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	for i, c := range p.Cursors {
		switch kind, name, _ := strings.Cut(c.To, ":"); kind {
		case "query":
			a.query = append(a.query, place{separator + url.QueryEscape(name) + "=", i})
			separator = "&"
		case "header":
			a.fields = append(a.fields, place{name + ": ", i})
		}
	}
	return a
}

// append appends the request, with the cursors that there are.
func (a *asking) append(dst []byte, cursors [][]byte) []byte {
	dst = append(dst, a.start...)
	for _, at := range a.query {
		if len(cursors) > at.cursor && len(cursors[at.cursor]) > 0 {
			dst = append(dst, at.before...)
			dst = append(dst, url.QueryEscape(string(cursors[at.cursor]))...)
		}
	}
	dst = append(dst, a.head...)
	for _, at := range a.fields {
		if len(cursors) > at.cursor && len(cursors[at.cursor]) > 0 {
			dst = append(dst, at.before...)
			dst = append(dst, cursors[at.cursor]...)
			dst = append(dst, "\r\n"...)
		}
	}
	dst = append(dst, "\r\n"...)
	return append(dst, a.body...)
}

// resume returns the request of whoever comes back with these cursors, of which it needs all.
func (p *plan) resume(cursors [][]byte) asking {
	if p.Resume == nil {
		return p.next
	}
	var words []string
	for i, c := range p.Cursors {
		if word, ok := strings.CutPrefix(c.To, "word:"); ok {
			words = append(words, "{"+word+"}", string(cursors[i]))
		}
	}
	with := strings.NewReplacer(words...).Replace
	r := p.Request.with(p.Resume)
	r.Path, r.Body = with(r.Path), with(r.Body)
	r.Query, r.Headers, r.Greeting = slices.Clone(r.Query), slices.Clone(r.Headers), slices.Clone(r.Greeting)
	for _, fields := range [][]Field{r.Query, r.Headers} {
		for i := range fields {
			fields[i].Value = with(fields[i].Value)
		}
	}
	for i := range r.Greeting {
		r.Greeting[i] = with(r.Greeting[i])
	}
	return p.asking(r)
}
