package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pushlab/bench/result"
)

// Every time is in a bucket that ends behind it, and hardly more than a 32nd behind.
func TestGaugeBuckets(t *testing.T) {
	last := -1
	for us := 0; us < 67_000_000; us += 1 + us/50 {
		at := time.Duration(us) * time.Microsecond
		b := bucket(at)
		if b < last || b >= gaugeBuckets || end(b) <= at || end(b) > at+at/32+time.Microsecond {
			t.Fatalf("%v is in bucket %d behind %d, which ends at %v", at, b, last, end(b))
		}
		last = b
	}
	if b := bucket(time.Hour); b != gaugeBuckets-1 {
		t.Errorf("an hour is in bucket %d", b)
	}
}

func TestGaugePercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var g gauge
	var times []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(5*time.Millisecond))
		times = append(times, d)
		g.record(d)
	}
	slices.Sort(times)
	got := g.at(50, 99, 99.9)
	for i, want := range []time.Duration{times[4999], times[9899], times[9989]} {
		if got[i] < want-time.Microsecond || got[i] > want+want/30+time.Microsecond {
			t.Errorf("percentile %d is %v, want %v", i, got[i], want)
		}
	}
	if g.max != times[9999] {
		t.Errorf("the longest is %v, want %v", g.max, times[9999])
	}
	g = gauge{}
	g.record(-time.Second)
	if got := g.at(50, 99); got[0] != 0 || got[1] != 0 {
		t.Errorf("of a negative time the percentiles are %v", got)
	}
	if got := new(gauge).at(50, 99); got[0] != 0 || got[1] != 0 {
		t.Errorf("of nothing the percentiles are %v", got)
	}
}

// Each glance has what came since the one before.
func TestGlance(t *testing.T) {
	l := &Load{gauge: new(gauge)}
	l.opened, l.ended, l.in = 5, 1, 700
	for i := range 3 {
		l.gauge.record(time.Duration(i+1) * time.Millisecond)
		l.measured++
		g := l.Glance()
		if g.Delivered != 1 || g.Measured != int64(i+1) || g.Connected != 4 || g.In != 700 || g.P50 != g.Max || g.Max != time.Duration(i+1)*time.Millisecond {
			t.Errorf("glance %d: %+v", i, g)
		}
	}
	earlier, later := glanceAt(l, 4, 5), glanceAt(l, 1)
	if both := later.Since(earlier); both.Delivered != 3 || both.P50 != end(bucket(4*time.Millisecond)) || both.Max != 5*time.Millisecond || earlier.Delivered != 2 {
		t.Errorf("together %+v", both)
	}
	if g := l.Glance(); g.Delivered != 0 || g.P99 != 0 || g.Measured != 3 {
		t.Errorf("a glance at nothing new: %+v", g)
	}
}

// glanceAt looks at what took so many milliseconds.
func glanceAt(l *Load, times ...int) Glance {
	for _, ms := range times {
		l.gauge.record(time.Duration(ms) * time.Millisecond)
	}
	return l.Glance()
}

// What recording costs, beside the histogram that a result rests on.
func BenchmarkRecord(b *testing.B) {
	b.Run("gauge", func(b *testing.B) {
		var g gauge
		d := time.Duration(0)
		for b.Loop() {
			g.record(d)
			d = (d + 1717*time.Nanosecond) % (20 * time.Millisecond)
		}
	})
	b.Run("histogram", func(b *testing.B) {
		var r result.Recorder
		d := time.Duration(0)
		for b.Loop() {
			r.Record(d)
			d = (d + 1717*time.Nanosecond) % (20 * time.Millisecond)
		}
	})
	b.Run("glance", func(b *testing.B) {
		l := &Load{gauge: new(gauge)}
		for b.Loop() {
			l.gauge.record(time.Millisecond)
			l.Glance()
		}
	})
}
