package websocket_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/websocket"
)

// compressing starts a handler that compresses.
func compressing(t *testing.T, config websocket.Config) (h *hub.Hub, url string) {
	t.Helper()
	h = hub.New(hub.Config{})
	config.Compress = true
	handler := websocket.New(h, config)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		h.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		handler.Shutdown(ctx)
		server.Close()
	})
	return h, "ws" + strings.TrimPrefix(server.URL, "http")
}

// TestDeflateNegotiation: PMD-01, PMD-02. An offer is accepted only if all of it can be kept.
func TestDeflateNegotiation(t *testing.T) {
	_, url := compressing(t, websocket.Config{})
	for _, c := range []struct {
		offer string
		want  bool
	}{
		{"", false},
		{"permessage-deflate", true},
		{"permessage-deflate; client_max_window_bits", true},
		{"permessage-deflate; client_max_window_bits=10", true},
		{"permessage-deflate; client_max_window_bits=\"15\"", true},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
		{"x-unknown, permessage-deflate", true},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", true},
		{"permessage-deflate; server_max_window_bits=10", false},
		{"permessage-deflate; client_max_window_bits=7", false},
		{"permessage-deflate; client_max_window_bits=08", false},
		{"permessage-deflate; client_max_window_bits=16", false},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", false},
		{"permessage-deflate; server_no_context_takeover=1", false},
		{"permessage-deflate; unknown", false},
		{"permessage-deflate;", false},
		{"x/y, permessage-deflate", false},
		{"x-webkit-deflate-frame", false},
	} {
		r, err := http.NewRequest("GET", "http"+strings.TrimPrefix(url, "ws"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
		if c.offer != "" {
			r.Header.Set("Sec-WebSocket-Extensions", c.offer)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		got := response.Header.Get("Sec-WebSocket-Extensions")
		want := ""
		if c.want {
			want = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
		}
		if response.StatusCode != 101 || got != want {
			t.Errorf("%q: %s, %q; want %q", c.offer, response.Status, got, want)
		}
	}
}

// TestCompressedEvents: PMD-03. Events arrive the same, compressed or not, and in fewer bytes.
func TestCompressedEvents(t *testing.T) {
	h, url := compressing(t, websocket.Config{})
	const subscribers, events = 8, 50
	data := `{"text":"` + strings.Repeat("all work and no play ", 30) + `"}`
	var plainBytes, deflatedBytes atomic.Int64
	var reading sync.WaitGroup
	for i := range subscribers {
		compressed := i%2 == 0
		dialer := gorilla.Dialer{EnableCompression: compressed}
		conn, _, err := dialer.Dial(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		bytes := &plainBytes
		if compressed {
			bytes = &deflatedBytes
		}
		reading.Go(func() {
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			for seq := range uint64(events + 1) {
				_, r, err := conn.NextReader()
				if err != nil {
					t.Error(err)
					return
				}
				message, err := io.ReadAll(r)
				if err != nil {
					t.Error(err)
					return
				}
				e, err := event.ParseEnvelope(message)
				if err != nil || e.ID.Seq != seq || seq > 0 && string(e.Data) != data {
					t.Errorf("compressed %v: %s, %v; want event %d", compressed, message, err, seq)
					return
				}
				bytes.Add(int64(len(message)))
			}
		})
	}
	for range events {
		if _, err := h.Publish(context.Background(), "a", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	reading.Wait()
	if plainBytes.Load() != deflatedBytes.Load() {
		t.Errorf("%d and %d bytes of messages", plainBytes.Load(), deflatedBytes.Load())
	}
	// On the wire: the encodings of one event, side by side.
	record := h.Subscribe(nil, hub.Earliest())
	defer record.Close()
	records, err := record.Poll()
	if err != nil || len(records) == 0 {
		t.Fatal(err)
	}
	plain := h.Encoding(websocket.Name, nil).Frame(records[0])
	deflated := h.Encoding(websocket.Name+".deflate", nil).Frame(records[0])
	if len(deflated)*4 > len(plain) {
		t.Errorf("an event of %d bytes was compressed to %d", len(plain), len(deflated))
	}
	if got := fmt.Sprintf("%x", deflated[:1]); got != "c1" {
		t.Errorf("the first byte is %s, want c1: a final text frame with RSV1 (RFC 7692, section 7.2.1)", got)
	}
}

// TestCompressedMessagesOfTheClient are inflated, and refused if that makes them too large.
func TestCompressedMessagesOfTheClient(t *testing.T) {
	h, url := compressing(t, websocket.Config{MaxMessage: 10_000})
	dial := func() *gorilla.Conn {
		dialer := gorilla.Dialer{EnableCompression: true}
		conn, _, err := dialer.Dial(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, _, err := conn.ReadMessage(); err != nil { // $open
			t.Fatal(err)
		}
		return conn
	}
	message := func(size int) []byte {
		return fmt.Appendf(nil, `{"op":"publish","ref":1,"data":%q}`, strings.Repeat("x", size))
	}
	conn := dial()
	if err := conn.WriteMessage(gorilla.TextMessage, message(9_000)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the ack and the event, in either order
		if _, m, err := conn.ReadMessage(); err != nil || !strings.Contains(string(m), h.State().Head.String()) {
			t.Errorf("%.100s, %v", m, err)
		}
	}
	conn = dial()
	if err := conn.WriteMessage(gorilla.TextMessage, message(1<<20)); err != nil {
		t.Fatal(err)
	}
	if _, m, err := conn.ReadMessage(); !gorilla.IsCloseError(err, gorilla.CloseMessageTooBig) {
		t.Errorf("a bomb was answered with %.100s, %v", m, err)
	}
	if got := h.State().Head.Seq; got != 1 {
		t.Errorf("%d events were published", got)
	}
}
