package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// appendLine is the simplest framing: an envelope on a line.
func appendLine(dst []byte, e event.Event) []byte { return append(e.AppendEnvelope(dst), '\n') }

const (
	preface = "hello\n"       // stands before the first event of an HTTP response
	trailer = "that is all\n" // ends a connection of Accept
	wrapped = "wrapped"       // as a query parameter: serve through a writer that cannot be taken over
)

// A fixture is a hub with streams that are reached over HTTP, by get, or by accept.
type fixture struct {
	t       *testing.T
	hub     *hub.Hub
	engine  *wire.Engine // nil: goroutines for each stream
	streams *wire.Streams
	server  *memhttp.Server
	log     *logBuffer
	sending atomic.Pointer[func(fd int)] // called before each send of the engine, if set
}

// onSend has a function be called before each send of the engine from now on.
func (f *fixture) onSend(do func(fd int)) { f.sending.Store(&do) }

// onEngines runs a test in virtual time twice: with goroutines for each stream, where k is nil, and with
// an engine.
func onEngines(t *testing.T, test func(t *testing.T, k *memhttp.Kernel)) {
	t.Run("engine=goroutine", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, nil) })
	})
	t.Run("engine=memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, new(memhttp.Kernel)) })
	})
}

// onNextSend has it called before the next one only. Other pumps do not wait for it.
func (f *fixture) onNextSend(do func()) {
	var called atomic.Bool
	f.onSend(func(int) {
		if called.CompareAndSwap(false, true) {
			do()
		}
	})
}

// start must be called in a synctest bubble. If there is a kernel, the streams have an engine on it,
// and in the end it must have nothing to complain of.
func start(t *testing.T, k *memhttp.Kernel, protocol wire.Protocol, config wire.Config) *fixture {
	return startHub(t, k, hub.Config{}, protocol, config)
}

func startHub(t *testing.T, k *memhttp.Kernel, hubConfig hub.Config, protocol wire.Protocol, config wire.Config) *fixture {
	f := &fixture{t: t, hub: hub.New(hubConfig), log: new(logBuffer)}
	if k != nil {
		k.Hook = func(fd int) {
			if do := f.sending.Load(); do != nil {
				(*do)(fd)
			}
		}
		var err error
		if f.engine, err = wire.NewEngine(k); err != nil {
			t.Fatal(err)
		}
	}
	config.Engine = f.engine
	if protocol.AppendFrame == nil {
		protocol.AppendFrame = appendLine
	}
	protocol.Name = "lines"
	config.Logger = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}))
	f.streams = wire.New(f.hub, protocol, config)
	f.server = memhttp.NewServer(t, f)
	t.Cleanup(func() {
		f.hub.Close()
		if err := f.shutdown(time.Minute); err != nil {
			t.Errorf("the streams did not end: %v", err)
		}
		if n := f.hub.State().Subscriptions; n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
		if k == nil {
			return
		}
		if watched, members := f.engine.Streams(); watched != 0 || members != 0 {
			t.Errorf("%d and %d streams are left in the engine", watched, members)
		}
		if err := f.engine.Close(); err != nil {
			t.Error(err)
		}
		for _, misuse := range k.Misuse() {
			t.Errorf("the kernel complains: %s", misuse)
		}
	})
	return f
}

func (f *fixture) shutdown(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return f.streams.Shutdown(ctx)
}

// ServeHTTP subscribes to the topics of the query, after the cursor of the query.
func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	w.Header().Set("X-Request-Id", "7")
	start := hub.Start{}
	if query.Has("after") {
		start = hub.AfterText(query.Get("after"))
	}
	if query.Has(wrapped) {
		w = wrapper{w}
	}
	f.streams.ServeHTTP(w, r, f.hub.Subscribe(query["topic"], start), []byte(preface))
}

// A wrapper hides the writer that it wraps, as middleware does, but tells which it is.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (f *fixture) publish(topic string, n int) {
	f.t.Helper()
	for range n {
		f.publishData(topic, `{}`)
	}
}

func (f *fixture) publishData(topic, data string) {
	f.t.Helper()
	if _, err := f.hub.Publish(context.Background(), topic, []byte(data)); err != nil {
		f.t.Fatal(err)
	}
}

// id returns the ID with that sequence number.
func (f *fixture) id(seq uint64) event.ID {
	return event.ID{Epoch: f.hub.State().Head.Epoch, Seq: seq}
}

func (f *fixture) ended(reason wire.Reason) int64 { return f.streams.Counters().Ended[reason].Load() }

// logged returns what was logged since the last call, one line each, with a fixed epoch.
func (f *fixture) logged() string {
	return strings.ReplaceAll(f.log.take(), f.id(0).Epoch, "mfrggzdf")
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	l.b.Reset()
	return s
}

// A peer is the far end of a stream.
type peer struct {
	net.Conn
	t        *testing.T
	response *http.Response // nil on a connection of accept
	lines    *bufio.Reader
}

// dial sends a request and reads nothing.
func (f *fixture) dial(proto, query string) *peer {
	f.t.Helper()
	conn, err := f.server.Dial(context.Background(), "", "")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "GET /?%s %s\r\nHost: localhost\r\n\r\n", query, proto); err != nil {
		f.t.Fatal(err)
	}
	return &peer{Conn: conn, t: f.t}
}

// get opens a stream and reads its head and its preface.
func (f *fixture) get(query string) *peer {
	f.t.Helper()
	p := f.dial("HTTP/1.1", query)
	p.readHead()
	return p
}

func (p *peer) readHead() {
	p.t.Helper()
	var err error
	if p.response, err = http.ReadResponse(bufio.NewReader(p.Conn), nil); err != nil {
		p.t.Fatal(err)
	}
	p.lines = bufio.NewReader(p.response.Body)
	if line, err := p.lines.ReadString('\n'); line != preface {
		p.t.Fatalf("the response begins with %q (%v), want the preface", line, err)
	}
}

// accept makes a stream of all topics of a connection in memory. Until the peer is gone, read reads
// from it; nil discards.
func (f *fixture) accept(read func(*wire.Stream, net.Conn), onBeat func()) (*wire.Stream, *peer) {
	return f.acceptUsing(nil, read, onBeat)
}

// acceptUsing has the stream use an encoding, if it is not nil.
func (f *fixture) acceptUsing(encoding *hub.Encoding, read func(*wire.Stream, net.Conn), onBeat func()) (*wire.Stream, *peer) {
	if read == nil {
		read = func(_ *wire.Stream, conn net.Conn) { io.Copy(io.Discard, conn) }
	}
	if onBeat == nil {
		onBeat = func() {}
	}
	return f.acceptReader(encoding, func(stream *wire.Stream, conn net.Conn) wire.Reader {
		return reader{func() { read(stream, conn) }, onBeat}
	})
}

func (f *fixture) acceptReader(encoding *hub.Encoding, reader func(*wire.Stream, net.Conn) wire.Reader) (*wire.Stream, *peer) {
	near, far := memhttp.Pipe(memhttp.BufferSize)
	f.t.Cleanup(func() { far.Close() })
	stream := f.streams.Accept(near, f.hub.Subscribe(nil, hub.Start{}), "memory")
	if encoding != nil {
		stream.Use(encoding)
	}
	stream.Start([]byte("head\n"), reader(stream, near))
	return stream, &peer{Conn: far, t: f.t, lines: bufio.NewReaderSize(far, 512)}
}

// A reader reads until the peer is gone.
type reader struct{ read, beat func() }

func (r reader) Read() error {
	r.read()
	return io.EOF
}

func (r reader) Beat() { r.beat() }

// talk makes a stream whose peer is answered: each line that it says comes back in capitals.
func (f *fixture) talk() (*wire.Stream, *peer) {
	return f.acceptReader(nil, func(stream *wire.Stream, conn net.Conn) wire.Reader {
		return &talker{stream: stream, conn: conn, lines: bufio.NewReader(conn)}
	})
}

// A talker reads what there is, line by line.
type talker struct {
	stream *wire.Stream
	conn   net.Conn
	lines  *bufio.Reader
}

func (r *talker) Read() error {
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return err
		}
		r.stream.Send([]byte(strings.ToUpper(line))) // when the stream has ended nothing is answered any more
		if r.lines.Buffered() == 0 {
			return nil
		}
	}
}

func (r *talker) Beat() {}

// line reads a line.
func (p *peer) line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("after %q: %v", line, err)
	}
	return line
}

// next reads an event.
func (p *peer) next() event.Event {
	p.t.Helper()
	e, err := event.ParseEnvelope([]byte(p.line()))
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// want reads lines and compares their topics and sequence numbers: "$open:0 a:1 b:2". A line that is
// no event stands for itself.
func (p *peer) want(want string) {
	p.t.Helper()
	var got []string
	for range strings.Fields(want) {
		line := p.line()
		if e, err := event.ParseEnvelope([]byte(line)); err == nil {
			line = fmt.Sprintf("%s:%d", e.Topic, e.ID.Seq)
		}
		got = append(got, strings.TrimSuffix(line, "\n"))
	}
	if s := strings.Join(got, " "); s != want {
		p.t.Fatalf("got %s, want %s", s, want)
	}
}

// rest reads up to the end, and returns how that came.
func (p *peer) rest() (string, error) {
	b, err := io.ReadAll(p.lines)
	return string(b), err
}
