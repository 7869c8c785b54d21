package result

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// EventsFileName is the name of the file, beside FileName, to which the events of a run are written as they
// come: one Event in JSON on each line. It may be read while the run goes on, and is whole up to its last
// line when the run is ended in whatever way.
const EventsFileName = "events.ndjson"

// An EventKind says what an Event tells.
type EventKind string

// The kinds of events, in the order in which they come. PlanKnown is the first, then comes NoiseFound. Then for each
// lane, in each round: LaneBegins, a PhaseBegins for each phase with ReadingMade between, and LaneEnds. NoteMade may
// come anywhere behind the plan. NoiseFound comes again at the end, and RunEnds is the last.
const (
	PlanKnown   EventKind = "plan"
	NoiseFound  EventKind = "noise"
	LaneBegins  EventKind = "lane"
	PhaseBegins EventKind = "phase"
	ReadingMade EventKind = "reading"
	LaneEnds    EventKind = "measured"
	NoteMade    EventKind = "note"
	RunEnds     EventKind = "end"
)

// An Event is something that happens in a run. Of the pointers those are set that belong to its kind.
type Event struct {
	// At is when it happened: the time since the run began.
	At time.Duration `json:"at_ns"`
	// Kind is what happened.
	Kind EventKind `json:"event"`
	// Case is which case it belongs to: an index into Plan.Cases. Round counts from 1; with Lane it is where
	// the run is. Both are missing where it is at no lane.
	Case  int   `json:"case"`
	Round int   `json:"round,omitempty"`
	Lane  *Lane `json:"lane,omitempty"`

	// Plan is what is going to be done: PlanKnown.
	Plan *Plan `json:"plan,omitempty"`
	// Noise is how late a timer was, as in Conditions: NoiseFound.
	Noise *Latency `json:"noise,omitempty"`
	// Phase is what begins: PhaseBegins.
	Phase *Phase `json:"phase,omitempty"`
	// Reading is how it goes: ReadingMade.
	Reading *Reading `json:"reading,omitempty"`
	// Measurement is what was found, without the histograms, which are in FileName: LaneEnds.
	Measurement *Measurement `json:"measurement,omitempty"`
	// Note is something to know, in words: NoteMade.
	Note string `json:"note,omitempty"`
}

// A Plan is what a run is going to do.
type Plan struct {
	// Started is when the run began.
	Started time.Time `json:"started"`
	// Cases are what is measured, in that order; Lanes are those of each case.
	Cases []Case   `json:"cases"`
	Lanes [][]Lane `json:"lanes"`
	// Estimate is how long it may take. A search for the highest rate takes as long as it takes.
	Estimate time.Duration `json:"estimate_ns"`
	// Each is how much of it each measurement of a case takes.
	Each []time.Duration `json:"each_ns"`
}

// A PhaseName says what is done in a lane.
type PhaseName string

// The phases that every lane has; others have no name, only a text.
const (
	Starting   PhaseName = "starting"   // a server
	Connecting PhaseName = "connecting" // the subscribers
	WarmingUp  PhaseName = "warm-up"    // events that are not measured
	Measuring  PhaseName = "measuring"  // those that are
	Draining   PhaseName = "draining"   // what is under way is waited for
)

// A Phase is a part of what is done in a lane.
type Phase struct {
	// Name is one of the names above, or "".
	Name PhaseName `json:"name,omitempty"`
	// Text says what is done.
	Text string `json:"text"`
	// Takes is how long it is going to take, if that is known.
	Takes time.Duration `json:"takes_ns,omitempty"`
	// Rate is how many events per second are due in it, and Events how many altogether.
	Rate   float64 `json:"events_per_second,omitempty"`
	Events int     `json:"events,omitempty"`
}

// A Reading is what happened in the time since the one before, or since the phase began.
type Reading struct {
	// Phase is in which phase it was made, Into how long after that began, Took how long it covers.
	Phase PhaseName     `json:"phase,omitempty"`
	Into  time.Duration `json:"into_ns"`
	Took  time.Duration `json:"took_ns"`
	// Subscribers is how many there are to be, Connected how many of them have their connection now.
	Subscribers int `json:"subscribers"`
	Connected   int `json:"connected"`
	// Rate is how many events per second were due, Published how many were published in that time, and
	// Delivered how many deliveries came.
	Rate      float64 `json:"events_per_second"`
	Published int64   `json:"published"`
	Delivered int64   `json:"delivered"`
	// P50, P99 and P999 are of those deliveries, to about 3 in a hundred; Max is exact. 0 if none came.
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p99_9_ns"`
	Max  time.Duration `json:"max_ns"`
	// Missing is how many deliveries have not come of events that were published before that time began.
	// They are late, or lost.
	Missing int64 `json:"missing"`
	// BytesDown and BytesUp are what the subscribers' connections carried in that time.
	BytesDown int64 `json:"bytes_down"`
	BytesUp   int64 `json:"bytes_up"`
	// ServerCPU and LoadCPU are run time, as in Measurement. 0 where the system does not tell.
	ServerCPU time.Duration `json:"server_cpu_ns"`
	LoadCPU   time.Duration `json:"load_cpu_ns"`
	// Resident is the resident memory of the server now, in bytes, Empty what it was before anybody
	// connected, as the kernel counts them quickly: some dozens of pages may be missing.
	Resident int64 `json:"resident_bytes"`
	Empty    int64 `json:"resident_empty_bytes"`
}

// PublishRate is how many events per second were published.
func (r Reading) PublishRate() float64 { return perSecond(float64(r.Published), r.Took) }

// ServerCores is how many cores the server kept busy.
func (r Reading) ServerCores() float64 { return ratio(int64(r.ServerCPU), int64(r.Took)) }

func perSecond(n float64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return n / d.Seconds()
}

// WithoutHistograms returns the measurement without the encoded distributions, which are most of it.
func (m Measurement) WithoutHistograms() Measurement {
	m.PublishDelay.HDR, m.Delivery.HDR = "", ""
	if m.CatchUp != nil {
		c := *m.CatchUp
		c.HDR = ""
		m.CatchUp = &c
	}
	return m
}

// Write writes the event down as a line of EventsFileName, in one write.
func (e Event) Write(w io.Writer) error {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("bench: writing an event: %w", err)
	}
	return nil
}
