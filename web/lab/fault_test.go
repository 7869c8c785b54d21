package lab_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushlab/common/fault"
	"pushlab/common/tap"
	"pushlab/web/lab"
)

// happened waits for a fault's event.
func (p *page) happened(what string, is func(f lab.Fault) bool) (found lab.Fault) {
	p.t.Helper()
	p.wait(what, func(seen []lab.Batch) bool {
		list := all(seen, faultsOf)
		i := slices.IndexFunc(list, is)
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}

// TestFaults: each fault is seen where it happens, and told.
func TestFaults(t *testing.T) {
	const sse = `{"lane":"sse",`
	for _, c := range []struct {
		name, command string
		state         string // of the lane's faults behind it
		check         func(t *testing.T, p *page, conn *peer)
	}{
		{"delay", `"set":"down:delay=150ms"}`, "down:delay=150ms", func(t *testing.T, p *page, conn *peer) {
			id := p.step()
			conn.to(t, id)
			r, m := p.message("the event", func(r lab.Record, m lab.Message) bool { return m.ID == id && m.Kind == tap.EventMessage })
			if late := m.Ended - m.Sent; late < 150*time.Millisecond || late > 10*time.Second {
				t.Errorf("the event was %v late", late)
			}
			f := p.happened("something was held", func(f lab.Fault) bool { return f.Kind == fault.Held && f.Direction == "down" })
			if f.Lane != "sse" || f.Connection != r.Conn || f.Why != "delay" || f.Bytes != r.N || f.At < m.Sent {
				t.Errorf("it is told so: %+v of %+v", f, r)
			}
			p.happened("it was let go", func(f lab.Fault) bool { return f.Kind == fault.Released && f.For >= 150*time.Millisecond })
		}},
		{"delay of requests", `"set":"up:delay=150ms"}`, "up:delay=150ms", func(t *testing.T, p *page, conn *peer) {
			p.dial("sse", "/sse?topic=late").to(t, `"$open"`)
			r, _ := p.message("the request", func(r lab.Record, m lab.Message) bool { return strings.Contains(m.Label, "late") })
			p.wait("it arrives", func(seen []lab.Batch) bool {
				return slices.ContainsFunc(all(seen, func(b lab.Batch) []lab.Arrival { return b.Arrived }), func(a lab.Arrival) bool {
					return a.Conn == r.Conn && a.Offset == int64(r.N) && a.At-r.At >= 150*time.Millisecond
				})
			})
		}},
		{"buffer", `"set":"down:buffer=1KiB"}`, "down:buffer=1KiB", func(t *testing.T, p *page, conn *peer) {
			id := p.step()
			p.wait("the proxy holds it", func(seen []lab.Batch) bool {
				proxies := last(seen, proxiesOf)
				return proxies["sse"].Held > 100 && proxies["websocket"].Held == 0
			})
			p.command("fault", sse+`"set":""}`)
			conn.to(t, id)
			p.wait("and lets it go", func(seen []lab.Batch) bool {
				return last(seen, proxiesOf)["sse"].Held == 0
			})
		}},
		{"cut by FIN", `"cut":"fin"}`, "", func(t *testing.T, p *page, conn *peer) {
			if _, err := io.ReadAll(conn.r); err != nil {
				t.Error(err)
			}
			f := p.happened("it was cut", func(f lab.Fault) bool { return f.Kind == fault.Closed && f.Why == fault.WhyCut })
			conn.Close()
			p.ended(f.Connection, tap.Finished, tap.Closed)
		}},
		{"cut by RST", `"cut":"rst"}`, "", func(t *testing.T, p *page, conn *peer) {
			if _, err := io.ReadAll(conn.r); !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
			f := p.happened("it was cut", func(f lab.Fault) bool { return f.Kind == fault.Closed && f.Why == fault.WhyCut })
			p.ended(f.Connection, tap.Reset)
		}},
		{"black hole", `"cut":"blackhole"}`, "", func(t *testing.T, p *page, conn *peer) {
			p.step()
			f := p.happened("it is silent", func(f lab.Fault) bool { return f.Kind == fault.Silenced })
			p.wait("the event is lost", func(seen []lab.Batch) bool {
				proxy := last(seen, proxiesOf)["sse"]
				return proxy.Swallowed > 100 && proxy.Open == 1
			})
			for _, r := range all(p.batches(), recordsOf) {
				if r.Conn == f.Connection && (r.Kind != tap.Opened && r.Kind != tap.Bytes || r.At > f.At) {
					t.Errorf("of the connection is told %+v", r)
				}
			}
		}},
		{"answer", `"set":"answer=503/1x/retry:2s"}`, "answer=503/1x/retry:2s", func(t *testing.T, p *page, conn *peer) {
			p.dial("sse", "/sse").to(t, "Retry-After: 2\r\n")
			p.message("the answer", func(r lab.Record, m lab.Message) bool {
				return m.Kind == tap.ResponseMessage && strings.HasPrefix(m.Label, "503")
			})
			p.happened("it is told so", func(f lab.Fault) bool { return f.Kind == fault.Answered && strings.HasPrefix(f.Why, "503") })
			p.dial("sse", "/sse").to(t, `"$open"`)
		}},
		{"idle", `"set":"idle=100ms"}`, "idle=100ms", func(t *testing.T, p *page, conn *peer) {
			if _, err := io.ReadAll(conn.r); err != nil {
				t.Error(err)
			}
			p.happened("it was idle", func(f lab.Fault) bool {
				return f.Kind == fault.Closed && f.Why == fault.WhyIdle && f.For >= 100*time.Millisecond
			})
		}},
		{"connections", `"set":"connections=1"}`, "connections=1", func(t *testing.T, p *page, conn *peer) {
			second := p.dial("sse", "/sse")
			f := p.happened("it waits", func(f lab.Fault) bool { return f.Kind == fault.Queued })
			conn.Close()
			second.to(t, `"$open"`)
			p.happened("it is served", func(g lab.Fault) bool { return g.Kind == fault.Opened && g.Connection == f.Connection && g.At > f.At })
		}},
		{"refuse", `"once":"refuse=30s"}`, "", func(t *testing.T, p *page, conn *peer) {
			if _, err := io.ReadAll(conn.r); err != nil {
				t.Error(err)
			}
			address := strings.TrimPrefix(p.lane("sse", ""), "http://")
			if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Error(err)
			}
			p.dial("websocket", "/websocket").to(t, `"$open"`)
			p.command("fault", `{"lane":"all","reset":true}`)
			p.eventually("the port is open again", func() bool {
				c, err := net.Dial("tcp", address)
				if err == nil {
					c.Close()
				}
				return err == nil
			})
			p.dial("sse", "/sse").to(t, `"$open"`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := open(t)
			conn := p.dial("sse", "/sse")
			conn.to(t, `"$open"`)
			if s := p.command("fault", sse+c.command); s.Faults["sse"] != c.state || len(s.Faults) != 4 || s.Faults["websocket"] != "" {
				t.Errorf("the faults are %v", s.Faults)
			}
			c.check(t, p, conn)
			if s := p.command("fault", `{"lane":"all","reset":true}`); s.Faults["sse"] != "" {
				t.Errorf("the faults are %v", s.Faults)
			}
		})
	}
}

// ended waits until a connection has ended in all of those ways.
func (p *page) ended(conn uint64, kinds ...tap.RecordKind) {
	p.t.Helper()
	for _, kind := range kinds {
		p.wait("the connection has ended by "+string(kind), func(seen []lab.Batch) bool {
			return slices.ContainsFunc(all(seen, recordsOf), func(r lab.Record) bool { return r.Conn == conn && r.Kind == kind && r.Lane == "sse" })
		})
	}
}

// TestAllLanes: a command can be for all.
func TestAllLanes(t *testing.T) {
	p := open(t)
	s := p.command("fault", `{"lane":"all","set":"delay=1ms,split=1"}`)
	for name := range p.lab.Lanes {
		if s.Faults[name] != "delay=1ms,split=1B" {
			t.Errorf("%s: %q", name, s.Faults[name])
		}
	}
	p.wait("the state is told", func(seen []lab.Batch) bool { return last(seen, stateOf).Faults["longpoll"] != "" })
	p.dial("httpstream", "/httpstream").to(t, `"$open"`)
	p.happened("on all lanes", func(f lab.Fault) bool { return f.Lane == "websocket" && f.Kind == fault.Changed && f.Connection == 0 })
}

// TestConnections: a lane has no more connections than it may have.
func TestConnections(t *testing.T) {
	p := open(t)
	for range 64 {
		p.dial("sse", "/sse").to(t, `"$open"`)
	}
	over, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://"))
	if err == nil {
		_, err = io.ReadAll(over)
		over.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	p.happened("it is told so", func(f lab.Fault) bool { return f.Kind == fault.Refused && f.Why == fault.WhyFull && f.Connection > 64 })
	p.dial("websocket", "/websocket").to(t, `"$open"`) // other lanes have their own
}
