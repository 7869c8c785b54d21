package result

import (
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestLatency(t *testing.T) {
	var times []time.Duration
	for i := range 10_000 {
		times = append(times, time.Duration(10_000-i)*100*time.Microsecond)
	}
	l, err := LatencyOf(times)
	if err != nil {
		t.Fatal(err)
	}
	if l.Count != 10_000 || l.Max != time.Second || l.Mean != 500050*time.Microsecond {
		t.Errorf("count %d, max %v, mean %v", l.Count, l.Max, l.Mean)
	}
	for got, want := range map[time.Duration]time.Duration{
		l.P50: 500 * time.Millisecond, l.P90: 900 * time.Millisecond, l.P99: 990 * time.Millisecond, l.P999: 999 * time.Millisecond,
	} {
		if off := (got - want).Abs(); off > want/1000 {
			t.Errorf("a percentile is %v, not %v to three digits", got, want)
		}
	}
	h, err := hdrhistogram.Decode([]byte(l.HDR))
	if err != nil {
		t.Fatal(err)
	}
	if h.TotalCount() != 10_000 || h.ValueAtPercentile(50) != l.P50.Microseconds() {
		t.Errorf("the encoded histogram has %d values and the median %d µs", h.TotalCount(), h.ValueAtPercentile(50))
	}
}

// A p99.9 of few times would be one of them.
func TestLatencyOfFew(t *testing.T) {
	l, err := LatencyOf(make([]time.Duration, 9_999))
	if err != nil || l.P999 != 0 || l.Count != 9_999 {
		t.Errorf("%+v, %v", l, err)
	}
	times := slices.Repeat([]time.Duration{time.Second}, 9_999)
	if l, err = LatencyOf(times); err != nil || l.P99 == 0 || l.P999 != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestLatencyOfNothingAndOfTooMuch(t *testing.T) {
	l, err := LatencyOf(nil)
	if err != nil || l.Count != 0 || l.P99 != 0 || l.Max != 0 {
		t.Errorf("no times: %+v, %v", l, err)
	}
	l, err = LatencyOf([]time.Duration{0, 3 * time.Nanosecond, time.Hour})
	if err != nil || l.Count != 3 || l.Max != time.Hour || l.P99 < longest || l.P50 != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}
