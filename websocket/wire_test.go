package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/websocket"
)

// TestAppendFrame: what each kind of event looks like on the wire: 0x81 is the last (and only) frame
// of a text message, the next byte its length.
func TestAppendFrame(t *testing.T) {
	samples := transporttest.Samples
	for _, c := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"event", samples.Event, "\x81\x33" + `{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}`},
		{"$open", samples.Open, "\x81\x47" + `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":["chat","clock"]}}`},
		{"$open of all topics", samples.OpenAll, "\x81\x3b" + `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":null}}`},
		{"$beat, with a ping behind it", samples.Beat, "\x81\x2e" + `{"id":"mfrggzdf-42","topic":"$beat","data":{}}` + "\x89\x00"},
		{"$gap", samples.Gap, "\x81\x4d" + `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"mfrggzdf-7","missed":33}}`},
		{"$gap, not counted", samples.GapUncounted, "\x81\x40" + `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"yesterday"}}`},
		{"$bye", samples.Bye, "\x81\x39" + `{"id":"mfrggzdf-57","topic":"$bye","data":{"retry":2411}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff("before|"+c.want, string(websocket.AppendFrame([]byte("before|"), c.e))); diff != "" {
				t.Errorf("the frame (-want +got):\n%s", diff)
			}
			got, err := decodeAll(new(websocket.Decoder), c.want)
			if diff := cmp.Diff([]event.Event{c.e}, got); err != io.ErrUnexpectedEOF || diff != "" {
				t.Errorf("decoded: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestAppendFrameLengths: RFC 6455, section 5.2: the length takes the shortest of its three forms.
func TestAppendFrameLengths(t *testing.T) {
	overhead := len(event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte(`""`)}.Envelope())
	for _, c := range []struct {
		length int
		header string
	}{
		{125, "\x81\x7d"},
		{126, "\x81\x7e\x00\x7e"},
		{0xffff, "\x81\x7e\xff\xff"},
		{0x10000, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
	} {
		e := event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte(`"` + strings.Repeat("x", c.length-overhead) + `"`)}
		frame := string(websocket.AppendFrame(nil, e))
		if frame != c.header+string(e.Envelope()) {
			t.Errorf("an envelope of %d bytes is framed as %.20q…, want %q before it", c.length, frame, c.header)
		}
		for _, size := range []int{1, 1000, 1 << 20} {
			got, err := decodeAll(new(websocket.Decoder), transporttest.Pieces(frame, size)...)
			if err != io.ErrUnexpectedEOF || len(got) != 1 || !bytes.Equal(got[0].Data, e.Data) {
				t.Errorf("an envelope of %d bytes in pieces of %d: %d events, %v", c.length, size, len(got), err)
			}
		}
	}
}

// TestDocExchange: the exchange in doc.go is what the handler sends, byte by byte.
func TestDocExchange(t *testing.T) {
	exchange := transporttest.DocExchange(t)
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := websocket.New(h, websocket.Config{})
		server := memhttp.NewServer(t, handler)
		time.Sleep(time.Until(transporttest.DocTime))
		transporttest.Publish(t, h, "other", 41)

		conn := transporttest.Send(t, server, exchange.Next())
		synctest.Wait()
		transporttest.Publish(t, h, "clock", 1)
		synctest.Wait()
		b := make([]byte, memhttp.BufferSize)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		head, frames, _ := strings.Cut(transporttest.FixEpoch(h, string(b[:n])), "\r\n\r\n")
		if diff := cmp.Diff(exchange.Next(), head+"\r\n\r\n"); diff != "" {
			t.Errorf("the head of the answer (-doc +answer):\n%s", diff)
		}
		// Below the frames, doc.go explains their first two bytes.
		frame := websocket.AppendFrame
		for i, e := range []event.Event{event.Open(transporttest.ID(41), []string{"clock"}), transporttest.Samples.Event} {
			want := frame(nil, e)
			got := frames[:min(len(want), len(frames))]
			frames = frames[len(got):]
			if line := fmt.Sprintf("%x %x %s", got[0], got[1], got[2:]); got != string(want) || line != exchange[i] {
				t.Errorf("doc.go shows %q, the answer is %q", exchange[i], line)
			}
		}
		if frames != "" {
			t.Errorf("the answer goes on with %q", frames)
		}
		h.Close()
		conn.Close()
		handler.Shutdown(context.Background())
	})
}

// serverFrame returns a frame as a server sends it, in the shortest form.
func serverFrame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return string(b) + payload
}

// First bytes of frames: the bit of a message's last frame, and the opcode.
const (
	text         = 0x81
	textBegin    = 0x01
	continuation = 0x00
	lastPart     = 0x80
	binaryFrame  = 0x82
	closeFrame   = 0x88
	ping         = 0x89
	pong         = 0x8a
)

func TestDecoder(t *testing.T) {
	const one, two = `{"id":"mfrggzdf-1","topic":"a","data":1}`, `{"id":"mfrggzdf-2","topic":"b","data":"é€🎉"}`
	eventOne := event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte("1")}
	eventTwo := event.Event{ID: transporttest.ID(2), Topic: "b", Data: []byte(`"é€🎉"`)}
	both := []event.Event{eventOne, eventTwo}
	frameOne, frameTwo := serverFrame(text, one), serverFrame(text, two)
	long := event.Event{ID: transporttest.ID(3), Topic: "c", Data: []byte(`"` + strings.Repeat("x", 200) + `"`)}
	goingAway := serverFrame(closeFrame, "\x03\xe9")
	for _, c := range []struct {
		name   string
		stream string
		want   []event.Event
		end    error // nil: some error of Decode
	}{
		{"nothing", "", nil, io.ErrUnexpectedEOF},
		{"two messages, and a goodbye", frameOne + frameTwo + goingAway, both, io.EOF},
		{"cut off behind a message", frameOne + frameTwo, both, io.ErrUnexpectedEOF},
		{"cut off within a header", frameOne + frameTwo[:1], both[:1], io.ErrUnexpectedEOF},
		{"cut off within a message", frameOne + frameTwo[:30], both[:1], io.ErrUnexpectedEOF},
		{"cut off within a close frame", frameOne + goingAway[:3], both[:1], io.ErrUnexpectedEOF},
		{"a close frame without a code", frameOne + serverFrame(closeFrame, ""), both[:1], io.EOF},
		{"a close frame with a reason", frameOne + serverFrame(closeFrame, "\x03\xe8bye"), both[:1], io.EOF},
		{"length in 2 bytes", serverFrame(text, string(long.Envelope())), []event.Event{long}, io.ErrUnexpectedEOF},
		{"fragments", serverFrame(textBegin, one[:5]) + serverFrame(continuation, one[5:7]) + serverFrame(continuation, "") + serverFrame(lastPart, one[7:]) + frameTwo,
			both, io.ErrUnexpectedEOF},
		{"fragments within a character", serverFrame(textBegin, two[:len(two)-4]) + serverFrame(lastPart, two[len(two)-4:]), both[1:], io.ErrUnexpectedEOF},
		{"control frames between fragments", serverFrame(textBegin, one[:5]) + serverFrame(ping, "hello") + serverFrame(pong, "") + serverFrame(lastPart, one[5:]), both[:1], io.ErrUnexpectedEOF},
		{"control frames alone", serverFrame(ping, "") + frameOne + serverFrame(pong, strings.Repeat("x", 125)), both[:1], io.ErrUnexpectedEOF},
		{"replies are no events", serverFrame(text, `{"op":"ack","ref":"7","id":"mfrggzdf-1"}`) + frameOne, both[:1], io.ErrUnexpectedEOF},

		{"masked", frameOne + "\x81\xa8abcd" + one, both[:1], nil},
		{"RSV1", frameOne + "\xc1" + frameTwo[1:], both[:1], nil},
		{"RSV2", frameOne + "\xa1" + frameTwo[1:], both[:1], nil},
		{"RSV3", frameOne + "\x91" + frameTwo[1:], both[:1], nil},
		{"opcode 3", frameOne + "\x83" + frameTwo[1:], both[:1], nil},
		{"opcode 11", frameOne + serverFrame(0x8b, ""), both[:1], nil},
		{"a binary message", frameOne + serverFrame(binaryFrame, two), both[:1], nil},
		{"a continuation of nothing", frameOne + serverFrame(lastPart, two), both[:1], nil},
		{"a message within a message", serverFrame(textBegin, one[:5]) + frameTwo, nil, nil},
		{"a control frame in fragments", frameOne + serverFrame(0x09, "hel") + serverFrame(lastPart, "lo"), both[:1], nil},
		{"a control frame of 126 bytes", frameOne + serverFrame(ping, strings.Repeat("x", 126)), both[:1], nil},
		{"a frame behind the close frame", frameOne + goingAway + frameTwo, both[:1], nil},
		{"a length with the highest bit", frameOne + "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff" + two, both[:1], nil},
		{"not UTF-8", frameOne + serverFrame(text, strings.Replace(two, "é", "\xe9", 1)), both[:1], nil},
		{"not JSON", frameOne + serverFrame(text, "hello"), both[:1], nil},
		{"not an envelope", frameOne + serverFrame(text, `{"id":"mfrggzdf-2"}`), both[:1], nil},
		{"an empty message", frameOne + serverFrame(text, ""), both[:1], nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 1 << 20} {
				got, err := decodeAll(new(websocket.Decoder), transporttest.Pieces(c.stream, size)...)
				if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("in pieces of %d (-want +got):\n%s", size, diff)
				}
				if c.end != nil && err != c.end || c.end == nil && (err == io.EOF || err == io.ErrUnexpectedEOF) {
					t.Errorf("in pieces of %d: %v, want %v", size, err, c.end)
				}
			}
		})
	}
}

// TestDecoderLimit: a message may be as long as the limit; a longer one is refused by its header, an
// endless one before more of it is kept than that.
func TestDecoderLimit(t *testing.T) {
	message := string(transporttest.Samples.Event.Envelope())
	frame := serverFrame(text, message)
	fragments := serverFrame(textBegin, message[:10]) + serverFrame(ping, strings.Repeat("x", 125)) + serverFrame(lastPart, message[10:])
	for _, size := range []int{1, 10, 1000} {
		for _, stream := range []string{frame, fragments} {
			d := websocket.Decoder{Limit: len(message)}
			if got, err := decodeAll(&d, transporttest.Pieces(strings.Repeat(stream, 100), size)...); err != io.ErrUnexpectedEOF || len(got) != 100 {
				t.Errorf("in pieces of %d, with a message as long as the limit: %d events, %v", size, len(got), err)
			}
			d = websocket.Decoder{Limit: len(message) - 1}
			if got, err := decodeAll(&d, transporttest.Pieces(stream, size)...); err == io.ErrUnexpectedEOF || len(got) != 0 {
				t.Errorf("in pieces of %d, with a message that is longer: %d events, %v", size, len(got), err)
			}
		}
		for _, endless := range []string{serverFrame(continuation, "x"), serverFrame(continuation, strings.Repeat("x", 100))} {
			d := websocket.Decoder{Limit: 1000}
			piece, fed := []byte(strings.Repeat(endless, size)), 0
			_, err := d.Decode(nil, []byte(serverFrame(textBegin, "")))
			for ; err == nil; fed += size * (len(endless) - 2) {
				_, err = d.Decode(nil, piece)
			}
			if fed > 1000+2*size*len(endless) {
				t.Errorf("%d bytes of an endless message were taken, in pieces of %d", fed, len(piece))
			}
		}
	}
	if _, err := new(websocket.Decoder).Decode(nil, []byte("\x81\x7f\x00\x00\x00\x01\x00\x00\x00\x00")); err == nil {
		t.Error("a message of 4 GiB was not refused by its header")
	}
	large := string(websocket.AppendFrame(nil, event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte(`"` + strings.Repeat("x", 10<<20) + `"`)}))
	if got, err := decodeAll(new(websocket.Decoder), transporttest.Pieces(large, 4<<10)...); err != io.ErrUnexpectedEOF || len(got) != 1 {
		t.Errorf("10 MiB: %d events, %v", len(got), err)
	}
}

// FuzzDecoder: whatever comes, in whatever pieces, gives the same events and the same end, and never
// a panic.
func FuzzDecoder(f *testing.F) {
	envelope := string(transporttest.Samples.Event.Envelope())
	frame := serverFrame(text, envelope)
	f.Add([]byte(frame+frame+serverFrame(closeFrame, "\x03\xe9")), []byte{1})
	f.Add([]byte(serverFrame(textBegin, envelope[:7])+serverFrame(ping, "x")+serverFrame(lastPart, envelope[7:])), []byte{3, 1})
	f.Add([]byte(serverFrame(text, envelope+strings.Repeat(" ", 100))), []byte{7})
	f.Add([]byte(serverFrame(text, strings.Repeat(" ", 300))), []byte{200, 1})
	f.Add([]byte("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x33"+envelope), []byte{1})
	f.Add([]byte("\xc1\x00\x81\x80"), []byte{1})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want, wantErr := decodeAll(&websocket.Decoder{Limit: 200}, string(stream))
		got, err := decodeAll(&websocket.Decoder{Limit: 200}, transporttest.Split(stream, sizes)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in one piece and in several (-one +several):\n%s", diff)
		}
		if (err == io.EOF) != (wantErr == io.EOF) || (err == io.ErrUnexpectedEOF) != (wantErr == io.ErrUnexpectedEOF) {
			t.Errorf("in one piece: %v; in several: %v", wantErr, err)
		}
		var again []byte
		for _, e := range want {
			again = websocket.AppendFrame(again, e)
		}
		if got, err := decodeAll(new(websocket.Decoder), string(again)); err != io.ErrUnexpectedEOF || cmp.Diff(want, got) != "" {
			t.Errorf("%q comes back as %v, %v", again, got, err)
		}
	})
}

// FuzzAppendFrame: whatever a publisher can publish comes out of the decoder as it was.
func FuzzAppendFrame(f *testing.F) {
	f.Add("clock", uint64(42), []byte(`{"n":1}`))
	f.Add("a.b-c", uint64(0), []byte(`"<\u2028é\n>"`))
	f.Add("a", uint64(1<<64-1), []byte(" [ 1 , null ] "))
	f.Fuzz(func(t *testing.T, topic string, seq uint64, text []byte) {
		data, err := event.Compact(text)
		if err != nil || event.CheckTopic(topic) != nil {
			return
		}
		want := []event.Event{{ID: transporttest.ID(seq), Topic: topic, Data: data}}
		frame := websocket.AppendFrame(nil, want[0])
		if opcode, payload, err := readFrame(bufio.NewReader(bytes.NewReader(frame))); opcode != 0x81 || err != nil || !bytes.Equal(payload, want[0].Envelope()) {
			t.Errorf("%q is no text message of one frame: %v", frame, err)
		}
		got, err := decodeAll(new(websocket.Decoder), string(frame))
		if diff := cmp.Diff(want, got); err != io.ErrUnexpectedEOF || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", frame, err, diff)
		}
	})
}

// decodeAll decodes the pieces, and returns what their end means or the error before it.
func decodeAll(d *websocket.Decoder, pieces ...string) (events []event.Event, err error) {
	for _, piece := range pieces {
		p := []byte(piece)
		events, err = d.Decode(events, p)
		for i := range p {
			p[i] = 'X' // the decoder must not have kept it
		}
		if err != nil {
			return events, err
		}
	}
	return events, d.End()
}
