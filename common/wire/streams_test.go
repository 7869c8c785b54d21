package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

func TestHeadKeepsWhatMiddlewareSet(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
				r := f.get(query).response
				want := http.Header{"X-Request-Id": {"7"}, "Date": {"Sat, 01 Jan 2000 00:00:00 GMT"}}
				r.Header.Del("Content-Type") // which net/http would guess; the transports set theirs
				r.Header.Del("Connection")
				if diff := cmp.Diff(want, r.Header); diff != "" {
					t.Errorf("the header (-want +got):\n%s", diff)
				}
				if r.StatusCode != 200 || !r.Close || fmt.Sprint(r.TransferEncoding) != "[chunked]" {
					t.Errorf("%s, close: %v, transfer coding: %v", r.Status, r.Close, r.TransferEncoding)
				}
			})
		})
	}
}

// TestCleanEnd: only behind a goodbye a body is complete.
func TestCleanEnd(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
				p := f.get(query)
				p.want("$open:0")
				f.publish("a", 2)
				f.hub.Close()
				p.want("a:1 a:2 $bye:2")
				if rest, err := p.rest(); rest != "" || err != nil {
					t.Errorf("after the goodbye: %q, %v", rest, err)
				}
				if err := f.shutdown(time.Minute); err != nil {
					t.Error(err)
				}
				if f.ended(wire.Goodbye) != 1 {
					t.Error("no goodbye was counted")
				}
			})
		})
	}
}

// TestHTTP10: a peer that knows no chunks gets none; there the end of the connection is the end.
func TestHTTP10(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
				p := f.dial("HTTP/1.0", query)
				synctest.Wait()
				f.publish("a", 1)
				synctest.Wait() // in a write of its own, which would have been a chunk of its own
				f.hub.Close()
				b, err := io.ReadAll(p)
				if err != nil {
					t.Fatal(err)
				}
				head, body, _ := strings.Cut(string(b), "\r\n\r\n")
				if !strings.HasPrefix(head, "HTTP/1.0 200 OK\r\n") || strings.Contains(head, "Transfer-Encoding") {
					t.Errorf("the head is %q", head)
				}
				body = strings.ReplaceAll(body, f.id(0).Epoch, "mfrggzdf")
				body = regexp.MustCompile(`"retry":\d+`).ReplaceAllString(body, `"retry":1`)
				want := preface + `{"id":"mfrggzdf-0","topic":"$open","data":{"topics":null}}
{"id":"mfrggzdf-1","topic":"a","data":{}}
{"id":"mfrggzdf-1","topic":"$bye","data":{"retry":1}}
`
				if diff := cmp.Diff(want, body); diff != "" {
					t.Errorf("the body (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestEncodeOnce: however many streams there are, and whichever way they go, an event is framed once.
func TestEncodeOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		var framed atomic.Int64
		f := start(t, k, wire.Protocol{HTTP: true, AppendFrame: func(dst []byte, e event.Event) []byte {
			if !e.Control() {
				framed.Add(1)
			}
			return appendLine(dst, e)
		}}, wire.Config{})
		var peers []*peer
		for i := range 60 {
			p := f.dial([]string{"HTTP/1.1", "HTTP/1.0", "HTTP/1.1"}[i%3], []string{"", "", wrapped}[i%3])
			p.readHead()
			p.want("$open:0")
			peers = append(peers, p)
		}
		const events = 10
		for i := range uint64(events) {
			f.publish("a", 1)
			for _, p := range peers {
				p.want(fmt.Sprintf("a:%d", i+1))
			}
		}
		if n := framed.Load(); n != events {
			t.Errorf("%d events were framed %d times for %d streams", events, n, len(peers))
		}
	})
}

func TestCounters(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: -1})
		f.publish("a", 3)
		received := new(atomic.Int64)
		var reading sync.WaitGroup
		for range 2 {
			p := f.dial("HTTP/1.1", "after="+f.id(0).String())
			reading.Go(func() {
				n, _ := io.Copy(io.Discard, p)
				received.Add(n)
			})
		}
		foreign := f.get("after=bbbbbbbb-1") // who gets a gap, and leaves
		foreign.want("$open:1 $gap:0 a:1 a:2 a:3")
		synctest.Wait()
		c := f.streams.Counters()
		if c.Open.Load() != 3 || c.Opened.Load() != 3 {
			t.Errorf("open %d, opened %d; want 3 of each", c.Open.Load(), c.Opened.Load())
		}
		foreign.Close()
		synctest.Wait()
		bytes := c.Bytes.Load()
		f.publish("a", 2) // each in a write of its own, or both in one
		f.hub.Close()
		f.shutdown(time.Minute)
		reading.Wait()
		if c.Open.Load() != 0 || c.Opened.Load() != 3 || c.Gaps.Load() != 1 {
			t.Errorf("open %d, opened %d, gaps %d; want 0, 3, 1", c.Open.Load(), c.Opened.Load(), c.Gaps.Load())
		}
		if c.Ended[wire.Goodbye].Load() != 2 || c.Ended[wire.Left].Load() != 1 {
			t.Errorf("%d goodbyes, %d left; want 2 and 1", c.Ended[wire.Goodbye].Load(), c.Ended[wire.Left].Load())
		}
		if c.Delivered.Load() != 3*3+2*2 {
			t.Errorf("%d events were delivered, want 13", c.Delivered.Load())
		}
		if n := c.Writes.Load(); n < 3+2 || n > 3+4 {
			t.Errorf("%d writes carried events, want 5 to 7", n)
		}
		if got, want := c.Bytes.Load(), received.Load(); got <= want || bytes >= got {
			t.Errorf("%d bytes were counted, but two of three peers received %d", got, want)
		}
	})
}

// TestBytes: the bytes counted are those that went out, the head of a response that was taken over
// included.
func TestBytes(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: 10 * time.Second})
		p := f.dial("HTTP/1.1", "")
		f.publish("a", 5)
		time.Sleep(15 * time.Second) // a beat
		f.hub.Close()
		n, err := io.Copy(io.Discard, p)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.streams.Counters().Bytes.Load(); got != n {
			t.Errorf("%d bytes were counted, %d came", got, n)
		}
	})
}

func TestLog(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: -1})
		f.publish("a", 2)
		p := f.get("topic=b&topic=a&after=" + f.id(1).String())
		p.want("$open:1 a:2")
		synctest.Wait()
		want := "msg=\"stream opened\" transport=lines peer=memory cursor=mfrggzdf-1 topics=\"[a b]\"\n"
		if diff := cmp.Diff(want, f.logged()); diff != "" {
			t.Errorf("at the start (-want +got):\n%s", diff)
		}
		time.Sleep(1500 * time.Millisecond)
		p.Close()
		synctest.Wait()
		want = fmt.Sprintf("msg=\"stream ended\" transport=lines peer=memory reason=left cursor=mfrggzdf-2 events=1 bytes=%d duration=1.5s\n",
			f.streams.Counters().Bytes.Load())
		if diff := cmp.Diff(want, f.logged()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

// TestReasons: how a stream ended is counted and logged by its cause.
func TestReasons(t *testing.T) {
	refuse := func(s *wire.Stream, conn net.Conn) {
		conn.Read(make([]byte, 1))
		s.Finish([]byte("no\n"), wire.Refused)
	}
	for _, c := range []struct {
		reason wire.Reason
		read   func(*wire.Stream, net.Conn)
		end    func(*fixture, *peer)
	}{
		{wire.Goodbye, nil, func(f *fixture, p *peer) { f.hub.Close() }},
		{wire.Left, nil, func(f *fixture, p *peer) { p.Close() }},
		{wire.Refused, refuse, func(f *fixture, p *peer) { io.WriteString(p, "x") }},
		{wire.Stalled, nil, func(f *fixture, p *peer) {
			f.publishData("a", `"`+strings.Repeat("x", 2*4<<10)+`"`)
		}},
		{wire.Failed, nil, func(f *fixture, p *peer) {
			f.publishData("a", `"`+strings.Repeat("x", 2*4<<10)+`"`)
			synctest.Wait() // the write waits
			p.Close()
		}},
		{wire.Aborted, nil, func(f *fixture, p *peer) { f.shutdown(time.Second) }},
	} {
		t.Run(c.reason.String(), func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{Heartbeat: -1})
				_, p := f.accept(c.read, nil)
				synctest.Wait()
				c.end(f, p)
				if c.reason == wire.Goodbye {
					p.want("head $open:0 $bye:0")
					if rest, err := p.rest(); rest != trailer || err != nil {
						t.Errorf("after $bye: %q, %v", rest, err)
					}
				}
				time.Sleep(15 * time.Second) // for those who are waited for
				synctest.Wait()
				for _, reason := range wire.Reasons() {
					want := int64(0)
					if reason == c.reason {
						want = 1
					}
					if got := f.ended(reason); got != want {
						t.Errorf("%d streams ended for the reason %q, want %d", got, reason, want)
					}
				}
				if log := f.logged(); !strings.Contains(log, "reason="+c.reason.String()+" ") {
					t.Errorf("the log says %s", log)
				}
			})
		})
	}
}

func TestShutdownWithNothingOpen(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 100 { // whatever select would choose
			if err := f.streams.Shutdown(ctx); err != nil {
				t.Fatalf("there is nothing to wait for: %v", err)
			}
		}
		f.get("").Close()
		synctest.Wait()
		if err := f.streams.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestShutdownCutsOff: what has not ended in time is cut off, and looks cut off.
func TestShutdownCutsOff(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		for _, stalled := range []bool{false, true} {
			t.Run(fmt.Sprintf("query=%s/stalled=%v", query, stalled), func(t *testing.T) {
				onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
					f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
					const streams = 5
					var peers []*peer
					for range streams {
						p := f.get(query)
						p.want("$open:0")
						peers = append(peers, p)
					}
					if stalled { // the goodbye waits behind events that nobody reads
						f.publishData("a", `"`+strings.Repeat("x", 100<<10)+`"`)
						f.hub.Close()
					}
					begin := time.Now()
					if err := f.shutdown(3 * time.Second); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Shutdown: %v", err)
					}
					if took := time.Since(begin); took != 3*time.Second {
						t.Errorf("Shutdown took %v, want 3 s", took)
					}
					if n := f.ended(wire.Aborted); n != streams {
						t.Errorf("%d of %d streams were aborted", n, streams)
					}
					for _, p := range peers {
						if rest, err := p.rest(); !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(rest, event.ByeTopic) {
							t.Errorf("it looks like a goodbye: …%q, %v", rest[max(0, len(rest)-80):], err)
						}
					}
				})
			})
		}
	}
}

// TestAbortIsNoLeaving: to cut a connection also ends the reading from it; that is not the peer's
// doing. Many streams, so that both are noticed in either order.
func TestAbortIsNoLeaving(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{Heartbeat: -1})
		const streams = 200
		for range streams {
			f.accept(nil, nil)
		}
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		// An event wakes all loops just then.
		f.publish("a", 1)
		f.streams.Shutdown(ctx)
		if n := f.ended(wire.Aborted); n != streams {
			t.Errorf("%d of %d streams were aborted", n, streams)
		}
	})
}

// TestShutdownWaitsForLateStreams: a stream that opens while Shutdown waits is waited for as well.
func TestShutdownWaitsForLateStreams(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		_, first := f.accept(nil, nil)
		done := make(chan error)
		go func() { done <- f.streams.Shutdown(context.Background()) }()
		synctest.Wait()
		_, late := f.accept(nil, nil)
		synctest.Wait()
		first.Close()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Shutdown returned while a stream was open: %v", err)
		default:
		}
		late.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		// And once more, after a time without any.
		_, again := f.accept(nil, nil)
		go func() { done <- f.streams.Shutdown(context.Background()) }()
		synctest.Wait()
		again.Close()
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

// TestShutdownCutsLateStreams: so is one that opens after the time has run out.
func TestShutdownCutsLateStreams(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		release := make(chan struct{})
		_, p := f.accept(func(*wire.Stream, net.Conn) { <-release }, nil) // whose reader is slow to notice the end
		io.WriteString(p, "x")
		synctest.Wait()
		done := make(chan error)
		go func() { done <- f.shutdown(time.Second) }()
		time.Sleep(2 * time.Second)
		f.accept(nil, nil)
		synctest.Wait()
		close(release)
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if n := f.ended(wire.Aborted); n != 2 {
			t.Errorf("%d streams were aborted, want both", n)
		}
	})
}

// TestLinger: a peer that was told goodbye has a moment to close; then it is closed.
func TestLinger(t *testing.T) {
	const linger = 700 * time.Millisecond
	for _, http := range []bool{true, false} {
		for _, closes := range []bool{true, false} {
			t.Run(fmt.Sprintf("http=%v/closes=%v", http, closes), func(t *testing.T) {
				onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
					f := start(t, k, wire.Protocol{HTTP: http, Trailer: []byte(trailer)}, wire.Config{Linger: linger})
					p, end := (*peer)(nil), ""
					if http {
						p = f.get("")
					} else {
						_, p = f.accept(nil, nil)
						p.want("head")
						end = trailer
					}
					p.want("$open:0")
					begin := time.Now()
					f.hub.Close()
					p.want("$bye:0")
					for end != "" {
						end = strings.TrimPrefix(end, p.line())
					}
					if closes {
						p.Close()
					}
					if err := f.shutdown(time.Minute); err != nil {
						t.Error(err)
					}
					if took := time.Since(begin); closes && took != 0 || !closes && took != linger {
						t.Errorf("it lingered for %v", took)
					}
				})
			})
		}
	}
}

// TestPeerTalks: what a subscriber sends after its request is nobody's business, and in nobody's way.
func TestPeerTalks(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
		p := f.get("")
		p.want("$open:0")
		if _, err := io.WriteString(p, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 1000)); err != nil {
			t.Fatal(err)
		}
		f.publish("a", 1)
		p.want("a:1")
	})
}

// TestLeavingIsNoticed: also where net/http keeps the connection.
func TestLeavingIsNoticed(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{Heartbeat: -1})
				p := f.get(query)
				p.want("$open:0")
				p.Close()
				synctest.Wait()
				if f.ended(wire.Left) != 1 || f.hub.State().Subscriptions != 0 {
					t.Errorf("%d left, %d subscriptions", f.ended(wire.Left), f.hub.State().Subscriptions)
				}
			})
		})
	}
}
