package targets

import (
	"strconv"
	"strings"
	"time"

	"pushlab/bench/load"
)

// Protocol returns how to talk by a transport to a server that Start started, which replaced these words.
func (f File) Protocol(transport string, words []string) load.Protocol {
	in := strings.NewReplacer(append(words, "{topic}", load.Topic)...).Replace
	t := f.Transports[transport]
	s := load.Subscription{
		Request: t.request(in), Method: t.Method, Subprotocol: t.Subprotocol, Opened: in(t.Opened), Settle: time.Duration(t.Settle),
	}
	for _, c := range t.Cursor {
		to := c.To
		if c.As != "" {
			to = "word:" + c.As
		}
		s.Cursors = append(s.Cursors, load.Cursor{From: c.From, To: to})
	}
	if t.First != nil {
		r := t.First.request(in)
		s.First = &r
	}
	if t.Resume != nil {
		r := t.Resume.request(in)
		s.Resume = &r
	}
	return load.Protocol{Subscribe: s, Publish: f.Publish.publishing(transport, in)}
}

// Resumes reports whether a transport brings what was missed to whoever comes back.
func (f File) Resumes(transport string) bool {
	t := f.Transports[transport]
	return len(t.Cursor) > 0 && !t.Forgets
}

// Relays reports whether the server only sends on what the publisher has framed, and so keeps nothing for whoever does not
// read at once.
func (f File) Relays() bool { return f.Publish.By == "frames" }

func (r Request) request(in func(string) string) load.Request {
	made := load.Request{Path: in(r.Path), Query: fields(r.Query, in), Headers: fields(r.Headers, in), Body: in(r.Body)}
	for _, message := range r.Greeting {
		made.Greeting = append(made.Greeting, in(message))
	}
	return made
}

func (p Publish) publishing(transport string, in func(string) string) load.Publishing {
	at := load.Endpoint{
		Address: address(in(p.URL)),
		Request: load.Request{Path: in(p.Path), Query: fields(p.Query, in), Headers: fields(p.Headers, in)},
	}
	body := in(p.Body)
	if body == "" {
		body = "{data}"
	}
	switch p.By {
	case "frames":
		if p.Body == "{answer}" {
			return load.Frames(at, load.AppendAnswer)
		}
		return load.Frames(at, load.Framing(transport))
	case "post":
		status, _ := strconv.Atoi(p.Accepted) // 0 is any; Parse has refused the rest
		return load.Posts(at, load.Inside(body), status, in(p.Refused))
	default:
		return load.Messages(at, load.Inside(body), load.Answers(in(p.Accepted), in(p.Refused)))
	}
}
