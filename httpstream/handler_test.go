package httpstream_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/httpstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var transport = transporttest.Transport{
	Path: "/httpstream",
	New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
		return httpstream.New(h, httpstream.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline, Engine: c.Engine})
	},
	Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		return httpstream.Dial(ctx, url, opts)
	},
	Header: http.Header{"Accept": {"*/*"}},
}

func TestContract(t *testing.T) { transporttest.Run(t, transport) }

func TestNetworks(t *testing.T) { transporttest.RunNetworks(t, transport) }

// TestRoutes: the same where the connection cannot be taken over.
func TestRoutes(t *testing.T) {
	transporttest.RunRoutes(t, transport, func() client.Decoder { return new(httpstream.Decoder) })
}

// TestHTTP10: a peer that knows no chunks gets the lines as they are, up to the end of the connection.
func TestHTTP10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := httpstream.New(h, httpstream.Config{})
		server := memhttp.NewServer(t, handler)
		conn := transporttest.Send(t, server, "GET /httpstream HTTP/1.0\r\n\r\n")
		synctest.Wait()
		transporttest.Publish(t, h, "a", 1)
		synctest.Wait()
		h.Close()
		head, body, _ := strings.Cut(transporttest.FixEpoch(h, transporttest.ReadAll(t, conn)), "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.0 200 OK\r\n") || strings.Contains(head, "Transfer-Encoding") {
			t.Errorf("the head is %q", head)
		}
		lines := strings.SplitAfter(body, "\n")
		want := []string{
			`{"id":"mfrggzdf-0","topic":"$open","data":{"topics":null}}` + "\n",
			`{"id":"mfrggzdf-1","topic":"a","data":{"n":1}}` + "\n",
		}
		if len(lines) != 4 || cmp.Diff(want, lines[:2]) != "" || !strings.Contains(lines[2], event.ByeTopic) || lines[3] != "" {
			t.Errorf("the body is %q", lines)
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
			handler := httpstream.New(h, httpstream.Config{})
			server := memhttp.NewServer(t, handler)
			conn := transporttest.Send(t, server, "GET /httpstream HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
