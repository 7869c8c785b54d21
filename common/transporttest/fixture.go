package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/wire"
)

// A fixture is a transport in service on its route.
type fixture struct {
	Transport
	t       *testing.T
	hub     *hub.Hub
	handler Handler
	url     string
	connect func(ctx context.Context, network, address string) (net.Conn, error) // whatever the address
	client  *http.Client                                                         // for raw requests
}

func start(t *testing.T, tr Transport, hubConfig hub.Config, config Config) *fixture {
	h := hub.New(hubConfig)
	config.Heartbeat, config.WriteDeadline = tr.route.scaled(config.Heartbeat), tr.route.scaled(config.WriteDeadline)
	config.Engine = tr.route.engine(t)
	handler := tr.New(h, config)
	server, connect := tr.route.serve(t, tr.Path, handler)
	f := &fixture{tr, t, h, handler, tr.route.url() + tr.Path, connect, server.Client()}
	t.Cleanup(f.close) // before the server, whose cleanup was registered earlier
	return f
}

// close ends the fixture and checks that nothing is left of it.
func (f *fixture) close() {
	f.hub.Close()
	if s, ok := f.handler.(interface{ Shutdown(context.Context) error }); ok {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			f.t.Errorf("the streams did not end: %v", err)
		}
	}
	if n := f.handler.Counters().Open.Load(); n != 0 && !f.Polls {
		f.t.Errorf("%d streams are still counted as open", n)
	}
}

func (f *fixture) publish(topic string, n int) {
	f.t.Helper()
	for range n {
		if _, err := f.hub.Publish(context.Background(), topic, fmt.Appendf(nil, `{"n":%d}`, f.hub.State().Head.Seq+1)); err != nil {
			f.t.Fatal(err)
		}
	}
}

// publishBytes publishes an event of that size.
func (f *fixture) publishBytes(topic string, size int) {
	f.t.Helper()
	if _, err := f.hub.Publish(context.Background(), topic, []byte(`"`+strings.Repeat("x", size)+`"`)); err != nil {
		f.t.Fatal(err)
	}
}

// publishLarge publishes more in "a" than all the buffers on the way hold, as one event: a poll is
// answered with no more than that.
func (f *fixture) publishLarge() {
	f.t.Helper()
	f.publishBytes("a", f.route.buffers())
}

// publishPaced calls publish n times in the background, once in each interval. When it was late it
// catches up.
func (f *fixture) publishPaced(n int, interval time.Duration, publish func(i int)) {
	var publishing sync.WaitGroup
	publishing.Go(func() {
		begin := time.Now()
		for i := range n {
			<-time.After(time.Until(begin.Add(time.Duration(i) * interval)))
			publish(i)
		}
	})
	f.t.Cleanup(publishing.Wait)
}

// id returns the ID with that sequence number.
func (f *fixture) id(seq uint64) event.ID {
	return event.ID{Epoch: f.hub.State().Head.Epoch, Seq: seq}
}

func (f *fixture) dial(opts client.Options) *conn {
	f.t.Helper()
	opts.DialContext = f.connect
	c, err := f.Dial(context.Background(), f.url, opts)
	if err != nil {
		f.t.Fatalf("Dial: %v", err)
	}
	f.t.Cleanup(func() { c.Close() })
	return &conn{c, f.t}
}

// conn is a client's connection in a test.
type conn struct {
	client.Conn
	t *testing.T
}

func (c *conn) next() event.Event {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	e, err := c.Next(ctx)
	if err != nil {
		c.t.Fatalf("Next: %v", err)
	}
	return e
}

// name reads an event and returns its topic and sequence number: "a:1".
func (c *conn) name() string {
	c.t.Helper()
	e := c.next()
	return fmt.Sprintf("%s:%d", e.Topic, e.ID.Seq)
}

// want reads events and compares their names: "$open:0 a:1 b:2".
func (c *conn) want(want string) {
	c.t.Helper()
	var got []string
	for range strings.Fields(want) {
		got = append(got, c.name())
	}
	if s := strings.Join(got, " "); s != want {
		c.t.Fatalf("got %s, want %s", s, want)
	}
}

// wantPast reads one event. In real time that beat may come before it, if the machine was busy and
// published late.
func (f *fixture) wantPast(c *conn, beat, want string) {
	f.t.Helper()
	got := c.name()
	for got == beat && !f.route.virtual() {
		got = c.name()
	}
	if got != want {
		f.t.Fatalf("got %s, want %s", got, want)
	}
}

// wantEnd reads the end of a subscription after its goodbye.
func (c *conn) wantEnd() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if e, err := c.Next(ctx); !errors.Is(err, io.EOF) {
		c.t.Errorf("after the goodbye: %v %v, want io.EOF", e, err)
	}
}

// wantGap reads a gap and checks what it says. A negative missed means that it must not say.
func (c *conn) wantGap(after string, resume event.ID, missed int) {
	c.t.Helper()
	e := c.next()
	gap, err := event.ParseGap(e)
	if e.Topic != event.GapTopic || err != nil {
		c.t.Fatalf("got %s, want a gap", e.Envelope())
	}
	if gap.After != after || e.ID != resume {
		c.t.Errorf("got %s, want a gap after %q that leads to %s", e.Envelope(), after, resume)
	}
	if missed < 0 && gap.Missed != nil || missed >= 0 && (gap.Missed == nil || *gap.Missed != uint64(missed)) {
		c.t.Errorf("got %s, want %d missed", e.Envelope(), missed)
	}
}

// ask sends a raw request, whose query may be malformed. The response stays open until the test ends.
func (f *fixture) ask(method, query string, header http.Header) *http.Response {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, method, f.url, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.URL.RawQuery = query
	maps.Copy(r.Header, header)
	response, err := f.client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		cancel()
		response.Body.Close()
	})
	return response
}

// answer sends a raw request and reads the answer.
func (f *fixture) answer(method, query string, header http.Header) (*http.Response, string) {
	f.t.Helper()
	response := f.ask(method, query, header)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response, string(body)
}

// scaled returns what the time d of a case is on the fixture's route.
func (f *fixture) scaled(d time.Duration) time.Duration { return f.route.scaled(d) }

// within waits until the condition holds, but not longer than d, and reports whether it does. In real
// time a busy machine is given longer.
func (f *fixture) within(d time.Duration, condition func() bool) bool {
	if !f.route.virtual() {
		d = busy
	}
	over, look := time.After(d), time.NewTicker(f.scaled(100*time.Millisecond))
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-over:
			return condition()
		}
	}
	return true
}

// soon waits for what is under way, and reports whether the condition then holds.
func (f *fixture) soon(condition func() bool) bool {
	if !f.route.virtual() {
		return f.within(0, condition)
	}
	synctest.Wait()
	return condition()
}

// checkElapsed checks how much time has passed. In real time it may be more, but never less.
func (f *fixture) checkElapsed(begin time.Time, least, most time.Duration) {
	f.t.Helper()
	took := time.Since(begin)
	if took < f.scaled(least) || took > most && f.route.virtual() {
		f.t.Errorf("it took %v, want %v to %v", took, f.scaled(least), f.scaled(most))
	}
}

// wantStalled waits until one reader was cut off, which has read nothing since begin.
func (f *fixture) wantStalled(begin time.Time) {
	f.t.Helper()
	ended := &f.handler.Counters().Ended
	if !f.within(time.Minute, func() bool { return ended[wire.Stalled].Load()+ended[wire.Failed].Load() == 1 }) {
		f.t.Fatal("the stalled reader was not cut off")
	}
	f.checkElapsed(begin, 10*time.Second, 13*time.Second+f.route.farewell())
}

// wantCut reads up to the end, which must not look like one.
func (f *fixture) wantCut(body io.Reader) {
	f.t.Helper()
	b, err := io.ReadAll(body)
	if err == nil && !f.Upgrade || bytes.Contains(b, []byte(event.ByeTopic)) {
		f.t.Errorf("it looks complete: …%q, %v", b[max(0, len(b)-80):], err)
	}
}
