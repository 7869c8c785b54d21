package report

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pushlab/bench/result"
)

// A distribution is how long the deliveries of a lane took, over all rounds that may be compared.
type distribution struct {
	lane      result.Lane
	histogram *hdrhistogram.Histogram // in microseconds
	rounds    int
	// tail is why the slowest must not be compared; "" if they may be.
	tail string
}

// distributions returns those of a case, in the order of its summaries. A lane without any is left out. Rounds whose
// slowest deliveries must not be compared count only if there are no others.
func distributions(o result.Outcome, of func(result.Measurement) *result.Latency) (all []distribution) {
	for _, lane := range lanesOf(o) {
		d := distribution{lane: lane}
		rounds := o.Of(lane)
		whole := slices.ContainsFunc(rounds, func(m result.Measurement) bool { return of(m) != nil && m.Verdict.TailComparable() })
		for _, m := range rounds {
			l := of(m)
			if l == nil || l.Count == 0 || !m.Verdict.Comparable() || whole && !m.Verdict.TailComparable() {
				continue
			}
			h, err := hdrhistogram.Decode([]byte(l.HDR))
			if err != nil {
				continue // a file that was made by hand may have none; the other numbers stand
			}
			if d.histogram == nil {
				d.histogram = hdrhistogram.New(h.LowestTrackableValue(), h.HighestTrackableValue(), int(h.SignificantFigures()))
			}
			d.histogram.Merge(h)
			d.rounds++
			if len(m.Verdict.Tail) > 0 && d.tail == "" {
				d.tail = m.Verdict.Tail[0]
			}
		}
		if d.rounds > 0 {
			all = append(all, d)
		}
	}
	return all
}

func delivery(m result.Measurement) *result.Latency { return &m.Delivery }

func catchUp(m result.Measurement) *result.Latency { return m.CatchUp }

// lanesOf returns the lanes of an outcome, in the order of its summaries.
func lanesOf(o result.Outcome) (lanes []result.Lane) {
	for _, s := range o.Summaries {
		lanes = append(lanes, s.Lane)
	}
	for _, m := range o.Measurements { // of a run without summaries
		if !slices.Contains(lanes, m.Lane) {
			lanes = append(lanes, m.Lane)
		}
	}
	return lanes
}

// hgrm returns a distribution as HdrHistogram's plotters read it, in milliseconds.
func (d distribution) hgrm() ([]byte, error) {
	var b bytes.Buffer
	if _, err := d.histogram.PercentilesPrint(&b, 5, 1000); err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "#[Lane    = %s, Rounds         = %d, Unit = ms]\n", d.lane.Name(), d.rounds)
	if d.tail != "" {
		fmt.Fprintf(&b, "#[The slowest must not be compared: %s]\n", d.tail)
	}
	return b.Bytes(), nil
}
