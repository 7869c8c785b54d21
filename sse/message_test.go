package sse_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/sse"
)

func TestAppendMessage(t *testing.T) {
	for _, c := range []struct {
		name string
		m    sse.Message
		want string
	}{
		{"nothing", sse.Message{}, "\n"},
		{"data", sse.Message{Data: new("hello")}, "data: hello\n\n"},
		{"empty data", sse.Message{Data: new("")}, "data: \n\n"},
		{"a space in front", sse.Message{Data: new(" hello")}, "data:  hello\n\n"},
		{"SSE-31 every line end", sse.Message{Data: new("a\nb\r\nc\rd\n")}, "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"},
		{"all fields", sse.Message{ID: new("7"), Event: "chat", Data: new("x"), Retry: 1500 * time.Millisecond, Comment: "note"},
			": note\nretry: 1500\nid: 7\nevent: chat\ndata: x\n\n"},
		{"an ID that takes the last back", sse.Message{ID: new("")}, "id: \n\n"},
		{"a comment of two lines", sse.Message{Comment: "a\r\nb"}, ": a\n: b\n\n"},
		{"NUL in data is ordinary", sse.Message{Data: new("a\x00b")}, "data: a\x00b\n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := sse.AppendMessage(nil, c.m); err != nil || string(got) != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestAppendMessageRefuses: SSE-31. What would begin another field, or be ignored, is refused, and
// nothing of the message is written.
func TestAppendMessageRefuses(t *testing.T) {
	for _, bad := range []string{"\n", "a\rb", "a\r\ndata: injected"} {
		for _, m := range []sse.Message{{ID: &bad}, {Event: bad}} {
			if got, err := sse.AppendMessage([]byte("before"), m); !errors.Is(err, sse.ErrField) || string(got) != "before" {
				t.Errorf("%q: %q, %v", bad, got, err)
			}
		}
	}
	if _, err := sse.AppendMessage(nil, sse.Message{ID: new("a\x00b")}); !errors.Is(err, sse.ErrField) {
		t.Errorf("NUL in an ID: %v", err)
	}
}

// FuzzMessage: whatever was written comes back, and cannot write fields of its own.
func FuzzMessage(f *testing.F) {
	f.Add("7", "chat", "a\nb", "note")
	f.Add("", "", "\r\n\rid: 9", "\ndata: x")
	f.Fuzz(func(t *testing.T, id, eventType, data, comment string) {
		b, err := sse.AppendMessage(nil, sse.Message{ID: &id, Event: eventType, Data: &data, Comment: comment})
		if err != nil {
			return
		}
		var d sse.Decoder
		events, err := d.Decode(nil, b)
		if err != nil || len(events) != 1 {
			t.Fatalf("%q came back as %d events, %v", b, len(events), err)
		}
		// How many U+FFFD stand for bytes that are not UTF-8 is for TestDecoder.
		runs := regexp.MustCompile("\uFFFD+")
		once := func(s string) string { return runs.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "\uFFFD") }
		if once(d.LastID) != once(id) {
			t.Errorf("the ID %q came back as %q", id, d.LastID)
		}
		normal := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(once(data))
		want, err := event.Text(normal)
		if e, compactErr := event.Compact([]byte(normal)); compactErr == nil {
			want = e
		}
		if _, envelope := event.ParseEnvelope([]byte(normal)); envelope != nil && (err != nil || once(string(events[0].Data)) != string(want)) {
			t.Errorf("the data %q came back as %s", data, events[0].Data)
		}
	})
}

func ExampleAppendMessage() {
	b, err := sse.AppendMessage(nil, sse.Message{ID: new("7"), Event: "note", Data: new("two\nlines")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", b)
	// Output:
	// id: 7
	// event: note
	// data: two
	// data: lines
}
