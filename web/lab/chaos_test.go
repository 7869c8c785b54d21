package lab_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"pushlab/common/tap"
	"pushlab/web/lab"
)

// keepReading has somebody read a lane, and come back whenever he is cut off, or after patience, until the test ends.
func (p *page) keepReading(lane string, patience time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			conn, err := net.Dial("tcp", p.lane(lane, "")[len("http://"):])
			if err != nil {
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
				continue
			}
			end := context.AfterFunc(ctx, func() { conn.Close() })
			header := ""
			if lane == "websocket" {
				header = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			}
			conn.SetDeadline(time.Now().Add(patience)) // or a black hole would be the end
			fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", lane, header)
			io.Copy(io.Discard, conn)
			end()
			conn.Close()
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// TestManyEvents: at the highest rate the observer is told of everything, or of how much he was not told.
func TestManyEvents(t *testing.T) {
	p := open(t)
	for _, lane := range []string{"httpstream", "sse", "websocket", "longpoll"} {
		defer p.keepReading(lane, time.Minute)()
	}
	p.message("somebody reads", func(r lab.Record, m lab.Message) bool { return r.Lane == "websocket" && m.Kind == tap.ControlMessage })
	p.command("source", `{"rate":1000}`)
	p.wait("there were 2000 events", func(seen []lab.Batch) bool { return last(seen, logOf).Events >= 2000 })
	p.command("source", `{"rate":0}`)
	end := p.step()
	p.message("the last one", func(r lab.Record, m lab.Message) bool { return r.Lane == "websocket" && m.ID == end })
	var seq, dropped, events uint64
	for _, b := range p.batches() {
		dropped += b.Dropped
		for i, r := range b.Records {
			missing := r.Seq - seq - 1
			if i == 0 && missing > b.Dropped || i > 0 && missing != 0 { // what is dropped need not be a record
				t.Fatalf("record %d comes after %d, and %d were dropped", r.Seq, seq, b.Dropped)
			}
			seq = r.Seq
			for _, m := range r.Messages {
				if m.Kind == tap.EventMessage && r.Lane == "websocket" {
					events++
				}
			}
		}
	}
	t.Logf("%d records in %d batches, %d dropped", seq, len(p.batches()), dropped)
	if events < 2000 && dropped == 0 {
		t.Errorf("%d events were seen by WebSocket", events)
	}
}

// TestChaos gives commands at random, while all lanes are read. Whatever they were, a lab that is told to be well again
// is, and one that ends leaves nothing behind.
func TestChaos(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	p := open(t)
	lanes := []string{"longpoll", "httpstream", "sse", "websocket"}
	var stops []func()
	for _, lane := range lanes {
		stops = append(stops, p.keepReading(lane, 2*time.Second))
	}
	p.command("source", `{"rate":100}`)
	for i := range 150 {
		if i%4 == 0 { // time for something to come of it
			p.mu.Lock()
			changed := p.changed
			p.mu.Unlock()
			select {
			case <-changed:
			case <-time.After(50 * time.Millisecond):
			}
		}
		lane := pick(append(lanes, "all")...)
		var name, body string
		switch random.IntN(10) {
		case 0, 1:
			name, body = "fault", fmt.Sprintf(`{"lane":%q,"cut":%q}`, lane, pick("fin", "rst", "blackhole"))
		case 2, 3:
			name, body = "fault", fmt.Sprintf(`{"lane":%q,"set":%q}`, lane, pick("", "delay=5ms", "split=1", "buffer=1KiB/20ms", "stall", "down:stall", "blackhole",
				"answer=503", "connections=1", "idle=10ms/rst", "refuse=always", "rate=1KiB/s", "cut=fin@1KiB", "up:cut=fin"))
		case 4:
			name, body = "fault", fmt.Sprintf(`{"lane":%q,"once":%q}`, lane, pick("refuse=20ms", "answer=204/2x", "delay=20ms", "down:cut=fin"))
		case 5:
			name, body = "fault", fmt.Sprintf(`{"lane":%q,"reset":true}`, lane)
		case 6:
			name, body = "server", fmt.Sprintf(`{"do":"restart","down":%q,"log":%q,"polite":%v}`, pick("0s", "20ms"), pick("kept", "lost"), random.IntN(2) == 0)
		case 7:
			name, body = "settings", pick(`{"history":10}`, `{"heartbeat":"100ms"}`, `{"heartbeat":"off"}`, `{"compress":true}`, `{"guard":false}`, `{"history":1000}`)
		case 8:
			name, body = "source", pick(`{"kind":"emoji"}`, `{"size":20000}`, `{"rate":100,"size":64}`, `{"rate":0}`, `{"rate":300}`)
		case 9:
			name, body = "raw?split=1&type=text/event-stream", "data: hello\n\n"
		}
		if status, b := p.ask("POST", "/"+name, body); status != 200 && status != 409 {
			t.Fatalf("%s %s: %d %s", name, body, status, b)
		}
	}
	p.command("source", `{"rate":0,"size":64}`)
	p.command("fault", `{"lane":"all","reset":true}`)
	p.eventually("the server is there", func() bool { return p.describe().State.Down == 0 })
	for _, stop := range stops {
		stop()
	}
	for _, lane := range lanes[1:] {
		p.eventually(lane+" is open", func() bool {
			conn, err := net.Dial("tcp", p.lane(lane, "")[len("http://"):])
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		conn := p.dial(lane, "/"+lane)
		conn.to(t, `"$open"`)
		id := p.step()
		conn.to(t, id)
		p.message("the observer is still told", func(r lab.Record, m lab.Message) bool { return r.Lane == lane && m.ID == id })
		conn.Close()
	}
}

// TestWiresAreForgotten: of connections that came, were used, cut, and left in all ways and at once, nothing is kept.
func TestWiresAreForgotten(t *testing.T) {
	url, all := labs(t, lab.Config{})
	p := enter(t, url)
	p.observe("")
	p.command("source", `{"rate":300}`)
	var stops []func()
	for range 3 {
		for _, lane := range []string{"longpoll", "httpstream", "sse", "websocket"} {
			stops = append(stops, p.keepReading(lane, 20*time.Millisecond))
		}
	}
	var hasty sync.WaitGroup // who leave before they are served
	for range 4 {
		hasty.Go(func() {
			for range 300 {
				if conn, err := net.Dial("tcp", p.lane("sse", "")[len("http://"):]); err == nil {
					conn.(*net.TCPConn).SetLinger(0)
					io.WriteString(conn, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
					conn.Close()
				}
			}
		})
	}
	for range 30 {
		for _, cut := range []string{"fin", "rst"} {
			p.command("fault", fmt.Sprintf(`{"lane":"all","cut":%q}`, cut))
		}
	}
	hasty.Wait()
	p.eventually("there is load", func() bool { _, wires := all.Wires(t, p.lab.ID); return wires > 0 })
	p.command("server", `{"do":"restart"}`)
	for _, stop := range stops {
		stop()
	}
	p.command("source", `{"rate":0}`)
	peers, wires := 0, 0
	defer func() {
		if t.Failed() {
			t.Logf("%d addresses and %d numbers are left", peers, wires)
		}
	}()
	p.eventually("all are forgotten", func() bool { peers, wires = all.Wires(t, p.lab.ID); return peers == 0 && wires == 0 })
}
