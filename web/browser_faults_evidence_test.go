package web_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// evidence is what the page knows of a lane, and what happened to it since something broke. The client's own word
// comes before the tap's, which comes in batches: what is to be seen has to be waited for, see until.
type evidence struct {
	State, Reason, Cursor string
	Stalled               bool
	Ledger                struct {
		Events, Lost, Repeated, Gaps, Missed int
		Exact                                bool
	}
	States  []laneState // of the client
	Items   []faultItem // of the trace
	Totals  struct{ Down, SegmentsOut int }
	Streams []struct { // as the server sees them
		Conn      int
		Cursor    string
		Delivered int
	}
	Proxy struct{ Held, Swallowed, Open int }
	Head  string // of the log
	Proof string // what the page says of it
}

type laneState struct {
	At            float64
	State, Reason string
}

// A faultItem is one of the trace. Times are milliseconds on the lab's clock.
type faultItem struct {
	Kind, Dir, Label, Text, ID, Topic string
	Seq, Conn, Length                 int
	At, Received, Published           float64
	Replay                            bool
}

// seen returns the items of a kind whose label or text begins so.
func (e evidence) seen(kind, begins string) (items []faultItem) {
	for _, i := range e.Items {
		if i.Kind == kind && (strings.HasPrefix(i.Label, begins) || strings.HasPrefix(i.Text, begins)) {
			items = append(items, i)
		}
	}
	return items
}

// controls returns the control events of a topic.
func (e evidence) controls(topic string) (items []faultItem) {
	for _, i := range e.Items {
		if i.Kind == "control" && i.Topic == topic {
			items = append(items, i)
		}
	}
	return items
}

// replayed returns the events that are older than the connection that brought them.
func (e evidence) replayed() (items []faultItem) {
	for _, i := range e.seen("event", "") {
		if i.Replay {
			items = append(items, i)
		}
	}
	return items
}

// has tells whether the lane has come as far as an event.
func (e evidence) has(id string) bool {
	epoch, _, _ := strings.Cut(id, "-")
	return strings.HasPrefix(e.Cursor, epoch+"-") && sequence(e.Cursor) >= sequence(id)
}

// sequence is the number in an id.
func sequence(id string) (n int) {
	fmt.Sscan(id[strings.LastIndex(id, "-")+1:], &n)
	return n
}

// said returns when the client gave a reason that begins so.
func (e evidence) said(reason string) (states []laneState) {
	for _, s := range e.States {
		if strings.HasPrefix(s.Reason, reason) {
			states = append(states, s)
		}
	}
	return states
}

// pauses returns how long the client waited after each failure, as far as it has ended: until it failed again, or a
// request came through.
func (e evidence) pauses() (ms []float64) {
	var failures, tries []float64
	for _, s := range e.States {
		if s.State == "connecting" && s.Reason != "" {
			failures = append(failures, s.At)
		}
	}
	for _, i := range e.seen("request", "GET /") {
		tries = append(tries, i.At)
	}
	tries = append(tries, failures...)
	slices.Sort(tries)
	for _, at := range failures {
		if next, _ := slices.BinarySearch(tries, at+slack); next < len(tries) {
			ms = append(ms, tries[next]-at)
		}
	}
	return ms
}

// slack is by how many milliseconds the clocks of page and lab may differ.
const slack = 25

// grow tells whether pauses grow as those of our clients: from half of 0.5 s at least, twice as long each time.
func grow(pauses []float64) bool {
	least := 250.0
	for _, p := range pauses {
		if p < least-slack {
			return false
		}
		least *= 2
	}
	return true
}

func (e evidence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), cursor %s, head %s, ledger %+v, proxy %+v, streams %+v, pauses %.0f, proof %q\n",
		e.State, e.Reason, e.Cursor, e.Head, e.Ledger, e.Proxy, e.Streams, e.pauses(), e.Proof)
	for _, s := range e.States {
		fmt.Fprintf(&b, "  %.1f client: %s %s\n", s.At, s.State, s.Reason)
	}
	for n, i := range e.Items {
		if i.Kind != "state" && (n < 60 || n > len(e.Items)-20) {
			fmt.Fprintf(&b, "  %.1f connection %d: %s %s %.60s %s %s replay=%v received=%.1f published=%.1f\n",
				i.At, i.Conn, i.Kind, i.Dir, i.Label, i.Text, i.ID, i.Replay, i.Received, i.Published)
		}
	}
	return b.String()
}

// A sight is what a learner sees of one lane.
type sight struct {
	*learner
	lane string
}

// until waits for what is known of the lane to show something, and returns it.
func (s *sight) until(what string, shows func(e evidence) bool) evidence {
	s.t.Helper()
	return s.learner.until(s.lane, what, shows)
}

// says waits until the client has given a reason that begins so.
func (s *sight) says(reason string) evidence {
	s.t.Helper()
	return s.until("it says "+reason, func(e evidence) bool { return len(e.said(reason)) > 0 })
}

// sees waits until the trace has an item of a kind whose label or text begins so, and returns the first.
func (s *sight) sees(kind, begins string) faultItem {
	s.t.Helper()
	return s.until(strings.TrimSpace("the trace shows "+kind+" "+begins), func(e evidence) bool { return len(e.seen(kind, begins)) > 0 }).seen(kind, begins)[0]
}

// told waits until the server has sent a control event, and returns the first.
func (s *sight) told(topic string) faultItem {
	s.t.Helper()
	return s.until("it is told "+topic, func(e evidence) bool { return len(e.controls(topic)) > 0 }).controls(topic)[0]
}

// bytes are what an item crossed the wire as.
func (s *sight) bytes(i faultItem) string {
	s.t.Helper()
	return run[string](s.page, fmt.Sprintf(`bytes(%d)`, i.Seq))
}

// number returns the number that an expression finds in a text.
func (s *sight) number(text, expression string) float64 {
	s.t.Helper()
	found := regexp.MustCompile(expression).FindStringSubmatch(text)
	if len(found) != 2 {
		s.t.Fatalf("%s: no %s in %q", s.lane, expression, text)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// grows waits until the client has waited so often, and checks that its pauses grow.
func (s *sight) grows(n int) {
	s.t.Helper()
	e := s.until(fmt.Sprintf("%d pauses are over", n), func(e evidence) bool { return len(e.pauses()) >= n })
	s.check(grow(e.pauses()[:n]), "the pauses grow", e)
}

// resumes waits for a request that asks for what follows the newest event from before the fault, and returns its head.
func (s *sight) resumes() (head string) {
	s.t.Helper()
	asks := func(i faultItem) bool { return i.ID == s.head }
	e := s.until("it asks for what follows "+s.head, func(e evidence) bool {
		return slices.ContainsFunc(e.seen("request", "GET /"+s.lane), asks)
	})
	requests := e.seen("request", "GET /"+s.lane)
	return s.bytes(requests[slices.IndexFunc(requests, asks)])
}

// renews waits until a new EventSource asks for what follows the newest event from before the fault: by its address.
func (s *sight) renews() {
	s.t.Helper()
	s.sees("request", "GET /sse?after="+s.head)
}

// asks checks the first line of a request.
func (s *sight) asks(head, line string) {
	s.t.Helper()
	if got, _, _ := strings.Cut(head, " HTTP/1.1\r\n"); got != line {
		s.t.Errorf("%s: it asks %q, and not %q", s.lane, head, line)
	}
}

// replays waits until all is there that was published meanwhile, and some of it was published before the connection that
// brought it. (With luck a client is back before the last one was published.)
func (s *sight) replays() evidence {
	s.t.Helper()
	return s.until("what was missed is replayed", func(e evidence) bool { return e.has(*s.last) && len(e.replayed()) > 0 })
}

// nothing checks that on the wire and in the client nothing happened between two times, except what the proxy does.
func (s *sight) nothing(e evidence, from, to float64) {
	s.t.Helper()
	for _, i := range e.Items {
		if i.At > from && i.At < to && i.Kind != "fault" {
			s.t.Errorf("%s: meanwhile there was %+v\n%v", s.lane, i, e)
		}
	}
}

// check fails the test unless it is so. What may still come has to be waited for before.
func (s *sight) check(is bool, what string, e evidence) {
	s.t.Helper()
	if !is {
		s.t.Errorf("%s: it is not so that %s\n%v", s.lane, what, e)
	}
}
