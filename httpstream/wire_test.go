package httpstream_test

import (
	"bytes"
	"context"
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
	"pushlab/httpstream"
)

// TestAppendFrame: what each kind of event looks like on the wire.
func TestAppendFrame(t *testing.T) {
	samples := transporttest.Samples
	for _, c := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"event", samples.Event, `{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}` + "\n"},
		{"$open", samples.Open, `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":["chat","clock"]}}` + "\n"},
		{"$open of all topics", samples.OpenAll, `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":null}}` + "\n"},
		{"$beat", samples.Beat, `{"id":"mfrggzdf-42","topic":"$beat","data":{}}` + "\n"},
		{"$gap", samples.Gap, `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"mfrggzdf-7","missed":33}}` + "\n"},
		{"$gap, not counted", samples.GapUncounted, `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"yesterday"}}` + "\n"},
		{"$bye", samples.Bye, `{"id":"mfrggzdf-57","topic":"$bye","data":{"retry":2411}}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff("before|"+c.want, string(httpstream.AppendFrame([]byte("before|"), c.e))); diff != "" {
				t.Errorf("the frame (-want +got):\n%s", diff)
			}
			got, err := decodeAll(new(httpstream.Decoder), c.want)
			if diff := cmp.Diff([]event.Event{c.e}, got); err != io.EOF || diff != "" {
				t.Errorf("decoded: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestDocExchange: the exchange in doc.go is what the handler sends, byte by byte.
func TestDocExchange(t *testing.T) {
	exchange := transporttest.DocExchange(t)
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		handler := httpstream.New(h, httpstream.Config{})
		server := memhttp.NewServer(t, handler)
		time.Sleep(time.Until(transporttest.DocTime))
		transporttest.Publish(t, h, "other", 41)

		conn := transporttest.Send(t, server, exchange.Next())
		synctest.Wait()
		transporttest.Publish(t, h, "clock", 1)
		synctest.Wait()
		transporttest.Publish(t, h, "other", 57-42)
		h.Close()
		transporttest.CheckExchange(t, exchange, transporttest.FixEpoch(h, transporttest.ReadAll(t, conn)))
		conn.Close()
		handler.Shutdown(context.Background())
	})
}

func TestDecoder(t *testing.T) {
	const one, two = `{"id":"mfrggzdf-1","topic":"a","data":1}`, `{"id":"mfrggzdf-2","topic":"b","data":"é€🎉"}`
	wellFormed := []event.Event{
		{ID: transporttest.ID(1), Topic: "a", Data: []byte("1")},
		{ID: transporttest.ID(2), Topic: "b", Data: []byte(`"é€🎉"`)},
	}
	for _, c := range []struct {
		name   string
		stream string
		want   []event.Event
		end    error // nil: some error of Decode
	}{
		{"nothing", "", nil, io.EOF},
		{"two lines", one + "\n" + two + "\n", wellFormed, io.EOF},
		{"CRLF", one + "\r\n" + two + "\r\n", wellFormed, io.EOF},
		{"blank lines, which keep a stream alive", "\n\r\n \t\n" + one + "\n\n\n" + two + "\n\n", wellFormed, io.EOF},
		{"white space, another order, more members", ` { "data" : 1, "more": [], "topic": "a", "id" : "mfrggzdf-1" } ` + "\n", wellFormed[:1], io.EOF},
		{"truncated in the last line", one + "\n" + two[:20], wellFormed[:1], io.ErrUnexpectedEOF},
		{"truncated within a character", one + "\n" + two[:len(two)-4], wellFormed[:1], io.ErrUnexpectedEOF},
		{"truncated just before the line end", one + "\n" + two, wellFormed[:1], io.ErrUnexpectedEOF},
		{"no JSON", one + "\nhello\n" + two + "\n", wellFormed[:1], nil},
		{"no envelope", one + "\n{\"id\":\"mfrggzdf-2\"}\n", wellFormed[:1], nil},
		{"two on a line", one + two + "\n", nil, nil},
		{"one on two lines", one[:25] + "\n" + one[25:] + "\n", nil, nil},
		{"bytes that are not UTF-8", one + "\n" + strings.Replace(two, "é", "\xe9", 1) + "\n", wellFormed[:1], nil},
		{"a byte order mark", "\uFEFF" + one + "\n", nil, nil}, // RFC 8259, section 8.1: must not be added
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 1 << 20} {
				got, err := decodeAll(new(httpstream.Decoder), transporttest.Pieces(c.stream, size)...)
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

// TestDecoderLimit: a line may be as long as the limit; an endless one is noticed before more of it
// is kept than that.
func TestDecoderLimit(t *testing.T) {
	line := string(httpstream.AppendFrame(nil, transporttest.Samples.Event))
	for _, size := range []int{1, 10, 1000} {
		d := httpstream.Decoder{Limit: len(line) - 1}
		if got, err := decodeAll(&d, transporttest.Pieces(strings.Repeat(line, 100), size)...); err != io.EOF || len(got) != 100 {
			t.Errorf("in pieces of %d, with a line as long as the limit: %d events, %v", size, len(got), err)
		}
		d = httpstream.Decoder{Limit: len(line) - 2}
		if got, err := decodeAll(&d, transporttest.Pieces(line, size)...); err == io.EOF || len(got) != 0 {
			t.Errorf("in pieces of %d, with a line that is longer: %d events, %v", size, len(got), err)
		}
		d = httpstream.Decoder{Limit: 1000}
		endless, fed := []byte(strings.Repeat("x", size)), 0
		for err := error(nil); err == nil; fed += size {
			_, err = d.Decode(nil, endless)
		}
		if fed > 1000+2*size {
			t.Errorf("in pieces of %d, %d bytes of an endless line were taken", size, fed)
		}
	}
	large := string(httpstream.AppendFrame(nil, event.Event{ID: transporttest.ID(1), Topic: "a", Data: []byte(`"` + strings.Repeat("x", 10<<20) + `"`)}))
	if got, err := decodeAll(new(httpstream.Decoder), transporttest.Pieces(large, 4<<10)...); err != io.EOF || len(got) != 1 {
		t.Errorf("10 MiB: %d events, %v", len(got), err)
	}
}

// FuzzDecoder: whatever comes, in whatever pieces (HTTP-04), gives the same events and the same end, and
// never a panic.
func FuzzDecoder(f *testing.F) {
	line := string(httpstream.AppendFrame(nil, transporttest.Samples.Event))
	f.Add([]byte(line+line), []byte{1})
	f.Add([]byte("\r\n"+strings.Replace(line, "\n", "\r\n", 1)+"\n\n"), []byte{3, 1})
	f.Add([]byte(line[:20]), []byte{7})
	f.Add([]byte(line+"{}\n"+line), []byte{200, 1})
	f.Add([]byte(strings.Repeat(" ", 250)+"\n"+line), []byte{100})
	f.Add([]byte(`{"id":"mfrggzdf-2","topic":"b","data":"é€🎉"}`+"\n"), []byte{1})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		want, wantErr := decodeAll(&httpstream.Decoder{Limit: 200}, string(stream))
		got, err := decodeAll(&httpstream.Decoder{Limit: 200}, transporttest.Split(stream, sizes)...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in one piece and in several (-one +several):\n%s", diff)
		}
		if (err == io.EOF) != (wantErr == io.EOF) || (err == io.ErrUnexpectedEOF) != (wantErr == io.ErrUnexpectedEOF) {
			t.Errorf("in one piece: %v; in several: %v", wantErr, err)
		}
		// What was read can be written, and comes back.
		var again []byte
		for _, e := range want {
			again = httpstream.AppendFrame(again, e)
		}
		if got, err := decodeAll(new(httpstream.Decoder), string(again)); err != io.EOF || cmp.Diff(want, got) != "" {
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
		frame := httpstream.AppendFrame(nil, want[0])
		if n := bytes.Count(frame, []byte("\n")); n != 1 || frame[len(frame)-1] != '\n' {
			t.Errorf("%q is not one line", frame)
		}
		got, err := decodeAll(new(httpstream.Decoder), string(frame))
		if diff := cmp.Diff(want, got); err != io.EOF || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", frame, err, diff)
		}
	})
}

// decodeAll decodes the pieces, and returns what their end means or the error before it.
func decodeAll(d *httpstream.Decoder, pieces ...string) (events []event.Event, err error) {
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
