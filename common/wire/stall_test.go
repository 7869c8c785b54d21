package wire_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestStall: a peer that accepts nothing for the deadline is cut off, at most a quarter later.
func TestStall(t *testing.T) {
	const deadline = 8 * time.Second
	for _, c := range []struct {
		name       string
		readAfter  time.Duration // when the peer reads once, after the write began to wait
		read       int           // how many bytes
		from, upTo time.Duration // when it is cut off
	}{
		{"it never reads", 0, 0, deadline, deadline * 5 / 4},
		{"it reads one byte early", time.Second, 1, time.Second + deadline, time.Second + deadline*5/4},
		{"it reads one byte late", deadline - 1, 1, 2*deadline - 1, 2*deadline - 1 + deadline/4},
		{"it reads much, but not all", 5 * time.Second, 30 << 10, 5*time.Second + deadline, 5*time.Second + deadline*5/4},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: deadline, Heartbeat: -1})
				p := f.get("")
				p.want("$open:0")
				f.publishData("a", `"`+strings.Repeat("x", 64<<10)+`"`)
				synctest.Wait()
				begin := time.Now()
				if c.read > 0 {
					time.Sleep(c.readAfter)
					if _, err := io.ReadFull(p, make([]byte, c.read)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Until(begin.Add(c.from - 1)))
				synctest.Wait()
				if f.ended(wire.Stalled) != 0 {
					t.Fatalf("it was cut off before %v", c.from)
				}
				time.Sleep(c.upTo - c.from + 1)
				synctest.Wait()
				if f.ended(wire.Stalled) != 1 {
					t.Errorf("it was not cut off after %v: %s", c.upTo, f.logged())
				}
			})
		})
	}
}

// TestSlowIsNotStalled: a peer that takes hours for an event is not cut off, as long as it moves.
func TestSlowIsNotStalled(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: 8 * time.Second})
		p := f.get("")
		p.want("$open:0")
		data := `"` + strings.Repeat("x", 40<<10) + `"`
		f.publishData("a", data)
		var got []byte
		begin := time.Now()
		for len(got) < len(data) {
			time.Sleep(7900 * time.Millisecond)
			b := make([]byte, 50)
			n, err := p.Read(b)
			if err != nil {
				t.Fatalf("after %v and %d bytes: %v", time.Since(begin), len(got), err)
			}
			got = append(got, b[:n]...)
		}
		if !strings.Contains(string(got), data[:1000]) || time.Since(begin) < time.Hour {
			t.Errorf("%.100q came in %v", got, time.Since(begin))
		}
		p.Close()
	})
}

func TestNoWriteDeadline(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: -1, Heartbeat: -1})
				p := f.get(query)
				p.want("$open:0")
				f.publishData("a", `"`+strings.Repeat("x", 64<<10)+`"`)
				time.Sleep(24 * time.Hour)
				p.want("a:1")
				f.hub.Close()
				p.want("$bye:1")
			})
		})
	}
}

// TestStallWrapped: where net/http writes, a whole write has the deadline's time, and what was cut
// off looks cut off.
func TestStallWrapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nil, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: 8 * time.Second, Heartbeat: -1})
		p := f.get(wrapped)
		p.want("$open:0")
		f.publishData("a", `"`+strings.Repeat("x", 64<<10)+`"`)
		time.Sleep(8*time.Second - 1)
		synctest.Wait()
		if f.ended(wire.Stalled) != 0 {
			t.Fatal("it was cut off before its time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if f.ended(wire.Stalled) != 1 {
			t.Fatalf("it was not cut off: %s", f.logged())
		}
		if rest, err := p.rest(); err == nil {
			t.Errorf("the body looks complete: …%q", rest[max(0, len(rest)-80):])
		}
	})
}

// TestLastChunkStalls: behind the goodbye net/http writes the last chunk. A peer that does not even
// take that must not hold up the server's own Shutdown for ever.
func TestLastChunkStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, nil, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: 8 * time.Second, Heartbeat: -1, Retry: 3 * time.Second})
		f.publish("a", 10) // cursors have two digits from now on
		// How much room is left when head, $open and $bye are in the pipe?
		size := func(topics string) int {
			p := f.dial("HTTP/1.1", wrapped+topics)
			synctest.Wait()
			b := make([]byte, memhttp.BufferSize)
			n, err := p.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			p.Close()
			synctest.Wait()
			return n
		}
		bye := event.Bye(f.id(11), 2*time.Second) // four digits, whatever is drawn
		room := memhttp.BufferSize - size("") - len("39\r\n"+"\r\n") - len(appendLine(nil, bye))
		room -= len("xxx\r\n"+"\r\n") + len(appendLine(nil, event.Event{ID: f.id(11), Topic: "a", Data: []byte(`""`)}))
		p := f.dial("HTTP/1.1", wrapped)
		synctest.Wait()
		f.publishData("a", `"`+strings.Repeat("x", room)+`"`)
		synctest.Wait()
		f.hub.Close()
		synctest.Wait()
		if f.ended(wire.Goodbye) != 1 {
			t.Fatal("the goodbye did not fit into the pipe")
		}
		begin := time.Now()
		if err := f.server.HTTP.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took > 9*time.Second {
			t.Errorf("the server's Shutdown took %v", took)
		}
		if rest, err := io.ReadAll(p); strings.HasSuffix(string(rest), "0\r\n\r\n") {
			t.Errorf("the last chunk fitted in, so the test shows nothing: …%q, %v", rest[len(rest)-50:], err)
		}
	})
}

// TestStalledNeighbour: under a load of large events, a reader that stopped delays nobody.
func TestStalledNeighbour(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{WriteDeadline: time.Second})
				stalled, healthy := f.get(query), f.get("")
				stalled.want("$open:0")
				healthy.want("$open:0")
				const rate, seconds = 500, 3
				data := `"` + strings.Repeat("x", 16<<10) + `"`
				published := make([]time.Time, 0, rate*seconds)
				publishing := make(chan struct{})
				go func() {
					defer close(publishing)
					for range rate * seconds {
						published = append(published, time.Now())
						f.publishData("a", data)
						time.Sleep(time.Second / rate)
					}
				}()
				begin, worst := time.Now(), time.Duration(0)
				for i := range rate * seconds {
					if line := healthy.line(); !strings.HasPrefix(line, `{"id":"`+f.id(uint64(i+1)).String()+`",`) {
						t.Fatalf("%.100s came, want event %d", line, i+1)
					}
					worst = max(worst, time.Since(begin.Add(time.Duration(i)*time.Second/rate)))
				}
				<-publishing
				if took := published[len(published)-1].Sub(begin); took != (rate*seconds-1)*time.Second/rate {
					t.Errorf("the publisher was held up: %v", took)
				}
				if worst > time.Second {
					t.Errorf("an event came %v after it was published", worst)
				}
				if f.ended(wire.Stalled) != 1 {
					t.Errorf("the stalled reader was not cut off: %s", fmt.Sprint(f.logged()))
				}
			})
		})
	}
}
