package result

import "time"

// Arrivals are what it took to connect all subscribers; in a storm, to let them come back.
type Arrivals struct {
	// Took is how long it took from when the first began until the last had its first answer.
	Took time.Duration `json:"took_ns"`
	// Connections is how many connections were made: one for each subscriber, unless they share some.
	Connections int `json:"connections"`
	// FirstAnswer is how long each subscriber waited for its first answer, from when it began to connect. On a
	// stream the first event comes with it.
	FirstAnswer Latency `json:"first_answer"`
	// Handshake is how long the TLS handshakes took, without connecting, if there were some; Resumed how many of
	// them used a session ticket.
	Handshake *Latency `json:"handshake,omitempty"`
	Resumed   int      `json:"resumed,omitempty"`
	// Joining is how long subscribers waited for their first answer whose connection was there already, because
	// others use it too (HTTP/2): from when they asked.
	Joining *Latency `json:"joining,omitempty"`
}

// HandshakesPerSecond is how many TLS handshakes were made in a second, on average; 0 if there were none.
func (c Arrivals) HandshakesPerSecond() float64 {
	if c.Handshake == nil {
		return 0
	}
	return ratio(c.Handshake.Count, int64(c.Took)) * float64(time.Second)
}

// A Between is a process that stands between load and server.
type Between struct {
	// Name is what it is: "nginx" or "delay".
	Name string `json:"name"`
	// Version is its version, if it has one.
	Version string `json:"version,omitempty"`
	// CPU is the run time of its threads over the window. It is not in that of the server, nor in that of the load.
	CPU time.Duration `json:"cpu_ns"`
	// Empty is its resident set before the first subscriber came, Full at the end of the window, in bytes.
	Empty int64 `json:"empty_bytes"`
	Full  int64 `json:"full_bytes"`
}

// BetweenCPU is the run time of all that stood between load and server.
func (m Measurement) BetweenCPU() (sum time.Duration) {
	for _, b := range m.Between {
		sum += b.CPU
	}
	return sum
}

// BetweenCPUPerEvent is BetweenCPU for each delivered event.
func (m Measurement) BetweenCPUPerEvent() time.Duration {
	return time.Duration(ratio(int64(m.BetweenCPU()), m.Delivered))
}

// TLSBytesPerEvent is what TLS added to each delivered event, in both directions.
func (m Measurement) TLSBytesPerEvent() float64 {
	return ratio(m.TLSBytesDown+m.TLSBytesUp, m.Delivered)
}

// An Omission is a lane that a case asks for and that makes no sense.
type Omission struct {
	Lane
	// Reason says why.
	Reason string `json:"reason"`
}

// An Addition is what a variant adds to the latencies of the lane without one, in milliseconds. Each round's
// difference is one value.
type Addition struct {
	Lane
	P50 Spread `json:"added_p50_ms"`
	P99 Spread `json:"added_p99_ms"`
}
