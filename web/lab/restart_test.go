package lab_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushlab/common/fault"
	"pushlab/common/tap"
	"pushlab/web/lab"
)

// TestRestart: the private server goes, and comes back: with or without its log, a goodbye, and a pause.
func TestRestart(t *testing.T) {
	for _, log := range []string{"kept", "lost"} {
		for _, polite := range []bool{true, false} {
			for _, down := range []time.Duration{0, 300 * time.Millisecond} {
				t.Run(fmt.Sprintf("log=%s,polite=%v,down=%v", log, polite, down), func(t *testing.T) {
					p := open(t)
					first := p.step()
					epoch, _, _ := strings.Cut(first, "-")
					conn := p.dial("sse", "/sse")
					conn.to(t, `"$open"`)
					s := p.command("server", fmt.Sprintf(`{"do":"restart","down":%q,"log":%q,"polite":%v}`, down, log, polite))
					if s.Down == 0 || s.Down < down {
						t.Errorf("it is down until %v", s.Down)
					}
					rest, err := io.ReadAll(conn.r)
					if polite && (err != nil || !strings.HasSuffix(string(rest), "\r\n0\r\n\r\n") || !strings.Contains(string(rest), "event: $bye")) {
						t.Errorf("it has said %q, %v", rest, err)
					}
					if !polite && (!errors.Is(err, syscall.ECONNRESET) || strings.Contains(string(rest), "$bye")) {
						t.Errorf("it has said %q, %v", rest, err)
					}
					conn.Close()
					if down > 0 {
						p.happened("connections are refused", func(f lab.Fault) bool {
							return f.Kind == fault.Changed && strings.Contains(f.Why, "refuse=") && f.Lane == "websocket"
						})
						if c, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://")); err == nil {
							c.Close()
							t.Error("the port answers while the server is away")
						}
						status, b := p.ask("POST", "/step", "")
						if want := map[string]int{"kept": 200, "lost": 503}[log]; status != want {
							t.Errorf("a step while the server is away: %d %s", status, b)
						}
					}
					p.eventually("the server is back", func() bool { return p.describe().State.Down == 0 })
					back := p.describe().State
					if (back.Epoch == epoch) != (log == "kept") {
						t.Errorf("the epoch was %s, and is %s", epoch, back.Epoch)
					}
					p.eventually("the port is open again", func() bool {
						c, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://"))
						if err == nil {
							c.Close()
						}
						return err == nil
					})
					again := p.dial("sse", "/sse?after="+first)
					if log == "lost" {
						again.to(t, `"topic":"$gap","data":{"after":"`+first+`"}}`)
					}
					next := p.step()
					if got := again.to(t, next); strings.Contains(got, "$gap") {
						t.Errorf("there is a gap: %s", got)
					}
					p.message("the observer sees it", func(r lab.Record, m lab.Message) bool { return m.ID == next && m.Kind == tap.EventMessage })
					p.wait("and the new log", func(seen []lab.Batch) bool { return last(seen, logOf).Head == next })
				})
			}
		}
	}
}

// TestRestarts: one restart can wait for another, no more.
func TestRestarts(t *testing.T) {
	p := open(t)
	p.dial("sse", "/sse").to(t, `"$open"`)
	refused := 0
	for range 20 {
		status, b := p.ask("POST", "/server", `{"do":"restart"}`)
		switch status {
		case 200:
		case 409:
			refused++
		default:
			t.Fatalf("%d %s", status, b)
		}
	}
	if refused == 0 {
		t.Error("all of twenty restarts were accepted at once")
	}
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 })
	p.dial("sse", "/sse").to(t, `"$open"`)
}

// TestRestartWithUnusedConnections: connections that were never used, of which a browser keeps some in reserve, hold up a
// polite restart no longer than a learner can bear. net/http takes them for busy while they are new.
func TestRestartWithUnusedConnections(t *testing.T) {
	p := open(t)
	for range 4 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	p.wait("the lane has them", func(seen []lab.Batch) bool { return last(seen, proxiesOf)["sse"].Open == 4 })
	p.dial("sse", "/sse").to(t, `"$open"`) // by when the server has those before it
	begin := time.Now()
	p.command("server", `{"do":"restart"}`)
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 })
	took := time.Since(begin)
	t.Logf("it took %v", took)
	if took > 1500*time.Millisecond {
		t.Errorf("the restart took %v", took)
	}
}

// TestSettings: settings of the server count from its next life on, which begins at once.
func TestSettings(t *testing.T) {
	p := open(t)
	first := p.dial("sse", "/sse")
	first.to(t, `"$open"`)
	s := p.command("settings", `{"heartbeat":"100ms","retry":"1s","compress":true,"wait":0}`)
	want := p.lab.State.Settings
	want.Heartbeat, want.Retry, want.Compress, want.Wait = lab.Duration(100*time.Millisecond), lab.Duration(time.Second), true, 0
	if s.Settings != want {
		t.Errorf("the settings are %+v", s.Settings)
	}
	first.to(t, "event: $bye")
	id := p.step() // the log is kept
	next := p.dial("sse", "/sse?after=earliest")
	next.to(t, "retry: ")
	if retry, err := strconv.Atoi(strings.TrimSuffix(next.to(t, "\n"), "\n")); err != nil || retry < 500 || retry > 1500 { // which is jittered
		t.Errorf("it asks to come back after %d ms, %v", retry, err)
	}
	next.to(t, id)
	next.to(t, "event: $beat")
	p.dial("longpoll", "/longpoll?after="+id).to(t, "204 No Content")
	ws := p.dial("websocket", "/websocket", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	ws.to(t, "permessage-deflate")

	before := p.describe().State.Epoch
	if s := p.command("settings", `{"heartbeat":"off","history":5}`); s.Settings.Heartbeat != -1 || s.Settings.History != 5 {
		t.Errorf("the settings are %+v", s.Settings)
	}
	next.to(t, "event: $bye")
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 })
	if after := p.describe().State.Epoch; after != before {
		t.Error("the log is lost")
	}
	if s := p.command("settings", `{}`); s.Down != 0 {
		t.Error("nothing changes, and the server restarts")
	}
	if s := p.command("settings", `{"history":6}`); s.Down != 0 {
		t.Error("the log changes in place, and the server restarts")
	}
}

// TestSettingsAtOnce: of settings that are changed at the same time none is lost, and the server that lives at the end
// has them all.
func TestSettingsAtOnce(t *testing.T) {
	p := open(t)
	for i := range 5 {
		want := lab.Settings{Heartbeat: lab.Duration(time.Duration(200+i) * time.Millisecond), Retry: lab.Duration(time.Duration(10+i) * time.Second),
			History: 100 + i, Compress: i%2 == 0, Guard: i%2 == 0, Wait: i}
		bodies := []string{
			fmt.Sprintf(`{"heartbeat":"%dms"}`, 200+i), fmt.Sprintf(`{"retry":"%ds"}`, 10+i), fmt.Sprintf(`{"history":%d}`, 100+i),
			fmt.Sprintf(`{"compress":%t,"guard":%t}`, i%2 == 0, i%2 == 0), fmt.Sprintf(`{"wait":%d}`, i),
		}
		var commands sync.WaitGroup
		begin := make(chan struct{})
		for _, body := range bodies {
			commands.Go(func() {
				<-begin
				if status, b := p.ask("POST", "/settings", body); status != 200 {
					t.Errorf("%s: %d %s", body, status, b)
				}
			})
		}
		close(begin)
		commands.Wait()
		p.eventually("the server is back", func() bool { return p.describe().State.Down == 0 })
		if got := p.describe().State; got.Settings != want {
			t.Errorf("the settings are %+v, want %+v", got.Settings, want)
		}
		p.wait("the observer is told", func(seen []lab.Batch) bool { return last(seen, stateOf).Settings == want })
		stream := p.dial("sse", "/sse")
		stream.to(t, "retry: ")
		if retry, err := strconv.Atoi(strings.TrimSuffix(stream.to(t, "\n"), "\n")); err != nil || retry < 500*(10+i) || retry > 1500*(10+i) { // jittered
			t.Errorf("it asks to come back after %d ms, %v", retry, err)
		}
		stream.to(t, "event: $beat")
		stream.Close()
		socket := p.dial("websocket", "/websocket", "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover")
		if head := socket.to(t, "\r\n\r\n"); strings.Contains(head, "permessage-deflate") != want.Compress {
			t.Errorf("compression: %t; it answers %q", want.Compress, head)
		}
		socket.Close()
	}
}

// TestGuard: without the guard the attacker's page is let in by WebSocket, and nobody else's is (CORS-03).
func TestGuard(t *testing.T) {
	p := open(t)
	if p.lab.Attacker == nil {
		t.Fatal("there is no attacker")
	}
	attacker := fmt.Sprintf("http://attacker.localhost:%d", p.lab.Attacker.Port)
	answer := func(lane, origin string) string {
		c := p.dial(lane, "/"+lane, "Origin: "+origin)
		defer c.Close()
		return c.to(t, "\r\n\r\n")
	}
	check := func(origin, status string) {
		t.Helper()
		if got := answer("websocket", origin); !strings.HasPrefix(got, "HTTP/1.1 "+status) {
			t.Errorf("%s: %q", origin, got)
		}
	}
	check(p.url, "101")
	check(attacker, "403")
	check("http://evil.example", "403")
	p.command("settings", `{"guard":false}`)
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 })
	check(p.url, "101")
	check(attacker, "101")
	check("http://evil.example", "403")
	if got := answer("sse", attacker); strings.Contains(got, "Access-Control-Allow-Origin") {
		t.Errorf("the attacker may read: %q", got)
	}
	if got := answer("sse", p.url); !strings.Contains(got, "Access-Control-Allow-Origin: "+p.url) {
		t.Errorf("the page may not read: %q", got)
	}
}
