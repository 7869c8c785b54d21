package fault

import "time"

// An Event is something that has happened in a proxy. Fields that do not apply are zero.
type Event struct {
	At         time.Time     `json:"at"`
	Kind       EventKind     `json:"kind"`
	Connection uint64        `json:"connection,omitempty"` // counted from 1, in the order of coming
	Direction  string        `json:"direction,omitempty"`  // "up" or "down"
	Bytes      int           `json:"bytes,omitempty"`
	For        time.Duration `json:"for,omitempty"` // in nanoseconds: how long it was open, or held
	Why        string        `json:"why,omitempty"`
}

// An EventKind is what an Event tells.
type EventKind string

// The kinds of events.
const (
	Changed   EventKind = "changed"   // Set, Once or Cut was called; Why is the fault
	Opened    EventKind = "opened"    // a connection came, and is served
	Queued    EventKind = "queued"    // a connection came, and waits for its turn to be served
	Refused   EventKind = "refused"   // a connection came, and was reset; Why is WhyRefuse or WhyFull
	Closed    EventKind = "closed"    // a connection ended; Why is one of the constants below
	Silenced  EventKind = "silenced"  // a connection stays open and passes nothing any more; Why as for Closed
	Held      EventKind = "held"      // Bytes have to wait; Why is "delay", "buffer" or "stall"
	Released  EventKind = "released"  // the first Bytes of what was held pass, after For
	Swallowed EventKind = "swallowed" // Bytes came and will never pass: the first of their direction
	Answered  EventKind = "answered"  // the proxy answered a request; Why is the status
)

// Why a connection ended, or was refused.
const (
	WhyClient      = "client closed"
	WhyServer      = "server closed"
	WhyClientReset = "client reset" // or was gone when there was something for it
	WhyServerReset = "server reset"
	WhyDial        = "server not reached"
	WhyCut         = "cut"
	WhyIdle        = "idle"
	WhyRefuse      = "refuse"
	WhyFull        = "too many connections"
	WhyAnswer      = "answered"
	WhyProxy       = "proxy closed"
)

// A State is a proxy at one moment.
type State struct {
	At        time.Time     `json:"at"`
	Setting   Fault         `json:"setting"`             // of the last Set
	Refusing  time.Duration `json:"refusing,omitempty"`  // in nanoseconds: how much longer; Always: until changed
	Answering string        `json:"answering,omitempty"` // what is left of the answers, as in Answer

	Accepted uint64 `json:"accepted"` // since the proxy was made, like the next three
	Refused  uint64 `json:"refused"`
	Answered uint64 `json:"answered"`
	Cut      uint64 `json:"cut"` // by a fault: cut, idle and refuse

	Up          Traffic      `json:"up"` // of all connections, those that are gone included
	Down        Traffic      `json:"down"`
	Connections []Connection `json:"connections"`
}

// A Connection is one that is open.
type Connection struct {
	ID       uint64    `json:"id"`
	Client   string    `json:"client"` // its address
	Since    time.Time `json:"since"`
	Queued   bool      `json:"queued,omitempty"`
	Silenced bool      `json:"silenced,omitempty"`
	Own      Fault     `json:"own"` // what Once has given it
	Up       Traffic   `json:"up"`
	Down     Traffic   `json:"down"`
}

// Traffic counts the bytes of one direction. Those that came are the sum.
type Traffic struct {
	Passed    int64 `json:"passed"`
	Held      int64 `json:"held"`
	Swallowed int64 `json:"swallowed"` // by a black hole, by an answer, or held when the connection ended
}

func (t Traffic) plus(u Traffic) Traffic {
	return Traffic{t.Passed + u.Passed, t.Held + u.Held, t.Swallowed + u.Swallowed}
}
