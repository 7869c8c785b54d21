package websocket_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/websocket"
)

// TestMessengers: what reads the messages is shared, but not what they are: halves of messages from
// many clients at a time, compressed or not, stay with their own, also when the shared ones are gone.
func TestMessengers(t *testing.T) {
	for _, parked := range []bool{false, true} {
		for _, extension := range []string{"", "permessage-deflate"} {
			t.Run(fmt.Sprintf("parked=%v/extension=%s", parked, extension), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					config := websocket.Config{Compress: true}
					if parked {
						engine, err := wire.NewEngine(new(memhttp.Kernel))
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { engine.Close() })
						config.Engine = engine
					}
					f := start(t, config)
					var peers []*peer
					for range 20 {
						p := f.connect("topic=none", "Sec-WebSocket-Extensions: "+extension)
						p.opened()
						peers = append(peers, p)
					}
					for round := range 3 {
						first := byte(text)
						message := func(i int) []byte {
							m := fmt.Appendf(nil, `{"op":"ping","ref":"%d.%d"}`, round, i)
							if extension != "" {
								first = text | 0x40
								m = deflated(t, m)
							}
							return clientFrame(first, string(m))
						}
						for i, p := range peers { // all have half a message
							m := message(i)
							if _, err := p.Write(m[:len(m)/2]); err != nil {
								t.Fatal(err)
							}
						}
						synctest.Wait()
						runtime.GC() // a pool keeps what nobody uses until the second time
						runtime.GC()
						for i, p := range peers {
							m := message(i)
							if _, err := p.Write(m[len(m)/2:]); err != nil {
								t.Fatal(err)
							}
						}
						for i, p := range peers {
							p.want(fmt.Sprintf(`{"op":"pong","ref":"%d.%d"}`, round, i))
						}
						runtime.GC()
						runtime.GC()
					}
				})
			})
		}
	}
}
