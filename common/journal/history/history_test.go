package history_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"pushlab/common/event"
	"pushlab/common/journal/history"
)

const epoch = "mfrggzdf"

func id(seq int) event.ID {
	if seq == 0 {
		return event.ID{} // not known
	}
	return event.ID{Epoch: epoch, Seq: uint64(seq)}
}

// op is an operation of which all but the times is in the content, such as "a" or "a/key".
func op(call, back int, content string, seq int) history.Operation {
	content, key, _ := strings.Cut(content, "/")
	return history.Operation{Call: time.Duration(call), Return: time.Duration(back), Key: key, Content: content, ID: id(seq)}
}

// seen is what nodes have delivered: "n 1:a 2:b", one after the other.
func seen(nodes ...string) (all []history.Delivery) {
	for _, node := range nodes {
		fields := strings.Fields(node)
		for _, field := range fields[1:] {
			var seq int
			var content string
			if _, err := fmt.Sscanf(field, "%d:%s", &seq, &content); err != nil {
				panic(err)
			}
			all = append(all, history.Delivery{Node: fields[0], ID: id(seq), Content: content})
		}
	}
	return all
}

// kinds are all violations.
var kinds = []error{history.ErrLost, history.ErrTwice, history.ErrElsewhere, history.ErrInvented, history.ErrEarly,
	history.ErrDisagree, history.ErrStream, history.ErrHole, history.ErrKey, history.ErrEpoch, history.ErrInput}

func TestCheck(t *testing.T) {
	type ops = []history.Operation
	for _, c := range []struct {
		name       string
		operations ops
		deliveries []history.Delivery
		wrong      []error
	}{
		{"nothing", nil, nil, nil},
		{"one after the other", ops{op(0, 1, "a", 1), op(2, 3, "b", 2)}, seen("n 1:a 2:b"), nil},
		{"numbers that are missing", ops{op(0, 1, "a", 3), op(2, 3, "b", 7)}, seen("n 3:a 7:b", "m 3:a 7:b"), nil},
		{"at once", ops{op(0, 9, "a", 2), op(1, 8, "b", 1)}, seen("n 1:b 2:a"), nil},
		{"at the same moment", ops{op(0, 5, "a", 2), op(5, 8, "b", 1)}, seen("n 1:b 2:a"), nil},
		{"a node that begins late and ends early", ops{op(0, 1, "a", 1), op(2, 3, "b", 2), op(4, 5, "c", 3)}, seen("n 1:a 2:b 3:c", "m 2:b"), nil},
		{"unknown, and there", ops{op(0, 1, "a", 0), op(2, 3, "b", 2)}, seen("n 1:a 2:b"), nil},
		{"unknown, and there late", ops{op(0, 1, "a", 0), op(2, 3, "b", 1)}, seen("n 1:b 2:a"), nil},
		{"unknown, and not there", ops{op(0, 1, "a", 0), op(2, 3, "b", 1)}, seen("n 1:b"), nil},
		{"tried again", ops{op(0, 1, "a/k", 0), op(2, 3, "a/k", 0), op(4, 5, "a/k", 1), op(6, 7, "a/k", 1)}, seen("n 1:a"), nil},
		{"tried again, and there before it was known", ops{op(0, 1, "a/k", 0), op(2, 3, "b", 2), op(4, 5, "a/k", 1)}, seen("n 1:a 2:b"), nil},
		{"tried again, and known before the first attempt came back", ops{op(0, 9, "a/k", 1), op(1, 2, "a/k", 1), op(3, 4, "b", 2)}, seen("n 1:a 2:b"), nil},

		{"acknowledged, and nobody has it", ops{op(0, 1, "a", 1), op(2, 3, "b", 2)}, seen("n 1:a"), []error{history.ErrLost}},
		{"another is at its place", ops{op(0, 9, "a", 1), op(0, 9, "b", 2)}, seen("n 1:b 2:a"), []error{history.ErrElsewhere}},
		{"there twice", ops{op(0, 1, "a", 1)}, seen("n 1:a 2:a"), []error{history.ErrTwice}},
		{"unknown, and there twice", ops{op(0, 1, "a", 0)}, seen("n 1:a 2:a"), []error{history.ErrTwice}},
		{"two places for one key", ops{op(0, 1, "a/k", 1), op(2, 3, "a/k", 2)}, seen("n 1:a"), []error{history.ErrTwice, history.ErrLost}},
		{"a place for two events", ops{op(0, 1, "a", 1), op(0, 1, "b", 1)}, seen("n 1:a"), []error{history.ErrElsewhere}},
		{"nobody asked for it", ops{op(0, 1, "a", 1)}, seen("n 1:a 2:z"), []error{history.ErrInvented}},
		{"before one that was there", ops{op(0, 1, "a", 2), op(2, 3, "b", 1)}, seen("n 1:b 2:a"), []error{history.ErrEarly}},
		{"long before", ops{op(0, 1, "a", 5), op(0, 9, "b", 2), op(0, 9, "c", 3), op(2, 3, "d", 1)}, seen("n 1:d 2:b 3:c 5:a"), []error{history.ErrEarly}},
		{"unknown, and before one that was there", ops{op(0, 1, "a", 2), op(2, 3, "b", 0)}, seen("n 1:b 2:a"), []error{history.ErrEarly}},
		{"tried again, and before one that was there", ops{op(0, 1, "a", 2), op(2, 3, "b/k", 0), op(4, 5, "b/k", 1)}, seen("n 1:b 2:a"), []error{history.ErrEarly}},
		{"known by the first attempt, and behind", ops{op(0, 1, "a/k", 2), op(2, 3, "b", 1), op(2, 9, "a/k", 2)}, seen("n 1:b 2:a"), []error{history.ErrEarly}},
		{"nodes of different opinions", ops{op(0, 9, "a", 1), op(0, 9, "b", 0)}, seen("n 1:a", "m 1:b"), []error{history.ErrDisagree}},
		{"the order of a node", ops{op(0, 9, "a", 1), op(0, 9, "b", 2)}, seen("n 1:a 2:b", "m 2:b 1:a"), []error{history.ErrStream}},
		{"again", ops{op(0, 9, "a", 1)}, seen("n 1:a 1:a"), []error{history.ErrStream}},
		{"a node that leaves one out", ops{op(0, 9, "a", 1), op(0, 9, "b", 2), op(0, 9, "c", 3)}, seen("n 1:a 2:b 3:c", "m 1:a 3:c"), []error{history.ErrHole}},
		{"another event under the key", ops{op(0, 9, "a/k", 1), op(0, 9, "b/k", 1)}, seen("n 1:a"), []error{history.ErrKey}},
		{"an event under two keys", ops{op(0, 9, "a/k", 1), op(0, 9, "a/l", 0)}, seen("n 1:a"), []error{history.ErrInput}},
		{"an event twice without a key", ops{op(0, 9, "a", 1), op(0, 9, "a", 2)}, seen("n 1:a"), []error{history.ErrInput, history.ErrLost}},
		{"another log", ops{op(0, 9, "a", 1), {Content: "b", ID: event.ID{Epoch: "aaaaaaab", Seq: 2}}}, seen("n 1:a 2:b"), []error{history.ErrEpoch}},
	} {
		err := history.Check(c.operations, c.deliveries)
		if (err == nil) != (c.wrong == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, kind := range kinds {
			if got := errors.Is(err, kind); got != slices.Contains(c.wrong, kind) {
				t.Errorf("%s: %v is %t: %v", c.name, kind, got, err)
			}
		}
	}
}

// TestErrorIsShort: thousands of violations are not told one by one, but each kind is.
func TestErrorIsShort(t *testing.T) {
	var operations []history.Operation
	for i := range 10_000 {
		operations = append(operations, op(0, 1, fmt.Sprint("lost", i), i+2))
	}
	operations = append(operations, op(0, 1, "a/k", 1), op(0, 1, "b/k", 1))
	err := history.Check(operations, seen("n 1:a"))
	if n := strings.Count(err.Error(), "\n"); n > 30 || !errors.Is(err, history.ErrLost) || !errors.Is(err, history.ErrKey) {
		t.Errorf("%d lines: %v", n, err)
	}
}

// An attempt is an operation on the model of a log, for a search. The log is what it is in the end.
type attempt struct {
	content string // "": what there is in the end
	seq     int    // 0: not known
}

// model is an append-only log that appends each event once: its state is how many events it has, of those in the end.
func model(log []string, seqOf func(place int) int) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{0} },
		Step: func(state, input, _ any) []any {
			n, a := state.(int), input.(attempt)
			if a.content == "" {
				if n == len(log) {
					return []any{n}
				}
				return nil
			}
			if place := slices.Index(log[:n], a.content); place >= 0 { // it is there already
				if a.seq == 0 || a.seq == seqOf(place) {
					return []any{n}
				}
				return nil
			}
			var next []any
			if n < len(log) && log[n] == a.content && (a.seq == 0 || a.seq == seqOf(n)) {
				next = append(next, n+1)
			}
			if a.seq == 0 {
				next = append(next, n) // it was not carried out
			}
			return next
		},
	}
	return m.ToModel()
}

// searched returns what a search says of a history with that log.
func searched(operations []history.Operation, log []string, seqOf func(place int) int) bool {
	var all []porcupine.Operation
	for i, o := range operations {
		back := int64(o.Return)
		if o.ID.IsZero() {
			back = math.MaxInt64 // it may still be under way
		}
		all = append(all, porcupine.Operation{ClientId: i, Input: attempt{o.Content, int(o.ID.Seq)}, Call: int64(o.Call), Return: back})
	}
	all = append(all, porcupine.Operation{ClientId: len(all), Input: attempt{}, Call: math.MaxInt64 - 1, Return: math.MaxInt64})
	return porcupine.CheckOperations(model(log, seqOf), all)
}

// TestAgainstSearch compares with porcupine, which tries all orders: on small histories, right and wrong ones.
func TestAgainstSearch(t *testing.T) {
	right, wrong := 0, 0
	seqOf := func(place int) int { return 2*place + 3 }
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.IntRange(1, 6).Draw(t, "events")
		var names []string
		for i := range events {
			names = append(names, string(rune('a'+i)))
		}
		log := rapid.Permutation(names).Draw(t, "order")
		log = log[:rapid.IntRange(max(0, events-2), events).Draw(t, "length")]
		if rapid.IntRange(0, 20).Draw(t, "more") == 0 {
			log = append(log, "z")
		}
		var operations []history.Operation
		for _, name := range names {
			key := ""
			attempts := rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "attempts")
			if attempts > 1 {
				key = "key of " + name
			}
			place := slices.Index(log, name)
			for range attempts {
				// In the order of the log, as a rule, or else hardly any history would be right.
				call := rapid.IntRange(0, 8).Draw(t, "call") + 3*max(place, 0)
				seq := 0
				switch known := rapid.IntRange(0, 30).Draw(t, "known"); {
				case known == 0:
					seq = seqOf(rapid.IntRange(0, events).Draw(t, "place")) // maybe not its own
				case known < 20 && place >= 0:
					seq = seqOf(place)
				}
				o := op(call, call+rapid.IntRange(0, 8).Draw(t, "took"), name, seq)
				o.Key = key
				operations = append(operations, o)
			}
		}
		var deliveries []history.Delivery
		for place, content := range log {
			deliveries = append(deliveries, history.Delivery{Node: "n", ID: id(seqOf(place)), Content: content})
		}
		err, want := history.Check(operations, deliveries), searched(operations, log, seqOf)
		if (err == nil) != want {
			t.Fatalf("the search says %t: %v\n%+v\n%v", want, err, operations, log)
		}
		if want {
			right++
		} else {
			wrong++
		}
	})
	t.Logf("%d right, %d wrong", right, wrong)
	if min(right, wrong) < 10 {
		t.Error("hardly any histories of one kind")
	}
}

// simulated returns a true history of that many events, whose operations take up to wide times as long as it is between two.
func simulated(events, wide int, r *rand.Rand) (operations []history.Operation, deliveries []history.Delivery, log []string) {
	for i := range events {
		moment := 1000 * (i + 1)
		content, seq := fmt.Sprint("event ", i), i+1
		o := op(moment-r.IntN(1000*wide), moment+r.IntN(1000*wide), content, seq)
		if r.IntN(3) == 0 { // the first attempt was not answered
			o.Key = content
			lost := o
			lost.ID = event.ID{}
			operations = append(operations, lost)
			o.Call = min(o.Return, o.Call+time.Duration(r.IntN(1000*wide)))
			o.Return += 1000
		} else if r.IntN(10) == 0 {
			o.ID = event.ID{} // and never will be
		}
		operations = append(operations, o)
		log = append(log, content)
		for _, node := range []string{"one", "two"} {
			deliveries = append(deliveries, history.Delivery{Node: node, ID: id(seq), Content: content})
		}
	}
	r.Shuffle(len(operations), func(i, j int) { operations[i], operations[j] = operations[j], operations[i] })
	return operations, deliveries, log
}

// TestSimulated: true histories are right, and any wrong in them is found.
func TestSimulated(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		operations, deliveries, _ := simulated(300, 1+r.IntN(50), r)
		if err := history.Check(operations, deliveries); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		acked := func() *history.Operation {
			for {
				if o := &operations[r.IntN(len(operations))]; !o.ID.IsZero() {
					return o
				}
			}
		}
		for name, spoil := range map[string]func(){
			"lost": func() {
				lost := acked().Content
				deliveries = slices.DeleteFunc(deliveries, func(d history.Delivery) bool { return d.Content == lost })
			},
			"left out by one": func() { i := 2 + r.IntN(len(deliveries)-4); deliveries = slices.Delete(deliveries, i, i+1) },
			"another content": func() { deliveries[r.IntN(len(deliveries))].Content = "another" },
			"delivered again": func() { deliveries = append(deliveries, deliveries[r.IntN(len(deliveries))]) },
			"another place":   func() { acked().ID.Seq++ },
			"asked for late": func() {
				o := acked()
				for o.Key != "" || o.ID.Seq > 200 {
					o = acked()
				}
				o.Call, o.Return = o.Call+1e9, o.Return+1e9
			},
			"published twice": func() {
				for _, node := range []string{"one", "two"} {
					deliveries = append(deliveries, history.Delivery{Node: node, ID: id(10_000), Content: acked().Content})
				}
			},
		} {
			good, seenBy := slices.Clone(operations), slices.Clone(deliveries)
			spoil()
			if err := history.Check(operations, deliveries); err == nil {
				t.Errorf("seed %d: %s, and it is not found", seed, name)
			}
			operations, deliveries = good, seenBy
		}
	}
}

// BenchmarkCheck checks thousands of operations, of which up to wide are under way at once; the search has fewer, since with more
// at once it does not come to an end.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct {
		events, wide int
		search       bool
	}{{1000, 4, true}, {1000, 8, true}, {1000, 32, false}, {10_000, 32, false}, {100_000, 32, false}} {
		operations, deliveries, log := simulated(c.events, c.wide, rand.New(rand.NewPCG(1, 2)))
		b.Run(fmt.Sprintf("by=sorting/events=%d/wide=%d", c.events, c.wide), func(b *testing.B) {
			for b.Loop() {
				if err := history.Check(operations, deliveries); err != nil {
					b.Fatal(err)
				}
			}
		})
		if !c.search {
			continue
		}
		b.Run(fmt.Sprintf("by=search/events=%d/wide=%d", c.events, c.wide), func(b *testing.B) {
			for b.Loop() {
				if !searched(operations, log, func(place int) int { return place + 1 }) {
					b.Fatal("the search says no")
				}
			}
		})
	}
}
