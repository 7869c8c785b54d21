package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/kernel"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestParkedStreamHasNoGoroutine: whatever brought it one, when it has caught up it has none again.
func TestParkedStreamHasNoGoroutine(t *testing.T) {
	for _, k := range []*memhttp.Kernel{{}, {Short: 1}, {Again: 1}} {
		t.Run(fmt.Sprintf("short=%v/again=%v", k.Short, k.Again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, k, wire.Protocol{}, wire.Config{})
				const streams = 200
				before := runtime.NumGoroutine()
				check := func(when string) {
					t.Helper()
					synctest.Wait()
					// One that is about to vanish may be counted.
					if n := runtime.NumGoroutine() - before; n > 5 {
						t.Errorf("%s, %d parked streams have %d goroutines", when, streams, n)
					}
				}
				var peers []*peer
				for range streams {
					_, p := f.talk()
					peers = append(peers, p)
				}
				check("after the open event")
				f.publish("a", 5)
				check("after events")
				for _, p := range peers {
					io.WriteString(p, "well\n")
				}
				check("after messages")
				time.Sleep(time.Minute)
				check("after heartbeats")
				for _, p := range peers {
					p.want("head $open:0 a:1 a:2 a:3 a:4 a:5 WELL $beat:5")
				}
			})
		})
	}
}

// TestNextWriteFollowsAShortOne: what a send leaves over comes next, whatever is published meanwhile.
func TestNextWriteFollowsAShortOne(t *testing.T) {
	for _, k := range []*memhttp.Kernel{{Short: 1}, {Again: 1}, {Short: 0.5, Again: 0.2}} {
		t.Run(fmt.Sprintf("short=%v/again=%v", k.Short, k.Again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
				peers := []*peer{f.get(""), f.get(""), f.get("")}
				const events = 500
				go func() {
					for i := range events {
						f.publishData("a", `"`+strings.Repeat("x", i)+`"`)
						if i%3 == 0 {
							time.Sleep(time.Millisecond)
						}
					}
				}()
				for _, p := range peers {
					p.want("$open:0")
					for i := range events {
						if e := p.next(); e.ID.Seq != uint64(i+1) || len(e.Data) != i+2 {
							t.Fatalf("event %d came as %s", i+1, e.Envelope())
						}
					}
				}
				time.Sleep(time.Second)
				if n := f.streams.Counters().Delivered.Load(); n != 3*events {
					t.Errorf("%d events were counted", n)
				}
			})
		})
	}
}

// TestParkingMissesNothing: what comes just when a stream parks is seen by its goroutine, or by its pump.
func TestParkingMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, &memhttp.Kernel{Again: 1}, wire.Protocol{}, wire.Config{Heartbeat: -1}) // every write takes a goroutine
		stream, p := f.accept(nil, nil)
		go io.Copy(io.Discard, p)
		synctest.Wait()
		c := f.streams.Counters()
		spins := 1_000_000
		if runtime.GOMAXPROCS(0) == 1 {
			spins = 0 // nobody else would run
		}
		// written waits for that many bytes, spinning: the goroutine has counted them, and is about to park.
		written := func(n int64) {
			for range spins {
				if c.Bytes.Load() >= n {
					return
				}
			}
			if synctest.Wait(); c.Bytes.Load() < n {
				t.Fatalf("%d bytes were written, want %d", c.Bytes.Load(), n)
			}
		}
		note := []byte("note\n")
		for i := range 10_000 {
			before := c.Bytes.Load()
			if i%2 == 0 {
				f.publish("a", 1)
				written(before + 1)
			} else {
				stream.Send(note)
				written(before + int64(len(note)))
			}
			for range i % 300 { // a little later each time
				c.Open.Load()
			}
		}
	})
}

// TestMoreThanABatch: what a poll of the hub leaves behind goes out though nothing wakes the stream.
func TestMoreThanABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := startHub(t, new(memhttp.Kernel), hub.Config{Batch: 10}, wire.Protocol{}, wire.Config{Heartbeat: -1})
		_, p := f.accept(nil, nil)
		p.want("head $open:0")
		synctest.Wait()
		f.whileSending(func() { f.publish("a", 34) })
		for i := range 35 {
			p.want(fmt.Sprintf("a:%d", i+1))
		}
	})
}

// TestGoodbyeBehindEvents: events that are pending when the hub closes do not hide its end.
func TestGoodbyeBehindEvents(t *testing.T) {
	for _, events := range []int{0, 1, 2, 10, 15} {
		t.Run(fmt.Sprintf("events=%d", events), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := startHub(t, new(memhttp.Kernel), hub.Config{Batch: 10}, wire.Protocol{}, wire.Config{Heartbeat: -1})
				_, p := f.accept(nil, nil)
				p.want("head $open:0")
				synctest.Wait()
				f.whileSending(func() {
					f.publish("a", events)
					f.hub.Close()
				})
				for i := range events + 1 {
					p.want(fmt.Sprintf("a:%d", i+1))
				}
				p.want(fmt.Sprintf("$bye:%d", events+1))
			})
		})
	}
}

// whileSending publishes an event, and does something while the engine sends it.
func (f *fixture) whileSending(do func()) {
	f.t.Helper()
	sending, done := make(chan struct{}), make(chan struct{})
	f.onNextSend(func() {
		close(sending)
		<-done
	})
	f.publish("a", 1)
	<-sending
	do()
	close(done)
}

// TestOneWriteForWhatCameWhileItSent: the engine, too, sends at once what has gathered.
func TestOneWriteForWhatCameWhileItSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, new(memhttp.Kernel), wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		synctest.Wait()
		f.whileSending(func() {
			f.publish("a", 10)
			stream.Send([]byte("one\n"))
			stream.Resubscribe([]string{"a"}, nil)
			f.publish("a", 10)
		})
		p.want("a:1 one $open:1")
		for i := range 20 {
			p.want(fmt.Sprintf("a:%d", i+2))
		}
		synctest.Wait()
		if n := f.streams.Counters().Writes.Load(); n != 2 {
			t.Errorf("there were %d writes, want 2", n)
		}
	})
}

// TestPeersVanish: a peer that goes while a batch is sent takes nobody with it, and nothing of its own
// is touched after it was closed.
func TestPeersVanish(t *testing.T) {
	for _, c := range []struct {
		name   string
		vanish func(f *fixture, p *peer)
	}{
		{"it closes", func(_ *fixture, p *peer) { p.Close() }},
		{"it closes its half", func(_ *fixture, p *peer) { p.Conn.(interface{ CloseWrite() error }).CloseWrite() }},
		{"it says something, and closes", func(_ *fixture, p *peer) {
			io.WriteString(p, "I am off\n")
			p.Close()
		}},
	} {
		for _, inBatch := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/batch=%v", c.name, inBatch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := start(t, new(memhttp.Kernel), wire.Protocol{}, wire.Config{Heartbeat: -1})
					const streams = 100
					var stay, leave []*peer
					for i := range streams {
						_, p := f.talk()
						p.want("head $open:0")
						if i%3 == 0 {
							leave = append(leave, p)
						} else {
							stay = append(stay, p)
						}
					}
					synctest.Wait()
					vanish := func() {
						for _, p := range leave {
							c.vanish(f, p)
						}
					}
					if inBatch {
						f.onNextSend(func() {
							vanish()
							time.Sleep(time.Second) // until that is noticed
						})
					} else {
						vanish()
					}
					f.publish("a", 2)
					for _, p := range stay {
						p.want("a:1 a:2")
					}
					synctest.Wait()
					if n := f.ended(wire.Left) + f.ended(wire.Failed); n != int64(len(leave)) {
						t.Errorf("%d streams ended, %d peers vanished: %s", n, len(leave), f.logged())
					}
					if n := f.hub.State().Subscriptions; n != len(stay) {
						t.Errorf("%d subscriptions are left, and %d peers", n, len(stay))
					}
				})
			})
		}
	}
}

// TestCutOffWhileSending: streams that are cut off while a batch is sent are closed behind it.
func TestCutOffWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, new(memhttp.Kernel), wire.Protocol{}, wire.Config{Heartbeat: -1})
		const streams = 100
		for range streams {
			_, p := f.talk()
			p.want("head $open:0")
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		shut := make(chan error, 1)
		f.whileSending(func() {
			go func() { shut <- f.streams.Shutdown(ctx) }()
			time.Sleep(time.Second)
		})
		if err := <-shut; !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if n := f.ended(wire.Aborted); n != streams {
			t.Errorf("%d of %d streams were aborted: %s", n, streams, f.logged())
		}
	})
}

// TestDescriptorsAreUsedAgain: a stream that has the descriptor of one that ended gets neither its
// notices nor its bytes.
func TestDescriptorsAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memhttp.Kernel{Spurious: 0.5}
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: -1})
		const streams, rounds = 20, 50
		peers := make([]*peer, streams)
		for round := range uint64(rounds) {
			for i := range peers {
				if (i+int(round))%3 == 0 {
					if old := peers[i]; old != nil {
						old.Close()
					}
					_, peers[i] = f.talk()
					peers[i].want(fmt.Sprintf("head $open:%d", round))
				}
				if peers[i] != nil && i%2 == 0 {
					io.WriteString(peers[i], "well\n")
				}
			}
			f.publish("a", 1)
			for i, p := range peers {
				if p == nil {
					continue
				}
				got := []string{p.line()}
				if i%2 == 0 {
					got = append(got, p.line())
					slices.Sort(got)
				}
				if want := f.id(round + 1).String(); !strings.Contains(got[len(got)-1], want) || i%2 == 0 && got[0] != "WELL\n" {
					t.Fatalf("in round %d, peer %d got %q", round, i, got)
				}
			}
		}
		synctest.Wait()
		if n := f.streams.Counters().Open.Load(); n != streams {
			t.Errorf("%d streams are open", n)
		}
	})
}

// TestTalkAndEvents: reading and writing at the same time, neither holds up nor disturbs the other.
func TestTalkAndEvents(t *testing.T) {
	for _, k := range []*memhttp.Kernel{{}, {Short: 0.3, Again: 0.3, Spurious: 0.3}} {
		t.Run(fmt.Sprintf("faults=%v", k.Short > 0), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, k, wire.Protocol{}, wire.Config{})
				const n = 500
				var checking sync.WaitGroup
				for range 10 {
					_, p := f.talk()
					p.want("head $open:0")
					go func() {
						for i := range n {
							fmt.Fprintf(p, "message %d\n", i)
						}
					}()
					checking.Go(func() {
						answers, events := 0, uint64(0)
						for answers < n || events < n {
							line, err := p.lines.ReadString('\n')
							if e, bad := event.ParseEnvelope([]byte(line)); bad == nil && e.ID.Seq == events+1 {
								events++
							} else if line == fmt.Sprintf("MESSAGE %d\n", answers) {
								answers++
							} else {
								t.Errorf("after %d events and %d answers: %q, %v", events, answers, line, err)
								return
							}
						}
					})
				}
				for range n {
					f.publish("a", 1)
					time.Sleep(time.Millisecond)
				}
				checking.Wait()
			})
		})
	}
}

// TestQueuedTwice has a stream stand twice in the queue of its pump: it was woken while its batch was
// sent, went to a goroutine because the send was cut short, came back, and was woken again. It must
// not be twice in a batch, nor may its pump lose a signal over it.
func TestQueuedTwice(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again=%v", again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one pump
				var f *fixture
				f = start(t, new(memhttp.Kernel), wire.Protocol{AppendFrame: func(dst []byte, e event.Event) []byte {
					if again && e.Topic == "own" && e.ID.Seq == 4 {
						f.publish("own", 1) // between the stream's two places in the queue
					}
					return appendLine(dst, e)
				}}, wire.Config{Heartbeat: -1})
				_, p := f.accept(nil, nil) // which is woken first, since it has all topics
				p.want("head $open:0")
				const others = 600 // more than a batch
				for range others {
					stream, other := f.accept(nil, nil)
					stream.Resubscribe([]string{"all"}, nil)
					other.want("head $open:0 $open:0")
				}
				synctest.Wait()
				// Event 1 leaves little room in the pipe.
				line := len(appendLine(nil, event.Event{ID: f.id(1), Topic: "own", Data: []byte(`""`)}))
				f.publishData("own", `"`+strings.Repeat("x", memhttp.BufferSize-10-line)+`"`)
				synctest.Wait()
				sends := 0
				f.onSend(func(int) {
					switch sends++; sends {
					case 1: // event 2 is about to be cut short
						f.publish("own", 1)
					case others: // in the second batch
						p.want("own:1 all:2 own:3") // by a goroutine
						time.Sleep(time.Second)     // it parks
						f.publish("own", 1)
					}
				})
				f.publish("all", 1)
				time.Sleep(time.Minute)
				p.want("own:4")
				if again {
					p.want("own:5")
				}
				synctest.Wait()
				f.publish("all", 1)
				p.next()
			})
		})
	}
}

// TestLapped: a reader that stopped, and whose stream therefore has a goroutine, is lapped and told.
func TestLapped(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := startHub(t, k, hub.Config{History: 10}, wire.Protocol{}, wire.Config{WriteDeadline: time.Hour})
		_, p := f.accept(nil, nil)
		p.want("head $open:0")
		synctest.Wait()
		f.publishData("a", `"`+strings.Repeat("x", 8<<10)+`"`)
		synctest.Wait()
		f.publish("a", 100)
		p.want("a:1")
		gap, err := event.ParseGap(p.next())
		if err != nil || gap.After != f.id(1).String() || gap.Missed == nil || *gap.Missed != 90 {
			t.Errorf("the gap is %+v, %v; want 90 missed after 1", gap, err)
		}
		for i := range 10 {
			p.want(fmt.Sprintf("a:%d", i+92))
		}
	})
}

// TestCrowd has an engine bear 15,000 parked streams. No heartbeat is late, none more than a tenth
// early; they do not come all at once; and there is no goroutine for them, nor a timer for each. In the
// end all are told goodbye at once, and those that do not close are waited for together.
func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd, interval, rounds = 15_000, 15 * time.Second, 2
		f := start(t, &memhttp.Kernel{Fresh: true}, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{Heartbeat: interval}) // fresh descriptors are found sooner
		for range runtime.GOMAXPROCS(0) {                                                                                      // so that the engine begins to look at the time a little before
			f.accept(nil, nil)
		}
		time.Sleep(interval / 150)
		begin := time.Now()
		beats := make([][]time.Duration, crowd) // each stream's own
		peers := make([]*peer, crowd)
		for i := range crowd {
			_, peers[i] = f.accept(nil, func() { beats[i] = append(beats[i], time.Since(begin)) })
		}
		synctest.Wait()
		goroutines := runtime.NumGoroutine()
		time.Sleep(rounds * interval)
		synctest.Wait()
		if n := runtime.NumGoroutine() - goroutines; n > 10 {
			t.Errorf("heartbeats took %d goroutines", n)
		}
		instants, first := map[time.Duration]bool{}, map[time.Duration]int{}
		for i, times := range beats {
			if len(times) < rounds || len(times) > rounds+1 {
				t.Fatalf("stream %d had its heartbeats at %v", i, times)
			}
			last := time.Duration(0)
			for _, at := range times {
				if at-last < interval*9/10 || at-last > interval {
					t.Fatalf("stream %d had its heartbeats at %v", i, times)
				}
				instants[at] = true
				last = at
			}
			first[times[0]]++
		}
		if most := slices.Max(slices.Collect(maps.Values(first))); most > crowd/2 {
			t.Errorf("%d of %d streams beat at the same time", most, crowd)
		}
		if len(instants) > rounds*50 {
			t.Errorf("the time was looked at %d times; there seems to be a timer for each stream", len(instants))
		}

		begin = time.Now()
		f.hub.Close()
		if err := f.shutdown(time.Minute); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v, want as long as those who do not close are waited for", took)
		}
		if n := f.ended(wire.Goodbye); n != f.streams.Counters().Opened.Load() {
			t.Errorf("%d of %d were told goodbye", n, crowd)
		}
		for _, p := range peers {
			if said, err := io.ReadAll(p); !bytes.HasSuffix(said, []byte(trailer)) || err != nil {
				t.Fatalf("the end is %q, %v", said, err)
			}
		}
	})
}

// TestHeartbeatsUnderLoad: an engine that always has something to send does not forget the quiet
// streams.
func TestHeartbeatsUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Second
		f := start(t, new(memhttp.Kernel), wire.Protocol{}, wire.Config{Heartbeat: interval})
		begin := time.Now()
		for range 2 * runtime.GOMAXPROCS(0) { // on each pump
			stream, p := f.talk()
			stream.Resubscribe([]string{"loud"}, nil)
			go io.Copy(io.Discard, p)
		}
		var quiet []*peer
		for range 2 * runtime.GOMAXPROCS(0) {
			stream, p := f.talk()
			p.want("head $open:0")
			stream.Resubscribe([]string{}, nil)
			p.want("$open:0")
			quiet = append(quiet, p)
		}
		synctest.Wait()
		// Before an event of the loud topic is sent, the next one is there; each takes its time.
		f.onSend(func(int) {
			if time.Since(begin) < 3*interval {
				f.publish("loud", 1)
				time.Sleep(interval / 1000)
			}
		})
		f.publish("loud", 1)
		for _, p := range quiet {
			p.next()
			if at := time.Since(begin); at < interval*9/10 || at > interval*101/100 {
				t.Errorf("the heartbeat came after %v, want %v", at, interval)
			}
		}
		f.sending.Store(nil)
	})
}

// TestExpect: who is not heard of in time is given up, soon after, and no earlier.
func TestExpect(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		const interval = 10 * time.Second
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: interval})
		var asked atomic.Int64
		begin := time.Now()
		// beating makes a stream whose peer says nothing.
		beating := func(beat func(*wire.Stream)) {
			f.acceptReader(nil, func(stream *wire.Stream, conn net.Conn) wire.Reader {
				return reader{func() { io.Copy(io.Discard, conn) }, func() { beat(stream) }}
			})
		}
		beating(func(silent *wire.Stream) {
			if !silent.Expecting() {
				asked.Store(int64(time.Since(begin)))
				silent.Expect(interval)
			}
		})
		beating(func(lively *wire.Stream) {
			lively.Expect(interval)
			go lively.Heard()
		})
		for f.ended(wire.Stalled) == 0 {
			time.Sleep(interval / 1000)
		}
		if took := time.Since(begin) - time.Duration(asked.Load()); took < interval || took > interval*103/100 {
			t.Errorf("it was given up after %v, want %v", took, interval)
		}
		time.Sleep(10 * interval)
		if n := f.streams.Counters().Open.Load(); n != 1 {
			t.Errorf("%d streams are open, want the one that was heard of", n)
		}
	})
}

// A poorKernel has senders for so many.
type poorKernel struct {
	*memhttp.Kernel
	senders int
	poller  error
}

var errPoor = errors.New("no more")

func (k *poorKernel) NewSender() (kernel.Sender, error) {
	if k.senders--; k.senders < 0 {
		return nil, errPoor
	}
	return k.Kernel.NewSender()
}

func (k *poorKernel) NewPoller() (kernel.Poller, error) {
	if k.poller != nil {
		return nil, k.poller
	}
	return k.Kernel.NewPoller()
}

// TestNewEngineFails: what it has begun is undone.
func TestNewEngineFails(t *testing.T) {
	for senders := range runtime.GOMAXPROCS(0) {
		for _, poller := range []error{nil, errPoor} {
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				k := &poorKernel{new(memhttp.Kernel), senders, poller}
				if _, err := wire.NewEngine(k); !errors.Is(err, errPoor) {
					t.Errorf("NewEngine: %v", err)
				}
				if misuse := k.Misuse(); len(misuse) > 0 {
					t.Errorf("the kernel complains: %q", misuse)
				}
			})
		}
	}
}

// TestTwoHeartbeats: an engine serves streams of several transports, whose heartbeats differ; those of
// the quicker ones, which come and go, are not late either.
func TestTwoHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one pump
		f := start(t, new(memhttp.Kernel), wire.Protocol{}, wire.Config{Heartbeat: 20 * time.Second})
		quick := &fixture{t: t, hub: f.hub, streams: wire.New(f.hub, wire.Protocol{Name: "quick", AppendFrame: appendLine},
			wire.Config{Heartbeat: 5 * time.Second, Engine: f.engine})}
		for range 3 {
			const streams = 50
			var beats [2][]time.Duration
			var peers [2][]*peer
			for i, f := range []*fixture{f, quick} {
				begin := time.Now()
				var mu sync.Mutex
				for range streams {
					_, p := f.accept(nil, func() {
						mu.Lock()
						defer mu.Unlock()
						beats[i] = append(beats[i], time.Since(begin))
					})
					peers[i] = append(peers[i], p)
				}
				time.Sleep(time.Second / 7)
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
			for i, interval := range []time.Duration{20 * time.Second, 5 * time.Second} {
				slices.Sort(beats[i])
				first := beats[i][:streams]
				if first[0] < interval*9/10 || first[streams-1] > interval {
					t.Errorf("the heartbeats of %v came at %v", interval, first)
				}
				for _, p := range peers[i] {
					p.Close()
				}
				synctest.Wait()
			}
		}
		if n := f.streams.Counters().Open.Load() + quick.streams.Counters().Open.Load(); n != 0 {
			t.Errorf("%d streams are open", n)
		}
	})
}

// TestCloseTwice: a second Close has nothing to do, and says so.
func TestCloseTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, err := wire.NewEngine(new(memhttp.Kernel))
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second Close: %v", err)
		}
	})
}
