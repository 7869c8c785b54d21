package result

import (
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func TestLatency(t *testing.T) {
	var times []time.Duration
	for i := range 1000 {
		times = append(times, time.Duration(1000-i)*time.Millisecond)
	}
	l, err := LatencyOf(times)
	if err != nil {
		t.Fatal(err)
	}
	if l.Count != 1000 || l.Max != time.Second || l.Mean != 500500*time.Microsecond {
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
	if h.TotalCount() != 1000 || h.ValueAtPercentile(50) != l.P50.Microseconds() {
		t.Errorf("the encoded histogram has %d values and the median %d µs", h.TotalCount(), h.ValueAtPercentile(50))
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
