package sse_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var transport = transporttest.Transport{
	Path: "/sse",
	New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
		return sse.New(h, sse.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline, Engine: c.Engine})
	},
	Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		return sse.Dial(ctx, url, opts)
	},
	Header: http.Header{"Accept": {"*/*"}},
}

func TestContract(t *testing.T) { transporttest.Run(t, transport) }

func TestNetworks(t *testing.T) { transporttest.RunNetworks(t, transport) }

// TestRoutes: the same where the connection cannot be taken over.
func TestRoutes(t *testing.T) {
	transporttest.RunRoutes(t, transport, func() client.Decoder { return new(sse.Decoder) })
}

// TestHTTP10: a peer that knows no chunks gets the blocks as they are, up to the end of the connection.
func TestHTTP10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := sse.New(h, sse.Config{})
		server := memhttp.NewServer(t, handler)
		conn := transporttest.Send(t, server, "GET /sse HTTP/1.0\r\n\r\n")
		synctest.Wait()
		transporttest.Publish(t, h, "a", 1)
		synctest.Wait()
		h.Close()
		head, body, _ := strings.Cut(transporttest.FixEpoch(h, transporttest.ReadAll(t, conn)), "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.0 200 OK\r\n") || strings.Contains(head, "Transfer-Encoding") {
			t.Errorf("the head is %q", head)
		}
		blocks := strings.SplitAfter(body, "\n\n")
		want := "id: mfrggzdf-1\ndata: {\"id\":\"mfrggzdf-1\",\"topic\":\"a\",\"data\":{\"n\":1}}\n\n"
		if len(blocks) != 4 || blocks[1] != want || !strings.Contains(blocks[2], event.ByeTopic) || blocks[3] != "" {
			t.Errorf("the body is %q", blocks)
		}
		conn.Close()
		handler.Shutdown(context.Background())
	})
}

// TestLastChunk: it is there behind a goodbye, and nowhere else.
func TestLastChunk(t *testing.T) {
	for _, goodbye := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{})
			handler := sse.New(h, sse.Config{})
			server := memhttp.NewServer(t, handler)
			conn := transporttest.Send(t, server, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
			synctest.Wait()
			if goodbye {
				h.Close()
			} else {
				now, cancel := context.WithCancel(context.Background())
				cancel()
				handler.Shutdown(now) // without having closed the hub
			}
			answer := transporttest.ReadAll(t, conn)
			if strings.Contains(answer, event.ByeTopic) != goodbye || strings.HasSuffix(answer, "\r\n0\r\n\r\n") != goodbye {
				t.Errorf("goodbye: %v, but the answer is %q", goodbye, answer)
			}
			conn.Close()
			handler.Shutdown(context.Background())
		})
	}
}

// TestRetry: the first block and the goodbye say when to come back, each stream at its own time.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := sse.New(h, sse.Config{Retry: 10 * time.Second})
		server := memhttp.NewServer(t, handler)
		first, bye := map[time.Duration]bool{}, map[time.Duration]bool{}
		const streams = 20
		var decoders []*sse.Decoder
		var conns []io.ReadWriteCloser
		for range streams {
			conn := transporttest.Send(t, server, "GET /sse HTTP/1.0\r\n\r\n")
			synctest.Wait()
			b := make([]byte, 4<<10)
			n, _ := conn.Read(b)
			_, body, _ := bytes.Cut(b[:n], []byte("\r\n\r\n"))
			d := new(sse.Decoder)
			if events, err := d.Decode(nil, body); len(events) != 1 || err != nil {
				t.Fatalf("the stream begins with %q: %v", body, err)
			}
			first[d.Retry] = true
			decoders, conns = append(decoders, d), append(conns, conn)
		}
		h.Close()
		for i, conn := range conns {
			events, err := decoders[i].Decode(nil, []byte(transporttest.ReadAll(t, conn)))
			if len(events) != 1 || err != nil {
				t.Fatalf("the stream ends with %v, %v", events, err)
			}
			if retry, err := event.ParseBye(events[0]); err != nil || retry != decoders[i].Retry {
				t.Errorf("the block says %v, its event %v (%v)", decoders[i].Retry, retry, err)
			}
			bye[decoders[i].Retry] = true
			conn.Close()
		}
		for _, drawn := range []map[time.Duration]bool{first, bye} {
			if len(drawn) < streams/2 {
				t.Errorf("%d streams were told only %d different times", streams, len(drawn))
			}
			for retry := range drawn {
				if retry < 5*time.Second || retry > 15*time.Second {
					t.Errorf("a stream was told %v; half to one and a half of 10 s was to be drawn", retry)
				}
			}
		}
		handler.Shutdown(context.Background())
	})
}

// TestBeat: behind a comment, which is enough for what keeps an eye on the connection, comes an event
// with the current cursor, which onmessage does not see.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := sse.New(h, sse.Config{})
		server := memhttp.NewServer(t, handler)
		conn := transporttest.Send(t, server, "GET /sse?topic=quiet HTTP/1.0\r\n\r\n")
		transporttest.Publish(t, h, "loud", 7)
		time.Sleep(15 * time.Second)
		h.Close()
		const want = "\n\n: beat\nid: mfrggzdf-7\nevent: $beat\ndata: {\"id\":\"mfrggzdf-7\",\"topic\":\"$beat\",\"data\":{}}\n\n"
		if answer := transporttest.FixEpoch(h, transporttest.ReadAll(t, conn)); strings.Count(answer, want) != 1 {
			t.Errorf("%q should have one block %q", answer, want)
		}
		conn.Close()
		handler.Shutdown(context.Background())
	})
}
