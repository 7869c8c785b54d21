package transporttest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// FanOut measures what it costs to deliver an event of 128 bytes to many subscribers, from the
// publisher to the connection's Write, which discards. The next event is published when all have got
// the last one, so that no two share a write.
func FanOut(b *testing.B, tr Transport) {
	for _, subscribers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			h := hub.New(hub.Config{})
			handler := tr.New(h, Config{Heartbeat: -1})
			audience := &audience{all: make(chan struct{}), size: int64(subscribers)}
			var polling sync.WaitGroup
			audience.expect()
			start := h.State().Head
			for range subscribers {
				if tr.Polls {
					polling.Go(func() { audience.poll(handler, tr.Path, start) })
				} else {
					handler.ServeHTTP(&takenWriter{header: http.Header{}, conn: audience.conn()}, newRequest(tr.Path, "", tr.Header))
				}
			}
			if !tr.Polls {
				<-audience.all // the $open event
			}
			data, err := event.Text(string(bytes.Repeat([]byte("x"), 126)))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				audience.expect()
				if _, err := h.Publish(context.Background(), "bench", data); err != nil {
					b.Fatal(err)
				}
				<-audience.all
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subscribers), "ns/delivery")
			h.Close()
			if s, ok := handler.(interface{ Shutdown(context.Context) error }); ok {
				ctx, cancel := context.WithCancel(context.Background())
				cancel()
				s.Shutdown(ctx) // nobody closes these connections but the server
			}
			polling.Wait()
		})
	}
}

// An audience tells when all of it got something.
type audience struct {
	size    int64
	missing atomic.Int64
	all     chan struct{}
}

func (a *audience) expect() { a.missing.Store(a.size) }

func (a *audience) got() {
	if a.missing.Add(-1) == 0 {
		a.all <- struct{}{}
	}
}

// poll asks again and again, until the server leaves.
func (a *audience) poll(handler http.Handler, path string, cursor event.ID) {
	w := &answerWriter{header: http.Header{}, audience: a}
	for w.header.Set("Pushlab-Cursor", cursor.String()); w.header.Get("Retry-After") == ""; {
		handler.ServeHTTP(w, newRequest(path, "after="+url.QueryEscape(w.header.Get("Pushlab-Cursor")), nil))
	}
}

func newRequest(path, query string, header http.Header) *http.Request {
	return &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: "localhost", RemoteAddr: "memory",
	}
}

// An answerWriter discards an answer.
type answerWriter struct {
	header   http.Header
	audience *audience
}

func (w *answerWriter) Header() http.Header { return w.header }
func (w *answerWriter) WriteHeader(int)     {}
func (w *answerWriter) Write(p []byte) (int, error) {
	w.audience.got()
	return len(p), nil
}

// A takenWriter can be taken over, and no more than that.
type takenWriter struct {
	header http.Header
	conn   net.Conn
}

func (w *takenWriter) Header() http.Header         { return w.header }
func (w *takenWriter) WriteHeader(int)             {}
func (w *takenWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *takenWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

// A discarding connection takes everything and gives nothing.
type discarding struct {
	audience *audience
	closing  sync.Once
	closed   chan struct{}
}

func (a *audience) conn() *discarding { return &discarding{audience: a, closed: make(chan struct{})} }

func (c *discarding) Write(p []byte) (int, error) {
	c.audience.got()
	return len(p), nil
}

func (c *discarding) Read([]byte) (int, error) {
	<-c.closed
	return 0, io.EOF
}

func (c *discarding) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}

func (c *discarding) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *discarding) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *discarding) SetDeadline(time.Time) error      { return nil }
func (c *discarding) SetReadDeadline(time.Time) error  { return nil }
func (c *discarding) SetWriteDeadline(time.Time) error { return nil }
