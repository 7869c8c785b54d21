package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/websocket"
)

// newChannel returns a channel that reads these bytes, and the other end of what it writes.
func newChannel(t *testing.T, reader io.Reader) (*channel, net.Conn) {
	ours, theirs := memhttp.Pipe(1 << 20)
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	s := &socket{Conn: ours, br: bufio.NewReaderSize(reader, readBuffer)}
	return &channel{socket: s}, theirs
}

func TestChannelReadsMessagesOfAllLengths(t *testing.T) {
	var stream []byte
	lengths := []int{128, 4000, 70_000}
	for _, size := range lengths {
		e := benchEvent(1, 2)
		e.Data = appendData(nil, 1, 2, size)
		stream = websocket.AppendFrame(stream, e)
	}
	stream = append(stream, 0x88, 0) // close
	for name, reader := range map[string]io.Reader{
		"at once":      bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
	} {
		c, _ := newChannel(t, reader)
		for _, size := range lengths {
			message, err := c.next()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e, err := event.ParseEnvelope(message); err != nil || len(e.Data) != size {
				t.Errorf("%s: a message with %d bytes of data came as %d, %v", name, size, len(e.Data), err)
			}
		}
		if _, err := c.next(); err != io.EOF {
			t.Errorf("%s: after the close frame the error is %v", name, err)
		}
	}
}

func TestChannelAnswersPings(t *testing.T) {
	stream := websocket.AppendFrame(nil, event.Beat(event.ID{Epoch: "mfrggzdf", Seq: 1}))
	stream = append(stream, 0x89, 2, 'h', 'i', 0x8a, 0, 0x88, 0) // a ping with a text, a pong, a close
	c, peer := newChannel(t, bytes.NewReader(stream))
	if message, err := c.next(); err != nil || !bytes.Contains(message, []byte("$beat")) {
		t.Fatalf("%q, %v", message, err)
	}
	if message, err := c.next(); err != io.EOF {
		t.Fatalf("%q, %v", message, err)
	}
	c.Close()
	answers, err := io.ReadAll(peer)
	if err != nil || len(answers) != 6+8 {
		t.Fatalf("the answers are % x, %v; two pongs were expected", answers, err)
	}
	second := answers[6:]
	key, text := second[2:6], second[6:]
	if second[0] != finalBit|opPong || second[1] != maskBit|2 || text[0]^key[0] != 'h' || text[1]^key[1] != 'i' {
		t.Errorf("the pong is % x", second)
	}
}

func TestChannelRefuses(t *testing.T) {
	for name, stream := range map[string]string{
		"a masked frame":   "\x81\x80\x00\x00\x00\x00",
		"a binary message": "\x82\x01x",
		"a fragment":       "\x01\x01x",
		"too much":         "\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00",
		"half a head":      "\x81\x7e\x00",
		"half a message":   "\x81\x05ab",
		"nothing":          "",
	} {
		c, _ := newChannel(t, strings.NewReader(stream))
		if message, err := c.next(); err == nil || err == io.EOF {
			t.Errorf("%s gives %q, %v", name, message, err)
		}
	}
}

func FuzzChannel(f *testing.F) {
	f.Add(websocket.AppendFrame(nil, benchEvent(1, 2)))
	f.Add([]byte("\x89\x00\x81\x7e\x00\x01x\x88\x00"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		c, _ := newChannel(t, bytes.NewReader(stream))
		for {
			message, err := c.next()
			if err != nil {
				return
			}
			if len(message) > len(stream) {
				t.Fatalf("%d bytes gave a message of %d", len(stream), len(message))
			}
		}
	})
}

// What the channel sends must be what the server reads, whatever its length.
func TestChannelSendsWhatTheServerReads(t *testing.T) {
	h := hub.New(hub.Config{})
	handler := websocket.New(h, websocket.Config{})
	t.Cleanup(func() {
		h.Close()
		if err := handler.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	server := memhttp.NewServer(t, handler)
	d, err := NewDialer(memhttp.URL, server.Dial)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{64, 200, 70_000} {
		p, err := ConnectPublisher(t.Context(), d, size, ToPushlab())
		if err != nil {
			t.Fatal(err)
		}
		sub := h.Subscribe([]string{Topic}, hub.Start{})
		if err := p.Publish(7, 8); err != nil {
			t.Error(err)
		}
		records, err := sub.Next(t.Context())
		if err != nil || len(records) != 1 || !bytes.Equal(records[0].Data, appendData(nil, 7, 8, size)) {
			t.Errorf("%d bytes: %d events came, %v", size, len(records), err)
		}
		sub.Close()
		p.Close()
	}
}

func TestHandshakeRefused(t *testing.T) {
	server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "use another name", http.StatusMisdirectedRequest)
	}))
	d, err := NewDialer(memhttp.URL, server.Dial)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ConnectPublisher(t.Context(), d, 128, ToPushlab()); err == nil || !strings.Contains(err.Error(), "421") || !strings.Contains(err.Error(), "use another name") {
		t.Errorf("the error is %v", err)
	}
	broken := errors.New("no route")
	d.dial = func(context.Context, string, string) (net.Conn, error) { return nil, broken }
	if _, err := ConnectPublisher(t.Context(), d, 128, ToPushlab()); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestNewDialer(t *testing.T) {
	for url, want := range map[string]string{
		"http://localhost:8080": "localhost:8080", "http://localhost": "localhost:80", "http://[::1]": "[::1]:80",
		"https://localhost": "localhost:443", "ftp://localhost": "", "localhost:8080": "", "://": "",
	} {
		d, err := NewDialer(url, nil)
		if d.address != want || (err == nil) != (want != "") {
			t.Errorf("%q leads to %q, %v", url, d.address, err)
		}
	}
}
