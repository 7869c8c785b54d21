package load

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// zippedStream is what a server sends whose text is compressed, with a flush behind each event.
func zippedStream(t *testing.T, transport string, events int) []byte {
	t.Helper()
	data := func(n int) []byte { return appendDataOf(nil, n, 0, 300, result.JSONData) }
	var stream []byte
	switch transport {
	case websocket.Name:
		stream = append(stream, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n"...)
		for n := range events {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, 6)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(envelopeOf(n, data(n)).AppendEnvelope(nil))
			w.Flush()
			message := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
			stream = append(stream, finalBit|rsv1Bit|opText, 126, byte(len(message)>>8), byte(len(message)))
			stream = append(stream, message...)
		}
	case longpoll.Name:
		stream = append(stream, firstPoll...)
		for n := range events {
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			w.Write(AppendAnswer(nil, n, data(n)))
			w.Close()
			stream = fmt.Appendf(stream, "HTTP/1.1 200 OK\r\nPushlab-Cursor: c-%d\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n", n)
			half := b.Len() / 2
			stream = appendChunk(appendChunk(stream, b.Bytes()[:half]), b.Bytes()[half:])
			stream = append(stream, "0\r\n\r\n"...)
		}
	default:
		stream = append(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"...)
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for n := range events {
			if e := envelopeOf(n, data(n)); transport == sse.Name {
				w.Write(sse.AppendFrame(nil, e))
			} else {
				w.Write(httpstream.AppendFrame(nil, e))
			}
			w.Flush()
			stream = appendChunk(stream, b.Bytes())
			b.Reset()
		}
	}
	return stream
}

// What is compressed is found as it comes, wherever it is cut.
func TestCompressedStreams(t *testing.T) {
	for _, transport := range result.Transports() {
		stream := zippedStream(t, transport, 50)
		for _, size := range []int{1, 7, 1000, len(stream)} {
			s := newSubscriber(transport)
			s.load.way = Way{Gzip: true, Deflate: true}
			if _, err := fed(s, stream, size); err != nil {
				t.Errorf("%s in pieces of %d: %v", transport, size, err)
			}
			if s.warmUp.came != 10 || s.measured.came != 40 || s.measured.duplicated != 0 || len(s.rest)+len(s.line) > 0 {
				t.Errorf("%s in pieces of %d: %d and %d events, %d bytes left", transport, size, s.warmUp.came, s.measured.came, len(s.rest)+len(s.line))
			}
			s.stopUnzipping()
		}
	}
}

// Each flush brings an event, before the next has come.
func TestUnzipperDoesNotWait(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	u := newUnzipper()
	defer u.stop()
	for n := range 100 {
		want := strings.Repeat(fmt.Sprint(n), n*n)
		io.WriteString(w, want)
		w.Flush()
		var got strings.Builder
		err := u.take(b.Bytes(), func(p []byte) error { got.Write(p); return nil })
		if err != nil || got.String() != want {
			t.Fatalf("flush %d brings %d bytes of %d: %v", n, got.Len(), len(want), err)
		}
		b.Reset()
	}
	w.Close()
	if err := u.take(b.Bytes(), func([]byte) error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the end of a stream that has none is %v", err)
	}
}

func TestCompressionThatIsWrong(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for name, c := range map[string]struct{ transport, stream, says string }{
		"not compressed":       {"sse", ok + "\r\n", "not compressed"},
		"no gzip":              {"sse", ok + "Content-Encoding: gzip\r\n\r\n4\r\nabcd\r\n9\r\nefghijklm\r\n", "gzip: invalid header"},
		"an answer is no gzip": {"longpoll", firstPoll + "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nabcdefghijkl", "gzip: invalid header"},
		"declined":             {"websocket", switching, "--compress"},
		"no deflate":           {"websocket", strings.TrimSuffix(switching, "\r\n") + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\xc1\x02\xff\xff", "flate"},
	} {
		s := newSubscriber(c.transport)
		s.load.way = Way{Gzip: true, Deflate: true}
		if _, err := fed(s, []byte(c.stream), 3); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		s.stopUnzipping()
	}
	s := newSubscriber("websocket")
	if _, err := fed(s, []byte(switching+"\xc1\x01\x00"), 3); err == nil || !strings.Contains(err.Error(), "nobody has agreed") {
		t.Errorf("a compressed message that was not agreed on: %v", err)
	}
}

// Events have the size that is asked for, say the same each time, and are found, whatever they are filled up with.
func TestDataKinds(t *testing.T) {
	for _, kind := range result.Datas() {
		for size := result.MinSize; size < 700; size++ {
			data, want := appendDataOf(nil, size, time.Hour, size, kind), size
			if kind == result.BinaryData {
				want = base64.StdEncoding.EncodedLen(size) + len(`""`)
			}
			if len(data) != want || !bytes.Equal(data, appendDataOf(nil, size, time.Hour, size, kind)) {
				t.Fatalf("%q: %d bytes are %s", kind, size, data)
			}
			e := envelopeOf(size, data)
			var found []arrival
			if _, err := scan(append(e.AppendEnvelope(nil), '\n'), func(a arrival) error { found = append(found, a); return nil }); err != nil || len(found) != 1 || found[0].n != size {
				t.Fatalf("%q: %v, %v in %s", kind, found, err, data)
			}
			if !json.Valid(data) {
				t.Fatalf("%q is no JSON: %s", kind, data)
			}
		}
	}
	for kind, want := range map[result.Data][2]float64{result.PadData: {0, 0.1}, result.JSONData: {0.2, 0.6}, result.RandomData: {0.7, 1}, result.TextData: {0.1, 0.6}, result.BinaryData: {0.9, 1.4}} {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write(appendDataOf(nil, 1, 2, 10_000, kind))
		w.Close()
		if share := float64(b.Len()) / 10_000; share < want[0] || share > want[1] {
			t.Errorf("%q is compressed to %v", kind, share)
		}
	}
}
