package interop

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// A talker is a foreign WebSocket client, which does as the test says.
type talker struct {
	name  string
	raw   bool // it can send what is malformed, and pings
	start func(t *testing.T, url, after string) *process
}

var talkers = []talker{
	{name: "ws", raw: true, start: func(t *testing.T, url, after string) *process {
		return node(t, "clients/websocket.mjs", "ws", "once", url, after)
	}},
	{name: "undici WebSocket", start: func(t *testing.T, url, after string) *process {
		return node(t, "clients/websocket.mjs", "undici", "once", url, after)
	}},
	{name: "python websockets", raw: true, start: func(t *testing.T, url, after string) *process {
		return python(t, "clients/websocket.py", "once", url, after)
	}},
}

// A command is what a script shall do: one of Send, Bytes, Ping and Close.
type command struct {
	Send   any    `json:"send,omitempty"` // a string; Python also takes a list of fragments
	Bytes  []byte `json:"bytes,omitempty"`
	Binary bool   `json:"binary"`
	Final  bool   `json:"final"`
	Ping   string `json:"ping,omitempty"`
	Close  *int   `json:"close,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// TestTalkers has foreign WebSocket clients talk to our server.
func TestTalkers(t *testing.T) {
	for _, c := range talkers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Run("talk", c.talk)
			t.Run("close", c.closes)
			t.Run("violate", c.violate)
			if c.raw {
				t.Run("fragments", c.fragments)
			}
		})
	}
}

// dial connects; what the stream begins with was seen.
func (c talker) dial(t *testing.T, s *service) (*process, *proxy) {
	t.Helper()
	p := newProxy(t, s.address)
	talk := c.start(t, p.url("ws", "/websocket"), s.head().String())
	// The package offers compression, and is content with none.
	if l := talk.expect("open"); l.Protocol != "pushlab.v1" || l.Extensions != "" {
		t.Errorf("opened as %+v", l)
	}
	if head := p.requests()[0]; !strings.Contains(strings.ToLower(head), "sec-websocket-extensions: permessage-deflate") {
		t.Errorf("compression was not even offered:\n%s", head)
	}
	if e := talk.envelope(); e.Topic != event.OpenTopic {
		t.Errorf("the stream begins with %s", e.Envelope())
	}
	return talk, p
}

// envelope returns the event that must come next.
func (p *process) envelope() event.Event {
	p.t.Helper()
	e, err := event.ParseEnvelope([]byte(p.expect("event").Data))
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

func (c talker) talk(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	talk, _ := c.dial(t, s)
	say := func(format string, args ...any) { talk.command(command{Send: fmt.Sprintf(format, args...)}) }
	reply := func(want string) {
		t.Helper()
		if got := talk.expect("reply").Data; got != want {
			t.Errorf("answered %s, want %s", got, want)
		}
	}
	first := event.ID{Epoch: s.head().Epoch, Seq: 1}

	// The event and the acknowledgement come in whatever order.
	say(`{"op":"publish","ref":"7","topic":"chat","data":{"text":"a\u00e9€🚀"}}`)
	got := map[string]string{}
	for range 2 {
		l := talk.next()
		got[l.See] = l.Data
	}
	if want := fmt.Sprintf(`{"op":"ack","ref":"7","id":"%s"}`, first); got["reply"] != want {
		t.Errorf("acknowledged by %s, want %s", got["reply"], want)
	}
	if want := fmt.Sprintf(`{"id":"%s","topic":"chat","data":{"text":"a\u00e9€🚀"}}`, first); got["event"] != want {
		t.Errorf("published %s, want %s", got["event"], want)
	}

	say(`{"op":"ping","ref":9}`)
	reply(`{"op":"pong","ref":9}`)

	subscribe := func(ask, wantTopics string, wantFrom event.ID) {
		t.Helper()
		say(`{"op":"subscribe",%s}`, ask)
		if e := talk.envelope(); e.Topic != event.OpenTopic || e.ID != wantFrom || string(e.Data) != wantTopics {
			t.Errorf("subscribed by %s", e.Envelope())
		}
	}
	subscribe(`"topics":["a","b"]`, `{"topics":["a","b"]}`, first)
	s.publish("c", "1")
	b := s.publish("b", "2")
	if e := talk.envelope(); e.ID != b || e.Topic != "b" {
		t.Errorf("of a and b came %s", e.Envelope())
	}
	subscribe(fmt.Sprintf(`"after":"%s-0"`, first.Epoch), `{"topics":null}`, event.ID{Epoch: first.Epoch})
	for seq := range b.Seq {
		if e := talk.envelope(); e.ID.Seq != seq+1 {
			t.Errorf("from the beginning came %s", e.Envelope())
		}
	}
	subscribe(`"topics":[]`, `{"topics":[]}`, b)
	s.publish("a", "3")

	for _, bad := range []string{`{`, `[]`, `{"op":"dance"}`, `{"op":"publish","topic":"$open","data":1}`, `{"op":"publish","topic":"a"}`, `{"op":"subscribe","after":"?"}`} {
		say("%s", bad)
		var answer struct{ Op, Error string }
		if data := talk.expect("reply").Data; json.Unmarshal([]byte(data), &answer) != nil || answer.Op != "error" || answer.Error == "" {
			t.Errorf("%s was answered %s", bad, data)
		}
	}
	if c.raw {
		talk.command(command{Ping: "are you there"})
		if l := talk.until("pong"); l.Data != "are you there" {
			t.Errorf("the ping was answered %q", l.Data)
		}
	}
}

// closes has the client close: the server answers with the same code (RFC 6455, section 5.5.1).
func (c talker) closes(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	codes := []int{1000, 4000}
	if c.name != "python websockets" {
		codes = append(codes, 0) // no code, which counts as 1005; the Python package always sends one
	}
	for _, code := range codes {
		talk, _ := c.dial(t, s)
		talk.command(command{Close: &code, Reason: "enough €"})
		want := code
		if code == 0 {
			want = 1005
		}
		if l := talk.expect("close"); l.Code != want || l.Clean != nil && !*l.Clean {
			t.Errorf("closed by %d, answered %+v", code, l)
		}
	}
}

// violate has the client send what it must not. It is told so, and not just cut off, though it sends
// more than the server reads.
func (c talker) violate(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{MaxMessage: 1000})
	cases := []struct {
		name    string
		command command
		raw     bool
		want    int
	}{
		{"too large", command{Send: `{"op":"publish","data":"` + strings.Repeat("x", 30_000) + `"}`}, false, 1009},
		{"much too large", command{Send: strings.Repeat("x", 4<<20)}, false, 1009}, // more than fits between the two
		{"not UTF-8", command{Bytes: []byte("{\"op\":\"publish\",\"data\":\"\xff\"}"), Final: true}, true, 1007},
		{"half of a surrogate pair", command{Bytes: []byte("\"\xed\xa0\x80\""), Final: true}, true, 1007},
		{"cut within a character", command{Bytes: []byte("\"\xf0\x9f\x9a"), Final: true}, true, 1007},
		{"binary", command{Bytes: []byte(`{"op":"ping"}`), Binary: true, Final: true}, true, 1003},
	}
	for _, tt := range cases {
		if tt.raw && !c.raw {
			continue
		}
		talk, _ := c.dial(t, s)
		talk.command(tt.command)
		if l := talk.expect("close"); l.Code != tt.want || l.Clean != nil && !*l.Clean {
			t.Errorf("%s: closed by %+v, want %d", tt.name, l, tt.want)
		}
	}
	if got := s.head().Seq; got != 0 {
		t.Errorf("%d events were published", got)
	}
}

// fragments has the client send messages in several frames (RFC 6455, section 5.4).
func (c talker) fragments(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{MaxMessage: 1000})
	talk, _ := c.dial(t, s)
	text := `{"op":"publish","data":"a€🚀"}`
	if c.name == "ws" {
		for i := range len(text) { // which splits characters; a ping may come between the frames
			talk.command(command{Bytes: []byte{text[i]}, Final: i == len(text)-1})
			talk.command(command{Ping: fmt.Sprint(i)})
		}
	} else {
		talk.command(command{Send: []string{text[:10], text[10:20], text[20:]}})
	}
	if l := talk.until("event"); !strings.HasSuffix(l.Data, `"data":"a€🚀"}`) {
		t.Errorf("published %s", l.Data)
	}
	// The limit is for the message, not for the frame.
	part := strings.Repeat("x", 400)
	if c.name == "ws" {
		for range 3 {
			talk.command(command{Bytes: []byte(part)})
		}
	} else {
		talk.command(command{Send: []string{part, part, part}})
	}
	if l := talk.until("close"); l.Code != 1009 {
		t.Errorf("fragments of a message that is too large: closed by %+v", l)
	}
}
