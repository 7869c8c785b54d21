package event_test

import (
	"strings"
	"testing"
	"time"

	"pushlab/common/event"
)

func TestControlEvents(t *testing.T) {
	id := event.ID{Epoch: "mfrggzdf", Seq: 7}
	three := uint64(3)
	for _, c := range []struct {
		e    event.Event
		want string
	}{
		{event.Open(id, nil), `{"id":"mfrggzdf-7","topic":"$open","data":{"topics":null}}`},
		{event.Open(id, []string{}), `{"id":"mfrggzdf-7","topic":"$open","data":{"topics":[]}}`},
		{event.Open(id, []string{"a", "b"}), `{"id":"mfrggzdf-7","topic":"$open","data":{"topics":["a","b"]}}`},
		{event.Beat(id), `{"id":"mfrggzdf-7","topic":"$beat","data":{}}`},
		{event.NewGap(id, event.Gap{After: "x"}), `{"id":"mfrggzdf-7","topic":"$gap","data":{"after":"x"}}`},
		{event.NewGap(id, event.Gap{After: "x", Missed: &three}), `{"id":"mfrggzdf-7","topic":"$gap","data":{"after":"x","missed":3}}`},
		{event.Bye(id, 1500*time.Millisecond), `{"id":"mfrggzdf-7","topic":"$bye","data":{"retry":1500}}`},
	} {
		if got := string(c.e.Envelope()); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if !c.e.Control() {
			t.Errorf("%s is no control event", c.want)
		}
		if _, err := event.ParseEnvelope(c.e.Envelope()); err != nil {
			t.Error(err)
		}
	}
	if retry, err := event.ParseBye(event.Bye(id, time.Second)); err != nil || retry != time.Second {
		t.Errorf("ParseBye: %v, %v", retry, err)
	}
	for _, data := range []string{`{}`, `{"retry":-1}`, `{"retry":1.5}`, `{"retry":99999999999}`, `[]`} {
		if retry, err := event.ParseBye(event.Event{Data: []byte(data)}); err == nil {
			t.Errorf("ParseBye(%s) = %v", data, retry)
		}
	}
	if gap, err := event.ParseGap(event.NewGap(id, event.Gap{After: "x", Missed: &three})); err != nil || gap.After != "x" || *gap.Missed != 3 {
		t.Errorf("ParseGap: %+v, %v", gap, err)
	}
}

func TestGapRepeatsHostileCursorsSafely(t *testing.T) {
	e := event.NewGap(event.Unknown, event.Gap{After: "\xff\"" + strings.Repeat("é", 1000)})
	if len(e.Data) > 400 {
		t.Errorf("%d bytes of data", len(e.Data))
	}
	if _, err := event.ParseEnvelope(e.Envelope()); err != nil {
		t.Error(err)
	}
}
