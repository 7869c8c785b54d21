package lab

import (
	"fmt"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/fault"
	"pushlab/common/hub"
	"pushlab/common/tap"
)

// newStillLab returns a lab with a log and a tap, in which nothing runs.
func newStillLab(t *testing.T) *Lab {
	t.Helper()
	l := &Lab{
		config: Config{}.withDefaults(), ctx: t.Context(), tap: tap.New(tap.Config{}),
		settings: defaultSettings, source: defaultSource, resource: make(chan struct{}),
	}
	l.pending.ready, l.pending.clock = make(hub.Signal, 1), l.tap.Now
	l.newHub()
	return l
}

// TestTooMuchToTell: what has no room in a batch is counted in it, and in no other.
func TestTooMuchToTell(t *testing.T) {
	for name, note := range map[string]func(p *pending, i int){
		"published": func(p *pending, i int) { p.publish(event.Event{ID: event.ID{Epoch: "a", Seq: uint64(i) + 1}}) },
		"faults":    func(p *pending, i int) { p.fault(Fault{Lane: "sse", Kind: fault.Held}) },
		"arrivals":  func(p *pending, i int) { p.arrival(Arrival{Conn: 1, Offset: int64(i)}) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newStillLab(t)
			o := &observer{Lab: l, before: memory{}, polls: map[uint64]*Stream{}, given: map[uint64]int64{}, alone: time.Now()}
			told := func(n int) string {
				for i := range n {
					note(&l.pending, i)
				}
				b, _ := o.batch()
				there := len(b.Faults) + len(b.Arrived)
				if b.Log != nil {
					there += len(b.Log.Published)
				}
				return fmt.Sprint(there, " and ", b.Dropped)
			}
			for _, c := range []struct {
				n    int
				want string
			}{{maxPending, fmt.Sprint(maxPending, " and 0")}, {maxPending + 7, fmt.Sprint(maxPending, " and 7")}, {1, "1 and 0"}} {
				if got := told(c.n); got != c.want {
					t.Errorf("of %d are told %s, want %s", c.n, got, c.want)
				}
			}
		})
	}
}
