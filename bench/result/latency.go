package result

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Latency is the distribution of a time.
type Latency struct {
	// Count is how many times there are.
	Count int64 `json:"count"`
	// P50, P90, P99 and P999 are percentiles, to three digits. P999 is 0 if it would rest on fewer than ten
	// times: of less than ten thousand there is no such number.
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p99_9_ns"`
	// Max is the longest, Mean the mean, exactly.
	Max  time.Duration `json:"max_ns"`
	Mean time.Duration `json:"mean_ns"`
	// HDR is the whole distribution, in microseconds: an HdrHistogram in encoding V2, deflated
	// and in base64.
	HDR string `json:"hdr_v2_us"`
}

// longest is the largest time that a histogram tells apart.
const longest = time.Minute

// A Recorder gathers a distribution. The zero recorder is empty.
type Recorder struct {
	histogram *hdrhistogram.Histogram
	sum, max  time.Duration
	err       error
}

// Record enters a time; a negative one counts as none.
func (r *Recorder) Record(t time.Duration) {
	if r.histogram == nil {
		r.histogram = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	t = max(0, t)
	r.sum += t
	r.max = max(r.max, t)
	if err := r.histogram.RecordValue(min(t, longest).Round(time.Microsecond).Microseconds()); err != nil {
		r.err = err
	}
}

// Latency returns what was recorded.
func (r *Recorder) Latency() (Latency, error) {
	h := r.histogram
	if h == nil {
		h = hdrhistogram.New(1, longest.Microseconds(), 3)
	}
	encoded, err := h.EncodeV2()
	if r.err != nil {
		err = r.err
	}
	if err != nil {
		return Latency{}, fmt.Errorf("bench: histogram: %w", err)
	}
	l := Latency{HDR: string(encoded), Count: h.TotalCount(), Max: r.max}
	if l.Count > 0 {
		l.Mean = r.sum / time.Duration(l.Count)
	}
	at := func(percentile float64) time.Duration {
		return min(time.Duration(h.ValueAtPercentile(percentile))*time.Microsecond, l.Max)
	}
	l.P50, l.P90, l.P99 = at(50), at(90), at(99)
	if l.Count >= fewest {
		l.P999 = at(99.9)
	}
	return l, nil
}

// LatencyOf summarizes times.
func LatencyOf(times []time.Duration) (Latency, error) {
	var r Recorder
	for _, t := range times {
		r.Record(t)
	}
	return r.Latency()
}
