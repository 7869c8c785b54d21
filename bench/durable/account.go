package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/common/event"
	"pushlab/common/journal/history"
)

// A record is the history of a scenario: what publishers were told, and what subscribers were given.
type record struct {
	start      event.ID // the cursor that all subscribers began with
	operations []history.Operation
	streams    []stream
}

// A stream is what one subscriber was given, in order.
type stream struct {
	name   string
	topics []string // nil is all
	got    []delivery
}

// An account is what came of a history.
type account struct {
	acked, deliveries int
	// How many of the acknowledged ones took more than one attempt, and of how many of these somebody had the event already when the
	// last one began: the key alone kept it from being there twice.
	again, already                  int
	lost, repeated, reordered, gaps int
	// Of the events of which no publisher was ever told: how many are in the log, are not, and are there more than once.
	happened, never, twice int
	// verdict is what is wrong with the history as that of one log; nil: nothing.
	verdict error
}

// wrong fails if anything is not as it should be. A gap is wrong, too: nothing was trimmed, and no log has lost its end.
func (a account) wrong() error {
	var wrong []error
	if a.lost+a.repeated+a.reordered+a.twice > 0 {
		wrong = append(wrong, fmt.Errorf("%d deliveries were lost, %d repeated, %d out of order, %d events are there twice", a.lost, a.repeated, a.reordered, a.twice))
	}
	if a.gaps > 0 {
		wrong = append(wrong, fmt.Errorf("%d gaps were announced, and none was due", a.gaps))
	}
	return errors.Join(append(wrong, a.verdict)...)
}

// settle makes up the account.
func (r record) settle() account {
	var a account
	acked := map[event.ID]string{}       // with their topics
	answered := map[string]bool{}        // by content
	places := map[string][]event.ID{}    // of each content
	var deliveries []history.Delivery    // of who has all topics
	attempts := map[string]int{}         // of each content
	latest := map[string]time.Duration{} // when the last attempt began
	seenAt := map[string]time.Duration{} // when the first subscriber had it
	for _, o := range r.operations {
		attempts[o.Content]++
		latest[o.Content] = max(latest[o.Content], o.Call)
		if !o.ID.IsZero() {
			topic, _, _ := strings.Cut(o.Content, " ")
			acked[o.ID] = topic
			answered[o.Content] = true
		}
	}
	a.acked = len(acked)
	for _, s := range r.streams {
		seen := map[event.ID]bool{}
		highest, part := r.start, 1
		for _, d := range s.got {
			if d.content == "" {
				a.gaps++
				part++
				continue
			}
			a.deliveries++
			if at, ok := seenAt[d.content]; !ok || d.at < at {
				seenAt[d.content] = d.at
			}
			if s.topics == nil {
				deliveries = append(deliveries, history.Delivery{Node: fmt.Sprintf("%s, part %d", s.name, part), ID: d.id, Content: d.content})
			}
			switch {
			case seen[d.id]:
				a.repeated++
				continue
			case d.id.Epoch == highest.Epoch && d.id.Seq <= highest.Seq:
				a.reordered++
			default:
				highest = d.id
			}
			seen[d.id] = true
			if !slices.Contains(places[d.content], d.id) {
				places[d.content] = append(places[d.content], d.id)
			}
		}
		for id, topic := range acked {
			if !seen[id] && (s.topics == nil || slices.Contains(s.topics, topic)) {
				a.lost++
			}
		}
	}
	for content, n := range attempts {
		if answered[content] && n > 1 {
			a.again++
			if at, ok := seenAt[content]; ok && at < latest[content] {
				a.already++
			}
		}
		switch {
		case len(places[content]) > 1:
			a.twice++
		case answered[content]:
		case len(places[content]) == 1:
			a.happened++
		default:
			a.never++
		}
	}
	a.verdict = history.Check(r.operations, deliveries)
	return a
}
