package tap

import (
	"strings"
	"time"
)

// A Direction is the way that bytes go.
type Direction string

// The directions.
const (
	Up   Direction = "up"   // from the client to the server
	Down Direction = "down" // from the server to the client
)

// A Span is a stretch of one direction's bytes, and what it is. Spans are a tree: the children of a
// span lie next to each other in it and cover it, except for those with Bits, which share its bytes.
type Span struct {
	// Dir is set at the root of a tree.
	Dir Direction `json:"dir,omitempty"`
	// Start is where it begins in the direction's bytes, counted from the beginning of the connection.
	Start int64 `json:"start"`
	// Length is how many bytes it has.
	Length int64 `json:"length"`
	// Kind is what it is: a Key of Kinds.
	Kind string `json:"kind"`
	// Label says what this one is, where there is more to say than the label of its kind.
	Label string `json:"label,omitempty"`
	// Text is what the bytes say, of a span without children: decoded, unmasked, inflated.
	Text string `json:"text,omitempty"`
	// Explain is the Key of a better explanation than that of Kind, if there is one.
	Explain string `json:"explain,omitempty"`
	// Part is set if something cuts the span in pieces: the end of a chunk, or its own size.
	Part Part `json:"part,omitempty"`
	// Bits shows which bits are meant, such as "1.......", if not all of the byte.
	Bits string `json:"bits,omitempty"`
	// Wrong says what is wrong with it, if something is.
	Wrong string `json:"wrong,omitempty"`
	// Masked says that it is a secret: Text and the recorded bytes are not the real ones.
	Masked bool `json:"masked,omitempty"`
	// Children are its parts.
	Children []*Span `json:"children,omitempty"`
}

// Title is the span's Label, or that of its kind.
func (s *Span) Title() string {
	if s.Label != "" {
		return s.Label
	}
	return s.entry().Label
}

// Explanation returns the entry of Kinds that explains the span best.
func (s *Span) Explanation() Kind { return s.entry() }

// Role returns what its bytes are there for; "" if that is for its children to say.
func (s *Span) Role() Role { return byKey[s.Kind].Role }

// End returns where the next span begins.
func (s *Span) End() int64 { return s.Start + s.Length }

// A Part says which piece of something it is.
type Part string

// The parts.
const (
	Whole  Part = ""
	First  Part = "first"
	Middle Part = "middle"
	Last   Part = "last"
)

// cut returns the part that p becomes when more of it will follow.
func (p Part) cut() Part {
	if p == Whole {
		return First
	}
	return Middle
}

// partOf tells the part from whether it begins and ends here.
func partOf(begins, ends bool) Part {
	switch {
	case begins && ends:
		return Whole
	case begins:
		return First
	case ends:
		return Last
	}
	return Middle
}

// A Message is something that one side told the other: what a page draws an arrow for. Messages may lie
// within each other, an event in a chunk, and an event may begin in one chunk and end in another.
type Message struct {
	Kind MessageKind `json:"kind"`
	Dir  Direction   `json:"dir"`
	// Offset and Length are where it lies in the direction's bytes; another message's bytes, or those of a
	// chunk's size line, may stand between its own.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Payload is how many of its bytes are content; the others are head or framing.
	Payload int64 `json:"payload,omitempty"`
	// ID is the event's id; of a request or response the cursor in it. The same id on two lanes is the same event.
	ID string `json:"id,omitempty"`
	// Topic is the event's topic, if it is an envelope; its type, if it is the event of a foreign server.
	Topic string `json:"topic,omitempty"`
	// Label says what it is in a few words.
	Label string `json:"label"`
	// Exchange counts the requests of the connection from 1: an answer has the number of its request.
	Exchange int `json:"exchange"`
	// Began and Ended are when its first and its last byte were recorded, on the clock of the records.
	Began time.Duration `json:"began"`
	Ended time.Duration `json:"ended"`
}

// A MessageKind is what a message is.
type MessageKind string

// The kinds of messages.
const (
	RequestMessage  MessageKind = "request"  // a request's head
	ResponseMessage MessageKind = "response" // a response's head
	EventMessage    MessageKind = "event"    // an event, of whatever transport
	ControlMessage  MessageKind = "control"  // a control event: $open, $beat, $gap, $bye
	CommentMessage  MessageKind = "comment"  // lines of an event stream that dispatch nothing; an empty line of NDJSON
	TextMessage     MessageKind = "message"  // a WebSocket message, a line or a document that is no event
	ChunkMessage    MessageKind = "chunk"    // a chunk, whatever is in it
	FrameMessage    MessageKind = "frame"    // a fragment of a WebSocket message
	PingMessage     MessageKind = "ping"
	PongMessage     MessageKind = "pong"
	CloseMessage    MessageKind = "close" // a WebSocket close frame
	EndMessage      MessageKind = "end"   // the end of a body: it has no bytes
)

// Parsed is what a parser found.
type Parsed struct {
	Spans    []*Span   `json:"spans,omitempty"`
	Messages []Message `json:"messages,omitempty"`
}

// textOf is how bytes are shown.
func textOf(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// A tree builds the spans of one direction from left to right.
type tree struct {
	dir   Direction
	at    int64   // where the next span begins
	stack []*Span // that are open
	nodes int     // of the tree that is open
	emit  func(*Span)
}

func (t *tree) add(s *Span) {
	if len(t.stack) == 0 {
		s.Dir = t.dir
		t.nodes = 0
		return
	}
	t.nodes++
	top := t.stack[len(t.stack)-1]
	top.Children = append(top.Children, s)
}

// open begins a span that is made of others.
func (t *tree) open(kind string) *Span {
	s := &Span{Start: t.at, Kind: kind}
	t.add(s)
	t.stack = append(t.stack, s)
	return s
}

// close ends the span that was opened last.
func (t *tree) close() *Span {
	last := len(t.stack) - 1
	s := t.stack[last]
	t.stack = t.stack[:last]
	s.Length = t.at - s.Start
	if last == 0 {
		t.nodes = 0
		t.emit(s)
	}
	return s
}

// leaf appends a span without children. There may be none of no bytes.
func (t *tree) leaf(kind string, b []byte) *Span {
	s := &Span{Start: t.at, Length: int64(len(b)), Kind: kind, Text: textOf(b)}
	t.at += s.Length
	t.add(s)
	if len(t.stack) == 0 {
		t.emit(s)
	}
	return s
}

// suspend ends all spans above depth as parts, and returns what resume is to open again.
func (t *tree) suspend(depth int) (open []string) {
	for _, s := range t.stack[min(depth, len(t.stack)):] {
		s.Part = s.Part.cut()
		open = append(open, s.Kind)
	}
	for len(t.stack) > depth {
		t.close()
	}
	return open
}

// resume opens the next parts of what was suspended.
func (t *tree) resume(open []string) {
	for _, kind := range open {
		t.open(kind).Part = Last // until it is suspended again
	}
}

// size is how many bytes the open tree has.
func (t *tree) size() int64 {
	if len(t.stack) == 0 {
		return 0
	}
	return t.at - t.stack[0].Start
}
