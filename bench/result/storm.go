package result

import "time"

// A Manner is how connections go in a case of the kind Storm.
type Manner string

// The manners.
const (
	// DropAll cuts all connections at the client, publishes what is missed, and lets all come back at once. With
	// bystanders, those come back when half of the events are out, and the other half goes on.
	DropAll Manner = "drop"
	// Restart ends the server when half of the events are out, and starts it again on the same port. Subscribers
	// come back when it has taken a quarter of them more, with cursors of a log that is gone. A server that keeps
	// its log has to bring what was missed; any other has to tell of the gap.
	Restart Manner = "restart"
	// Rolling cuts so many connections in a second, one after the other, while events go on. Each comes back by
	// itself.
	Rolling Manner = "rolling"
)

// Variants of a storm.
const (
	// Jitter has each subscriber wait for a time between 0 and Case.Jitter before it connects. Without it all
	// connect at once.
	Jitter = "jitter"
)

// A Recovery is what happened when subscribers came back. How long each took is in Measurement.CatchUp, and gaps,
// duplicates and what was lost are in the measurement as everywhere.
type Recovery struct {
	// Returned is how many subscribers came back and had all that was published before they were; a
	// subscriber that was told of a gap has all that comes behind it.
	Returned int `json:"returned"`
	// Half, Most and All are how long it took until 50, 95 and 100 of 100 were: from when the first
	// began to connect, or when each one's connection was cut if they come rolling. 0 if it never came to
	// that.
	Half time.Duration `json:"back_50_ns"`
	Most time.Duration `json:"back_95_ns"`
	All  time.Duration `json:"back_100_ns"`
	// Down is how long the server was away, from when it was told to end until it listened again.
	Down time.Duration `json:"down_ns,omitempty"`
	// Goodbyes is how many were told by the server that it was leaving; the others saw only the end of the
	// connection.
	Goodbyes int64 `json:"goodbyes,omitempty"`
	// Refusals is how many attempts to connect failed and were made again.
	Refusals int64 `json:"refusals"`
	// Replayed is how many deliveries were of events that had been published before the subscriber was back.
	Replayed int64 `json:"replayed"`
	// Silent is how many deliveries were lost without a gap that said so.
	Silent int64 `json:"lost_silently"`
	// ListenOverflows and ListenDrops are how many connections the kernel did not take because a backlog
	// was full, anywhere on this machine. They should be 0: each costs its client a second at least.
	ListenOverflows int64 `json:"listen_overflows"`
	ListenDrops     int64 `json:"listen_drops"`
	// Bystanders is how long deliveries took to subscribers that kept their connection, of events that were
	// due since others came back; Calm is the same before that.
	Bystanders *Latency `json:"bystanders,omitempty"`
	Calm       *Latency `json:"bystanders_before,omitempty"`
	// Timeline is who was connected when, from when the first connection went.
	Timeline Timeline `json:"timeline"`
}

// A Timeline is a course in equal steps.
type Timeline struct {
	// Width is how long a step is: a tenth of a second, or more if there would be too many.
	Width time.Duration `json:"step_ns"`
	// Points are the steps.
	Points []TimelinePoint `json:"points"`
}

// A TimelinePoint is one step.
type TimelinePoint struct {
	// Connected is how many were connected at its end.
	Connected int `json:"connected"`
	// Connects is how many connected in it.
	Connects int `json:"connects"`
	// Gaps is how many gaps were announced in it.
	Gaps int `json:"gaps,omitempty"`
}

// ConnectsPerSecond is the highest rate of connects in the timeline.
func (t Timeline) ConnectsPerSecond() float64 {
	most := 0
	for _, p := range t.Points {
		most = max(most, p.Connects)
	}
	if t.Width == 0 {
		return 0
	}
	return float64(most) / t.Width.Seconds()
}

// judgeStorm judges what is particular to a storm.
func (m Measurement) judgeStorm(v *Verdict, c Case) {
	s := m.Recovery
	if s == nil {
		return
	}
	if n := c.Subscribers - c.Bystanders - s.Returned; n > 0 && m.Error == "" {
		v.Failed = append(v.Failed, sprintf("subscribers that did not come back, or never had all: %d", n))
	}
	if s.ListenOverflows+s.ListenDrops > 0 {
		v.Notes = append(v.Notes, sprintf("a backlog was full: %d ListenOverflows and %d ListenDrops on this machine; each costs a client a second or more",
			s.ListenOverflows, s.ListenDrops))
	}
	if s.Refusals > 0 {
		v.Notes = append(v.Notes, sprintf("attempts to connect that failed and were made again: %d", s.Refusals))
	}
}
