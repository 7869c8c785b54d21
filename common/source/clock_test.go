package source

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "clock:500ms", Env{}), rec.publish)
		<-time.After(1600 * time.Millisecond)
		if err := stop(); err != nil {
			t.Error(err)
		}
		// A bubble's time begins at midnight, 2000-01-01 UTC.
		want := []string{
			`{"time":"2000-01-01T00:00:00.5Z","n":1}`,
			`{"time":"2000-01-01T00:00:01Z","n":2}`,
			`{"time":"2000-01-01T00:00:01.5Z","n":3}`,
		}
		entries := rec.take()
		var got []string
		for _, e := range entries {
			got = append(got, e.data)
			if e.topic != "clock" {
				t.Errorf("topic %q, want clock", e.topic)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestClockDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "clock", Env{}), rec.publish)
		<-time.After(time.Hour + time.Millisecond)
		stop()
		if n := len(rec.take()); n != 3600 {
			t.Errorf("%d events in an hour, want 3600", n)
		}
	})
}

// A slow log makes the clock leave beats out; the count has no hole and the beats stay in step.
func TestClockSlowLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "clock", Env{}), func(ctx context.Context, topic string, data json.RawMessage) error {
			err := rec.publish(ctx, topic, data)
			if string(data) == `{"time":"2000-01-01T00:00:02Z","n":2}` {
				<-time.After(3500 * time.Millisecond)
			}
			return err
		})
		<-time.After(7500 * time.Millisecond)
		stop()
		var want []string
		for i, second := range []string{"01", "02", "05.5", "06", "07"} {
			want = append(want, fmt.Sprintf(`{"time":"2000-01-01T00:00:%sZ","n":%d}`, second, i+1))
		}
		if diff := cmp.Diff(want, rec.takeData()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
