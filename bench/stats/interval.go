package stats

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// An Interval is the median of values, one of each round, and between which bounds it is by all that is known.
type Interval struct {
	Center float64
	// Low and High are the bounds: values themselves, so that nothing is assumed about distributions.
	Low, High float64
	// Confidence is how probable it is that the median is between them.
	Confidence float64
	// Rounds is how many values there are; without any the rest is 0.
	Rounds int
}

// IntervalOf returns the interval that has the median with a probability of at least 95 %, from 6 values on. With fewer
// it is [RangeOf] them.
func IntervalOf(values []float64) Interval {
	i := RangeOf(values)
	if i.Rounds == 0 {
		return i
	}
	s := benchmath.AssumeNothing.Summary(sample(values), confidence)
	i.Center = s.Center
	if !math.IsInf(s.Lo, 0) && !math.IsInf(s.Hi, 0) {
		i.Low, i.High, i.Confidence = s.Lo, s.Hi, s.Confidence
	}
	return i
}

// RangeOf returns the interval from the smallest value to the largest. That it has the median is 94 % sure with 5 values,
// 75 % with 3, and not at all with 1; but of what the program decides, and not the machine, 1 tells all.
func RangeOf(values []float64) Interval {
	if len(values) == 0 {
		return Interval{}
	}
	n := len(values)
	return Interval{median(values), slices.Min(values), slices.Max(values), 1 - math.Pow(2, float64(1-n)), n}
}

// Above reports whether the median is above a threshold: all of the interval is, and its center by more than the noise, which
// is a share, such as [Noise.Within].
func (i Interval) Above(threshold, noise float64) bool {
	return i.Rounds > 0 && i.Low > threshold && i.Center > threshold*(1+noise)
}

// Below reports in the same way whether it is below.
func (i Interval) Below(threshold, noise float64) bool {
	return i.Rounds > 0 && i.High < threshold && i.Center*(1+noise) < threshold
}

// RoundsToDecide returns how many rounds it takes to say on which side of a threshold a median is, if they all agree: fewer
// are on the same side by chance alone in 5 of 100 cases or more. That is one more than two groups of rounds take, each of
// that many, to be told apart, and one less than for an interval with both its bounds.
func RoundsToDecide() int {
	n := 1
	for math.Pow(2, float64(-n)) >= alpha {
		n++
	}
	return n
}
