package result

// Roles says what the bytes on the subscribers' connections were there for. Together they are BytesDown and
// BytesUp, but for what TLS adds. Where that is not known, by HTTP/2 and in an echo, all are 0. The parts are those
// of package common/tap, so that this program tells one story.
type Roles struct {
	// RequestHeads are the heads of requests, such as of polls; ResponseHeads those of answers.
	RequestHeads  int64 `json:"request_heads"`
	ResponseHeads int64 `json:"response_heads"`
	// Framing is what tells where events begin and end: the sizes and ends of chunks, the names and line ends of
	// Server-Sent Events with the value of each field but data, line feeds, the heads of WebSocket frames, pings
	// and pongs. It is in both directions.
	Framing int64 `json:"framing"`
	// Payload is what is left: envelopes with their data, and the answers to polls.
	Payload int64 `json:"payload"`
}

// Total is how many bytes there were.
func (b Roles) Total() int64 { return b.RequestHeads + b.ResponseHeads + b.Framing + b.Payload }

// Minus returns what came since.
func (b Roles) Minus(before Roles) Roles {
	return Roles{
		b.RequestHeads - before.RequestHeads, b.ResponseHeads - before.ResponseHeads,
		b.Framing - before.Framing, b.Payload - before.Payload,
	}
}

// Segments are the TCP segments of the subscribers' connections, as the kernel counts them at their end
// (tcp_info(7) of Linux), retransmitted ones included. The opening of a connection counts if it falls into the window.
type Segments struct {
	// In came to the subscribers, Out went from them, bare acknowledgements included.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
	// DataIn and DataOut are those with data.
	DataIn  int64 `json:"data_in"`
	DataOut int64 `json:"data_out"`
	// Retransmits are those that the subscribers had to send again.
	Retransmits int64 `json:"retransmits"`
}

// Plus returns the sum.
func (s Segments) Plus(o Segments) Segments {
	return Segments{s.In + o.In, s.Out + o.Out, s.DataIn + o.DataIn, s.DataOut + o.DataOut, s.Retransmits + o.Retransmits}
}

// Minus returns what came since.
func (s Segments) Minus(o Segments) Segments {
	return Segments{s.In - o.In, s.Out - o.Out, s.DataIn - o.DataIn, s.DataOut - o.DataOut, s.Retransmits - o.Retransmits}
}

// segmentHead is how many bytes a segment has around its data: an IPv4 header of 20 bytes, and a TCP header of
// 20 with timestamps of 12.
const segmentHead = 52

// LinkBytes estimates what went over the link, in both directions: the bytes of the streams, and 52 for each
// segment. Ethernet would add 14 more. It is 0 if the segments are not known.
func (m Measurement) LinkBytes() int64 {
	if m.Segments == nil {
		return 0
	}
	return m.BytesDown + m.BytesUp + segmentHead*(m.Segments.In+m.Segments.Out)
}

// PerEvent is a number for each delivered event; 0 if there was none.
func (m Measurement) PerEvent(n int64) float64 { return ratio(n, m.Delivered) }

// DataOverhead is how many bytes there were for each byte of DataBytes, beside it; 0 if that is not known.
func (m Measurement) DataOverhead() float64 {
	return ratio(m.BytesDown+m.BytesUp-m.DataBytes, m.DataBytes)
}

// Goodput is how many of DataBytes were delivered in a second.
func (m Measurement) Goodput() float64 { return ratio(m.DataBytes, int64(m.Window)) * 1e9 }

// ServerCPUPerByte is the server's run time for each byte of DataBytes, in nanoseconds; 0 if it is not known.
func (m Measurement) ServerCPUPerByte() float64 {
	if m.ServerCPU == 0 {
		return 0
	}
	return ratio(int64(m.ServerCPU+m.SoftirqCPU), m.DataBytes)
}

// Receivers tells apart who got an event first and who got it last, of the events that everybody got.
type Receivers struct {
	// First is from when an event was due until the first subscriber had it, Last until the last had it.
	First Latency `json:"first"`
	Last  Latency `json:"last"`
	// Spread is from the first to the last.
	Spread Latency `json:"spread"`
	// Incomplete is how many events are not in these: not everybody got them, or too many were on the way at
	// once to remember all.
	Incomplete int64 `json:"incomplete"`
}
