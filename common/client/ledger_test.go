package client_test

import (
	"testing"

	"pgregory.net/rapid"

	"pushlab/common/client"
	"pushlab/common/event"
)

// gapOf is a gap that leads to a place, and counts what was missed, or does not.
func gapOf(to event.ID, missed int) event.Event {
	var gap event.Gap
	if missed >= 0 {
		n := uint64(missed)
		gap.Missed = &n
	}
	return event.NewGap(to, gap)
}

func TestLedger(t *testing.T) {
	other := event.ID{Epoch: "bbbbbbbb", Seq: 0}
	inOther := func(seq uint64) event.Event {
		return event.Event{ID: event.ID{Epoch: other.Epoch, Seq: seq}, Topic: "chat", Data: []byte("1")}
	}
	for _, c := range []struct {
		name  string
		begin event.ID
		seen  []event.Event
		want  client.Ledger
	}{
		{"nothing", event.ID{}, nil, client.Ledger{}},
		{"all in order", place(3), []event.Event{message(4), message(5)}, client.Ledger{Events: 2, Last: place(5)}},
		{"without a beginning the first counts as it comes", event.ID{}, []event.Event{message(40), message(41)}, client.Ledger{Events: 2, Last: place(41)}},
		{"from the start of the log", place(0), []event.Event{message(1)}, client.Ledger{Events: 1, Last: place(1)}},
		{"the first ones are missing", place(3), []event.Event{message(6)}, client.Ledger{Events: 1, Lost: 2, Last: place(6)}},
		{"some are missing", place(0), []event.Event{message(1), message(5), message(6), message(8)}, client.Ledger{Events: 4, Lost: 4, Last: place(8)}},
		{"one came twice", place(0), []event.Event{message(1), message(1), message(2)}, client.Ledger{Events: 3, Repeated: 1, Last: place(2)}},
		{"what was before the beginning", place(3), []event.Event{message(3), message(4)}, client.Ledger{Events: 2, Repeated: 1, Last: place(4)}},
		{"a whole stretch came again", place(0), []event.Event{message(1), message(2), message(3), message(2), message(3), message(4)},
			client.Ledger{Events: 6, Repeated: 2, Last: place(4)}},
		{"out of order: lost, and then too late", place(0), []event.Event{message(2), message(1), message(3)}, client.Ledger{Events: 3, Repeated: 1, Lost: 1, Last: place(3)}},
		{"a gap that counts", place(0), []event.Event{message(1), gapOf(place(4), 3), message(5)}, client.Ledger{Events: 2, Gaps: 1, Missed: 3, Last: place(5)}},
		{"a gap that does not count", place(0), []event.Event{message(1), gapOf(place(4), -1), message(5)}, client.Ledger{Events: 2, Gaps: 1, Last: place(5)}},
		{"a gap, and more is missing than it told", place(0), []event.Event{gapOf(place(4), 4), message(6)}, client.Ledger{Events: 1, Gaps: 1, Missed: 4, Lost: 1, Last: place(6)}},
		{"a gap at first", event.ID{}, []event.Event{gapOf(place(4), 4), message(5)}, client.Ledger{Events: 1, Gaps: 1, Missed: 4, Last: place(5)}},
		{"a gap whose data nobody understands", place(0), []event.Event{{ID: place(4), Topic: event.GapTopic, Data: []byte("[]")}, message(5)},
			client.Ledger{Events: 1, Gaps: 1, Last: place(5)}},
		{"a gap into another epoch", place(7), []event.Event{message(8), gapOf(other, -1), inOther(1)}, client.Ledger{Events: 2, Gaps: 1, Last: inOther(1).ID}},
		{"another epoch is counted on its own", place(7), []event.Event{gapOf(other, -1), inOther(1), inOther(3), inOther(2)},
			client.Ledger{Events: 3, Gaps: 1, Lost: 1, Repeated: 1, Last: inOther(3).ID}},
		{"other control events say nothing", place(0), []event.Event{event.Open(place(0), nil), message(1), event.Beat(place(9)), event.Bye(place(9), 0), message(2)},
			client.Ledger{Events: 2, Last: place(2)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l client.Ledger
			l.Begin(c.begin)
			for _, e := range c.seen {
				l.Observe(e)
			}
			if l != c.want {
				t.Errorf("%+v, want %+v", l, c.want)
			}
			l.Begin(place(99)) // a second stream's open event, say
			if want := c.want.Last; !want.IsZero() && l.Last != want {
				t.Errorf("a second Begin moved the ledger to %s", l.Last)
			}
		})
	}
}

// A server that goes wrong at random, and knows what it did: the ledger finds out all of it.
func TestLedgerFindsEverything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var l, want client.Ledger
		head := event.ID{Epoch: "mfrggzdf", Seq: rapid.Uint64Range(0, 5).Draw(r, "start")} // all up to here was told
		l.Begin(head)
		want.Last = head
		deliver := func(id event.ID) {
			want.Events++
			l.Observe(event.Event{ID: id, Topic: "chat", Data: []byte("1")})
		}
		some := rapid.Uint64Range(1, 5)
		r.Repeat(map[string]func(*rapid.T){
			"deliver": func(r *rapid.T) {
				head.Seq++
				want.Last = head
				deliver(head)
			},
			"lose": func(r *rapid.T) {
				n := some.Draw(r, "n")
				want.Lost += n
				head.Seq += n + 1
				want.Last = head
				deliver(head)
			},
			"repeat": func(r *rapid.T) {
				if head.Seq > 0 {
					want.Repeated++
					deliver(event.ID{Epoch: head.Epoch, Seq: rapid.Uint64Range(1, head.Seq).Draw(r, "seq")})
				}
			},
			"gap": func(r *rapid.T) {
				n := some.Draw(r, "n")
				head.Seq += n
				want.Gaps, want.Missed, want.Last = want.Gaps+1, want.Missed+n, head
				l.Observe(gapOf(head, int(n)))
			},
			"restart": func(r *rapid.T) {
				head = event.ID{Epoch: event.NewEpoch(), Seq: rapid.Uint64Range(0, 5).Draw(r, "oldest")}
				want.Gaps, want.Last = want.Gaps+1, head
				l.Observe(gapOf(head, -1))
			},
			"control": func(r *rapid.T) {
				l.Observe(rapid.SampledFrom([]event.Event{event.Open(head, nil), event.Beat(head), event.Bye(head, 0)}).Draw(r, "event"))
			},
			"": func(r *rapid.T) {
				if l != want {
					r.Fatalf("%+v, want %+v", l, want)
				}
			},
		})
	})
}
