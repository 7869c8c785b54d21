package sse_test

import (
	"bytes"
	"context"
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
	"pushlab/sse"
)

// TestAppendFrame: what each kind of event looks like on the wire.
func TestAppendFrame(t *testing.T) {
	samples := transporttest.Samples
	for _, c := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"event", samples.Event, `id: mfrggzdf-42
data: {"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}

`},
		{"$open", samples.Open, `id: mfrggzdf-41
event: $open
data: {"id":"mfrggzdf-41","topic":"$open","data":{"topics":["chat","clock"]}}

`},
		{"$open of all topics", samples.OpenAll, `id: mfrggzdf-41
event: $open
data: {"id":"mfrggzdf-41","topic":"$open","data":{"topics":null}}

`},
		{"$beat", samples.Beat, `: beat
id: mfrggzdf-42
event: $beat
data: {"id":"mfrggzdf-42","topic":"$beat","data":{}}

`},
		{"$gap", samples.Gap, `id: mfrggzdf-40
event: $gap
data: {"id":"mfrggzdf-40","topic":"$gap","data":{"after":"mfrggzdf-7","missed":33}}

`},
		{"$gap, not counted", samples.GapUncounted, `id: mfrggzdf-40
event: $gap
data: {"id":"mfrggzdf-40","topic":"$gap","data":{"after":"yesterday"}}

`},
		{"$bye", samples.Bye, `retry: 2411
id: mfrggzdf-57
event: $bye
data: {"id":"mfrggzdf-57","topic":"$bye","data":{"retry":2411}}

`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff("before|"+c.want, string(sse.AppendFrame([]byte("before|"), c.e))); diff != "" {
				t.Errorf("the frame (-want +got):\n%s", diff)
			}
			d := new(sse.Decoder)
			got, err := decodeAll(d, c.want)
			if diff := cmp.Diff([]event.Event{c.e}, got); err != io.EOF || diff != "" {
				t.Errorf("decoded: %v (-want +got):\n%s", err, diff)
			}
			if d.LastID != c.e.ID.String() {
				t.Errorf("the last event ID is %q", d.LastID)
			}
		})
	}
}

// TestDocExchange: the exchange in doc.go is what the handler sends, byte by byte.
func TestDocExchange(t *testing.T) {
	exchange := transporttest.DocExchange(t)
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := sse.New(h, sse.Config{})
		server := memhttp.NewServer(t, handler)
		time.Sleep(time.Until(transporttest.DocTime))
		transporttest.Publish(t, h, "other", 41)

		conn := transporttest.Send(t, server, exchange.Next())
		synctest.Wait()
		transporttest.Publish(t, h, "clock", 1)
		synctest.Wait()
		h.Close()
		transporttest.CheckExchange(t, exchange, transporttest.FixEpoch(h, transporttest.ReadAll(t, conn)))
		conn.Close()
		handler.Shutdown(context.Background())
	})
}

// message is an event of a server that sends no envelopes.
func message(topic, data string) event.Event {
	return event.Event{Topic: topic, Data: []byte(data)}
}

// TestDecoder: the names are those of a checklist made from WHATWG HTML, sections 9.2.5 and 9.2.6.
func TestDecoder(t *testing.T) {
	const one, two = `{"id":"mfrggzdf-1","topic":"a","data":1}`, `{"id":"mfrggzdf-2","topic":"b","data":"é€🎉"}`
	eventOne := event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte("1")}
	eventTwo := event.Event{ID: transporttest.ID(2), Topic: "b", Data: []byte(`"é€🎉"`)}
	for _, c := range []struct {
		name   string
		stream string
		want   []event.Event
		lastID string
		retry  time.Duration
	}{
		{name: "nothing"},
		{name: "envelopes", stream: "id: mfrggzdf-1\ndata: " + one + "\n\nid: mfrggzdf-2\ndata: " + two + "\n\n",
			want: []event.Event{eventOne, eventTwo}, lastID: "mfrggzdf-2"},
		{name: "an envelope on several lines", stream: "data: {\"id\":\"mfrggzdf-1\",\ndata: \"topic\":\"a\",\ndata:\"data\":1}\n\n", want: []event.Event{eventOne}},
		{name: "an event name that only Pushlab may use", stream: "event: $bye\ndata: x\n\n", want: []event.Event{message("message", `"x"`)}},

		{name: "SSE-01 bytes that are not UTF-8 become U+FFFD", stream: "data: a\xffb\n\n", want: []event.Event{message("message", "\"a\uFFFDb\"")}},
		{name: "SSE-01 a character that breaks off is one, a byte that begins none is one", stream: "data: \xff\xff|\xe2\x82\xe2|\xf0\x9f\x99|\xed\xa0\x80|\xf4\x90\x80\x80\n\n",
			want: []event.Event{message("message", "\"\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD\"")}},
		{name: "SSE-01 in an envelope", stream: "data: " + strings.Replace(two, "é", "\xe9", 1) + "\n\n",
			want: []event.Event{{ID: transporttest.ID(2), Topic: "b", Data: []byte("\"\uFFFD€🎉\"")}}},
		{name: "SSE-01 in an id", stream: "id: \xff\ndata: 1\n\n", want: []event.Event{message("message", "1")}, lastID: "\uFFFD"},
		{name: "SSE-02 one byte order mark is stripped", stream: "\uFEFFdata: 1\n\n", want: []event.Event{message("message", "1")}},
		{name: "SSE-02 a second one is part of an unknown field", stream: "\uFEFF\uFEFFdata: 1\n\ndata: 2\n\n", want: []event.Event{message("message", "2")}},
		{name: "SSE-02 a later one is part of an unknown field", stream: "data: 1\n\n\uFEFFdata: 2\n\n", want: []event.Event{message("message", "1")}},
		{name: "SSE-02 a later one is data", stream: "data: \uFEFF\n\n", want: []event.Event{message("message", "\"\uFEFF\"")}},
		{name: "SSE-02 and nothing else", stream: "\uFEFF\n\n"},
		{name: "SSE-03 LF", stream: "data: 1\n\ndata: 2\n\n", want: []event.Event{message("message", "1"), message("message", "2")}},
		{name: "SSE-03 CRLF", stream: "data: 1\r\n\r\ndata: 2\r\n\r\n", want: []event.Event{message("message", "1"), message("message", "2")}},
		{name: "SSE-03 CR", stream: "data: 1\r\rdata: 2\r\r", want: []event.Event{message("message", "1"), message("message", "2")}},
		{name: "SSE-03 mixed", stream: "data: 1\r\ndata: 2\ndata: 3\r\r\ndata: 4\n\r", want: []event.Event{message("message", `"1\n2\n3"`), message("message", "4")}},
		{name: "SSE-03 LF CR is two line ends", stream: "data: 1\n\rdata: 2\n\r", want: []event.Event{message("message", "1"), message("message", "2")}},
		{name: "SSE-04 comments", stream: ": hello\n:\n:data: 1\ndata: 2\n: in between\n\n", want: []event.Event{message("message", "2")}},
		{name: "SSE-05 one leading space is dropped", stream: "data:  two \n\n", want: []event.Event{message("message", `" two "`)}},
		{name: "SSE-05 only of the value", stream: " data: 1\ndata : 2\n\ndata:3\n\n", want: []event.Event{message("message", "3")}},
		{name: "SSE-05 split at the first colon", stream: "data: a:b: c\n\n", want: []event.Event{message("message", `"a:b: c"`)}},
		{name: "SSE-05 a tab is no space", stream: "data:\tx\n\n", want: []event.Event{message("message", `"\tx"`)}},
		{name: "SSE-06 a line without a colon is a field without a value", stream: "data\n\n", want: []event.Event{message("message", `""`)}},
		{name: "SSE-06 also of an id", stream: "id: 1\n\nid\n\n"},
		{name: "SSE-07 unknown fields, and other cases", stream: "Data: 1\nDATA: 2\nfoo: 3\ndata: 4\ndatas: 5\n\n", want: []event.Event{message("message", "4")}},
		{name: "SSE-08 data lines are joined by LF", stream: "data: a\ndata: b\ndata:\n\n", want: []event.Event{message("message", `"a\nb\n"`)}},
		{name: "SSE-08 one empty data line", stream: "data:\n\n", want: []event.Event{message("message", `""`)}},
		{name: "SSE-08 two empty data lines", stream: "data\ndata\n\n", want: []event.Event{message("message", `"\n"`)}},
		{name: "SSE-09 the last event name wins", stream: "event: a\nevent: b\ndata: 1\n\n", want: []event.Event{message("b", "1")}},
		{name: "SSE-09 an empty one means message", stream: "event: a\nevent:\ndata: 1\n\n", want: []event.Event{message("message", "1")}},
		{name: "SSE-09 it is forgotten after the event", stream: "event: a\ndata: 1\n\ndata: 2\n\n", want: []event.Event{message("a", "1"), message("message", "2")}},
		{name: "SSE-09 also if there was none", stream: "event: a\n\ndata: 2\n\n", want: []event.Event{message("message", "2")}},
		{name: "SSE-09 one that is no topic", stream: "event: two words\ndata: 1\n\n", want: []event.Event{message("message", "1")}},
		{name: "SSE-10 the id", stream: "id: 7\ndata: 1\n\n", want: []event.Event{message("message", "1")}, lastID: "7"},
		{name: "SSE-10 one with NUL is ignored", stream: "id: 7\nid: 8\x00\ndata: 1\n\n", want: []event.Event{message("message", "1")}, lastID: "7"},
		{name: "SSE-10 an empty one clears it", stream: "id: 7\ndata: 1\n\nid:\ndata: 2\n\n", want: []event.Event{message("message", "1"), message("message", "2")}},
		{name: "SSE-10 it stays for events without", stream: "id: 7\ndata: 1\n\ndata: 2\n\n", want: []event.Event{message("message", "1"), message("message", "2")}, lastID: "7"},
		{name: "SSE-11 it counts at the empty line, without data too", stream: "id: 7\n\n", lastID: "7"},
		{name: "SSE-11 and not before", stream: "id: 7\n\nid: 8\ndata: 1\n", lastID: "7"},
		{name: "SSE-12 retry", stream: "retry: 2500\n", retry: 2500 * time.Millisecond},
		{name: "SSE-12 only digits", stream: "retry: 1\nretry: +2\nretry: -2\nretry: 2.5\nretry: 2s\nretry: 0x2\nretry: 2_0\nretry:  2\nretry:\nretry\n", retry: time.Millisecond},
		{name: "SSE-12 leading zeros, and zero", stream: "retry: 007\n\nretry: 0\n"},
		{name: "SSE-12 too large is ignored", stream: "retry: 1\nretry: 99999999999999999999999\nretry: 9223372036854775807\n", retry: time.Millisecond},
		{name: "SSE-13 an empty line without data is no event", stream: "\n\n\nid: 7\nevent: a\n\n: x\n\n", lastID: "7"},
		{name: "SSE-14 an unfinished event is discarded", stream: "data: 1\n\ndata: 2\n", want: []event.Event{message("message", "1")}},
		{name: "SSE-14 so is an unfinished line", stream: "data: 1\n\ndata: 2", want: []event.Event{message("message", "1")}},
		{name: "SSE-16 NUL in data is data", stream: "data: a\x00b\n\n", want: []event.Event{message("message", `"a\u0000b"`)}},
		{name: "SSE-16 and in an event name as much of a name as any", stream: "event: a\x00\ndata: 1\n\n", want: []event.Event{message("message", "1")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 1 << 20} {
				d := new(sse.Decoder)
				got, err := decodeAll(d, transporttest.Pieces(c.stream, size)...)
				if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); err != io.EOF || diff != "" {
					t.Errorf("in pieces of %d: %v (-want +got):\n%s", size, err, diff)
				}
				if d.LastID != c.lastID || d.Retry != c.retry {
					t.Errorf("in pieces of %d: last event ID %q, retry %v; want %q, %v", size, d.LastID, d.Retry, c.lastID, c.retry)
				}
			}
		})
	}
}

// TestDecoderDispatchesAtOnce: SSE-03 too. A CR ends the line when it comes, without a look at what
// follows, which may take until the next event.
func TestDecoderDispatchesAtOnce(t *testing.T) {
	for _, stream := range []string{"data: 1\n\n", "data: 1\r\r", "data: 1\r\n\r"} {
		if got, err := new(sse.Decoder).Decode(nil, []byte(stream)); len(got) != 1 || err != nil {
			t.Errorf("%q: %d events, %v", stream, len(got), err)
		}
	}
}

// TestDecoderLimit: a block may be as long as the limit; an endless one is noticed before more of it
// is kept than that. SSE-15: the default allows for lines that others send.
func TestDecoderLimit(t *testing.T) {
	block := "data: 23456789\n: a comment, which is long\ndata: 23456789\n\n"
	longest := len("23456789\n") + len(": a comment, which is long")
	for _, size := range []int{1, 10, 1000} {
		d := sse.Decoder{Limit: longest}
		if got, err := decodeAll(&d, transporttest.Pieces(strings.Repeat(block, 100), size)...); err != io.EOF || len(got) != 100 {
			t.Errorf("in pieces of %d, with a block as long as the limit: %d events, %v", size, len(got), err)
		}
		d = sse.Decoder{Limit: longest - 1}
		if got, err := decodeAll(&d, transporttest.Pieces(block, size)...); err == io.EOF || len(got) != 0 {
			t.Errorf("in pieces of %d, with a block that is longer: %d events, %v", size, len(got), err)
		}
		for _, endless := range []string{"x", "data: x\n", "data:\r"} {
			d = sse.Decoder{Limit: 1000}
			piece, fed := []byte(strings.Repeat(endless, size)), 0
			for err := error(nil); err == nil; fed += size {
				_, err = d.Decode(nil, piece)
			}
			if fed > 1000+2*size {
				t.Errorf("%d times %q were taken, %d at a time", fed, endless, size)
			}
		}
	}
	for _, mib := range []int{5, 10} {
		large := strings.Repeat("x", mib<<20)
		got, err := decodeAll(new(sse.Decoder), transporttest.Pieces("data: "+large+"\n\n", 4<<10)...)
		if err != io.EOF || len(got) != 1 || len(got[0].Data) != len(large)+2 {
			t.Errorf("SSE-15 a line of %d MiB: %d events, %v", mib, len(got), err)
		}
	}
}

// FuzzDecoder: whatever comes, in whatever pieces, gives the same events and the same end, and never
// a panic.
func FuzzDecoder(f *testing.F) {
	block := string(sse.AppendFrame(nil, transporttest.Samples.Event))
	f.Add([]byte(block+block), []byte{1})
	f.Add([]byte("\uFEFF: hello\r\nretry: 10\r\n\r\n"+strings.ReplaceAll(block, "\n", "\r\n")), []byte{3, 1})
	f.Add([]byte(strings.ReplaceAll(block, "\n", "\r")+"\ndata\r\n"), []byte{7})
	f.Add([]byte("data: a\ndata: b\nevent: c\nid: d\n\nid: e\x00\nid\n\n"), []byte{200, 1})
	f.Add([]byte("data: "+strings.Repeat(" ", 250)+"\n\n"+block), []byte{100})
	f.Add([]byte("data: é€🎉\xff\nid: \xff\n\n"), []byte{1})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		one, several := &sse.Decoder{Limit: 200}, &sse.Decoder{Limit: 200}
		want, wantErr := decodeAll(one, string(stream))
		got, err := decodeAll(several, transporttest.Split(stream, sizes)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in one piece and in several (-one +several):\n%s", diff)
		}
		if (err == io.EOF) != (wantErr == io.EOF) {
			t.Errorf("in one piece: %v; in several: %v", wantErr, err)
		}
		if one.LastID != several.LastID || one.Retry != several.Retry {
			t.Errorf("in one piece: %q, %v; in several: %q, %v", one.LastID, one.Retry, several.LastID, several.Retry)
		}
		for _, e := range want {
			if e.ID.IsZero() { // of a foreign server
				if e.Control() || event.CheckTopic(e.Topic) != nil {
					t.Errorf("%+v can be taken for ours", e)
				}
				continue
			}
			if again, err := decodeAll(new(sse.Decoder), string(sse.AppendFrame(nil, e))); err != io.EOF || cmp.Diff([]event.Event{e}, again) != "" {
				t.Errorf("%+v comes back as %v, %v", e, again, err)
			}
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
		frame := sse.AppendFrame(nil, want[0])
		if n := bytes.Count(frame, []byte("\n")); n != 3 || bytes.ContainsAny(frame, "\r\x00") || !bytes.HasSuffix(frame, []byte("\n\n")) {
			t.Errorf("%q is not a block of two lines", frame)
		}
		d := new(sse.Decoder)
		got, err := decodeAll(d, string(frame))
		if diff := cmp.Diff(want, got); err != io.EOF || diff != "" || d.LastID != fmt.Sprint(want[0].ID) {
			t.Errorf("%q: %v, last event ID %q (-want +got):\n%s", frame, err, d.LastID, diff)
		}
	})
}

// decodeAll decodes the pieces, and returns what their end means or the error before it.
func decodeAll(d *sse.Decoder, pieces ...string) (events []event.Event, err error) {
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
