package websocket_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/access"
	"pushlab/common/event"
	"pushlab/common/transporttest"
	"pushlab/common/wire"
	"pushlab/websocket"
)

// TestPublish: a publisher is told the id, and is a subscriber like any other.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p, other := f.connect("topic=none"), f.connect("topic=chat")
		p.want("$open:0")
		other.want("$open:0")
		p.send(text, `{"op":"publish","ref":"7","topic":"chat","data":{"text": "hi"}}`)
		p.want(`{"op":"ack","ref":"7","id":"mfrggzdf-1"}`)
		other.want("chat:1")
		p.send(text, `{"op":"publish","data":null}`) // the default topic, and null is data
		p.want(`{"op":"ack","id":"mfrggzdf-2"}`)
		p.send(text, `{"op":"subscribe","topics":["message","chat"],"after":"earliest"}`)
		p.want("$open:0", "chat:1", "message:2")
		p.send(text, `{"op":"publish","ref":8,"topic":"chat","data":"to myself"}`)
		if one, two := p.next(), p.next(); one != "chat:3" && two != "chat:3" || !strings.HasPrefix(one+two, `{"op":"ack","ref":8`) && !strings.HasPrefix(two, `{"op":"ack","ref":8`) {
			t.Errorf("got %s and %s, want the event and its ack", one, two)
		}
	})
}

// TestRef: the reference is the client's own, and comes back whatever it is.
func TestRef(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, websocket.Config{}).connect("topic=none")
		p.want("$open:0")
		for _, ref := range []string{`"7"`, `7`, `-1.5e300`, `12345678901234567890123`, `null`, `true`, `""`, `{"a":[1,{"b":null}]}`, `[]`, `"é€🎉 <&>"`} {
			for _, op := range []string{"ping", "nonsense"} {
				p.send(text, fmt.Sprintf(`{"op":%q,"ref":%s}`, op, ref))
				var want, got any
				var reply struct{ Ref json.RawMessage }
				if err := json.Unmarshal([]byte(p.next()), &reply); err != nil || reply.Ref == nil {
					t.Errorf("%s with ref %s: %v, no ref", op, ref, err)
					continue
				}
				json.Unmarshal([]byte(ref), &want)
				json.Unmarshal(reply.Ref, &got)
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s with ref %s: it came back as %s", op, ref, reply.Ref)
				}
			}
		}
		p.send(text, `{"op":"ping"}`)
		p.want(`{"op":"pong"}`)
	})
}

// TestErrors: a bad message is answered, and the connection stays.
func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("topic=none")
		p.want("$open:0")
		for _, c := range []struct{ message, about string }{
			{`{"op":"shout","ref":"7"}`, "use publish, subscribe or ping"},
			{`{"ref":"7"}`, "use publish, subscribe or ping"},
			{`{"op":"publish","ref":"7","topic":"chat"}`, "data is missing"},
			{`{"op":"publish","ref":"7","topic":"$open","data":1}`, "topic"},
			{`{"op":"publish","ref":"7","topic":"a b","data":1}`, "topic"},
			{`{"op":"publish","ref":"7","topic":7,"data":1}`, "topic"},
			{`{"op":"subscribe","ref":"7","topics":["a",".."]}`, "topic"},
			{`{"op":"subscribe","ref":"7","topics":"a"}`, "topics"},
			{`{"op":"subscribe","ref":"7","topics":["a"` + strings.Repeat(`,"a"`, 100) + `]}`, "limit"},
			{`{"op":"subscribe","ref":"7","after":"42"}`, "not a cursor"},
			{`{"op":"subscribe","ref":"7","after":""}`, "not a cursor"},
			{`{"op":"subscribe","ref":"7","after":42}`, "after"},
			{`{"op":7,"ref":"7"}`, "op"},
			{`hello`, "JSON"},
			{``, "JSON"},
			{`[]`, "object"},
			{`{"op":"ping"}{"op":"ping"}`, "JSON"},
			{`{"op":"ping","ref":`, "JSON"},
			{`{"op":"ping","ref":"` + strings.Repeat("7", 4<<10) + `"}`, "ref has 4098 bytes"},
			{`{"op":7,"ref":"` + strings.Repeat("7", 4<<10) + `"}`, "ref has 4098 bytes"},
		} {
			p.send(text, c.message)
			var reply struct{ Op, Ref, Error, ID string }
			got := p.next()
			err := json.Unmarshal([]byte(got), &reply)
			if err != nil || reply.Op != "error" || reply.Error == "" || reply.ID != "" {
				t.Errorf("%s was answered %s", c.message, got)
			}
			if strings.Contains(c.message, `"ref":"7"`) != (reply.Ref == "7") {
				t.Errorf("%s was answered with ref %q", c.message, reply.Ref)
			}
			if !strings.Contains(strings.ToLower(reply.Error), strings.ToLower(c.about)) {
				t.Errorf("%s was answered %q, which says nothing of %q", c.message, reply.Error, c.about)
			}
			if strings.Contains(reply.Error, "event: ") || strings.Contains(reply.Error, "request: ") || strings.Contains(reply.Error, "json: ") || strings.Contains(reply.Error, "websocket.") {
				t.Errorf("%s was answered %q, which speaks of our code", c.message, reply.Error)
			}
		}
		p.send(text, `{"op":"ping","ref":"still here"}`)
		p.want(`{"op":"pong","ref":"still here"}`)
		if n := f.hub.State().Head.Seq; n != 0 {
			t.Errorf("%d events were published", n)
		}
	})
}

// TestSubscribe: a subscribe replaces the choice; behind its $open comes nothing of the old one.
func TestSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: -1})
		p := f.connect("topic=a")
		p.want("$open:0")
		publish := func(topics string) {
			for _, topic := range strings.Fields(topics) {
				transporttest.Publish(t, f.hub, topic, 1)
			}
		}
		publish("a")
		p.want("a:1")
		synctest.Wait()
		publish("b c")
		p.send(text, `{"op":"subscribe","ref":"8","topics":["b","c"]}`)
		p.want("$open:1", "b:2", "c:3") // the cursor stays
		publish("a b c")
		p.want("b:5", "c:6")
		p.send(text, `{"op":"subscribe","topics":[]}`)
		p.want("$open:6")
		publish("a b c")
		p.send(text, `{"op":"subscribe"}`)
		p.want("$open:6", "a:7", "b:8", "c:9")
		p.send(text, fmt.Sprintf(`{"op":"subscribe","topics":["a"],"after":%q}`, f.id(0)))
		p.want("$open:0", "a:1", "a:4", "a:7")
		p.send(text, fmt.Sprintf(`{"op":"subscribe","topics":null,"after":%q}`, f.id(8)))
		p.want("$open:8", "c:9")
		p.send(text, `{"op":"subscribe","topics":["b"],"after":"bbbbbbbb-7"}`)
		p.want("$open:7", "$gap:0", "b:2", "b:5", "b:8")
		p.send(text, `{"op":"subscribe","topics":["b"],"after":"earliest"}`)
		p.want("$open:0", "b:2", "b:5", "b:8")
		publish("c b")
		p.want("b:11")
		if n := f.hub.State().Subscriptions; n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

// TestPing: RFC 6455, section 5.5.2 and 5.5.3: a ping is answered with its payload, also between the
// fragments of a message; a pong that nobody asked for is ignored.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("")
		p.want("$open:0")
		for _, payload := range []string{"", "hello", "\x00\xff", strings.Repeat("x", 125)} {
			p.send(ping, payload)
			p.want("pong " + payload)
		}
		p.send(pong, "unasked")
		p.send(textBegin, `{"op":"pi`)
		p.send(ping, "in between")
		p.want("pong in between")
		p.send(continuation, `ng","r`)
		p.send(lastPart, `ef":1}`)
		p.want(`{"op":"pong","ref":1}`)
		transporttest.Publish(t, f.hub, "a", 1)
		p.want("a:1")
	})
}

// TestClose: RFC 6455, section 5.5.1 and 7.1.1: a close frame is answered with one of the same code,
// and then the server closes the connection first.
func TestClose(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{"", "close"}, // 1005 must not be sent
		{"\x03\xe8", "close 1000"},
		{"\x03\xe9going away", "close 1001"},
		{"\x03\xf3", "close 1011"},
		{"\x0f\xa0", "close 4000"},
		{"\x0b\xb8", "close 3000"},
		{"\x03\xec", "close 1002"}, // 1004 is reserved
		{"\x03\xed", "close 1002"}, // 1005 must not be sent
		{"\x03\xee", "close 1002"}, // nor 1006
		{"\x03\xf7", "close 1002"}, // nor 1015
		{"\x03\xe7", "close 1002"}, // 999
		{"\x13\x88", "close 1002"}, // 5000
		{"\x03\xe8bad \xff", "close 1002"},
		{"\x03", "close 1002"}, // half a code
	} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, websocket.Config{})
			p := f.connect("")
			p.want("$open:0")
			p.send(closeFrame, c.payload)
			transporttest.Publish(t, f.hub, "a", 3)
			synctest.Wait()
			f.hub.Close()
			got := p.next()
			for strings.HasPrefix(got, "a:") {
				got = p.next() // before the close frame was read
			}
			if got != c.want {
				t.Errorf("%q was answered %s, want %s", c.payload, got, c.want)
			}
			p.wantEnd()
			p.Close()
			synctest.Wait()
			reason := wire.Left
			if c.want == "close 1002" {
				reason = wire.Refused
			}
			if f.ended(reason) != 1 {
				t.Errorf("%q: not counted as %s", c.payload, reason)
			}
		})
	}
}

// TestViolations: what breaks the protocol ends the connection with the close code that RFC 6455,
// section 7.4.1 has for it. Behind the close frame comes nothing more.
func TestViolations(t *testing.T) {
	const limit = 1000
	message := `{"op":"ping"}`
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"not masked", []byte(serverFrame(text, message)), "close 1002"},
		{"RSV1", clientFrame(text|0x40, message), "close 1002"},
		{"RSV2", clientFrame(text|0x20, message), "close 1002"},
		{"RSV3", clientFrame(text|0x10, message), "close 1002"},
		{"opcode 3", clientFrame(0x83, ""), "close 1002"},
		{"opcode 15", clientFrame(0x8f, ""), "close 1002"},
		{"a control frame in fragments", clientFrame(ping&^0x80, "x"), "close 1002"},
		{"a control frame of 126 bytes", clientFrame(ping, strings.Repeat("x", 126)), "close 1002"},
		{"a continuation of nothing", clientFrame(lastPart, message), "close 1002"},
		{"a message within a message", append(clientFrame(textBegin, "{"), clientFrame(text, message)...), "close 1002"},
		{"a length with the highest bit", []byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xffmask"), "close 1002"},
		{"binary", clientFrame(binaryFrame, message), "close 1003"},
		{"binary in fragments", append(clientFrame(0x02, "a"), clientFrame(lastPart, "b")...), "close 1003"},
		{"not UTF-8", clientFrame(text, "\"\xff\""), "close 1007"},
		{"not UTF-8 over fragments", append(clientFrame(textBegin, "\"\xe2"), clientFrame(lastPart, "\x82x\"")...), "close 1007"},
		{"a surrogate", clientFrame(text, "\"\xed\xa0\x80\""), "close 1007"},
		{"too big", clientFrame(text, strings.Repeat(" ", limit+1)), "close 1009"},
		{"too big by its header", []byte("\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00mask"), "close 1009"},
		{"too big in fragments", append(clientFrame(textBegin, strings.Repeat(" ", limit)), clientFrame(lastPart, " ")...), "close 1009"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, websocket.Config{MaxMessage: limit})
				p := f.connect("")
				p.want("$open:0")
				// The peer does not stop to see what it did.
				if _, err := p.Write(append(c.bytes, clientFrame(text, `{"op":"publish","data":1}`)...)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				transporttest.Publish(t, f.hub, "a", 1)
				f.hub.Close()
				p.want(c.want)
				p.wantEnd()
				p.Close()
				synctest.Wait()
				if f.ended(wire.Refused) != 1 {
					t.Error("it is not counted as refused")
				}
				if n := f.hub.State().Head.Seq; n != 1 {
					t.Error("what came behind the violation was still done")
				}
			})
		})
	}
}

// TestJustSmallEnough: the limit is for the message, not for its frames, and control frames between
// them do not count.
func TestJustSmallEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t, websocket.Config{MaxMessage: 100}).connect("")
		p.want("$open:0")
		message := `{"op":"ping","ref":"` + strings.Repeat("x", 78) + `"}`
		for range 3 {
			p.send(text, message)
			p.send(textBegin, message[:50])
			p.send(ping, "in between, and long enough to matter")
			p.send(continuation, "")
			p.send(lastPart, message[50:])
			want := strings.Replace(message, "ping", "pong", 1)
			p.want(want, "pong in between, and long enough to matter", want)
		}
	})
}

// TestEndlessViolator: a peer that was told to go and keeps sending is cut off after a moment.
func TestEndlessViolator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("")
		p.want("$open:0")
		begin := time.Now()
		done := make(chan error)
		go func() {
			for {
				if _, err := p.Write([]byte(serverFrame(text, "not masked"))); err != nil {
					done <- err
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		p.want("close 1002")
		<-done
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("it was cut off after %v", took)
		}
	})
}

// TestSlowMessage: what a client begins it has half a minute to end. To say nothing at all is no offence.
func TestSlowMessage(t *testing.T) {
	whole := clientFrame(text, `{"op":"ping","ref":"`+strings.Repeat("x", 200)+`"}`)
	for _, c := range []struct {
		name  string
		begun []byte
	}{
		{"half a header", whole[:3]},
		{"a header", whole[:8]},
		{"half a message", whole[:50]},
		{"a fragment", clientFrame(text&^0x80, `{"op":`)},
		{"half a ping", clientFrame(ping, "hello")[:4]},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, websocket.Config{Heartbeat: -1})
				p := f.connect("topic=none")
				p.want("$open:0")
				for range 2 {
					time.Sleep(time.Hour)
					for _, b := range whole {
						p.Write([]byte{b})
						time.Sleep(100 * time.Millisecond) // less than half a minute in all
					}
					if got := p.next(); !strings.HasPrefix(got, `{"op":"pong"`) {
						t.Errorf("got %s", got)
					}
				}
				time.Sleep(time.Hour)
				begin := time.Now()
				p.Write(c.begun)
				p.want("close 1008")
				if took := time.Since(begin); took != 30*time.Second {
					t.Errorf("it was closed after %v", took)
				}
				p.wantEnd()
			})
		})
	}
}

// TestMute: a client that answers no ping is dropped one heartbeat after it, without a goodbye.
func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: 20 * time.Second})
		p := f.connect("")
		p.want("$open:0", "$beat:0", "ping ")
		begin := time.Now()
		for time.Since(begin) < time.Minute {
			first, payload, err := readFrame(p.r)
			if err != nil {
				break
			}
			if first == closeFrame {
				t.Errorf("a close frame: %q", payload)
			}
		}
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("it was dropped after %v, want 20 s", took)
		}
		synctest.Wait()
		if f.ended(wire.Stalled) != 1 {
			t.Error("it is not counted as stalled")
		}
	})
}

// TestAlive: a client is not dropped as long as it answers pings, or says anything at all.
func TestAlive(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   time.Duration
		first   byte
		payload string
	}{
		{"pongs", 0, pong, ""},
		{"late pongs", 19 * time.Second, pong, ""},
		{"pongs that nobody asked for", 0, pong, "hello"},
		{"messages", 0, text, `{"op":"subscribe"}`},
		{"bad messages", 0, text, `hello`},
		{"pings of its own", 0, ping, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, websocket.Config{Heartbeat: 20 * time.Second})
				p := f.connect("")
				for begin := time.Now(); time.Since(begin) < 10*time.Minute; {
					if strings.HasPrefix(p.next(), "ping ") {
						time.Sleep(c.after)
						p.send(c.first, c.payload)
					}
				}
				if n := f.handler.Counters().Open.Load(); n != 1 {
					t.Error("it was dropped")
				}
			})
		})
	}
}

// TestBusyReceiver: a client that gets events all the time, and so no ping, is not dropped for saying
// nothing.
func TestBusyReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: 20 * time.Second})
		p := f.connect("")
		p.want("$open:0")
		for seq := range 100 {
			time.Sleep(17 * time.Second)
			transporttest.Publish(t, f.hub, "a", 1)
			p.want(fmt.Sprintf("a:%d", seq+1))
		}
		// Also if it was pinged once, and answered.
		p.want("$beat:100", "ping ")
		p.send(pong, "")
		for seq := range 100 {
			time.Sleep(17 * time.Second)
			transporttest.Publish(t, f.hub, "a", 1)
			p.want(fmt.Sprintf("a:%d", seq+101))
		}
	})
}

// TestNoHeartbeat: where it is off, silence is no fault.
func TestNoHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: -1})
		p := f.connect("")
		p.want("$open:0")
		time.Sleep(24 * time.Hour)
		transporttest.Publish(t, f.hub, "a", 1)
		p.want("a:1")
	})
}

// TestFlood: a client that asks and asks and does not read is slowed down, and takes no memory: what
// waits for it is bounded. When it reads, it gets all its answers, in order.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{WriteDeadline: time.Minute})
		p := f.connect("topic=none")
		p.want("$open:0")
		const messages = 2_000
		padding := strings.Repeat("x", 1000)
		var sent atomic.Int64
		done := make(chan error)
		go func() {
			for i := range messages {
				if _, err := p.Write(clientFrame(text, fmt.Sprintf(`{"op":"ping","ref":"%d %s"}`, i, padding))); err != nil {
					done <- err
					return
				}
				sent.Add(1)
			}
			done <- nil
		}()
		synctest.Wait()
		if n := sent.Load(); n > 100 { // some in each pipe, some waiting, one being written
			t.Errorf("%d messages of 1 KB were taken from a client that does not read", n)
		}
		for i := range messages {
			if got, want := p.next(), fmt.Sprintf(`{"op":"pong","ref":"%d %s"}`, i, padding); got != want {
				t.Fatalf("got %.60s, want %.60s", got, want)
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestFloodOfPings: the same for what gorilla answers by itself.
func TestFloodOfPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{WriteDeadline: 10 * time.Second, Heartbeat: -1})
		p := f.connect("")
		p.want("$open:0")
		var sent atomic.Int64
		done := make(chan error)
		go func() {
			for {
				if _, err := p.Write(clientFrame(ping, strings.Repeat("x", 125))); err != nil {
					done <- err
					return
				}
				sent.Add(1)
			}
		}()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if n := sent.Load(); n > 200 {
			t.Errorf("%d pings were taken from a client that does not read", n)
		}
		if n := f.handler.Counters().Open.Load(); n != 1 {
			t.Error("it was cut off too early")
		}
		if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("it ended with %v", err)
		}
		synctest.Wait()
		if f.ended(wire.Stalled) != 1 {
			t.Error("it is not counted as stalled")
		}
	})
}

// TestGoodbye: a server that leaves says so, and then waits a moment for the client's close frame,
// also if that comes behind messages that were on their way.
func TestGoodbye(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(*peer)
		took time.Duration
	}{
		{"the client closes", func(p *peer) { p.send(closeFrame, "\x03\xe9") }, 0},
		{"the client was talking", func(p *peer) {
			for range 50 {
				p.send(text, `{"op":"ping"}`)
				p.send(ping, "?")
				p.send(text, `{"op":"publish","data":1}`)
			}
			p.send(closeFrame, "\x03\xe9")
		}, 0},
		{"the client hangs up", func(p *peer) { p.Close() }, 0},
		{"the client does nothing", func(p *peer) {}, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, websocket.Config{})
				p := f.connect("")
				p.want("$open:0")
				transporttest.Publish(t, f.hub, "a", 1)
				f.hub.Close()
				p.want("a:1", "$bye:1", "close 1001")
				begin := time.Now()
				c.then(p)
				if err := f.handler.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if took := time.Since(begin); took < c.took || took > c.took+10*time.Millisecond {
					t.Errorf("the server closed after %v, want %v", took, c.took)
				}
				if f.ended(wire.Goodbye) != 1 {
					t.Error("it is not counted as a goodbye")
				}
				if c.name != "the client hangs up" {
					p.wantEnd() // nothing behind the close frame
				}
			})
		})
	}
}

// TestGoodbyeToATalker: a client that does not stop talking is not waited for longer than any other.
func TestGoodbyeToATalker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("")
		p.want("$open:0")
		f.hub.Close()
		p.want("$bye:0", "close 1001")
		begin := time.Now()
		for err := error(nil); err == nil; {
			time.Sleep(time.Millisecond)
			_, err = p.Write(clientFrame(text, `{"op":"ping"}`))
		}
		if took := time.Since(begin); took < time.Second || took > time.Second+2*time.Millisecond {
			t.Errorf("it was cut off after %v, want 1 s", took)
		}
		p.wantEnd()
	})
}

// TestClosesAfterGoodbye: the server does not close before the client has answered its close frame,
// whatever else the client says first: to close with something unread would reset the connection,
// and might take the goodbye away from the client.
func TestClosesAfterGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("")
		p.want("$open:0")
		f.hub.Close()
		synctest.Wait()
		p.send(text, `{"op":"ping"}`)
		p.send(text, `hello`)
		p.want("$bye:0", "close 1001")
		p.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := p.r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the server has closed its side: %v", err)
		}
		p.SetReadDeadline(time.Time{})
		p.send(closeFrame, "\x03\xe9")
		p.wantEnd()
	})
}

// TestEventsAndReplies: replies and events do not run through each other, whatever is going on.
func TestEventsAndReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{})
		p := f.connect("")
		p.want("$open:0")
		const n = 300
		go transporttest.Publish(t, f.hub, "a", n)
		go func() {
			for i := range n {
				p.send(text, fmt.Sprintf(`{"op":"ping","ref":%d}`, i))
				p.send(ping, fmt.Sprint(i))
			}
		}()
		events, pongs, replies := 0, 0, 0
		for events < n || pongs < n || replies < n {
			switch got := p.next(); got {
			case fmt.Sprintf("a:%d", events+1):
				events++
			case fmt.Sprintf("pong %d", pongs):
				pongs++
			case fmt.Sprintf(`{"op":"pong","ref":%d}`, replies):
				replies++
			default:
				t.Fatalf("after %d events, %d pongs and %d replies: %s", events, pongs, replies, got)
			}
		}
	})
}

// TestGrant: operations obey what the connection's grant says; one that does not is answered by an error, and the
// connection stays (WS-15).
func TestGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var denied atomic.Int64
		f := start(t, websocket.Config{Heartbeat: -1, Refused: func(string) { denied.Add(1) }})
		grant := &access.Grant{Publish: access.Topics{"chat.7"}, Subscribe: access.Topics{"news", "a"}, Expires: time.Now().Add(time.Minute)}
		f.server.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f.handler.ServeHTTP(w, r.WithContext(access.With(r.Context(), grant)))
		})
		if p := f.ask("GET /websocket?topic=secret HTTP/1.1"); p.response.StatusCode != http.StatusForbidden {
			t.Errorf("a topic that is not granted: %s", p.response.Status)
		}
		p := f.connect("")
		p.want("$open:0")
		refused := func(message, about string) {
			t.Helper()
			before := denied.Load()
			p.send(text, message)
			var reply struct{ Op, Ref, Error string }
			if got := p.next(); json.Unmarshal([]byte(got), &reply) != nil || reply.Op != "error" || reply.Ref != "7" || !strings.Contains(reply.Error, about) {
				t.Errorf("%s was answered %s", message, got)
			}
			if denied.Load() != before+1 {
				t.Errorf("%s was not counted", message)
			}
		}
		refused(`{"op":"publish","ref":"7","topic":"chat.8","data":1}`, "chat.8")
		refused(`{"op":"publish","ref":"7","topic":"news","data":1}`, "news")
		refused(`{"op":"subscribe","ref":"7","topics":["news","secret"]}`, "secret")
		refused(`{"op":"subscribe","ref":"7","topics":["chat.7"],"after":"earliest"}`, "chat.7")
		p.send(text, `{"op":"publish","ref":"1","topic":"chat.7","data":1}`)
		p.want(`{"op":"ack","ref":"1","id":"mfrggzdf-1"}`)
		for _, topic := range []string{"secret", "news", "chat.7", "a"} {
			transporttest.Publish(t, f.hub, topic, 1)
		}
		p.want("news:3", "a:5") // of all that there is, those that are granted
		p.send(text, `{"op":"subscribe","topics":["news"],"after":"earliest"}`)
		p.want("$open:0", "news:3")
		p.send(text, `{"op":"subscribe","after":"earliest"}`)
		p.want("$open:0", "news:3", "a:5")
		p.send(text, `{"op":"subscribe","topics":[]}`)
		p.want("$open:5")

		// Who has no time left may do nothing, though the goodbye has not come yet.
		time.Sleep(time.Minute)
		refused(`{"op":"publish","ref":"7","topic":"chat.7","data":1}`, "expired")
		refused(`{"op":"subscribe","ref":"7","topics":["a"],"after":"earliest"}`, "expired")
		p.send(text, `{"op":"ping","ref":"9"}`)
		p.want(`{"op":"pong","ref":"9"}`)
		if n := f.hub.State().Head.Seq; n != 5 {
			t.Errorf("%d events were published", n)
		}
	})
}

// TestGrantOfTheDefaultTopic: an event that names no topic is one of the default topic, for its grant too.
func TestGrantOfTheDefaultTopic(t *testing.T) {
	for granted, want := range map[string]string{
		event.DefaultTopic: `{"op":"ack","ref":"7","id":"mfrggzdf-1"}`,
		"other":            `{"op":"error","ref":"7","error":"the token does not let its bearer publish on \"message\""}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, websocket.Config{Heartbeat: -1})
			grant := &access.Grant{Publish: access.Topics{granted}, Subscribe: access.Topics{"a"}}
			f.server.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f.handler.ServeHTTP(w, r.WithContext(access.With(r.Context(), grant)))
			})
			p := f.connect("")
			p.want("$open:0")
			p.send(text, `{"op":"publish","ref":"7","data":1}`)
			p.want(want)
		})
	}
}

// TestMaySubscribe: an operation that is granted may still come too often; then nothing changes.
func TestMaySubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		f := start(t, websocket.Config{Heartbeat: -1, MaySubscribe: func(peer string) error {
			if asked++; asked > 1 {
				return errors.New("too often, " + peer)
			}
			return nil
		}})
		p := f.connect("?topic=a")
		p.want("$open:0")
		p.send(text, `{"op":"subscribe","topics":["b"]}`)
		p.want("$open:0")
		p.send(text, `{"op":"subscribe","ref":"7","topics":["$"]}`) // is none, and is not asked for
		if got := p.next(); !strings.Contains(got, `"op":"error"`) || asked != 1 {
			t.Errorf("topics that are none: %s; asked %d times", got, asked)
		}
		p.send(text, `{"op":"subscribe","ref":"7","topics":["c"],"after":"earliest"}`)
		if got := p.next(); !strings.Contains(got, `"op":"error","ref":"7","error":"too often, `) {
			t.Errorf("it was answered %s", got)
		}
		transporttest.Publish(t, f.hub, "c", 1)
		transporttest.Publish(t, f.hub, "b", 1)
		p.want("b:2")
	})
}

// TestDeadlineOfTheRequest: at the deadline of the handshake's context the stream says goodbye.
func TestDeadlineOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: -1})
		f.server.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
			defer cancel()
			f.handler.ServeHTTP(w, r.WithContext(ctx))
		})
		begin := time.Now()
		p := f.connect("")
		p.want("$open:0", "$bye:0", "close 1001")
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("it took %v", took)
		}
		p.send(closeFrame, "\x03\xe9")
		p.wantEnd()
	})
}
