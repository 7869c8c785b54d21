package fault_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/fault"
)

// A plan is what happens on one connection.
type plan struct {
	seed       uint64
	held, size int // the limits of proxy and connections
	steps      []change
	talk       [2][]phrase // of the client and of the server
}

type change struct {
	wait  time.Duration
	fault fault.Fault
	once  bool
}

type phrase struct {
	wait time.Duration
	size int
}

func drawPlan(t *rapid.T, harmless, small bool) (p plan) {
	p.seed = rapid.Uint64().Draw(t, "seed")
	p.held, p.size = 256<<10, 256<<10
	if small {
		p.held, p.size = rapid.IntRange(200, 1000).Draw(t, "held"), rapid.IntRange(1, 1000).Draw(t, "size")
	}
	// Not drawn each, for rapid likes small and round numbers, and then things happen in the same
	// moment, in whichever order.
	random := rand.New(rand.NewPCG(p.seed, 0))
	wait := func() time.Duration { return time.Duration(1 + random.Int64N(4e9)) }
	for range rapid.IntRange(1, 6).Draw(t, "changes") {
		p.steps = append(p.steps, change{wait(), any(harmless).Draw(t, "fault"), maybe(t, "once")})
	}
	for i := range p.talk {
		for range rapid.IntRange(0, 8).Draw(t, "phrases") {
			p.talk[i] = append(p.talk[i], phrase{wait(), rapid.IntRange(1, 600).Draw(t, "size")})
		}
	}
	return p
}

// An outcome is what has arrived at each end, and how it was written.
type outcome struct {
	sent, received [2][]byte // by and from the client, the server
	ends           [2]error  // what the reader got last; nil is the end
	written        string    // to the client, with times
	state          fault.State
}

// run carries a plan out, in virtual time, and heals everything at last.
func run(t *testing.T, p plan) (o outcome) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{Seed: p.seed, MaxHeld: p.held})
		b.size = p.size
		client, server, proxys := b.pair()
		ends := [2]net.Conn{client, server}
		var talkers, readers sync.WaitGroup
		for i, c := range ends {
			talkers.Go(func() {
				next := byte(0)
				for _, phrase := range p.talk[i] {
					time.Sleep(phrase.wait)
					text := make([]byte, phrase.size)
					for j := range text {
						text[j], next = next, next+7
					}
					o.sent[i] = append(o.sent[i], text...)
					if _, err := c.Write(text); err != nil {
						return
					}
				}
				c.(interface{ CloseWrite() error }).CloseWrite()
			})
			readers.Go(func() { o.received[i], o.ends[i] = io.ReadAll(ends[i]) })
		}
		for _, s := range p.steps {
			time.Sleep(s.wait)
			if s.once {
				b.proxy.Once(s.fault)
			} else {
				b.proxy.Set(s.fault)
			}
		}
		time.Sleep(10 * time.Second)
		b.proxy.Reset()
		time.Sleep(time.Hour)
		o.state = b.proxy.State()
		b.end()
		talkers.Wait()
		readers.Wait()
		last := ""
		var w strings.Builder
		for _, did := range proxys.list() { // how many writes there are in one moment may be chance
			at, text, _ := strings.Cut(did, " ")
			if at != last {
				fmt.Fprintf(&w, "\n%s ", at)
			}
			last = at
			fmt.Fprintf(&w, "%x", text)
		}
		o.written = w.String()
	})
	return o
}

// Without destructive faults every byte arrives once, in order, and then the end.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt, true, true)
		o := run(t, p)
		for i := range o.sent {
			if !bytes.Equal(o.received[1-i], o.sent[i]) || o.ends[1-i] != nil {
				rt.Fatalf("%d bytes were sent, %d received, %v", len(o.sent[i]), len(o.received[1-i]), o.ends[1-i])
			}
		}
		if s := o.state; s.Up.Passed != int64(len(o.sent[0])) || s.Down.Passed != int64(len(o.sent[1])) || len(s.Connections) != 0 ||
			s.Up.Swallowed+s.Up.Held+s.Down.Swallowed+s.Down.Held != 0 {
			rt.Fatalf("%d and %d bytes were sent: %+v", len(o.sent[0]), len(o.sent[1]), s)
		}
	})
}

// Whatever goes wrong, what arrives is the beginning of what was sent, and all of it is counted.
func TestWhatArrivesIsThePrefix(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := run(t, drawPlan(rt, false, true))
		for i := range o.sent {
			if !bytes.HasPrefix(o.sent[i], o.received[1-i]) {
				rt.Fatalf("%d bytes were sent, %d others received", len(o.sent[i]), len(o.received[1-i]))
			}
		}
		for i, traffic := range []fault.Traffic{o.state.Up, o.state.Down} {
			if traffic.Passed < int64(len(o.received[1-i])) || traffic.Held < 0 || traffic.Swallowed < 0 ||
				traffic.Passed+traffic.Swallowed+traffic.Held > int64(len(o.sent[i])) {
				rt.Fatalf("%d bytes were sent, %d received: %+v", len(o.sent[i]), len(o.received[1-i]), traffic)
			}
		}
	})
}

// The same seed does the same, to the nanosecond.
func TestSeed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt, false, false)
		if first, second := run(t, p), run(t, p); first.written != second.written {
			rt.Fatalf("%s\n\nand then\n%s", first.written, second.written)
		}
	})
}
