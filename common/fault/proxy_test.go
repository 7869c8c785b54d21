package fault_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/fault"
	"pushlab/common/memhttp"
)

// A step is what the sender, or the hand at the switch, does at a time.
type step struct {
	at    string
	send  string
	set   string // a fault
	once  string
	close bool
}

// What one direction does to the writes that pass it. Each case runs in both directions.
func TestLines(t *testing.T) {
	for _, test := range []struct {
		name  string
		steps []step
		want  []string // what is written to the receiver, and when
	}{
		{"nothing wrong", []step{
			{at: "1s", send: "one"}, {at: "2s", send: "two"}, {at: "3s", close: true},
		}, []string{"1s one", "2s two", "3s FIN"}},

		{"delay", []step{
			{set: "delay=100ms"},
			{at: "1s", send: "one"}, {at: "1.05s", send: "two"}, {at: "2s", close: true},
		}, []string{"1.1s one", "1.15s two", "2.1s FIN"}},
		{"a delay taken away lets go", []step{
			{set: "delay=10s"}, {at: "1s", send: "one"}, {at: "2s", send: "two"}, {at: "3s", set: "none"},
			{at: "4s", send: "three"},
		}, []string{"3s one", "3s two", "4s three"}},
		{"a delay that grows counts for what is held", []step{
			{set: "delay=2s"}, {at: "1s", send: "one"}, {at: "2s", set: "delay=5s"},
		}, []string{"6s one"}},
		{"a delay that shrinks keeps the order", []step{
			{set: "delay=10s"}, {at: "1s", send: "one"}, {at: "2s", set: "delay=4s"}, {at: "3s", send: "two"},
		}, []string{"5s one", "7s two"}},

		{"rate", []step{
			{set: "rate=50/s"}, {at: "1s", send: "abcd"},
		}, []string{"1.02s a", "1.04s b", "1.06s c", "1.08s d"}},
		{"a slow rate", []step{
			{set: "rate=1/s"}, {at: "1s", send: "abc"}, {at: "10s", send: "d"},
		}, []string{"2s a", "3s b", "4s c", "11s d"}},
		{"rate taken away", []step{
			{set: "rate=1/s"}, {at: "1s", send: "abcd"}, {at: "2.5s", set: "none"},
		}, []string{"2s a", "2.5s bcd"}},
		{"rate changed", []step{
			{set: "rate=1/s"}, {at: "1s", send: "abc"}, {at: "2.5s", set: "rate=2/s"},
		}, []string{"2s a", "3s b", "3.5s c"}},

		{"split", []step{
			{set: "split=2"}, {at: "1s", send: "abcde"},
		}, []string{"1s ab", "1s cd", "1s e"}},
		{"split in the middle of a letter", []step{
			{set: "split=1"}, {at: "1s", send: "é"},
		}, []string{"1s \xc3", "1s \xa9"}},
		{"split with a pause", []step{
			{set: "split=2/1s"}, {at: "1s", send: "abcde"}, {at: "10s", send: "f"}, {at: "10.5s", close: true},
		}, []string{"1s ab", "2s cd", "3s e", "10s f", "11s FIN"}},

		{"buffer full", []step{
			{set: "buffer=4"}, {at: "1s", send: "abc"}, {at: "2s", send: "defghi"}, {at: "9s", close: true},
		}, []string{"2s abcdefgh", "9s i", "9s FIN"}},
		{"buffer in time", []step{
			{set: "buffer=1KiB/5s"}, {at: "1s", send: "a"}, {at: "3s", send: "b"}, {at: "7s", send: "c"}, {at: "20s", send: "d"},
		}, []string{"6s ab", "12s c", "25s d"}},
		{"buffer taken away", []step{
			{set: "buffer=1KiB"}, {at: "1s", send: "a"}, {at: "3s", set: "none"}, {at: "4s", send: "b"},
		}, []string{"3s a", "4s b"}},
		{"buffer, then delay", []step{
			{set: "buffer=1KiB/1s,delay=5s"}, {at: "1s", send: "a"}, {at: "3s", send: "b"},
		}, []string{"7s a", "9s b"}},

		{"stall", []step{
			{at: "1s", send: "a"}, {at: "2s", set: "stall"}, {at: "3s", send: "b"}, {at: "4s", send: "c"}, {at: "5s", set: "none"},
		}, []string{"1s a", "5s bc"}},
		{"stall what is held", []step{
			{set: "delay=2s"}, {at: "1s", send: "a"}, {at: "2s", set: "stall,delay=2s"}, {at: "9s", set: "delay=2s"},
		}, []string{"9s a"}},

		{"black hole", []step{
			{at: "1s", send: "a"}, {at: "2s", set: "blackhole"}, {at: "3s", send: "b"}, {at: "4s", close: true},
		}, []string{"1s a"}},
		{"a black hole that swallowed nothing", []step{
			{at: "2s", set: "blackhole"}, {at: "3s", set: "none"}, {at: "4s", send: "c"},
		}, []string{"4s c"}},
		{"a black hole that swallowed something", []step{
			{at: "2s", set: "blackhole"}, {at: "3s", send: "b"}, {at: "4s", set: "none"}, {at: "5s", send: "c"},
		}, nil},
		{"a black hole swallows what is held", []step{
			{set: "delay=5s"}, {at: "1s", send: "a"}, {at: "2s", set: "blackhole"}, {at: "3s", set: "none"}, {at: "4s", send: "c"},
		}, nil},
		{"a black hole once", []step{
			{at: "2s", once: "blackhole"}, {at: "3s", set: "none"}, {at: "4s", send: "c"},
		}, nil},

		{"cut one direction", []step{
			{at: "1s", send: "a"}, {at: "2s", once: "LINE:cut=fin"}, {at: "3s", send: "b"},
		}, []string{"1s a", "2s FIN"}},
		{"cut one direction later", []step{
			{set: "LINE:cut=fin@5s"}, {at: "1s", send: "a"}, {at: "6s", send: "b"},
		}, []string{"1s a", "5s FIN"}},
		{"cut one direction by size", []step{
			{at: "1s", send: "abc"}, {at: "2s", set: "LINE:cut=fin@5"}, {at: "3s", send: "def"}, {at: "4s", send: "ghi"},
		}, []string{"1s abc", "3s def", "4s gh", "4s FIN"}},
		{"cut with FIN", []step{
			{at: "1s", send: "a"}, {at: "2s", once: "cut=fin"},
		}, []string{"1s a", "2s FIN"}},
		{"cut with RST", []step{
			{at: "1s", send: "a"}, {at: "2s", once: "cut=rst"},
		}, []string{"1s a", "2s RST"}},
		{"cut loses what is held", []step{
			{set: "delay=5s"}, {at: "1s", send: "a"}, {at: "2s", once: "cut=fin"},
		}, []string{"2s FIN"}},
		{"cut at an age", []step{
			{set: "cut=rst@5s"}, {at: "1s", send: "a"},
		}, []string{"1s a", "5s RST"}},
		{"cut at an age that begins with the setting", []step{
			{at: "10s", set: "cut=rst@5s"}, {at: "11s", send: "a"},
		}, []string{"11s a", "15s RST"}},
		{"the same cut set again goes on counting", []step{
			{set: "cut=fin@5s"}, {at: "4s", set: "cut=fin@5s,delay=1ms"},
		}, []string{"5s FIN"}},
		{"cut silently", []step{
			{at: "1s", send: "a"}, {at: "2s", once: "cut=blackhole"}, {at: "3s", send: "b"}, {at: "4s", set: "none"}, {at: "5s", send: "c"},
		}, []string{"1s a"}},

		{"idle", []step{
			{set: "idle=10s"}, {at: "8s", send: "a"}, {at: "16s", send: "b"},
		}, []string{"8s a", "16s b", "26s FIN"}},
		{"idle, with a reset", []step{{set: "idle=10s/rst"}}, []string{"10s RST"}},
		{"idle, silently", []step{
			{set: "idle=10s/blackhole"}, {at: "9s", send: "a"}, {at: "20s", send: "b"},
		}, []string{"9s a"}},
		{"idle is what comes, not what passes", []step{
			{set: "idle=10s,delay=8s"}, {at: "1s", send: "a"},
		}, []string{"9s a", "11s FIN"}},

		{"refuse cuts", []step{{at: "1s", send: "a"}, {at: "2s", once: "refuse=3s"}}, []string{"1s a", "2s FIN"}},
	} {
		for _, direction := range []string{"up", "down"} {
			t.Run(direction+"/"+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, fault.Config{})
					from, to, proxys := b.pair()
					if direction == "up" {
						proxys = b.dialed
					} else {
						from, to = to, from
					}
					receiver := make(chan []byte)
					go func() {
						all, _ := io.ReadAll(to)
						receiver <- all
					}()
					for _, s := range test.steps {
						if at, err := time.ParseDuration(s.at); err == nil {
							time.Sleep(time.Until(b.start.Add(at)))
						}
						switch fill := func(text string) string { return strings.ReplaceAll(text, "LINE", direction) }; {
						case s.send != "":
							send(t, from, s.send)
						case s.set != "":
							b.set(fill(s.set))
						case s.once != "":
							if n := b.once(fill(s.once)); n != 1 {
								t.Errorf("%d connections were open", n)
							}
						case s.close:
							from.(interface{ CloseWrite() error }).CloseWrite()
							synctest.Wait()
						}
					}
					time.Sleep(time.Minute)
					proxys.wants(t, "written", test.want...)
					b.end()
					got := <-receiver
					want := ""
					for _, w := range test.want {
						if _, data, _ := strings.Cut(w, " "); data != "FIN" && data != "RST" {
							want += data
						}
					}
					if string(got) != want {
						t.Errorf("received %q, want %q", got, want)
					}
				})
			})
		}
	}
}

// For one direction only, the other one is as it was.
func TestOneDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		client, server, proxys := b.pair()
		b.set("down:delay=1s,up:delay=2s")
		send(t, server, "down")
		send(t, client, "up")
		p := make([]byte, 10)
		n, _ := server.Read(p)
		if at := time.Since(b.start); string(p[:n]) != "up" || at != 2*time.Second {
			t.Errorf("%q after %v", p[:n], at)
		}
		proxys.wants(t, "down", "1s down")
	})
}

func TestJitter(t *testing.T) {
	run := func(t *testing.T, seed uint64) (times []string) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fault.Config{Seed: seed})
			_, server, proxys := b.pair()
			b.set("delay=100ms±50ms")
			var least, most time.Duration = time.Hour, 0
			for range 200 {
				at := time.Since(b.start)
				send(t, server, "x")
				time.Sleep(time.Second)
				did := proxys.list()
				last, _, _ := strings.Cut(did[len(did)-1], " ")
				d, _ := time.ParseDuration(last)
				least, most = min(least, d-at), max(most, d-at)
				times = append(times, (d - at).String())
			}
			if least < 50*time.Millisecond || least > 60*time.Millisecond || most > 150*time.Millisecond || most < 140*time.Millisecond {
				t.Errorf("from %v to %v", least, most)
			}
			// What comes in one moment is late by the same, in however many reads.
			for _, text := range []string{"a", "b", "c"} {
				send(t, server, text)
			}
			time.Sleep(time.Second)
			did := proxys.list()[200:]
			first, _, _ := strings.Cut(did[0], " ")
			for _, w := range did {
				if at, _, _ := strings.Cut(w, " "); at != first {
					t.Errorf("%q: not together", did)
				}
			}
			before := 200 + len(did)
			// Closer together than they vary, they are late by turns, and keep their order.
			for i := range 100 {
				send(t, server, string(rune('a'+i%26)))
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Second)
			got := ""
			for _, w := range proxys.list()[before:] {
				_, text, _ := strings.Cut(w, " ")
				got += text
			}
			if want := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 4)[:100]; got != want {
				t.Errorf("received %s", got)
			}
		})
		return times
	}
	first := run(t, 1)
	if !slices.Equal(first, run(t, 1)) {
		t.Error("the same seed drew something else")
	}
	if slices.Equal(first, run(t, 2)) {
		t.Error("another seed drew the same")
	}
}

// What varies from connection to connection comes from the seed as well.
func TestCutVaries(t *testing.T) {
	run := func(seed uint64) (log string) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fault.Config{Seed: seed})
			b.set("cut=rst@10s±5s")
			for range 20 {
				b.connect()
			}
			time.Sleep(15 * time.Second)
			if n := len(b.proxy.State().Connections); n != 0 {
				t.Errorf("%d are open", n)
			}
			log = b.log(fault.Changed, fault.Opened)
			if n := strings.Count(log, "closed cut"); n != 20 {
				t.Errorf("%d were cut:\n%s", n, log)
			}
		})
		return log
	}
	if first := run(1); first != run(1) || first == run(2) {
		t.Error("the times do not come from the seed")
	}
}

// With stall the sender has to wait, and goes on when it is over.
func TestStallIsBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		b.size = 8
		client, server, _ := b.pair()
		b.set("down:stall")
		done := make(chan time.Duration)
		go func() {
			io.WriteString(server, strings.Repeat("x", 20))
			done <- time.Since(b.start)
		}()
		go io.Copy(io.Discard, client)
		send(t, client, "still ok")
		if n, _ := server.Read(make([]byte, 10)); n != 8 {
			t.Errorf("the other direction passed %d bytes", n)
		}
		time.Sleep(time.Minute)
		b.set("none")
		if at := <-done; at != time.Minute {
			t.Errorf("the sender went on after %v", at)
		}
	})
}

// What is held has a limit, beyond which the sender waits.
func TestMaxHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{MaxHeld: 100})
		b.size = 10
		_, server, _ := b.pair()
		b.set("delay=10s")
		written := make(chan time.Duration)
		go func() {
			for range 3 {
				io.WriteString(server, strings.Repeat("x", 50))
				written <- time.Since(b.start)
			}
		}()
		<-written
		<-written
		synctest.Wait()
		if s := b.proxy.State(); s.Down.Held != 100 || s.Connections[0].Down.Held != 100 {
			t.Errorf("%+v", s)
		}
		b.proxy.Cut(fault.FIN)
		<-written // which fails
		if s := b.proxy.State(); s.Down.Held != 0 || s.Down.Swallowed < 100 || s.Cut != 1 {
			t.Errorf("%+v", s)
		}

		f := fault.Fault{Up: fault.Line{Buffer: fault.Buffer{Size: 101}}}
		if err := b.proxy.Set(f); err == nil || !strings.Contains(err.Error(), "at most 100B") {
			t.Errorf("a buffer that never gets full: %v", err)
		}
	})
}

// A buffer as large as what may be held, and a peer that is slow: nobody waits for ever.
func TestBufferOfAllThatMayBeHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{MaxHeld: 10})
		b.size = 4
		client, server, _ := b.pair()
		b.set("buffer=7")
		go func() {
			io.WriteString(server, strings.Repeat("abcdefg", 10))
			server.Close()
		}()
		got, err := io.ReadAll(client)
		if len(got) != 70 || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}

func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		_, _, old := b.pair()
		b.once("refuse=3s")
		old.wants(t, "the old one", "0s FIN")
		time.Sleep(time.Second)
		if left := b.proxy.State().Refusing; left != 2*time.Second {
			t.Errorf("refusing for %v", left)
		}
		b.set("delay=1ms") // does not end it
		client, refused := b.connect()
		refused.wants(t, "a new one", "1s RST")
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("the client reads something")
		}
		time.Sleep(2 * time.Second)
		b.pair()

		b.set("refuse")
		if left := b.proxy.State().Refusing; left != fault.Always {
			t.Errorf("refusing for %v", left)
		}
		time.Sleep(100 * time.Hour)
		_, refused = b.connect()
		refused.wants(t, "a new one", "100h0m3s RST")
		b.set("none")
		b.pair()
		b.once("refuse")
		b.proxy.Reset()
		b.pair()
		if s := b.proxy.State(); s.Accepted != 6 || s.Refused != 2 || s.Cut != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{MaxConnections: 5})
		b.set("connections=2")
		first, server, _ := b.pair()
		b.pair()
		for range 2 {
			c, _ := b.connect()
			send(t, c, "hello")
		}
		if len(b.servers) != 0 {
			t.Error("a third connection was made")
		}
		if s := b.proxy.State(); len(s.Connections) != 4 || s.Connections[1].Queued || !s.Connections[2].Queued {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Second)
		first.Close()
		server.Close()
		third := b.accept()
		if n, err := third.Read(make([]byte, 10)); n != 5 || err != nil {
			t.Errorf("the third: %d, %v", n, err)
		}
		if len(b.servers) != 0 {
			t.Error("two came for one that has gone")
		}
		time.Sleep(time.Second)
		b.set("connections=3/refuse")
		b.accept()
		_, refused := b.connect()
		refused.wants(t, "one too many", "2s RST")
		b.set("none")
		b.pair()
		b.pair()
		_, refused = b.connect()
		refused.wants(t, "more than the proxy takes", "2s RST")
		if err := b.proxy.Reset(); err != nil {
			t.Error(err)
		}
		if _, err := b.proxy.Once(fault.Fault{Limit: fault.Limit{Connections: 1}}); err == nil {
			t.Error("a limit once")
		}
	})
}

// Those that wait can be cut, and go away with the proxy.
func TestCutWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		b.set("connections=1,idle=10s")
		_, _, first := b.pair()
		_, second := b.connect()
		time.Sleep(5 * time.Second)
		if n, _ := b.proxy.Cut(fault.RST); n != 2 {
			t.Errorf("%d were cut", n)
		}
		first.wants(t, "the first", "5s RST")
		second.wants(t, "who waited", "5s RST")
		b.pair()
		_, third := b.connect()
		b.end()
		third.wants(t, "at the end", "5s FIN")
	})
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		client, server, _ := b.pair()
		b.set("down:delay=2s")
		time.Sleep(time.Second)
		send(t, server, "hello")
		time.Sleep(5 * time.Second)
		b.set("up:blackhole")
		send(t, client, "lost")
		send(t, client, "lost too")
		time.Sleep(time.Second)
		b.proxy.Cut(fault.RST)
		want := `0s opened 
0s changed down:delay=2s
1s held delay
3s released 
6s changed up:blackhole
6s swallowed 
7s changed once: cut=rst
7s closed cut`
		if got := b.log(); got != want {
			t.Errorf("%s\nwant:\n%s", got, want)
		}
		released, swallowed := b.events[3], b.events[5]
		if released.Bytes != 5 || released.For != 2*time.Second || released.Direction != "down" || released.Connection != 1 {
			t.Errorf("%+v", released)
		}
		if swallowed.Bytes != 4 || swallowed.Direction != "up" {
			t.Errorf("%+v", swallowed)
		}
		if s := b.proxy.State(); s.Up.Swallowed != 12 || s.Down.Passed != 5 || s.Setting.String() != "up:blackhole" {
			t.Errorf("%+v", s)
		}
	})
}

// A write that waits for a slow peer does not hold up a fault.
func TestFaultsDuringAWrite(t *testing.T) {
	for _, test := range []struct{ fault, want string }{
		{"down:cut=fin", "FIN"}, {"cut=fin", "FIN"}, {"cut=rst", "RST"}, {"cut=blackhole", ""}, {"blackhole", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fault.Config{})
			b.size = 4
			client, server, proxys := b.pair()
			b.set("delay=500ms")
			go io.WriteString(server, "12345678") // of which only half goes into the client's buffer
			time.Sleep(time.Second)
			b.once(test.fault)
			time.Sleep(time.Second)
			want := []string{"1s 1234"}
			if test.want != "" {
				want = append(want, "1s "+test.want)
			}
			proxys.wants(t, test.fault, want...)
			if got := read(t, client); got != "1234" {
				t.Errorf("%s: %q has come", test.fault, got)
			}
			if s := b.proxy.State(); s.Down.Passed != 4 || s.Down.Swallowed != 4 || s.Down.Held != 0 {
				t.Errorf("%s: %+v", test.fault, s.Down)
			}
		})
	}
}

// Who closed, as the events tell it.
func TestWhy(t *testing.T) {
	for _, test := range []struct {
		why string
		do  func(client, server net.Conn)
	}{
		{fault.WhyClient, func(client, server net.Conn) {
			client.(interface{ CloseWrite() error }).CloseWrite()
			synctest.Wait()
			server.Close()
		}},
		{fault.WhyServer, func(client, server net.Conn) {
			server.(interface{ CloseWrite() error }).CloseWrite()
			synctest.Wait()
			client.Close()
		}},
		{fault.WhyClientReset, func(client, server net.Conn) {
			client.Close()
			server.Write([]byte("too late"))
		}},
		{fault.WhyServerReset, func(client, server net.Conn) {
			server.Close()
			client.Write([]byte("too late"))
		}},
	} {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, fault.Config{})
				client, server, _ := b.pair()
				test.do(client, server)
				if log := b.log(fault.Opened); log != "0s closed "+test.why {
					t.Error(log)
				}
			})
		})
	}

	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{Dial: func(ctx context.Context, _ net.Conn) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, DialTimeout: 3 * time.Second})
		_, proxys := b.connect()
		_, cut := b.connect()
		time.Sleep(time.Second)
		b.proxy.Cut(fault.FIN)
		cut.wants(t, "cut while the server is dialed", "1s FIN")
		proxys.wants(t, "the same", "1s FIN")
		_, proxys = b.connect()
		time.Sleep(4 * time.Second)
		proxys.wants(t, "no server", "4s RST")
		if log := b.log(fault.Opened, fault.Changed); !strings.Contains(log, "4s closed "+fault.WhyDial) {
			t.Error(log)
		}
	})
}

// A connection without halves, such as net.Pipe makes, ends as a whole.
func TestNoHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		b := newBench(t, fault.Config{Dial: func(context.Context, net.Conn) (net.Conn, error) { return ours, nil }})
		client, _ := b.connect()
		client.(interface{ CloseWrite() error }).CloseWrite()
		if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		theirs.Close()
	})
}

// Idle connections that were cut with a FIN linger for a second; a proxy that is closed does not
// wait for them.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{Linger: time.Hour})
		client, server, _ := b.pair()
		b.proxy.Cut(fault.FIN)
		send(t, server, "too late, and no reset")
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client reads %v", err)
		}
		time.Sleep(time.Minute)
		b.proxy.Close()
		if at := time.Since(b.start); at != time.Minute {
			t.Errorf("closed after %v", at)
		}
		if _, err := server.Write([]byte("x")); err == nil {
			t.Error("the socket is still open")
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		client, _, proxys := b.pair()
		b.proxy.Close()
		proxys.wants(t, "at the end", "0s FIN")
		client.Close()
		if err := b.proxy.Set(fault.Fault{}); !errors.Is(err, fault.ErrClosed) {
			t.Errorf("Set: %v", err)
		}
		if _, err := b.proxy.Cut(fault.FIN); !errors.Is(err, fault.ErrClosed) {
			t.Errorf("Cut: %v", err)
		}
		if err := b.proxy.Serve(t.Context(), memhttp.Listen()); !errors.Is(err, fault.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
		b.proxy.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		p := fault.New(fault.Config{Dial: func(context.Context, net.Conn) (net.Conn, error) { return nil, net.ErrClosed }})
		l := memhttp.Listen()
		l.Close()
		if err := p.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a listener that fails: %v", err)
		}
		defer func() {
			if recover() == nil {
				t.Error("no Dial, and no panic")
			}
		}()
		fault.New(fault.Config{})
	})
}

// What Once does is for the connections that are open, and what is set later does not heal them.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fault.Config{})
		_, server, proxys := b.pair()
		b.set("delay=1s,split=3")
		b.once("delay=3s")
		_, server2, proxys2 := b.pair()
		send(t, server, "abcd")
		send(t, server2, "abcd")
		time.Sleep(10 * time.Second)
		proxys.wants(t, "open then", "3s abc", "3s d")
		proxys2.wants(t, "new", "1s abc", "1s d")
		if s := b.proxy.State(); s.Connections[0].Own.String() != "delay=3s" || s.Connections[1].Own.String() != "none" {
			t.Errorf("%+v", s.Connections)
		}
		b.set("none")
		send(t, server, "e")
		time.Sleep(10 * time.Second)
		b.proxy.Reset()
		send(t, server, "f")
		proxys.wants(t, "open then", "3s abc", "3s d", "13s e", "20s f")
	})
}
