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
	"testing"
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
	streams *wire.Streams
	server  *memhttp.Server
	log     *logBuffer
}

// start must be called in a synctest bubble.
func start(t *testing.T, protocol wire.Protocol, config wire.Config) *fixture {
	f := &fixture{t: t, hub: hub.New(hub.Config{}), log: new(logBuffer)}
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
	near, far := memhttp.Pipe(memhttp.BufferSize)
	f.t.Cleanup(func() { far.Close() })
	stream := f.streams.Accept(near, f.hub.Subscribe(nil, hub.Start{}), "memory")
	if encoding != nil {
		stream.Use(encoding)
	}
	if read == nil {
		read = func(_ *wire.Stream, conn net.Conn) { io.Copy(io.Discard, conn) }
	}
	if onBeat == nil {
		onBeat = func() {}
	}
	stream.Start([]byte("head\n"), func() { read(stream, near) }, onBeat)
	return stream, &peer{Conn: far, t: f.t, lines: bufio.NewReader(far)}
}

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
