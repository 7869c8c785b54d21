package hub

import "pushlab/common/event"

// A Start says where in the log a subscription begins. The zero Start is "from now".
type Start struct {
	earliest bool
	after    event.ID
	asked    string // for after, if it was not just that
}

// Earliest starts with the oldest retained event. It never begins with a gap.
func Earliest() Start { return Start{earliest: true} }

// After starts after the event with that ID, which need not be retained, nor even be of this log;
// then the subscription begins with a gap. The zero ID means "from now".
func After(id event.ID) Start { return Start{after: id} }

// AfterText starts after the event whose ID has that text. What is not an ID at all counts as one
// of another epoch: it was an ID in some other log once.
func AfterText(text string) Start {
	id, err := event.ParseID(text)
	if err != nil {
		id = event.Unknown
	}
	return Start{after: id, asked: text}
}
