package wire_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestModel has anything happen to streams, on an engine whose kernel has faults or without one, and
// checks what each peer got against what was published: each event of its topics once and in order, or
// a gap that accounts for what is missing, and an answer to each thing that it said.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript(rt)
		var failures []string
		synctest.Test(t, func(t *testing.T) { failures = s.run() })
		if len(failures) > 0 {
			rt.Fatalf("%s", strings.Join(failures, "\n"))
		}
	})
}

// A script is what happens in one run.
type script struct {
	engine  bool
	faults  faults
	actions []action
	drained bool // in the end the hub is closed; else the streams are cut off
}

// The faults of a memhttp.Kernel.
type faults struct {
	seed                   uint64
	short, again, spurious float64
	fresh                  bool
}

// An action happens to one peer, or to all.
type action struct {
	do     string
	peer   int
	topics []string
	n      int
	during bool // not now, but during the next send
}

func (a action) String() string {
	return fmt.Sprintf("%s peer=%d topics=%q n=%d during=%v", a.do, a.peer, a.topics, a.n, a.during)
}

const (
	modelPeers    = 5
	modelDeadline = 10 * time.Second
)

var modelTopics = []string{"a", "b", "c"}

func drawScript(t *rapid.T) *script {
	probability := rapid.SampledFrom([]float64{0, 0, 0.1, 0.5})
	s := &script{
		engine: rapid.IntRange(0, 9).Draw(t, "engine") > 0,
		faults: faults{
			seed:     rapid.Uint64().Draw(t, "seed"),
			short:    probability.Draw(t, "short"),
			again:    probability.Draw(t, "again"),
			spurious: probability.Draw(t, "spurious"),
			fresh:    rapid.Bool().Draw(t, "fresh"),
		},
		drained: rapid.IntRange(0, 3).Draw(t, "drained") > 0,
	}
	for i := range modelPeers {
		s.actions = append(s.actions, action{do: "connect", peer: i})
	}
	for range rapid.IntRange(1, 60).Draw(t, "actions") {
		s.actions = append(s.actions, drawAction(t))
	}
	return s
}

var (
	// actionKinds has those twice that should happen often.
	actionKinds = rapid.SampledFrom([]string{
		"publish", "publish", "publish", "large", "connect", "say", "say", "resubscribe",
		"read", "stall", "readAll", "readAll", "pass", "pass", "close", "closeHalf", "settle", "settle",
	})
	actionSizes = map[string]*rapid.Generator[int]{
		"publish": rapid.SampledFrom([]int{1, 2, 7, 20, 60}),     // events
		"say":     rapid.SampledFrom([]int{1, 3, 30}),            // messages
		"read":    rapid.SampledFrom([]int{1, 100, 3000}),        // bytes
		"pass":    rapid.SampledFrom([]int{1, 100, 3000, 20000}), // milliseconds
	}
)

func drawAction(t *rapid.T) action {
	a := action{do: actionKinds.Draw(t, "do"), peer: rapid.IntRange(0, modelPeers-1).Draw(t, "peer")}
	if size := actionSizes[a.do]; size != nil {
		a.n = size.Draw(t, "n")
	}
	switch a.do {
	case "publish", "large":
		a.topics = []string{rapid.SampledFrom(modelTopics).Draw(t, "topic")}
	case "connect", "resubscribe":
		if rapid.Bool().Draw(t, "all") {
			break // nil is all topics
		}
		a.topics = rapid.SliceOfDistinct(rapid.SampledFrom(modelTopics), rapid.ID).Draw(t, "topics")
	}
	a.during = a.do != "settle" && a.do != "connect" && rapid.IntRange(0, 3).Draw(t, "during") == 0
	return a
}

// A world is what a script runs in.
type world struct {
	hub     *hub.Hub
	streams *wire.Streams
	past    []*modelPeer // whose places others have taken
	during  atomic.Pointer[[]action]
	acting  chan struct{} // full while they happen

	mu        sync.Mutex
	peers     [modelPeers]*modelPeer
	published []event.Event
}

// A modelPeer reads as much as it is allowed to, and keeps it.
type modelPeer struct {
	conn   net.Conn
	stream *wire.Stream
	topics []string
	after  uint64
	saying chan string

	mu      sync.Mutex
	changed *sync.Cond
	allowed int // how many bytes it may read; -1: any
	got     []byte
	said    int
	held    bool // it was not always allowed to read
	closed  bool // it closed the connection, or its half of it
	done    chan struct{}
}

// run returns what is wrong.
func (s *script) run() (failures []string) {
	w := &world{hub: hub.New(hub.Config{History: 30, Batch: 8}), acting: make(chan struct{}, 1)}
	config := wire.Config{Heartbeat: 5 * time.Second, WriteDeadline: modelDeadline}
	k := &memhttp.Kernel{Seed: s.faults.seed, Short: s.faults.short, Again: s.faults.again, Spurious: s.faults.spurious, Fresh: s.faults.fresh}
	if s.engine {
		k.Hook = func(int) {
			if w.during.Load() == nil {
				return
			}
			w.acting <- struct{}{}
			if actions := w.during.Swap(nil); actions != nil {
				for _, a := range *actions {
					w.act(a)
				}
			}
			<-w.acting
		}
		var err error
		if config.Engine, err = wire.NewEngine(k); err != nil {
			return []string{err.Error()}
		}
	}
	w.streams = wire.New(w.hub, wire.Protocol{Name: "lines", AppendFrame: appendLine, Trailer: []byte(trailer)}, config)
	for _, a := range s.actions {
		if a.during && s.engine {
			var actions []action
			if old := w.during.Swap(nil); old != nil {
				actions = *old
			}
			actions = append(actions, a)
			w.during.Store(&actions)
			continue
		}
		w.act(a)
	}
	w.during.Store(nil)
	w.acting <- struct{}{} // when what happens now has happened
	<-w.acting
	for i := range w.peers {
		w.act(action{do: "readAll", peer: i})
	}
	time.Sleep(time.Second) // sooner than any heartbeat, which would wake what was forgotten
	synctest.Wait()
	failures = w.check("before the end", false)
	if s.drained {
		w.hub.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.streams.Shutdown(ctx); s.drained && err != nil {
		failures = append(failures, fmt.Sprint("Shutdown: ", err))
	}
	w.hub.Close()
	for _, p := range append(w.past, w.peers[:]...) {
		p.end()
	}
	failures = append(failures, w.check("in the end", s.drained)...)
	if c := w.streams.Counters(); c.Open.Load() != 0 || w.hub.State().Subscriptions != 0 {
		failures = append(failures, fmt.Sprintf("%d streams are open, %d subscriptions are left", c.Open.Load(), w.hub.State().Subscriptions))
	}
	if s.engine {
		if err := config.Engine.Close(); err != nil {
			failures = append(failures, err.Error())
		}
		failures = append(failures, k.Misuse()...)
	}
	return failures
}

func (w *world) check(when string, drained bool) (failures []string) {
	for i, p := range append(slices.Clone(w.past), w.peers[:]...) {
		if err := p.check(w.published, drained); err != nil {
			failures = append(failures, fmt.Sprintf("%s, peer %d: %v", when, i, err))
		}
	}
	return failures
}

func (w *world) act(a action) {
	w.mu.Lock()
	p := w.peers[a.peer]
	w.mu.Unlock()
	switch a.do {
	case "publish":
		for range a.n {
			w.publish(a.topics[0], 0)
		}
	case "large":
		w.publish(a.topics[0], 2*memhttp.BufferSize)
	case "pass":
		time.Sleep(time.Duration(a.n) * time.Millisecond)
	case "settle":
		synctest.Wait()
	case "connect":
		if p != nil {
			p.close()
			w.past = append(w.past, p)
		}
		next := w.connect(a.topics)
		w.mu.Lock()
		w.peers[a.peer] = next
		w.mu.Unlock()
	}
	switch a.do {
	case "say":
		for range a.n {
			p.say()
		}
	case "resubscribe":
		go p.stream.Resubscribe(a.topics, nil) // which may wait
	case "read":
		p.allow(a.n)
	case "stall":
		p.allow(0)
	case "readAll":
		p.allow(-1)
	case "close":
		p.close()
	case "closeHalf":
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.conn.(interface{ CloseWrite() error }).CloseWrite()
	}
}

func (w *world) publish(topic string, size int) {
	w.mu.Lock()
	defer w.mu.Unlock() // or the order would not be known
	e := event.Event{Topic: topic, Data: fmt.Appendf(nil, `"%d%s"`, len(w.published), strings.Repeat("x", size))}
	var err error
	if e.ID, err = w.hub.Publish(context.Background(), topic, e.Data); err != nil {
		panic(err)
	}
	w.published = append(w.published, e)
}

func (w *world) connect(topics []string) *modelPeer {
	near, far := memhttp.Pipe(memhttp.BufferSize)
	sub := w.hub.Subscribe(topics, hub.Start{})
	p := &modelPeer{conn: far, topics: topics, after: sub.Start().Seq, saying: make(chan string, 10_000), allowed: -1, done: make(chan struct{})}
	p.changed = sync.NewCond(&p.mu)
	p.stream = w.streams.Accept(near, sub, "memory")
	p.stream.Start([]byte("head\n"), &talker{stream: p.stream, conn: near, lines: bufio.NewReader(near)})
	go p.read()
	go p.speak()
	return p
}

func (p *modelPeer) allow(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = n
	p.held = p.held || n >= 0
	p.changed.Broadcast()
}

func (p *modelPeer) say() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saying <- fmt.Sprintf("message %d\n", p.said)
	p.said++
}

func (p *modelPeer) speak() {
	for message := range p.saying {
		io.WriteString(p.conn, message) // it may have closed
	}
}

func (p *modelPeer) read() {
	defer close(p.done)
	for {
		p.mu.Lock()
		for p.allowed == 0 && !p.closed {
			p.changed.Wait()
		}
		n := p.allowed
		p.mu.Unlock()
		if n <= 0 || n > 1000 {
			n = 1000
		}
		b := make([]byte, n)
		n, err := p.conn.Read(b)
		p.mu.Lock()
		p.got = append(p.got, b[:n]...)
		if p.allowed > 0 {
			p.allowed = max(0, p.allowed-n)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *modelPeer) close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	p.conn.Close()
}

func (p *modelPeer) end() {
	<-p.done // the server has closed it
	p.conn.Close()
	close(p.saying)
}

// check compares what it got with what was published. If the server was drained, it must have been
// told goodbye.
func (p *modelPeer) check(published []event.Event, drained bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.SplitAfter(string(p.got), "\n")
	rest := lines[len(lines)-1] // cut off, or empty
	lines = lines[:len(lines)-1]
	topics, cursor, answers, ended, opened := p.topics, p.after, 0, false, false
	// missing returns how many events of its topics there were from its cursor up to seq.
	missing := func(seq uint64) (n uint64) {
		for _, e := range published[min(cursor, seq):seq] {
			if topics == nil || slices.Contains(topics, e.Topic) {
				n++
			}
		}
		return n
	}
	for i, line := range lines {
		if i == 0 && line == "head\n" {
			continue
		}
		if line == fmt.Sprintf("MESSAGE %d\n", answers) {
			answers++
			continue
		}
		if ended {
			if line != trailer || i != len(lines)-1 {
				return fmt.Errorf("after the goodbye comes %q", line)
			}
			continue
		}
		e, err := event.ParseEnvelope([]byte(line))
		if err != nil {
			return fmt.Errorf("line %d is %q: %w", i, line, err)
		}
		if !opened && e.Topic != event.OpenTopic {
			return fmt.Errorf("it begins with %q", line)
		}
		if e.ID.Seq < cursor {
			return fmt.Errorf("behind %d comes %q", cursor, line)
		}
		switch e.Topic {
		case event.GapTopic:
			gap, err := event.ParseGap(e)
			if err != nil {
				return err
			}
			if gap.Missed != nil && *gap.Missed != missing(e.ID.Seq) {
				return fmt.Errorf("%d events are missing after %d, but the gap is %q", missing(e.ID.Seq), cursor, line)
			}
		case event.OpenTopic, event.BeatTopic, event.ByeTopic:
			if n := missing(e.ID.Seq); n > 0 {
				return fmt.Errorf("%d events are missing after %d, before %q", n, cursor, line)
			}
			opened, ended = true, e.Topic == event.ByeTopic
			if e.Topic == event.OpenTopic {
				var open struct{ Topics []string }
				if err := json.Unmarshal(e.Data, &open); err != nil {
					return err
				}
				topics = open.Topics
			}
		default:
			if want := published[e.ID.Seq-1]; e.Topic != want.Topic || string(e.Data) != string(want.Data) {
				return fmt.Errorf("event %d is %q", e.ID.Seq, line)
			}
			if n := missing(e.ID.Seq); n != 1 || e.ID.Seq == cursor {
				return fmt.Errorf("after %d comes %.100q; %d events are missing, or are not for it", cursor, line, n)
			}
		}
		cursor = e.ID.Seq
	}
	switch {
	case ended && (rest != "" || lines[len(lines)-1] != trailer):
		return errors.New("there is no trailer behind the goodbye")
	case p.closed || p.held && !ended:
		return nil // what came, came as it should; it may have been cut off
	case drained && !ended:
		return fmt.Errorf("there is no goodbye behind %d lines, the last of which is %q", len(lines), lines[len(lines)-1])
	case answers != p.said:
		return fmt.Errorf("%d of %d messages were answered", answers, p.said)
	case missing(uint64(len(published))) > 0:
		return fmt.Errorf("behind %d it got none of %d events", cursor, missing(uint64(len(published))))
	}
	return nil
}
