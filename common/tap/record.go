package tap

import "time"

// A Record is something that happened to a connection, or a note. It is not changed any more once it
// was given out.
type Record struct {
	// Seq counts the records up from 1.
	Seq uint64 `json:"seq"`
	// Kind is what happened.
	Kind RecordKind `json:"kind"`
	// Conn tells the connections apart; 0 for a note.
	Conn uint64 `json:"conn,omitempty"`
	// Lane is what the connection is used for.
	Lane string `json:"lane,omitempty"`
	// At is when it happened, in nanoseconds since the Tap was made, on a monotonic clock: for a Write when it
	// began, for a Read when it returned. Records of two directions can be slightly out of this order.
	At time.Duration `json:"at"`
	// Took is how long a Write took, also one that was given up: long, if the peer does not read.
	Took time.Duration `json:"took,omitempty"`
	// Dir is the direction of bytes, or of their end.
	Dir Direction `json:"dir,omitempty"`
	// Offset is where the bytes begin in their direction, counted from the beginning of the connection.
	Offset int64 `json:"offset,omitempty"`
	// N is how many bytes there were.
	N int `json:"n,omitempty"`
	// Data are the bytes, as many as are kept; secrets in heads are overwritten with '*'. In JSON it is base64.
	Data []byte `json:"data,omitempty"`
	// Parsed is what these bytes have completed.
	Parsed
	// Cost is what the bytes of that were there for, also where not all of the spans are kept.
	Cost Cost `json:"cost,omitzero"`
	// Info is what the kernel said about the connection behind them, if it is TCP.
	Info *Info `json:"info,omitempty"`
	// Text says more: the addresses of a new connection, an error, a note, or that not all is kept.
	Text string `json:"text,omitempty"`
}

// A RecordKind is what happened.
type RecordKind string

// The kinds of records.
const (
	Opened   RecordKind = "open"     // the connection was accepted, or dialed
	Bytes    RecordKind = "bytes"    // a Read or a Write
	Finished RecordKind = "fin"      // the direction has ended well (FIN)
	Reset    RecordKind = "reset"    // the connection was broken (RST), by the peer or on the way
	Stalled  RecordKind = "deadline" // a Write was given up, because the peer accepted no more
	Failed   RecordKind = "error"    // something else went wrong
	Closed   RecordKind = "close"    // this side has closed its socket
	Noted    RecordKind = "note"     // somebody said something, such as that a fault was injected
)

// Outline returns a copy without the bytes and the spans: enough to draw an arrow, and much smaller. The rest is
// to be had by Tap.Record for as long as it is kept.
func (r *Record) Outline() *Record {
	outline := *r
	outline.Data, outline.Spans = nil, nil
	return &outline
}

// size is about how much memory the record takes.
func (r *Record) size() int {
	size := 256 + len(r.Data) + messageSize*len(r.Messages)
	for _, s := range r.Spans {
		size += sizeOf(s)
	}
	return size
}

// messageSize is about how much memory a message takes.
const messageSize = 256

// sizeOf is about how much memory a tree takes.
func sizeOf(s *Span) int {
	size := 224 + len(s.Text) + len(s.Label)
	for _, child := range s.Children {
		size += sizeOf(child)
	}
	return size
}

// A Cost says what bytes were there for, and how many of each.
type Cost struct {
	Head    int64 `json:"head,omitempty"`
	Framing int64 `json:"framing,omitempty"`
	Payload int64 `json:"payload,omitempty"`
	Opaque  int64 `json:"opaque,omitempty"`
}

// add counts the bytes of a tree, each at its leaf. Spans of bits are no leaves: they share their byte.
func (c *Cost) add(s *Span) {
	if len(s.Children) > 0 && s.Children[0].Bits == "" {
		for _, child := range s.Children {
			c.add(child)
		}
		return
	}
	switch s.Role() {
	case Head:
		c.Head += s.Length
	case Framing:
		c.Framing += s.Length
	case Payload:
		c.Payload += s.Length
	default:
		c.Opaque += s.Length
	}
}

// Info is what the kernel counts about a TCP connection (tcp_info), from its beginning on.
type Info struct {
	// SegmentsOut and SegmentsIn are all TCP segments that this side sent and received, bare acknowledgements included.
	SegmentsOut uint32 `json:"segments_out"`
	SegmentsIn  uint32 `json:"segments_in"`
	// DataOut and DataIn are those with data.
	DataOut uint32 `json:"data_out"`
	DataIn  uint32 `json:"data_in"`
	// Retransmits are segments that had to be sent again.
	Retransmits uint32 `json:"retransmits"`
	// RTT is the smoothed round-trip time, and MinRTT the shortest that was seen.
	RTT    time.Duration `json:"rtt"`
	MinRTT time.Duration `json:"min_rtt"`
	// Unsent are bytes that were written and wait in the socket, say because the peer does not read.
	Unsent uint32 `json:"unsent"`
}
