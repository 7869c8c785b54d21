package longpoll_test

import (
	"bytes"
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
	"pushlab/longpoll"
)

// TestAppendFrame: what each kind of event looks like in an answer. Of the control events only $gap
// is sent; the others the client makes up.
func TestAppendFrame(t *testing.T) {
	samples := transporttest.Samples
	for _, c := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"event", samples.Event, `{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}`},
		{"$open", samples.Open, `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":["chat","clock"]}}`},
		{"$open of all topics", samples.OpenAll, `{"id":"mfrggzdf-41","topic":"$open","data":{"topics":null}}`},
		{"$beat", samples.Beat, `{"id":"mfrggzdf-42","topic":"$beat","data":{}}`},
		{"$gap", samples.Gap, `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"mfrggzdf-7","missed":33}}`},
		{"$gap, not counted", samples.GapUncounted, `{"id":"mfrggzdf-40","topic":"$gap","data":{"after":"yesterday"}}`},
		{"$bye", samples.Bye, `{"id":"mfrggzdf-57","topic":"$bye","data":{"retry":2411}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff("before|"+c.want, string(longpoll.AppendFrame([]byte("before|"), c.e))); diff != "" {
				t.Errorf("the frame (-want +got):\n%s", diff)
			}
			got, err := new(longpoll.Decoder).Decode(nil, answer(c.want))
			if diff := cmp.Diff([]event.Event{c.e}, got); err != nil || diff != "" {
				t.Errorf("decoded: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// answer returns an answer with those frames.
func answer(frames ...string) []byte {
	return []byte(`{"events":[` + strings.Join(frames, ",") + `],"cursor":"mfrggzdf-57","more":false}`)
}

// TestDocExchange: the exchange in doc.go is what the handler sends, byte by byte.
func TestDocExchange(t *testing.T) {
	exchange := transporttest.DocExchange(t)
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		server := memhttp.NewServer(t, longpoll.New(h, longpoll.Config{}))
		time.Sleep(time.Until(transporttest.DocTime))
		transporttest.Publish(t, h, "other", 41)

		first := transporttest.Send(t, server, exchange.Next())
		synctest.Wait()
		b := make([]byte, memhttp.BufferSize)
		n, err := first.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(exchange.Next(), transporttest.FixEpoch(h, string(b[:n]))); diff != "" {
			t.Errorf("the first answer (-doc +answer):\n%s", diff)
		}

		second := transporttest.Send(t, server, strings.ReplaceAll(exchange.Next(), transporttest.Epoch, h.State().Head.Epoch))
		time.Sleep(time.Second)
		transporttest.Publish(t, h, "clock", 1)
		synctest.Wait()
		if n, err = second.Read(b); err != nil {
			t.Fatal(err)
		}
		transporttest.CheckExchange(t, exchange, transporttest.FixEpoch(h, string(b[:n])))
		h.Close()
	})
}

func TestDecoder(t *testing.T) {
	const one, two = `{"id":"mfrggzdf-1","topic":"a","data":1}`, `{"id":"mfrggzdf-2","topic":"b","data":"é€🎉"}`
	for _, c := range []struct {
		name    string
		content string
		want    []event.Event
		cursor  event.ID // zero: an error
		more    bool
	}{
		{name: "an answer", content: `{"events":[` + one + `,` + two + `],"cursor":"mfrggzdf-3","more":true}`,
			want: []event.Event{
				{ID: transporttest.ID(1), Topic: "a", Data: []byte("1")},
				{ID: transporttest.ID(2), Topic: "b", Data: []byte(`"é€🎉"`)},
			}, cursor: transporttest.ID(3), more: true},
		{name: "no events", content: `{"events":[],"cursor":"mfrggzdf-3","more":false}`, cursor: transporttest.ID(3)},
		{name: "white space, another order, more members", content: "{\r\n\t\"more\": false, \"cursor\": \"mfrggzdf-3\", \"x\": {}, \"events\": [ " + one + " ]\r\n}\r\n",
			want: []event.Event{{ID: transporttest.ID(1), Topic: "a", Data: []byte("1")}}, cursor: transporttest.ID(3)},
		{name: "nothing"},
		{name: "no JSON", content: "hello"},
		{name: "another JSON value", content: "[]"},
		{name: "truncated", content: `{"events":[` + one + `],"cursor":"mfrggzdf-3","more":tr`},
		{name: "two answers", content: string(answer(one)) + string(answer(two))},
		{name: "no cursor", content: `{"events":[` + one + `],"more":true}`},
		{name: "a cursor that is none", content: `{"events":[` + one + `],"cursor":"3","more":true}`},
		{name: "a cursor of another type", content: `{"events":[` + one + `],"cursor":3,"more":true}`},
		{name: "more of another type", content: `{"events":[` + one + `],"cursor":"mfrggzdf-3","more":1}`},
		{name: "events of another type", content: `{"events":{},"cursor":"mfrggzdf-3","more":true}`},
		{name: "an event that is none", content: `{"events":[{"id":"mfrggzdf-1"}],"cursor":"mfrggzdf-3","more":true}`},
		{name: "an event that is null", content: `{"events":[null],"cursor":"mfrggzdf-3","more":true}`},
		{name: "bytes that are not UTF-8", content: `{"events":[` + strings.Replace(two, "é", "\xe9", 1) + `],"cursor":"mfrggzdf-3","more":true}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := longpoll.Decoder{Cursor: transporttest.ID(9), More: !c.more}
			d, content := before, []byte(c.content)
			got, err := d.Decode(nil, content)
			for i := range content {
				content[i] = 'X' // the decoder must not have kept it
			}
			if c.cursor.IsZero() {
				if err == nil || d != before {
					t.Errorf("%v, %v; the decoder is now %+v", got, err, d)
				}
				return
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if want := (longpoll.Decoder{Cursor: c.cursor, More: c.more}); d != want {
				t.Errorf("the decoder is %+v, want %+v", d, want)
			}
		})
	}
}

// FuzzDecoder: whatever comes is an answer or an error, and never a panic; what was read can be
// written, and comes back.
func FuzzDecoder(f *testing.F) {
	frame := string(longpoll.AppendFrame(nil, transporttest.Samples.Event))
	f.Add(answer(frame, frame))
	f.Add(answer())
	f.Add([]byte(`{"cursor":"mfrggzdf-1","more":true,"events":null}`))
	f.Add(answer(string(longpoll.AppendFrame(nil, transporttest.Samples.Gap)))[:60])
	f.Fuzz(func(t *testing.T, content []byte) {
		var d longpoll.Decoder
		want, err := d.Decode(nil, content)
		if err != nil {
			return
		}
		if d.Cursor.IsZero() {
			t.Errorf("%q leads nowhere", content)
		}
		var frames []string
		for _, e := range want {
			frames = append(frames, string(longpoll.AppendFrame(nil, e)))
		}
		got, err := new(longpoll.Decoder).Decode(nil, answer(frames...))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
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
		frame := longpoll.AppendFrame(nil, want[0])
		if bytes.ContainsAny(frame, "\r\n\x00") {
			t.Errorf("%q is not one line", frame)
		}
		got, err := new(longpoll.Decoder).Decode(nil, answer(string(frame)))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", frame, err, diff)
		}
	})
}
