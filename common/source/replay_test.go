package source

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
)

func TestParseRecord(t *testing.T) {
	type result struct{ Topic, Data, Time string }
	for _, tt := range []struct {
		name string
		line string
		want result
	}{
		{"envelope", `{"id":"mfrggzdf-42","topic":"clock","data":{ "n": 1 }}`, result{"clock", `{"n":1}`, ""}},
		{"envelope with a time", `{"id":"mfrggzdf-42","time":"2026-11-23T10:00:00.5+01:00","topic":"a.b","data":null}`,
			result{"a.b", `null`, "2026-11-23T09:00:00.5Z"}},
		{"envelope with more members", `{"id":"mfrggzdf-42","topic":"a","data":1,"node":"x"}`, result{"a", `1`, ""}},
		{"control event", `{"id":"mfrggzdf-42","topic":"$beat","data":{}}`, result{"$beat", `{}`, ""}},
		{"written by hand", `{"topic":"chat","data":"hi"}`, result{"chat", `"hi"`, ""}},
		{"by hand with a time", `{"time":"2026-11-23T10:00:00Z","topic":"chat","data":"hi"}`, result{"chat", `"hi"`, "2026-11-23T10:00:00Z"}},
		{"by hand, time malformed", `{"time":"noon","topic":"chat","data":"hi"}`, result{"chat", `"hi"`, ""}},
		{"not UTF-8", "{\"topic\":\"chat\",\"data\":\"\xff\"}", result{"chat", "\"\uFFFD\"", ""}},

		{"another program's object", `{"topic":"kafka","data":1,"level":"info"}`,
			result{"message", `{"topic":"kafka","data":1,"level":"info"}`, ""}},
		{"an id that is no cursor", `{"id":7,"topic":"a","data":1}`, result{"message", `{"id":7,"topic":"a","data":1}`, ""}},
		{"no data", `{"id":"mfrggzdf-42","topic":"a"}`, result{"message", `{"id":"mfrggzdf-42","topic":"a"}`, ""}},
		{"malformed topic", `{"topic":"a b","data":1}`, result{"message", `{"topic":"a b","data":1}`, ""}},
		{"other case", `{"Topic":"a","Data":1}`, result{"message", `{"Topic":"a","Data":1}`, ""}},
		{"JSON log", `{"time":"2026-11-23T10:00:00Z", "msg":"x"}`,
			result{"message", `{"time":"2026-11-23T10:00:00Z","msg":"x"}`, "2026-11-23T10:00:00Z"}},
		{"array", `[1, 2]`, result{"message", `[1,2]`, ""}},
		{"null", `null`, result{"message", `null`, ""}},
		{"text", "hello\r", result{"message", `"hello"`, ""}},
		{"deep", strings.Repeat("[", 20000), result{"message", `"` + strings.Repeat("[", 20000) + `"`, ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := parseRecord([]byte(tt.line))
			got := result{Topic: rec.topic, Data: string(rec.data)}
			if !rec.time.IsZero() {
				got.Time = rec.time.UTC().Format(time.RFC3339Nano)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%.1000s", diff)
			}
		})
	}
}

// What is published is an event, whatever the file holds.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"id":"mfrggzdf-42","topic":"clock","data":{"n":1},"time":"2026-11-23T10:00:00Z"}`))
	f.Add([]byte(`{"topic":"$","data":1}`))
	f.Add([]byte("{\"topic\":\"a\",\"data\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		rec := parseRecord(line)
		if err := event.CheckTopic(strings.TrimPrefix(rec.topic, "$")); err != nil {
			t.Fatal(err)
		}
		if data, err := event.Compact(rec.data); err != nil || string(data) != string(rec.data) {
			t.Fatalf("%q is not compact JSON: %v", rec.data, err)
		}
	})
}

// An envelope that this project writes comes back as it was.
func TestParseRecordEnvelope(t *testing.T) {
	e := event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: 7}, Topic: "chat.room-1", Data: json.RawMessage(`{"a":"b"}`)}
	rec := parseRecord(e.Envelope())
	if rec.topic != e.Topic || string(rec.data) != string(e.Data) {
		t.Errorf("parseRecord(%s) = %s on topic %s", e.Envelope(), rec.data, rec.topic)
	}
}

// at is when a line came, in milliseconds after the start.
type at struct {
	Data string
	MS   int64
}

// playback replays a recording and returns when each line came.
func playback(t *testing.T, content, speed string, publish func(*recorder) Publish) []at {
	path := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []at
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		rec := &recorder{t: t}
		if err := mustParse(t, "replay:"+path+speed, Env{}).Run(t.Context(), publish(rec)); err != nil {
			t.Error(err)
		}
		for _, e := range rec.take() {
			got = append(got, at{e.data, e.at.Sub(began).Milliseconds()})
		}
	})
	return got
}

func plainly(rec *recorder) Publish { return rec.publish }

func TestReplayTiming(t *testing.T) {
	const timed = `{"topic":"a","data":1,"time":"2026-11-23T10:00:00Z"}
{"topic":"a","data":2,"time":"2026-11-23T10:00:00.5Z"}
{"topic":"a","data":3,"time":"2026-11-23T10:01:00Z"}
`
	for _, tt := range []struct {
		name, content, speed string
		want                 []at
	}{
		{"as recorded", timed, "", []at{{"1", 0}, {"2", 500}, {"3", 60000}}},
		{"twice as fast", timed, ":2", []at{{"1", 0}, {"2", 250}, {"3", 30000}}},
		{"half as fast", timed, ":0.5", []at{{"1", 0}, {"2", 1000}, {"3", 120000}}},
		{"no waiting", timed, ":max", []at{{"1", 0}, {"2", 0}, {"3", 0}}},
		{"without times", "1\n\n2\n3", "", []at{{"1", 0}, {"2", 100}, {"3", 200}}},
		{"without times, faster", "1\n2\n3\n", ":10", []at{{"1", 0}, {"2", 10}, {"3", 20}}},
		{"without times, no waiting", "1\n2\n3\n", ":max", []at{{"1", 0}, {"2", 0}, {"3", 0}}},
		{"both kinds", `0
{"topic":"a","data":1,"time":"2026-11-23T10:00:00Z"}
2
3
{"topic":"a","data":4,"time":"2026-11-23T10:00:01Z"}
{"topic":"a","data":5,"time":"2026-11-23T10:00:01.01Z"}
6
{"topic":"a","data":7,"time":"2026-11-23T10:00:01.02Z"}
`, "", []at{{"0", 0}, {"1", 100}, {"2", 200}, {"3", 300}, {"4", 1100}, {"5", 1110}, {"6", 1210}, {"7", 1210}}},
		{"a step backwards", `{"topic":"a","data":1,"time":"2026-11-23T10:00:00Z"}
{"topic":"a","data":2,"time":"2026-11-23T09:00:00Z"}
{"topic":"a","data":3,"time":"2026-11-23T09:00:01Z"}
`, "", []at{{"1", 0}, {"2", 0}, {"3", 1000}}},
		{"control events are left out and take no time", `{"id":"mfrggzdf-0","topic":"$open","data":{"topics":[]}}
{"id":"mfrggzdf-1","topic":"a","data":1}
{"id":"mfrggzdf-1","topic":"$beat","data":{}}
{"id":"mfrggzdf-2","topic":"a","data":2}
`, "", []at{{"1", 0}, {"2", 100}}},
		{"empty", "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, playback(t, tt.content, tt.speed, plainly)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The recording does not wait for the log: what became late goes out at once.
func TestReplayCatchesUp(t *testing.T) {
	slow := func(rec *recorder) Publish {
		return func(ctx context.Context, topic string, data json.RawMessage) error {
			err := rec.publish(ctx, topic, data)
			if string(data) == "2" {
				<-time.After(250 * time.Millisecond)
			}
			return err
		}
	}
	want := []at{{"1", 0}, {"2", 100}, {"3", 350}, {"4", 350}, {"5", 400}}
	if diff := cmp.Diff(want, playback(t, "1\n2\n3\n4\n5\n", "", slow)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Times as far apart as can be written, at the slowest speed, only wait for very long.
func TestReplayFarFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{start: time.Now(), speed: minSpeed}
		last := p.next(time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC))
		for _, year := range []int{9999, 1, 9999, 2, 9999} {
			next := p.next(time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC))
			if next.Before(last) {
				t.Fatalf("year %d is due at %v, before %v", year, next, last)
			}
			last = next
		}
	})
}

func TestReplayLongLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(path, []byte(strings.Repeat("a", MaxLine+1)+"\n1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, logged := logTo()
	rec := &recorder{t: t}
	if err := mustParse(t, "replay:"+path+":max", Env{Logger: log}).Run(t.Context(), rec.publish); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"1"}, rec.takeData()); diff != "" || !strings.Contains(logged.String(), "bytes=1048577") {
		t.Errorf("logged %q (-want +got):\n%s", logged, diff)
	}
}

// A recording that went away after Parse is an error of Run.
func TestReplayFileGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	src := mustParse(t, "replay:"+path, Env{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := src.Run(t.Context(), nil); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "source: ") {
		t.Errorf("Run = %v", err)
	}
}
