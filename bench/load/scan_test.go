package load

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/sse"
)

// scanned is what scan finds.
func scanned(text []byte) (found []arrival, err error) {
	_, err = scan(text, func(a arrival) error {
		found = append(found, a)
		return nil
	})
	return found, err
}

// benchEvent is event n as it is published.
func benchEvent(n int, due time.Duration) event.Event {
	return event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: uint64(n + 1)}, Topic: Topic, Data: appendData(nil, n, due, 128)}
}

func TestDataHasItsSize(t *testing.T) {
	for _, size := range []int{objectSize, 128, 4096} {
		for _, n := range []int{0, 9, result.MaxDeliveries} {
			data := appendData([]byte("before"), n, time.Hour, size)[len("before"):]
			compact, err := event.Compact(data)
			if err != nil || !bytes.Equal(compact, data) || len(data) != size {
				t.Errorf("%d bytes instead of %d, error %v: %s", len(data), size, err, data)
			}
			var v struct{ N, Due int64 }
			if err := json.Unmarshal(data, &v); err != nil || v.N != int64(n) || v.Due != int64(time.Hour) {
				t.Errorf("%s says %+v, %v", data, v, err)
			}
		}
	}
}

// Whatever the data looks like, it has its size, is JSON as servers take it, and is found again.
func TestData(t *testing.T) {
	for _, kind := range result.Datas() {
		for _, size := range []int{result.MinSize, 17, 63, 64, 128, 5000, 256 << 10} {
			for n, due := range map[int]time.Duration{0: 0, 9: time.Hour, result.MaxDeliveries: 1<<48 - 1} {
				data := appendDataOf([]byte("before"), n, due, size, kind)[len("before"):]
				want := size
				if kind == result.BinaryData {
					want = len(`""`) + base64.StdEncoding.EncodedLen(size)
				}
				compact, err := event.Compact(data)
				if err != nil || !bytes.Equal(compact, data) || len(data) != want {
					t.Fatalf("%s: %d bytes instead of %d, error %v: %.100s", kind, len(data), want, err, data)
				}
				e := benchEvent(n, due)
				e.Data = data
				if found, err := scanned(sse.AppendFrame(nil, e)); err != nil || !slices.Equal(found, []arrival{{n: n, due: due}}) {
					t.Errorf("%s of %d bytes: %+v, %v", kind, size, found, err)
				}
				both := append(data, data...)
				for _, text := range [][]byte{both, bytes.ReplaceAll(both, []byte(`"`), []byte(`\"`))} {
					var found []arrival
					observe := func(a arrival) error { found = append(found, a); return nil }
					if err := scanAnywhere(text, observe); err != nil || !slices.Equal(found, []arrival{{n: n, due: due}, {n: n, due: due}}) {
						t.Errorf("%s of %d bytes, anywhere: %+v, %v", kind, size, found, err)
					}
					if end := endOfEvents(text); end <= len(text)/2 || endOfEvents(text[:end-1]) > len(text)/2 {
						t.Errorf("%s of %d bytes: the second event of %d bytes ends at %d", kind, size, len(text)/2, end)
					}
				}
			}
		}
	}
	if _, err := scanned((event.Event{Topic: Topic, Data: []byte(`"~AAAAAAAA!AAAA"`)}).Envelope()); err == nil {
		t.Error("what has no number was taken")
	}
}

func TestScan(t *testing.T) {
	var text []byte
	text = sse.AppendFrame(text, event.Open(event.ID{Epoch: "mfrggzdf"}, []string{"bench"}))
	text = sse.AppendFrame(text, benchEvent(0, 0))
	text = sse.AppendFrame(text, event.NewGap(event.ID{Epoch: "mfrggzdf", Seq: 7}, event.Gap{After: "x"}))
	text = sse.AppendFrame(text, benchEvent(7, 1500*time.Millisecond))
	text = sse.AppendFrame(text, event.Bye(event.ID{Epoch: "mfrggzdf", Seq: 8}, time.Second))
	want := []arrival{{control: "$open"}, {}, {control: "$gap"}, {n: 7, due: 1500 * time.Millisecond}, {control: "$bye"}}
	if found, err := scanned(text); err != nil || !slices.Equal(found, want) {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestScanTellsTheLastID(t *testing.T) {
	none := func(arrival) error { return nil }
	text := sse.AppendFrame(sse.AppendFrame(nil, benchEvent(3, 0)), event.Beat(event.ID{Epoch: "mfrggzdf", Seq: 17}))
	if id, err := scan(text, none); err != nil || string(id) != "mfrggzdf-17" {
		t.Errorf("the ID is %q, %v", id, err)
	}
	if id, err := scan([]byte(`"topic":"$open"`), none); err != nil || id != nil {
		t.Errorf("without one the ID is %q, %v", id, err)
	}
}

// A server that is not ours sends the data as it is, or in any envelope.
func TestScanAnywhere(t *testing.T) {
	one, two := string(appendData(nil, 3, 4, 128)), string(appendData(nil, 5, 6, 128))
	escape := strings.NewReplacer(`"`, `\"`).Replace
	spaced := strings.NewReplacer(`:`, `: `, `,`, `, `).Replace
	for name, text := range map[string]string{
		"bare":        one + "\n\ndata: " + two,
		"in JSON":     `{"events":[{"id":1,"data":` + one + `},{"id":2,"data":` + two + `}],"next":3}`,
		"escaped":     `{"data":"` + escape(one) + `","n":7}` + "\n" + `{"data":"` + escape(two) + `"}`,
		"with spaces": spaced(`[` + one + `,` + two + `]`),
		"both":        `{"data":"` + escape(spaced(one+two)) + `"}`,
	} {
		var found []arrival
		err := scanAnywhere([]byte(text), func(a arrival) error {
			found = append(found, a)
			return nil
		})
		if err != nil || !slices.Equal(found, []arrival{{n: 3, due: 4}, {n: 5, due: 6}}) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		end := endOfEvents([]byte(text))
		if last := strings.LastIndex(text, `"`); !strings.HasSuffix(text[:end], "}") || strings.Contains(text[end:], "pad") || name == "bare" && end != last+2 {
			t.Errorf("%s: the events end at %d, before %q", name, end, text[end:])
		}
	}
	for _, text := range []string{`{"n":x}`, `{"n":1,"due":}`, `{\"n\":1,"due":2}`} {
		if err := scanAnywhere([]byte(text), func(arrival) error { return nil }); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestEndOfEventsLeavesWhatIsNotComplete(t *testing.T) {
	one := string(appendData(nil, 3, 4, 128))
	for text, want := range map[string]int{
		"": 0, "}": 0, one[:100]: 0, one: 128, one + one[:100]: 128, "data: " + one + "\n": 134,
	} {
		if end := endOfEvents([]byte(text)); end != want {
			t.Errorf("the events in %q end at %d, not at %d", text, end, want)
		}
	}
}

func TestLastIDAndMember(t *testing.T) {
	for text, want := range map[string]string{
		"id: 1\ndata: x\n\n": "1", "event: e\nid:2\r\ndata: x\r\n": "2", "id: 1\n\nid: 3:4\n\nbody": "3:4", "data: id: 5\n": "", "": "", "id: 6": "6",
	} {
		if id := lastID([]byte(text)); string(id) != want {
			t.Errorf("the ID of %q is %q, not %q", text, id, want)
		}
	}
	for text, want := range map[string]string{
		`{"offset":5}`: "5", `{"offset": 5,"x":1}`: "5", `{"offset":"a-b","x":1}`: "a-b", `{"a":{"offset":1},"offset":-2 }`: "-2",
		`{"offset":null}`: "", `{"offset":{}}`: "", `{"offse":1}`: "", `{"offset":`: "", `{"offset":"`: "", `{"offset":3`: "",
	} {
		if value := lastMember([]byte(text), []byte(`"offset":`)); string(value) != want {
			t.Errorf("the member of %s is %q, not %q", text, value, want)
		}
	}
}

func TestScanRefusesForeignEvents(t *testing.T) {
	for _, data := range []string{`1`, `{"n":1}`, `{"n":x,"due":1}`, `{"n":1,"due":-1}`} {
		e := event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 1}, Topic: Topic, Data: []byte(data)}
		if found, err := scanned(e.Envelope()); err == nil {
			t.Errorf("%s gives %+v", data, found)
		}
	}
	e := benchEvent(1, 1)
	e.Topic = "chat"
	if found, err := scanned(e.Envelope()); err == nil {
		t.Errorf("an event of another topic gives %+v", found)
	}
}

// What scan finds must be what decoding the JSON finds.
func FuzzScan(f *testing.F) {
	f.Add(uint(0), uint64(0), uint64(1))
	f.Add(uint(123456), uint64(time.Minute), uint64(1<<63))
	f.Fuzz(func(t *testing.T, n uint, due, seq uint64) {
		n, due = n%result.MaxDeliveries, due%uint64(1000*time.Hour)
		e := benchEvent(int(n), time.Duration(due))
		e.ID.Seq = seq
		found, err := scanned(e.Envelope())
		if err != nil || len(found) != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		decoded, err := event.ParseEnvelope(e.Envelope())
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ N, Due int64 }
		if err := json.Unmarshal(decoded.Data, &v); err != nil {
			t.Fatal(err)
		}
		if want := (arrival{n: int(v.N), due: time.Duration(v.Due)}); found[0] != want {
			t.Errorf("%+v, not %+v", found[0], want)
		}
	})
}

func FuzzScanAnything(f *testing.F) {
	f.Add([]byte(`"topic":"$gap`))
	f.Add([]byte(`"topic":"bench","data":{"n":1,"due":2`))
	f.Fuzz(func(t *testing.T, text []byte) { scanned(text) })
}

func TestIsAck(t *testing.T) {
	for message, want := range map[string]string{
		`{"op":"ack","ref":"1","id":"mfrggzdf-1"}`:           "ack",
		`{"id":"mfrggzdf-1","topic":"$open","data":{}}`:      "neither",
		`{"op":"error","ref":"1","error":"the log is full"}`: "error",
	} {
		acked, err := isAck([]byte(message))
		got := map[bool]string{true: "ack", false: "neither"}[acked]
		if err != nil {
			got = "error"
			if !strings.Contains(err.Error(), "the log is full") {
				t.Errorf("%v does not say why", err)
			}
		}
		if got != want {
			t.Errorf("%s is %s, not %s", message, got, want)
		}
	}
}

// The load must cost less than the server that it measures: compare reading an event by scan with
// decoding it.
func BenchmarkReadEvent(b *testing.B) {
	envelope := benchEvent(12345, time.Minute).Envelope()
	b.Run("by=scan", func(b *testing.B) {
		observe := func(arrival) error { return nil }
		for b.Loop() {
			if _, err := scan(envelope, observe); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by=json", func(b *testing.B) {
		for b.Loop() {
			if _, err := event.ParseEnvelope(envelope); err != nil {
				b.Fatal(err)
			}
		}
	})
}
