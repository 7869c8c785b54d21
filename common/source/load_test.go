package source

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// loadEvent is the data of an event of load.
type loadEvent struct {
	N   uint64
	At  int64
	Pad string
}

func parseLoadEvent(t *testing.T, e entry) loadEvent {
	t.Helper()
	var d loadEvent
	if err := json.Unmarshal([]byte(e.data), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		began := time.Now()
		stop := start(t, mustParse(t, "load:rate=4,size=100", Env{}), rec.publish)
		<-time.After(10*time.Second - time.Nanosecond)
		if err := stop(); err != nil {
			t.Error(err)
		}
		entries := rec.take()
		if len(entries) != 40 {
			t.Fatalf("%d events in 10 s at 4 a second, want 40", len(entries))
		}
		for i, e := range entries {
			d := parseLoadEvent(t, e)
			due := began.Add(time.Duration(i) * 250 * time.Millisecond)
			if e.topic != "load" || len(e.data) != 100 || d.N != uint64(i+1) || d.At != due.UnixNano() || !e.at.Equal(due) {
				t.Errorf("event %d: topic %q, %d bytes, n %d, at %d, published %v", i+1, e.topic, len(e.data), d.N, d.At, e.at)
			}
		}
	})
}

// The load does not wait for the log: after a stall, everything that became due in the meantime goes
// out at once, and each event tells when it was due.
func TestLoadCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		began := time.Now()
		stop := start(t, mustParse(t, "load", Env{}), func(ctx context.Context, topic string, data json.RawMessage) error {
			err := rec.publish(ctx, topic, data)
			if time.Since(began) == time.Second {
				<-time.After(5 * time.Second)
			}
			return err
		})
		<-time.After(7050 * time.Millisecond)
		stop()
		entries := rec.take()
		if len(entries) != 71 {
			t.Fatalf("%d events in 7.05 s at 10 a second, want 71", len(entries))
		}
		for i, e := range entries {
			if len(e.data) != 128 {
				t.Errorf("event %d has %d bytes, want 128", i+1, len(e.data))
			}
			due := began.Add(time.Duration(i) * 100 * time.Millisecond)
			came := due
			if i > 10 && i < 60 {
				came = began.Add(6 * time.Second)
			}
			if d := parseLoadEvent(t, e); d.N != uint64(i+1) || d.At != due.UnixNano() || !e.at.Equal(came) {
				t.Errorf("event %d: n %d, at %d, published %v, want at %d, published %v", i+1, d.N, d.At, e.at, due.UnixNano(), came)
			}
		}
	})
}

func TestLoadTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "load:topics=3", Env{}), rec.publish)
		<-time.After(450 * time.Millisecond)
		stop()
		var got []string
		for _, e := range rec.take() {
			got = append(got, e.topic)
		}
		if diff := cmp.Diff([]string{"load.0", "load.1", "load.2", "load.0", "load.1"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The data has exactly the size that was asked for, whatever the numbers in it.
func TestLoadDataSize(t *testing.T) {
	check := func(n uint64, at time.Time, size int) error {
		data := loadData(n, at, bytes.Repeat([]byte("x"), size))
		if len(data) != size || cap(data) != size {
			t.Errorf("loadData(%d, %v, %d) has %d bytes and room for %d", n, at, size, len(data), cap(data))
		}
		var d loadEvent
		return json.Unmarshal(data, &d)
	}
	if err := check(math.MaxUint64, time.Unix(0, math.MinInt64), minLoadSize); err != nil {
		t.Error(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		at := time.Unix(0, rapid.Int64().Draw(t, "at"))
		if err := check(n, at, rapid.IntRange(minLoadSize, 2000).Draw(t, "size")); err != nil {
			t.Fatal(err)
		}
	})
}

// What an event costs before the log sees it: one allocation, the data itself.
func BenchmarkLoadData(b *testing.B) {
	at := time.Now()
	pad := bytes.Repeat([]byte("x"), defaultLoadSize)
	b.ReportAllocs()
	for b.Loop() {
		loadData(1, at, pad)
	}
}
