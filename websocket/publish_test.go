package websocket_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/access"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/websocket"
)

// TestPublishOnce: what is sent again under its key, on whatever connection, is the same event.
func TestPublishOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := map[string]int{}
		f := start(t, websocket.Config{Heartbeat: -1, Refused: func(limit string) { refused[limit]++ }})
		p, again := f.connect("topic=none"), f.connect("topic=none")
		p.want("$open:0")
		again.want("$open:0")
		p.send(text, `{"op":"publish","ref":"1","data":{"a": 1},"key":"k"}`)
		p.want(`{"op":"ack","ref":"1","id":"mfrggzdf-1"}`)
		p.send(text, `{"op":"publish","ref":"2","data":{"a":1},"key":"k"}`)
		p.want(`{"op":"ack","ref":"2","id":"mfrggzdf-1"}`)
		again.send(text, `{"op":"publish","ref":"1","data":{"a":1},"key":"k"}`)
		again.want(`{"op":"ack","ref":"1","id":"mfrggzdf-1"}`)
		p.send(text, `{"op":"publish","ref":"3","data":{"a":1},"key":null}`) // as none
		p.want(`{"op":"ack","ref":"3","id":"mfrggzdf-2"}`)
		for _, c := range []struct{ member, about string }{
			{`"data":2,"key":"k"`, "another event"},
			{`"data":{"a":1},"topic":"other","key":"k"`, "another event"},
			{`"data":1,"key":""`, "key"},
			{`"data":1,"key":"a b"`, "visible"},
			{`"data":1,"key":7`, "key must be a string"},
			{`"data":1,"key":"` + strings.Repeat("k", 257) + `"`, "257"},
		} {
			p.send(text, `{"op":"publish","ref":"4",`+c.member+`}`)
			if got := p.next(); !strings.Contains(got, `"op":"error","ref":"4"`) || !strings.Contains(got, c.about) {
				t.Errorf("%s was answered %s", c.member, got)
			}
		}
		if n := f.hub.State().Head.Seq; n != 2 || len(refused) > 0 {
			t.Errorf("%d events were published; refused: %v", n, refused)
		}
	})
}

// An appender is a log of which nothing but Append is needed.
type appender struct {
	hub.Log
	append func(context.Context, hub.Entry) (event.ID, error)
}

func (a appender) Append(ctx context.Context, e hub.Entry) (event.ID, error) { return a.append(ctx, e) }

// A slowLog takes as long for each event as its data say.
func slowLog(held *atomic.Int64) appender {
	var seq atomic.Uint64
	return appender{append: func(ctx context.Context, e hub.Entry) (event.ID, error) {
		held.Add(1)
		defer held.Add(-1)
		d, err := time.ParseDuration(strings.Trim(string(e.Data), `"`))
		if err != nil {
			return event.ID{}, err
		}
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return event.ID{Epoch: "mfrggzdf", Seq: seq.Add(1)}, nil
		case <-ctx.Done():
			return event.ID{}, ctx.Err()
		}
	}}
}

// onSlowLog runs a test with a log that is slow, with and without an engine. Streams are of another hub than what is
// published, so that they have events while the log has none.
func onSlowLog(t *testing.T, config websocket.Config, run func(t *testing.T, f *fixture, held *atomic.Int64)) {
	for _, engine := range []bool{false, true} {
		t.Run(fmt.Sprintf("engine=%t", engine), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if engine {
					e, err := wire.NewEngine(new(memhttp.Kernel))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { e.Close() }) // after the fixture's
					config.Engine = e
				}
				var held atomic.Int64
				f := startOn(t, hub.New(hub.Config{Log: slowLog(&held)}), config)
				run(t, f, &held)
			})
		})
	}
}

// TestSlowLog: who waits for the log is answered in order, one at a time; his stream goes on, and everybody else's.
func TestSlowLog(t *testing.T) {
	onSlowLog(t, websocket.Config{Heartbeat: time.Second}, func(t *testing.T, f *fixture, held *atomic.Int64) {
		const publishers = 20
		var all []*peer
		other := f.connect("")
		other.want("$open:0")
		for range publishers {
			p := f.connect("")
			p.want("$open:0")
			all = append(all, p)
		}
		begin := time.Now()
		for _, p := range all {
			p.send(text, `{"op":"publish","ref":"1","data":"5s"}`)
			p.send(text, `{"op":"publish","ref":"2","data":"1ms"}`)
			p.send(text, `{"op":"ping","ref":"3"}`)
		}
		synctest.Wait()
		if n := held.Load(); n != publishers {
			t.Errorf("%d events wait for the log, want one of each of %d connections", n, publishers)
		}
		// Meanwhile everybody has his heartbeats, though nobody reads the pongs of those who wait.
		beats := func(p *peer, answer bool) (n int) {
			for {
				switch got := p.next(); {
				case strings.HasPrefix(got, "$beat"):
					n++
				case strings.HasPrefix(got, "ping "):
					p.send(pong, "")
				case answer && strings.Contains(got, `"ack","ref":"1"`):
					return n
				default:
					t.Fatalf("got %s", got)
				}
				if !answer && n == 3 {
					return n
				}
			}
		}
		beats(other, false)
		other.send(text, `{"op":"ping"}`)
		for got := ""; got != `{"op":"pong"}`; {
			if got = other.next(); strings.HasPrefix(got, "ping ") {
				other.send(pong, "")
			}
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("three heartbeats and an answer took %v", took)
		}
		other.Close()
		for _, p := range all {
			if n := beats(p, true); n < 4 {
				t.Errorf("%d heartbeats while the log took 5 s", n)
			}
			for _, want := range []string{`{"op":"ack","ref":"2"`, `{"op":"pong","ref":"3"}`} {
				got := p.next()
				for ; strings.HasPrefix(got, "$beat") || strings.HasPrefix(got, "ping "); got = p.next() {
				}
				if !strings.HasPrefix(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
		if n := f.ended(wire.Stalled); n != 0 {
			t.Errorf("%d streams were taken for dead", n)
		}
	})
}

// TestLogTooSlow: nobody waits for ever, and he is told that nobody knows.
func TestLogTooSlow(t *testing.T) {
	onSlowLog(t, websocket.Config{Heartbeat: -1}, func(t *testing.T, f *fixture, held *atomic.Int64) {
		p := f.connect("")
		p.want("$open:0")
		begin := time.Now()
		p.send(text, `{"op":"publish","ref":"1","data":"1h","key":"k"}`)
		if got := p.next(); !strings.Contains(got, `"op":"error","ref":"1"`) || !strings.Contains(got, "with the same idempotency key") {
			t.Errorf("got %s", got)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestMuteAfterPublishing: who was not to blame while it waited has to answer the next ping.
func TestMuteAfterPublishing(t *testing.T) {
	onSlowLog(t, websocket.Config{Heartbeat: 2 * time.Second}, func(t *testing.T, f *fixture, held *atomic.Int64) {
		p := f.connect("")
		p.want("$open:0")
		begin := time.Now()
		p.send(text, `{"op":"publish","ref":"1","data":"7s"}`)
		for {
			if _, _, err := readFrame(p.r); err != nil {
				break
			}
		}
		if took := time.Since(begin); took < 9*time.Second || took > 12*time.Second {
			t.Errorf("it was dropped after %v", took)
		}
		synctest.Wait()
		if f.ended(wire.Stalled) != 1 {
			t.Error("it is not counted as stalled")
		}
	})
}

// TestEndWhilePublishing: an end of the stream ends the wait for the log.
func TestEndWhilePublishing(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(f *fixture, p *peer)
		took time.Duration
	}{
		{"the server leaves", func(f *fixture, p *peer) { f.hub.Close() }, 0},
		{"the client vanishes", func(f *fixture, p *peer) { p.Close() }, 2 * time.Second}, // the next heartbeat finds out
		{"the server has no time", func(f *fixture, p *peer) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			f.handler.Shutdown(ctx)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			onSlowLog(t, websocket.Config{Heartbeat: time.Second}, func(t *testing.T, f *fixture, held *atomic.Int64) {
				p := f.connect("")
				p.want("$open:0")
				p.send(text, `{"op":"publish","ref":"1","data":"1h"}`)
				synctest.Wait()
				if held.Load() != 1 {
					t.Fatal("nothing is being published")
				}
				begin := time.Now()
				c.end(f, p)
				time.Sleep(c.took)
				synctest.Wait()
				if n := held.Load(); n != 0 {
					t.Errorf("after %v %d events still wait for the log", time.Since(begin), n)
				}
				if took := time.Since(begin); took > c.took {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestPublishOncePerPublisher: a key counts for whom the connection is.
func TestPublishOncePerPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, websocket.Config{Heartbeat: -1})
		control, err := access.New(access.Config{PublishToken: "publish-0123456789abcdef", SubscribeToken: "publish-0123456789abcdef"})
		if err != nil {
			t.Fatal(err)
		}
		f.server.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token := r.URL.Query().Get("as"); token != "" {
				grant, err := control.Verify(token, time.Now())
				if err != nil {
					t.Error(err)
				}
				r = r.WithContext(access.With(r.Context(), grant))
			}
			f.handler.ServeHTTP(w, r)
		})
		for i, query := range []string{"topic=none", "topic=none&as=publish-0123456789abcdef", "topic=none", "topic=none&as=publish-0123456789abcdef"} {
			p := f.connect(query)
			p.next()
			p.send(text, `{"op":"publish","data":1,"key":"k"}`)
			p.want(fmt.Sprintf(`{"op":"ack","id":"mfrggzdf-%d"}`, i%2+1))
		}
	})
}
