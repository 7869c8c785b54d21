package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/web"
	"pushlab/web/lab"
	"pushlab/websocket"
)

// A page is a learner's: his lab, and what he observes of it.
type page struct {
	t      testing.TB
	main   *hub.Hub
	url    string // of the main server
	cookie string
	lab    lab.Description

	*view
}

// A view is what was observed.
type view struct {
	mu      sync.Mutex
	seen    []lab.Batch
	cursors []string // of the batches
	changed chan struct{}
}

func newView() *view { return &view{changed: make(chan struct{})} }

// web0 is how a server is by default.
var web0 web.Config

// server starts the main server, which is drained when the test ends; then nothing may be left of it.
func server(t testing.TB, config web.Config) (main *hub.Hub, url string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	main = hub.New(hub.Config{})
	config.Demo = true
	s, err := web.NewServer(main, config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return main, "http://" + l.Addr().String()
}

// open opens a page, and observes. The lab publishes nothing by itself.
func open(t testing.TB) *page {
	t.Helper()
	main, url := server(t, web0)
	p := enter(t, url)
	p.main = main
	p.command("source", `{"rate":0}`)
	p.observe("")
	return p
}

// describe asks for the lab's description.
func (p *page) describe() (d lab.Description) {
	p.t.Helper()
	status, b := p.ask("GET", "", "")
	if err := json.Unmarshal(b, &d); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d %s", status, b)
	}
	return d
}

// eventually waits for something to become true, which must be soon.
func (p *page) eventually(what string, condition func() bool) {
	p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		if condition() {
			return
		}
		<-tick.C
	}
	p.t.Fatalf("waited in vain: %s", what)
}

// enter makes a lab.
func enter(t testing.TB, url string) *page {
	t.Helper()
	p := &page{t: t, url: url, view: newView()}
	response, err := http.Post(url+"/lab", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&p.lab); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatal(response.Status, err)
	}
	p.cookie = response.Header.Get("Set-Cookie")
	p.cookie, _, _ = strings.Cut(p.cookie, ";")
	return p
}

// observe collects the batches behind a cursor until the test ends.
func (p *page) observe(after string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := websocket.Dial(ctx, p.url+"/lab/"+p.lab.ID+"/observe", client.Options{Header: http.Header{"Cookie": {p.cookie}}, After: after})
	if err != nil {
		p.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			e, err := conn.Next(ctx)
			if err != nil {
				return
			}
			if e.Topic != lab.Topic {
				continue
			}
			var b lab.Batch
			if err := json.Unmarshal(e.Data, &b); err != nil {
				p.t.Error(err)
			}
			p.mu.Lock()
			p.seen, p.cursors = append(p.seen, b), append(p.cursors, e.ID.String())
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
		}
	})
	p.t.Cleanup(func() {
		cancel()
		conn.Close()
		running.Wait()
	})
}

// again observes once more, apart from what was seen before.
func (p *page) again(after string) *page {
	q := *p
	q.view = newView()
	q.observe(after)
	return &q
}

// wait waits until something holds of what was seen, and returns the number of batches by then.
func (p *page) wait(what string, holds func(seen []lab.Batch) bool) int {
	p.t.Helper()
	timeout := time.After(15 * time.Second)
	for {
		p.mu.Lock()
		seen, changed := p.seen, p.changed
		p.mu.Unlock()
		if holds(seen) {
			return len(seen)
		}
		select {
		case <-changed:
		case <-timeout:
			text, _ := json.Marshal(seen)
			p.t.Fatalf("waited in vain: %s; seen was %.20000s", what, text)
		}
	}
}

// batches returns what was seen so far.
func (p *page) batches() []lab.Batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// message waits for a message.
func (p *page) message(what string, is func(r lab.Record, m lab.Message) bool) (record lab.Record, message lab.Message) {
	p.t.Helper()
	p.wait(what, func(seen []lab.Batch) bool {
		for _, b := range seen {
			for _, r := range b.Records {
				for _, m := range r.Messages {
					if is(r, m) {
						record, message = r, m
						return true
					}
				}
			}
		}
		return false
	})
	return record, message
}

// ask makes a request below the lab.
func (p *page) ask(method, path, body string) (int, []byte) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+"/lab/"+p.lab.ID+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Cookie", p.cookie)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, b
}

// command gives a command, which must succeed.
func (p *page) command(name, body string) (s lab.State) {
	p.t.Helper()
	status, b := p.ask("POST", "/"+name, body)
	if err := json.Unmarshal(b, &s); err != nil || status != http.StatusOK {
		p.t.Fatalf("%s %s: %d %s", name, body, status, b)
	}
	return s
}

// step publishes an event.
func (p *page) step() string {
	p.t.Helper()
	status, b := p.ask("POST", "/step", "")
	var step struct{ ID string }
	if err := json.Unmarshal(b, &step); err != nil || status != http.StatusOK {
		p.t.Fatalf("%d %s", status, b)
	}
	return step.ID
}

// lane returns a URL of a lane.
func (p *page) lane(name, path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", p.lab.Lanes[name].Port, path)
}

// A peer is a raw connection to a lane.
type peer struct {
	net.Conn
	r *bufio.Reader
}

// dial connects to a lane, and asks.
func (p *page) dial(lane, path string, header ...string) *peer {
	p.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.lab.Lanes[lane].Port))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	request := "GET " + path + " HTTP/1.1\r\nHost: " + lane + ".localhost\r\n" + strings.Join(append(header, ""), "\r\n")
	if lane == "websocket" && path != "/raw" {
		request += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		p.t.Fatal(err)
	}
	return &peer{conn, bufio.NewReader(conn)}
}

// to reads up to some text.
func (c *peer) to(t testing.TB, text string) string {
	t.Helper()
	var got bytes.Buffer
	for !strings.HasSuffix(got.String(), text) {
		b, err := c.r.ReadByte()
		if err != nil {
			t.Fatalf("no %q after %q: %v", text, got.String(), err)
		}
		got.WriteByte(b)
	}
	return got.String()
}
