package wire_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestHandshakeGoesOutWithTheOpenEvent: the head costs no write of its own.
func TestHandshakeGoesOutWithTheOpenEvent(t *testing.T) {
	for _, http := range []bool{true, false} {
		t.Run(fmt.Sprintf("http=%v", http), func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: http}, wire.Config{})
				var p *peer
				if http {
					p = f.dial("HTTP/1.1", "")
				} else {
					_, p = f.accept(nil, nil)
				}
				synctest.Wait()
				b := make([]byte, 4<<10)
				n, err := p.Read(b)
				if !strings.Contains(string(b[:n]), event.OpenTopic) {
					t.Errorf("the first read brings %q, %v", b[:n], err)
				}
			})
		})
	}
}

// TestHeartbeats: they come when the stream was quiet for the interval, at most a tenth early, and
// not all together.
func TestHeartbeats(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		const interval = 10 * time.Second
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: interval})
		var beats []time.Duration
		begin := time.Now()
		for range 20 {
			var begun []time.Duration
			_, p := f.accept(nil, func() { begun = append(begun, time.Since(begin)) })
			p.want("head $open:0")
			p.want("$beat:0")
			beats = append(beats, time.Since(begin))
			if !slices.Equal(begun, []time.Duration{time.Since(begin)}) {
				t.Errorf("onBeat was called at %v, the beat came at %v", begun, time.Since(begin))
			}
			p.Close()
			begin = time.Now()
		}
		slices.Sort(beats)
		if beats[0] < interval*9/10 || beats[19] > interval || beats[19]-beats[0] < interval/50 {
			t.Errorf("the beats came after %v; want them spread over the last tenth of %v", beats, interval)
		}
	})
}

// TestNoHeartbeatOnABusyStream: who gets events needs none.
func TestNoHeartbeatOnABusyStream(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: 10 * time.Second})
		_, p := f.accept(nil, func() { t.Error("onBeat was called") })
		p.want("head $open:0")
		for i := range 20 {
			time.Sleep(8 * time.Second)
			f.publish("a", 1)
			p.want(fmt.Sprintf("a:%d", i+1))
		}
	})
}

func TestHeartbeatOff(t *testing.T) {
	for _, never := range []time.Duration{-1, -time.Hour} {
		onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
			f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: never})
			stream, p := f.accept(nil, nil)
			p.want("head $open:0")
			time.Sleep(24 * time.Hour)
			stream.Wake() // for nothing
			synctest.Wait()
			f.publish("a", 1)
			p.want("a:1")
		})
	}
}

// TestOneWritePerWake: whatever came while a write waited goes out in the next.
func TestOneWritePerWake(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		// The loop waits in a write, which is larger than the pipe.
		if err := stream.Send([]byte(strings.Repeat("x", 5<<10) + "\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.publish("a", 30)
		stream.Send([]byte("one\n"))
		stream.Send([]byte("two\n"))
		writes := f.streams.Counters().Writes.Load()
		p.line()
		p.want("one two a:1 a:2 a:3")
		for range 27 {
			p.next()
		}
		synctest.Wait()
		if n := f.streams.Counters().Writes.Load() - writes; n != 1 {
			t.Errorf("what was pending went out in %d writes", n)
		}
	})
}

// TestSend: replies go out in their order, between events, and never through one another.
func TestSend(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		const n = 500
		go func() {
			for i := range n {
				stream.Send(fmt.Appendf(nil, "reply%d\n", i))
			}
		}()
		go f.publish("a", n)
		replies, events := 0, uint64(0)
		for replies < n || events < n {
			line := p.line()
			if e, err := event.ParseEnvelope([]byte(line)); err == nil && e.ID.Seq == events+1 {
				events++
			} else if line == fmt.Sprintf("reply%d\n", replies) {
				replies++
			} else {
				t.Fatalf("after %d events and %d replies: %q", events, replies, line)
			}
		}
	})
}

// TestSendWaits: a peer that asks and does not read holds up its reader, and takes no memory.
func TestSendWaits(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{WriteDeadline: time.Minute})
		stream, p := f.accept(nil, nil)
		var sent atomic.Int64
		done := make(chan error)
		go func() {
			for {
				if err := stream.Send([]byte(strings.Repeat("x", 1<<10) + "\n")); err != nil {
					done <- err
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait()
		// 4 KiB are in the pipe, a write of up to 16 waits, and 16 more are queued.
		before := sent.Load()
		if before > 3+16+16+1 || before < 16 {
			t.Errorf("%d messages were taken from a peer that does not read", before)
		}
		p.want("head $open:0")
		for range 16 + 16 {
			p.line()
		}
		synctest.Wait()
		if sent.Load() == before {
			t.Error("the peer reads again, but nothing more is taken")
		}
		p.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send on a stream that has ended: %v", err)
		}
	})
}

// TestSendAfterTheEnd: it fails, every time, so that whoever sends can stop.
func TestSendAfterTheEnd(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		p.Close()
		synctest.Wait()
		for range 100 {
			if err := stream.Send([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Send: %v", err)
			}
			if err := stream.Resubscribe(nil, nil); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Resubscribe: %v", err)
			}
			if err := stream.Finish(nil, wire.Refused); !errors.Is(err, net.ErrClosed) {
				t.Fatalf("Finish: %v", err)
			}
		}
		if f.ended(wire.Left) != 1 {
			t.Error("the stream did not end as left")
		}
	})
}

// TestFinish: what was sent before goes out before, nothing after, no event that is pending either.
func TestFinish(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{})
		stream, p := f.accept(nil, nil)
		synctest.Wait()
		stream.Send([]byte("reply\n"))
		stream.Finish([]byte("no more\n"), wire.Refused)
		stream.Send([]byte("never\n"))
		f.publish("a", 3)
		f.hub.Close()
		p.want("head $open:0 reply")
		if rest, err := p.rest(); rest != "no more\n" || err != nil {
			t.Errorf("the end is %q, %v", rest, err)
		}
	})
}

// TestLastWords: what a peer asked before it left is answered, in case it only closed its half.
func TestLastWords(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		_, p := f.accept(func(s *wire.Stream, conn net.Conn) {
			b, _ := io.ReadAll(conn)
			s.Send(append(b, '\n'))
		}, nil)
		p.want("head $open:0")
		io.WriteString(p, "ping")
		p.Conn.(interface{ CloseWrite() error }).CloseWrite()
		if rest, err := p.rest(); rest != "ping\n" || err != nil {
			t.Errorf("the answer is %q, %v", rest, err)
		}
	})
}

// TestResubscribe: between the last event of the old choice and the first of the new one stands an
// open event, which tells where the new choice begins.
func TestResubscribe(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: -1})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		f.publish("a", 1)
		f.publish("b", 1)
		p.want("a:1 b:2")

		// The cursor stays where it is, and nothing of the old choice comes any more.
		stream.Resubscribe([]string{"b"}, nil)
		e := p.next()
		if string(e.Data) != `{"topics":["b"]}` || e.Topic != event.OpenTopic || e.ID != f.id(2) {
			t.Errorf("the answer is %s", e.Envelope())
		}
		f.publish("a", 1)
		f.publish("b", 1)
		p.want("b:4")

		// No topics, which is not all topics.
		stream.Resubscribe([]string{}, nil)
		if e := p.next(); string(e.Data) != `{"topics":[]}` {
			t.Errorf("the answer is %s", e.Envelope())
		}
		f.publish("a", 1)
		f.publish("b", 1)

		// All topics; what was published for nobody comes now, since the cursor has not moved.
		stream.Resubscribe(nil, nil)
		p.want("$open:4 a:5 b:6")

		// Back and forth.
		back, now, foreign := hub.After(f.id(3)), hub.Start{}, hub.AfterText("bbbbbbbb-1")
		stream.Resubscribe([]string{"a"}, &back)
		p.want("$open:3 a:5")
		stream.Resubscribe(nil, &now)
		p.want("$open:6")
		stream.Resubscribe([]string{"b"}, &foreign)
		p.want("$open:1 $gap:0 b:2 b:4 b:6")
		if n := f.hub.State().Subscriptions; n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// TestResubscribeUnderLoad: with events coming all the time, none of the old choice is behind the
// open event, and of the topic that both choices have none is lost or comes twice.
func TestResubscribeUnderLoad(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		const rounds = 300
		go func() {
			for i := range rounds {
				f.publish("both", 1)
				f.publish([]string{"even", "odd"}[i%2], 1)
			}
		}()
		go func() {
			for i := range rounds {
				stream.Resubscribe([]string{"both", []string{"even", "odd"}[i%2]}, nil)
			}
		}()
		last, both, opens := uint64(0), 0, 0
		choice := `{"topics":null}`
		for both < rounds || opens < rounds {
			e := p.next()
			switch {
			case e.Topic == event.OpenTopic:
				opens++
				choice = string(e.Data)
				if e.ID.Seq < last {
					t.Fatalf("$open leads back to %d, but %d was delivered", e.ID.Seq, last)
				}
				continue
			case e.Topic == "both":
				both++
			case choice != `{"topics":null}` && !strings.Contains(choice, e.Topic):
				t.Fatalf("%s came, but the choice is %s", e.Envelope(), choice)
			}
			if e.ID.Seq <= last {
				t.Fatalf("%s came after %d", e.Envelope(), last)
			}
			last = e.ID.Seq
		}
	})
}

// TestEmptyFrames: a protocol may have no bytes for some events.
func TestEmptyFrames(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
			f := start(t, k, wire.Protocol{HTTP: true, AppendFrame: func(dst []byte, e event.Event) []byte {
				if e.Topic == event.BeatTopic || e.Topic == "silent" {
					return dst
				}
				return appendLine(dst, e)
			}}, wire.Config{Heartbeat: 10 * time.Second})
			p := f.get(query)
			p.want("$open:0")
			time.Sleep(time.Minute)
			f.publish("silent", 1)
			synctest.Wait()
			f.publish("a", 1)
			p.want("a:2")
			f.publish("silent", 2)
			f.publish("a", 1)
			p.want("a:5")
		})
	}
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		stream, p := f.accept(nil, nil)
		p.want("head $open:0")
		stream.Send(nil)
		synctest.Wait()
		stream.Send([]byte("x\n"))
		p.want("x")
	})
}

// TestStreamsDoNotMix: the buffers that writes are gathered in serve one stream at a time.
func TestStreamsDoNotMix(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		const streams, replies = 30, 200
		var checking sync.WaitGroup
		for i := range streams {
			stream, p := f.accept(nil, nil)
			own := fmt.Sprintf("%s of %d\n", strings.Repeat("x", 100+i), i)
			go func() {
				for range replies {
					stream.Send([]byte(own))
				}
			}()
			checking.Go(func() {
				for n := 0; n < replies; {
					line, err := p.lines.ReadString('\n')
					if line == own {
						n++
					} else if err != nil || line != "head\n" && !strings.HasPrefix(line, `{"id":`) {
						t.Errorf("stream %d got %q, %v", i, line, err)
						return
					}
				}
			})
		}
		f.publish("a", 300)
		checking.Wait()
	})
}
