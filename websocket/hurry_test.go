package websocket_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/memhttp"
	"pushlab/common/request"
	"pushlab/common/wire"
	"pushlab/websocket"
)

// limited returns a configuration whose refusals are noted, with an engine if it is to be, and what gives the notes.
func limited(t *testing.T, parked bool) (websocket.Config, func() []string) {
	var mu sync.Mutex
	var refused []string
	config := websocket.Config{Refused: func(limit string) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, limit)
	}}
	if parked {
		engine, err := wire.NewEngine(new(memhttp.Kernel))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { engine.Close() })
		config.Engine = engine
	}
	return config, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(refused)
	}
}

// TestUnfinished (HTTP-11, for frames): what has begun to arrive must be there in time, however it is cut, and though pings
// come between; then the client is told and cut off. What it would have said is not done.
func TestUnfinished(t *testing.T) {
	const limit = 20 * time.Second
	publish := `{"op":"publish","data":1}`
	whole := clientFrame(text, publish)
	fragments := [][]byte{clientFrame(textBegin, publish[:5])}
	for range 10 {
		fragments = append(fragments, clientFrame(ping, ""))
	}
	for name, parts := range map[string][][]byte{
		"half a header":           {whole[:1]},
		"half a message":          {whole[:10]},
		"half a ping":             {clientFrame(ping, "hello")[:7]},
		"a byte at a time":        slices.Collect(slices.Chunk(whole, 1)),
		"pings between fragments": fragments,
	} {
		for _, parked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/parked=%v", name, parked), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					config, refused := limited(t, parked)
					config.ReadDeadline, config.Heartbeat = limit, -1
					f := start(t, config)
					p := f.connect("topic=none")
					p.want("$open:0")
					time.Sleep(time.Hour) // silence is no message
					begin := time.Now()
					dripped := make(chan struct{})
					go func() {
						defer close(dripped)
						for _, part := range parts {
							if _, err := p.Write(part); err != nil {
								return // it was cut off
							}
							time.Sleep(3 * time.Second)
						}
					}()
					for got := ""; got != "close 1008"; {
						if got = p.next(); got != "pong " && got != "close 1008" {
							t.Fatalf("got %s", got)
						}
					}
					if took := time.Since(begin); took != limit {
						t.Errorf("it was told after %v, want %v", took, limit)
					}
					p.wantEnd()
					p.Close()
					<-dripped
					synctest.Wait()
					if f.ended(wire.Refused) != 1 || !slices.Equal(refused(), []string{request.LimitArrival}) {
						t.Errorf("%d streams ended as refused, for %q", f.ended(wire.Refused), refused())
					}
					if n := f.hub.State().Head.Seq; n != 0 {
						t.Error("what came too late was done")
					}
				})
			})
		}
	}
}

// TestUnhurried: whoever finishes in time may go on for as long as he likes; and if there is no limit, nobody is hurried.
func TestUnhurried(t *testing.T) {
	for _, limit := range []time.Duration{20 * time.Second, -1} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config, refused := limited(t, false)
				config.ReadDeadline, config.Heartbeat = limit, -1
				p := start(t, config).connect("topic=none")
				p.want("$open:0")
				pause := 9 * time.Second
				if limit < 0 {
					pause = time.Hour
				}
				for range 5 {
					m := clientFrame(text, `{"op":"ping"}`)
					for _, part := range [][]byte{m[:1], m[1:8], m[8:]} {
						if _, err := p.Write(part); err != nil {
							t.Fatal(err)
						}
						time.Sleep(pause)
					}
					p.want(`{"op":"pong"}`)
					m = clientFrame(ping, "x")
					for _, part := range [][]byte{m[:1], m[1:]} {
						if _, err := p.Write(part); err != nil {
							t.Fatal(err)
						}
						time.Sleep(pause)
					}
					p.want("pong x")
				}
				if got := refused(); len(got) > 0 {
					t.Errorf("refused: %q", got)
				}
			})
		})
	}
}

// TestLimitsOfMessages: WS-14, PMD-05. Each limit that a message crosses is told, to the client and to who counts.
func TestLimitsOfMessages(t *testing.T) {
	topics := `"t0"`
	for i := range request.MaxTopics {
		topics += fmt.Sprintf(`,"t%d"`, i)
	}
	bomb := `{"op":"publish","data":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		name, limit, want string
		frame             func(t *testing.T) []byte
	}{
		{"too large", request.LimitMessage, "close 1009", func(*testing.T) []byte { return clientFrame(text, bomb[:2000]) }},
		{"too large when inflated", request.LimitMessage, "close 1009", func(t *testing.T) []byte { return clientFrame(text|0x40, string(deflated(t, []byte(bomb)))) }},
		{"too many topics", request.LimitTopics, `{"op":"error","error":"101 topics; the limit is 100: subscribe to all and choose, or open a second stream"}`,
			func(*testing.T) []byte { return clientFrame(text, `{"op":"subscribe","topics":[`+topics+`]}`) }},
		{"not allowed now", "", `{"op":"error","error":"not now, memory"}`,
			func(*testing.T) []byte { return clientFrame(text, `{"op":"publish","data":1}`) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config, refused := limited(t, false)
				config.Compress, config.MaxMessage = true, 1500
				config.MayPublish = func(peer string) error { return fmt.Errorf("not now, %s", peer) }
				f := start(t, config)
				p := f.connect("topic=none", "Sec-WebSocket-Extensions: permessage-deflate")
				p.opened()
				if _, err := p.Write(c.frame(t)); err != nil {
					t.Fatal(err)
				}
				p.want(c.want)
				synctest.Wait()
				var want []string
				if c.limit != "" {
					want = []string{c.limit}
				}
				if got := refused(); !slices.Equal(got, want) {
					t.Errorf("refused for %q, want %q", got, want)
				}
				if f.hub.State().Head.Seq != 0 {
					t.Error("it was published")
				}
			})
		})
	}
}
