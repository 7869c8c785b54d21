package load

import (
	"strings"
	"testing"
)

// What is sent to subscribe, at first and by whoever comes back.
func TestRequests(t *testing.T) {
	cursors := [][]byte{[]byte("a&b"), []byte("7")}
	for name, c := range map[string]struct {
		transport string
		how       Subscription
		first     string
		next      string // with the cursors
		resume    string
	}{
		"a query": {"longpoll", Subscription{
			Request: Request{Path: "/poll", Query: []Field{{"topic", "a b"}}},
			Cursors: []Cursor{{From: "id", To: "query:after"}},
			First:   &Request{Query: []Field{{"wait", "0"}}},
		},
			"GET /poll?topic=a+b&wait=0 HTTP/1.1\nHost: h:80\n\n",
			"GET /poll?topic=a+b&after=a%26b HTTP/1.1\nHost: h:80\n\n",
			"GET /poll?topic=a+b&after=a%26b HTTP/1.1\nHost: h:80\n\n"},
		"several places": {"longpoll", Subscription{
			Request: Request{Path: "/poll", Headers: []Field{{"X", "y"}}},
			Cursors: []Cursor{{From: "header:A", To: "header:If-A"}, {From: "json:b", To: "query:b"}},
		},
			"GET /poll HTTP/1.1\nHost: h:80\nX: y\n\n",
			"GET /poll?b=7 HTTP/1.1\nHost: h:80\nX: y\nIf-A: a&b\n\n",
			"GET /poll?b=7 HTTP/1.1\nHost: h:80\nX: y\nIf-A: a&b\n\n"},
		"a body": {"httpstream", Subscription{
			Method: "POST", Request: Request{Path: "/x?y=1", Body: `{"a":1}`, Headers: []Field{{"X", "y"}}},
			Cursors: []Cursor{{From: "json:a", To: "word:a"}, {From: "json:b", To: "query:b"}},
			Resume:  &Request{Body: `{"a":"{a}","c":{}}`, Headers: []Field{{"x", "{a}"}}},
		},
			"POST /x?y=1 HTTP/1.1\nHost: h:80\nX: y\nContent-Length: 7\n\n{\"a\":1}",
			"POST /x?y=1&b=7 HTTP/1.1\nHost: h:80\nX: y\nContent-Length: 7\n\n{\"a\":1}",
			"POST /x?y=1&b=7 HTTP/1.1\nHost: h:80\nx: a&b\nContent-Length: 18\n\n{\"a\":\"a&b\",\"c\":{}}"},
		"a word in a query": {"sse", Subscription{
			Request: Request{Path: "/x", Query: []Field{{"q", "1"}}},
			Cursors: []Cursor{{From: "json:a", To: "word:a"}},
			Resume:  &Request{Path: "/z/{a}", Query: []Field{{"q", `{"{a}"}`}}},
		},
			"GET /x?q=1 HTTP/1.1\nHost: h:80\n\n",
			"GET /x?q=1 HTTP/1.1\nHost: h:80\n\n",
			"GET /z/a&b?q=%7B%22a%26b%22%7D HTTP/1.1\nHost: h:80\n\n"},
		"a subprotocol": {"websocket", Subscription{Request: Request{Path: "/x"}, Subprotocol: "p"},
			"GET /x HTTP/1.1\nHost: h:80\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Protocol: p\n\n", "", ""},
	} {
		p := newPlan(c.transport, "h:80", c.how, Way{})
		none := make([][]byte, len(c.how.Cursors))
		resume := p.resume(cursors)
		for which, of := range map[string]struct {
			got  []byte
			want string
		}{
			"first": {p.first.append(nil, none), c.first}, "next": {p.next.append(nil, cursors), c.next}, "resume": {resume.append(nil, cursors), c.resume},
		} {
			if got := strings.ReplaceAll(string(of.got), "\r\n", "\n"); got != of.want && of.want != "" {
				t.Errorf("%s, %s: the request is\n%q, not\n%q", name, which, got, of.want)
			}
		}
	}
}

func TestGreetingOfWhoComesBack(t *testing.T) {
	s := subscriberOf("websocket", Subscription{
		Request: Request{Path: "/", Greeting: []string{"hello"}}, Cursors: []Cursor{{From: "json:a", To: "word:a"}}, Resume: &Request{Greeting: []string{"again {a}", "!"}},
	})
	s.begin(nil)
	if len(s.greeting) != 1 || s.greeting[0] != "hello" {
		t.Errorf("it greets by %q", s.greeting)
	}
	answer, err := s.feed([]byte(switching))
	if err != nil || len(answer) != 6+5 {
		t.Errorf("it sends % x, %v", answer, err)
	}
	s.remember(0, []byte("12"))
	s.begin(nil)
	if len(s.greeting) != 2 || s.greeting[0] != "again 12" {
		t.Errorf("who comes back greets by %q", s.greeting)
	}
}

func TestInside(t *testing.T) {
	for text, want := range map[string]string{
		"{data}":                       `{"a":"b"}`,
		`{"x":{data},"y":"{escaped}"}`: `{"x":{"a":"b"},"y":"{\"a\":\"b\"}"}`,
		"{escaped}{data}{}":            `{\"a\":\"b\"}{"a":"b"}{}`,
		"nothing":                      "nothing",
	} {
		if got := Inside(text)([]byte("-"), 0, []byte(`{"a":"b"}`)); string(got) != "-"+want {
			t.Errorf("%s makes %s, not %s", text, got, want)
		}
	}
}
