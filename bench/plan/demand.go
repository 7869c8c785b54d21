package plan

import (
	"fmt"
	"math"
	"time"
)

// A Demand is what a service is to do, and what it may do it with.
type Demand struct {
	// Clients is how many there are. Each event goes to all of them.
	Clients int `json:"clients"`
	// Rate is how many events each client gets in a second.
	Rate float64 `json:"events_per_second"`
	// Size is how many bytes of data an event has; its envelope comes on top.
	Size int `json:"data_bytes"`
	// Reconnects is how often each client connects again in an hour.
	Reconnects float64 `json:"reconnects_per_hour"`
	// RTT is the round-trip time between a client and the server.
	RTT time.Duration `json:"rtt_ns"`
	// HeaderBytes is what a browser adds to each request, beside what the load of the benchmark sends.
	HeaderBytes int `json:"header_bytes"`
	// SegmentBytes is what each TCP segment adds: the heads of Ethernet, IP and TCP.
	SegmentBytes int `json:"segment_bytes"`
	// SocketBytes is what the kernel takes for a connection, which no resident set shows.
	SocketBytes int `json:"socket_bytes"`
	// Heartbeat is after how long a quiet stream gets a heartbeat, and a poll without an event an answer.
	Heartbeat time.Duration `json:"heartbeat_ns"`
	// Headroom is up to which share of a machine is used.
	Headroom float64 `json:"headroom"`
	// Machine is what one machine has.
	Machine Machine `json:"machine"`
	// PriceGB is what it costs to send 10⁹ bytes.
	PriceGB float64 `json:"price_gb"`
	// Given are the names of the flags that were given; the other values are defaults.
	Given []string `json:"given,omitempty"`
}

// A Machine is what one machine has, and what it costs.
type Machine struct {
	// Cores are taken to be as fast as the one that was measured.
	Cores float64 `json:"cores"`
	// Memory is in bytes, Bandwidth in bits per second and direction, Price per hour.
	Memory    int64   `json:"memory_bytes"`
	Bandwidth float64 `json:"bandwidth_bits"`
	Price     float64 `json:"price_hour"`
}

// Defaults returns a demand with all that is assumed when nothing else is said.
func Defaults() Demand {
	return Demand{
		RTT: 50 * time.Millisecond, HeaderBytes: 500, SegmentBytes: 66, SocketBytes: 4096, Heartbeat: 15 * time.Second, Headroom: 0.6,
		Machine: Machine{Cores: 4, Memory: 8 << 30, Bandwidth: 1e9, Price: 0.10}, PriceGB: 0.08,
	}
}

// Validate tells what is wrong with the demand, if something is.
func (d Demand) Validate() error {
	number := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }
	positive := func(v float64) bool { return number(v) && v > 0 }
	switch {
	case d.Clients < 1:
		return fmt.Errorf("plan: %d clients; say with --clients how many there are", d.Clients)
	case !positive(d.Rate):
		return fmt.Errorf("plan: %v events/s; say with --rate how many each client gets, more than 0", d.Rate)
	case d.Size < 1:
		return fmt.Errorf("plan: events with %d bytes of data; say with --size how many they have", d.Size)
	case !number(d.Reconnects):
		return fmt.Errorf("plan: %v reconnects in an hour; use 0 or more", d.Reconnects)
	case d.RTT < 0 || d.HeaderBytes < 0 || d.SegmentBytes < 0 || d.SocketBytes < 0:
		return fmt.Errorf("plan: RTT, header, segment and socket bytes cannot be negative")
	case d.Heartbeat <= 0:
		return fmt.Errorf("plan: a heartbeat every %v; use more than 0", d.Heartbeat)
	case !positive(d.Headroom) || d.Headroom > 1:
		return fmt.Errorf("plan: a headroom of %v; use the share of a machine to be used, more than 0, up to 1", d.Headroom)
	case !positive(d.Machine.Cores) || d.Machine.Memory < 1 || !positive(d.Machine.Bandwidth):
		return fmt.Errorf("plan: a machine has cores, memory and bandwidth: more than 0 of each")
	case !number(d.Machine.Price) || !number(d.PriceGB):
		return fmt.Errorf("plan: prices are 0 or more")
	}
	return nil
}
