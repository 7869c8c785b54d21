package client

import "pushlab/common/event"

// A Ledger keeps account of what a subscriber of all topics was given. There the sequence numbers
// are dense, so that what is missing shows. The zero Ledger is ready for use.
type Ledger struct {
	// Events is how many events came, Repeated how many of them came again or too late.
	Events, Repeated uint64
	// Gaps is how many gaps were announced, Missed how many events they counted.
	Gaps, Missed uint64
	// Lost is how many events did not come, and were not announced as lost.
	Lost uint64
	// Last is the newest place that was accounted for.
	Last event.ID
}

// Begin sets the place before the first event, such as the ID of a stream's open event. Without
// it the first event is taken as it comes.
func (l *Ledger) Begin(cursor event.ID) {
	if l.Last.IsZero() {
		l.Last = cursor
	}
}

// Observe enters an event or a gap. Other control events say nothing.
func (l *Ledger) Observe(e event.Event) {
	switch {
	case e.Topic == event.GapTopic:
		l.Gaps++
		if gap, err := event.ParseGap(e); err == nil && gap.Missed != nil {
			l.Missed += *gap.Missed
		}
		l.Last = e.ID
		return
	case e.Control():
		return
	}
	l.Events++
	if !l.Last.IsZero() && e.ID.Epoch == l.Last.Epoch {
		if e.ID.Seq <= l.Last.Seq {
			l.Repeated++
			return
		}
		l.Lost += e.ID.Seq - l.Last.Seq - 1
	}
	l.Last = e.ID
}
