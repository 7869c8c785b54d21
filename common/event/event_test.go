package event_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
)

func TestParseID(t *testing.T) {
	for _, c := range []struct {
		text string
		want event.ID
	}{
		{"mfrggzdf-0", event.ID{Epoch: "mfrggzdf"}},
		{"mfrggzdf-42", event.ID{Epoch: "mfrggzdf", Seq: 42}},
		{"a2345672-18446744073709551615", event.ID{Epoch: "a2345672", Seq: 1<<64 - 1}},
		{"aaaaaaaa-0", event.Unknown},
	} {
		got, err := event.ParseID(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseID(%q) = %v, %v", c.text, got, err)
		}
		if got.String() != c.text {
			t.Errorf("%q came back as %q", c.text, got)
		}
	}
	for _, text := range []string{
		"", "-", "42", "mfrggzdf", "mfrggzdf-", "mfrggzdf-042", "mfrggzdf-+1", "mfrggzdf--1", "mfrggzdf-1 ",
		"mfrggzdf-1x", "MFRGGZDF-1", "mfrggzd1-1", "mfrggzd-1", "mfrggzdfa-1", "mfrggzdf-18446744073709551616", "earliest",
		"mfrggzdf-٣", "mfrggzdf-1\x00",
	} {
		if id, err := event.ParseID(text); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", text, id)
		}
	}
	if got := (event.ID{}).String(); got != "" {
		t.Errorf("the zero ID is %q", got)
	}
}

func TestEpochOf(t *testing.T) {
	seen := map[string]bool{}
	for i := range 1000 {
		epoch := event.EpochOf(strconv.Itoa(i))
		if id, err := event.ParseID(epoch + "-1"); err != nil || id.Epoch != epoch || seen[epoch] {
			t.Fatalf("%d: %q, %v", i, epoch, err)
		}
		seen[epoch] = true
	}
	if got := event.EpochOf("2026-11-23T10:00:00Z 0"); got != event.EpochOf("2026-11-23T10:00:00Z 0") {
		t.Errorf("the same text gave %q, too", got)
	}
	// Cursors that clients hold depend on it.
	if got := event.EpochOf(""); got != "4oymiquy" {
		t.Errorf("EpochOf(\"\") is %q now", got)
	}
}

func TestNewEpoch(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		epoch := event.NewEpoch()
		if _, err := event.ParseID(epoch + "-1"); err != nil || seen[epoch] || epoch == event.Unknown.Epoch {
			t.Fatalf("epoch %q: %v, seen before: %v", epoch, err, seen[epoch])
		}
		seen[epoch] = true
	}
}

func TestCheckTopic(t *testing.T) {
	for _, topic := range []string{"a", "0", "clock", "chat.room-1", "a._b.-c", "A_b-9", strings.Repeat("x", 128)} {
		if err := event.CheckTopic(topic); err != nil {
			t.Errorf("%q: %v", topic, err)
		}
	}
	for _, topic := range []string{"", ".", "a.", ".a", "a..b", "-a", "_a", "$open", "a b", "a/b", "é", "a\n", "a\x00", strings.Repeat("x", 129)} {
		if err := event.CheckTopic(topic); err == nil {
			t.Errorf("%q was accepted", topic)
		}
	}
}

func TestEnvelope(t *testing.T) {
	e := event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 7}, Topic: "chat", Data: json.RawMessage(`{"text":"<hi>"}`)}
	const want = `{"id":"mfrggzdf-7","topic":"chat","data":{"text":"<hi>"}}`
	if got := string(e.Envelope()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := cap(e.Envelope()); got > len(want)+32 {
		t.Errorf("an envelope of %d bytes holds on to %d", len(want), got)
	}
	for _, text := range []string{want, ` { "topic" : "chat", "more": 1, "data" : {"text": "<hi>"}, "id":"mfrggzdf-7" } `} {
		got, err := event.ParseEnvelope([]byte(text))
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{
		``, `1`, `null`, `{}`, `{"id":"mfrggzdf-7","topic":"chat"}`, `{"id":"7","topic":"chat","data":1}`,
		`{"id":"mfrggzdf-7","topic":"","data":1}`, `{"id":"mfrggzdf-7","topic":"$","data":1}`,
		`{"id":"mfrggzdf-7","topic":"a b","data":1}`, `{"id":"mfrggzdf-7","topic":"a","data":1}x`,
		"{\"id\":\"mfrggzdf-7\",\"topic\":\"a\",\"data\":\"\xff\"}",
	} {
		if got, err := event.ParseEnvelope([]byte(text)); err == nil {
			t.Errorf("%s was read as %+v", text, got)
		}
	}
	if e.Control() || !(event.Event{Topic: "$gap"}).Control() {
		t.Error("Control is wrong")
	}
}

func TestData(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`1`, `1`}, {` { "a" : [ 1 , "x y" ] } `, `{"a":[1,"x y"]}`}, {"[1,\r\n2]", `[1,2]`}, {`"\u00e9\n"`, `"\u00e9\n"`}, {`null`, `null`},
	} {
		if got, err := event.Compact([]byte(c.text)); err != nil || string(got) != c.want {
			t.Errorf("Compact(%q) = %s, %v", c.text, got, err)
		}
	}
	for _, text := range []string{``, ` `, `{`, `{"a":1}{}`, `NaN`, "\"\xff\"", "\"a\nb\"", `'a'`} {
		if got, err := event.Compact([]byte(text)); err == nil {
			t.Errorf("Compact(%q) = %s, want an error", text, got)
		}
	}
	if got, err := event.Text("a\"<b>\n\u2028é"); err != nil || string(got) != `"a\"<b>\n\u2028é"` {
		t.Errorf("Text: %s, %v", got, err)
	}
	if _, err := event.Text("\xff"); err == nil {
		t.Error("Text accepted bad UTF-8")
	}
	for _, c := range []struct{ line, want string }{
		{"plain words\r\n", `"plain words"`}, {`{"a": 1}`, `{"a":1}`}, {"12 ", "12"}, {"", `""`}, {"\xffx", "\"\uFFFDx\""},
	} {
		if got := string(event.Line(c.line)); got != c.want {
			t.Errorf("Line(%q) = %s, want %s", c.line, got, c.want)
		}
	}
}

// FuzzEnvelope: whatever can be read as an envelope comes back the same, and fits on one line.
func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"id":"mfrggzdf-7","topic":"chat","data":{"text":"hi"}}`))
	f.Add([]byte(`{"data":null,"topic":"$gap","id":"a2345672-0"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := event.ParseEnvelope(text)
		if err != nil {
			return
		}
		envelope := e.Envelope()
		if !utf8.Valid(envelope) || strings.ContainsAny(string(envelope), "\r\n\x00") || !json.Valid(envelope) {
			t.Fatalf("%q is no line of JSON", envelope)
		}
		again, err := event.ParseEnvelope(envelope)
		if diff := cmp.Diff(e, again); err != nil || diff != "" {
			t.Fatalf("%q: %v %s", envelope, err, diff)
		}
	})
}

// FuzzLine: any line becomes JSON that fits on a line.
func FuzzLine(f *testing.F) {
	f.Add("plain")
	f.Add(`{"a": 1}`)
	f.Add("\xff\x00")
	f.Fuzz(func(t *testing.T, line string) {
		if data := event.Line(line); !json.Valid(data) || !utf8.Valid(data) || strings.ContainsAny(string(data), "\r\n\x00") {
			t.Fatalf("%q became %q", line, data)
		}
	})
}

func ExampleEvent_Envelope() {
	data, _ := event.Text("hello")
	e := event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 42}, Topic: "chat", Data: data}
	fmt.Printf("%s\n", e.Envelope())
	// Output: {"id":"mfrggzdf-42","topic":"chat","data":"hello"}
}

func BenchmarkEnvelope(b *testing.B) {
	e := event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 42}, Topic: "chat", Data: json.RawMessage(`"0123456789012345678901234567890123456789"`)}
	b.ReportAllocs()
	for b.Loop() {
		e.Envelope()
	}
}
