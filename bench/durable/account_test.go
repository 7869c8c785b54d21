package main

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/journal/history"
)

func id(seq uint64) event.ID { return event.ID{Epoch: "mfrggzdf", Seq: seq} }

// sound returns a history without a fault: five events, of which the publisher of the fourth was never told, and a sixth that was
// never published. The third one was sent twice, under its key.
func sound() record {
	r := record{start: id(0)}
	at := func(n int) time.Duration { return time.Duration(n) * time.Second }
	contents := []string{"t0 a", "t1 b", "t0 c", "t1 d", "t0 e"}
	for i, c := range contents {
		o := history.Operation{Call: at(2 * i), Return: at(2*i + 1), Content: c, ID: id(uint64(i + 1))}
		switch c {
		case "t1 d":
			o.ID = event.ID{}
		case "t0 c":
			o.Key = "c"
			again := o
			again.ID = event.ID{}
			r.operations = append(r.operations, again)
		}
		r.operations = append(r.operations, o)
	}
	r.operations = append(r.operations, history.Operation{Call: at(20), Return: at(21), Content: "t0 f"})
	for _, s := range []stream{{name: "all"}, {name: "all, too"}, {name: "t1", topics: []string{"t1"}}} {
		for i, c := range contents {
			if s.topics == nil || slices.Contains(s.topics, c[:2]) {
				s.got = append(s.got, delivery{id: id(uint64(i + 1)), content: c, at: at(2*i + 1)})
			}
		}
		r.streams = append(r.streams, s)
	}
	return r
}

// Each kind of fault is found, and counted as what it is.
func TestAccountFindsFaults(t *testing.T) {
	clean := account{acked: 4, deliveries: 12, again: 1, happened: 1, never: 1}
	if a := sound().settle(); a != clean || a.wrong() != nil {
		t.Fatalf("a history without a fault: %+v, %v", a, a.wrong())
	}
	for _, c := range []struct {
		name  string
		spoil func(*record)
		want  func(account) bool
		kind  error // of the verdict, if it has one
	}{
		{"an event is lost for one subscriber", func(r *record) { r.streams[0].got = slices.Delete(r.streams[0].got, 1, 2) },
			func(a account) bool { return a.lost == 1 }, history.ErrHole},
		{"an event is lost for who has one topic", func(r *record) { r.streams[2].got = slices.Delete(r.streams[2].got, 0, 1) },
			func(a account) bool { return a.lost == 1 }, nil},
		{"the last event is lost for everybody", func(r *record) {
			for i := range 2 {
				r.streams[i].got = r.streams[i].got[:4]
			}
		}, func(a account) bool { return a.lost == 2 }, history.ErrLost},
		{"an event comes again", func(r *record) { r.streams[1].got = append(r.streams[1].got, r.streams[1].got[2]) },
			func(a account) bool { return a.repeated == 1 }, history.ErrStream},
		{"two events change places", func(r *record) { r.streams[0].got[1], r.streams[0].got[2] = r.streams[0].got[2], r.streams[0].got[1] },
			func(a account) bool { return a.reordered == 1 && a.lost == 0 }, history.ErrStream},
		{"a gap that was not due", func(r *record) { r.streams[2].got = slices.Insert(r.streams[2].got, 1, delivery{id: id(2)}) },
			func(a account) bool { return a.gaps == 1 }, nil},
		{"an event that nobody was told of is there twice", func(r *record) {
			for i := range 2 {
				r.streams[i].got = append(r.streams[i].got, delivery{id: id(6), content: "t1 d"})
			}
		}, func(a account) bool { return a.twice == 1 }, history.ErrTwice},
		{"an event with a key is there twice", func(r *record) {
			for i := range 2 {
				r.streams[i].got = append(r.streams[i].got, delivery{id: id(6), content: "t0 c"})
			}
		}, func(a account) bool { return a.twice == 1 }, history.ErrTwice},
		{"two nodes have different events under one ID", func(r *record) { r.streams[1].got[4].content = "t0 f" }, func(account) bool { return true }, history.ErrDisagree},
		{"an event is elsewhere than its publisher was told", func(r *record) { r.operations[0].ID, r.operations[1].ID = id(2), id(1) },
			func(account) bool { return true }, history.ErrElsewhere},
		{"an event is before one that was acknowledged before it was asked for", func(r *record) {
			r.operations[0].Call, r.operations[0].Return = 100*time.Second, 101*time.Second
		}, func(account) bool { return true }, history.ErrEarly},
		{"an event that nobody asked for", func(r *record) {
			for i := range 2 {
				r.streams[i].got = append(r.streams[i].got, delivery{id: id(6), content: "t0 g"})
			}
		}, func(account) bool { return true }, history.ErrInvented},
		{"a log with another epoch", func(r *record) { r.streams[1].got[4].id.Epoch = "aaaaaaab" }, func(a account) bool { return a.lost > 0 }, history.ErrEpoch},
	} {
		r := sound()
		c.spoil(&r)
		a := r.settle()
		if a.wrong() == nil || !c.want(a) || c.kind != nil && !errors.Is(a.verdict, c.kind) {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}
