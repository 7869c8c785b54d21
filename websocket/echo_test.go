package websocket_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/memhttp"
	"pushlab/websocket"
)

// echo starts an echo endpoint and connects to it.
func echo(t *testing.T, config websocket.Config, dialer gorilla.Dialer) (*websocket.Echo, *gorilla.Conn) {
	t.Helper()
	handler := websocket.NewEcho(config)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	conn, _, err := dialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return handler, conn
}

func TestEcho(t *testing.T) {
	for name, config := range map[string]websocket.Config{"plain": {}, "compressed": {Compress: true}} {
		t.Run(name, func(t *testing.T) {
			_, conn := echo(t, config, gorilla.Dialer{EnableCompression: true})
			for _, m := range []struct {
				kind    int
				message []byte
			}{
				{gorilla.TextMessage, []byte("")}, {gorilla.TextMessage, []byte("κόσμε 🌍 \u2028")},
				{gorilla.BinaryMessage, []byte{0, 1, 0xff, 0xfe}}, {gorilla.BinaryMessage, nil},
				{gorilla.TextMessage, bytes.Repeat([]byte("x"), 125)}, {gorilla.TextMessage, bytes.Repeat([]byte("x"), 126)},
				{gorilla.TextMessage, bytes.Repeat([]byte("x"), 65535)}, {gorilla.TextMessage, bytes.Repeat([]byte("x"), 65536)},
				{gorilla.BinaryMessage, bytes.Repeat([]byte{1, 2, 3, 4}, 4<<20)},
			} {
				var writing sync.WaitGroup
				writing.Go(func() { conn.WriteMessage(m.kind, m.message) })
				kind, got, err := conn.ReadMessage()
				writing.Wait()
				if err != nil || kind != m.kind || !bytes.Equal(got, m.message) {
					t.Fatalf("a message of kind %d and %d bytes came back as kind %d with %d bytes, %v", m.kind, len(m.message), kind, len(got), err)
				}
			}
		})
	}
}

// maskedFrame is a client's frame, with a mask of zeros.
func maskedFrame(first byte, payload []byte) []byte {
	b := []byte{first, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func deflated(t *testing.T, message []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(message)
	w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// TestEchoRefuses: what breaks the protocol ends the connection with the code of RFC 6455, section 7.4.
func TestEchoRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		code  int
	}{
		{"WS-06 a reserved bit", maskedFrame(0x80|0x20|1, []byte("x")), 1002},
		{"WS-06 a reserved opcode", maskedFrame(0x80|3, []byte("x")), 1002},
		{"WS-06 a length in a longer form than it needs", []byte{0x81, 0x80 | 126, 0, 5, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'}, 1002},
		{"WS-06 a length in the longest form that fits a shorter", append([]byte{0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 1, 0}, make([]byte, 4+256)...), 1002},
		{"WS-06 a length of 64 bits", []byte{0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 1002},
		{"WS-07 a continuation of nothing", maskedFrame(0x80, []byte("x")), 1002},
		{"WS-07 a message within another", append(maskedFrame(1, []byte("x")), maskedFrame(0x80|1, []byte("y"))...), 1002},
		{"WS-05 a frame without a mask", []byte{0x81, 1, 'x'}, 1002},
		{"WS-10 bad UTF-8 over two frames", append(maskedFrame(1, []byte("\xe2")), maskedFrame(0x80, []byte("\x28\xa1"))...), 1007},
		{"WS-11 a close frame with half a code", maskedFrame(0x80|8, []byte{3}), 1002},
		{"WS-11 a close code that must not be sent", maskedFrame(0x80|8, []byte{0x03, 0xed}), 1002},
		{"WS-14 a message over the limit", maskedFrame(0x80|2, make([]byte, 1001)), 1009},
		{"PMD-04 RSV1 on a ping", maskedFrame(0x80|0x40|9, nil), 1002},
		{"PMD-04 RSV1 on a later frame", append(maskedFrame(0x40|1, []byte{0x4a}), maskedFrame(0x80|0x40, []byte{0x04})...), 1002},
		{"PMD-05 a message that inflates over the limit", maskedFrame(0x80|0x40|2, deflated(t, make([]byte, 1<<20))), 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, conn := echo(t, websocket.Config{MaxMessage: 1000, Compress: true}, gorilla.Dialer{EnableCompression: true})
			if _, err := conn.NetConn().Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			_, message, err := conn.ReadMessage()
			if !gorilla.IsCloseError(err, c.code) {
				t.Errorf("got %q and %v, want close code %d", message, err, c.code)
			}
		})
	}
}

func TestEchoAnswersPingsAndCloses(t *testing.T) {
	_, conn := echo(t, websocket.Config{}, gorilla.Dialer{})
	pong := ""
	conn.SetPongHandler(func(text string) error { pong = text; return nil })
	conn.WriteControl(gorilla.PingMessage, []byte("anybody?"), time.Now().Add(time.Second))
	conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(4321, "done"), time.Now().Add(time.Second))
	if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, 4321) {
		t.Errorf("the close came back as %v", err)
	}
	if pong != "anybody?" {
		t.Errorf("the pong says %q", pong)
	}
	if n, err := conn.NetConn().Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the close frame: %d bytes and %v; the server closes first", n, err)
	}
}

func TestEchoShutdown(t *testing.T) {
	handler, conn := echo(t, websocket.Config{}, gorilla.Dialer{})
	if err := conn.WriteMessage(gorilla.TextMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- handler.Shutdown(context.Background()) }()
	if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, gorilla.CloseGoingAway) {
		t.Errorf("%v, want close code 1001", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// Who does not answer is cut off.
	handler, conn = echo(t, websocket.Config{}, gorilla.Dialer{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := handler.Shutdown(ctx); err != context.Canceled {
		t.Error(err)
	}
	conn.Close()
}

// TestEchoDeadline: who says nothing, or half of something, is cut off with the code for that, and so is who only pings.
func TestEchoDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		says  []byte
		pings int
	}{
		"nothing": {}, "half a head": {says: []byte{0x81}}, "half a message": {says: maskedFrame(0x82, make([]byte, 100))[:50]},
		"one frame of two": {says: maskedFrame(0x01, []byte("x"))}, "pings": {pings: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var refused []string
				server := memhttp.NewServer(t, websocket.NewEcho(websocket.Config{Refused: func(limit string) { refused = append(refused, limit) }}))
				dialer := gorilla.Dialer{NetDialContext: server.Dial}
				conn, _, err := dialer.Dial("ws://localhost/", nil)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.NetConn().Write(c.says)
				begin := time.Now()
				for range c.pings {
					conn.WriteControl(gorilla.PingMessage, nil, time.Now().Add(time.Second))
					time.Sleep(5 * time.Second)
				}
				_, _, err = conn.ReadMessage()
				if took := time.Since(begin); !gorilla.IsCloseError(err, gorilla.ClosePolicyViolation) || took != 30*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
				conn.Close()
				synctest.Wait()
				if len(refused) != 1 || refused[0] != "arrival" {
					t.Errorf("it was refused for %q", refused)
				}
			})
		})
	}
}
