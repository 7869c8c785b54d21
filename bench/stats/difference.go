package stats

import (
	"cmp"
	"fmt"
	"math"
	"math/big"

	"golang.org/x/perf/benchmath"

	"pushlab/bench/result"
)

// A difference is called if it is seldomer than alpha by chance alone, and larger than smallest and
// the noise.
const (
	alpha    = 0.05
	smallest = 0.03
)

// A Word is a verdict about two cells.
type Word string

// The verdicts. They are about numbers: whether more is better is a matter of the metric.
const (
	Less Word = "less"
	More Word = "more"
	// Same is that no difference can be told from the noise.
	Same Word = "~"
	// None is that there can be no verdict; Difference.Why says why.
	None Word = "?"
)

// Opinion is what a verdict means.
type Opinion string

// The opinions; of what is the same, or has no verdict, there is none.
const (
	Improved Opinion = "better"
	Worsened Opinion = "worse"
)

// A Difference is what there is between two cells of the same metric, first and second.
type Difference struct {
	// Delta is the second's center less the first's, Share that as a share of the first's. There is no
	// share of nothing: then HasShare is false.
	Delta    float64 `json:"delta"`
	Share    float64 `json:"share"`
	HasShare bool    `json:"has_share"`
	// P is how probable it is that values of the same distribution are at least that different, by
	// the Mann-Whitney U test. It is 1 where the metric is deterministic, and is not asked for.
	P float64 `json:"p"`
	// Floor is what a difference has to exceed, as a share: the noise, or 3 %.
	Floor float64 `json:"floor"`
	// Word is the verdict, Opinion what it means.
	Word    Word    `json:"word"`
	Opinion Opinion `json:"opinion,omitempty"`
	// Certain reports whether the two can be told apart, be the difference large or small.
	Certain bool `json:"certain"`
	// TooFew says that there are too few rounds to call any difference, however large.
	TooFew bool `json:"too_few,omitempty"`
	// Why says why there is no verdict.
	Why string `json:"why,omitempty"`
}

// Test compares two cells of a metric. The noise is a share, such as [Noise.Within].
//
// Noisy metrics differ if chance alone makes them that different in fewer than 5 of 100 cases (by the
// Mann-Whitney U test, which assumes nothing about distributions), and the larger center is above the
// smaller by more than the noise, and by more than 3 %. Exact ones need no such test: they differ if
// no round of the one is within the range of the other, and by more than 3 %; one round is enough. Faults
// differ if they are not equal.
func Test(a, b Cell, noise float64) Difference {
	info := a.Metric.Info()
	d := Difference{Delta: b.Center - a.Center, P: 1, Floor: max(smallest, noise), Word: None}
	if info.Deterministic() {
		d.Floor = smallest
	}
	if info.Nature == result.Fault {
		d.Floor = 0
	}
	if d.Why = cmp.Or(a.Why, b.Why); d.Why != "" {
		return d
	}
	if a.Center != 0 {
		d.Share, d.HasShare = d.Delta/math.Abs(a.Center), true
	}
	switch info.Nature {
	case result.Fault:
		d.Certain = a.Center != b.Center
	case result.Exact:
		d.Certain = a.High < b.Low || b.High < a.Low
	default:
		n, m := len(a.Values), len(b.Values)
		d.P = chance(a.Values, b.Values)
		d.Certain = d.P < alpha
		if smallestP(n, m) >= alpha {
			d.TooFew = true
			d.Why = fmt.Sprintf("%d and %d rounds are too few to tell a difference from chance; measure at least %d each", n, m, enough())
			return d
		}
	}
	d.Word = Same
	if d.Certain && differ(a.Center, b.Center) > d.Floor {
		d.Word = map[bool]Word{true: More, false: Less}[d.Delta > 0]
		d.Opinion = map[bool]Opinion{true: Improved, false: Worsened}[(d.Word == Less) == (info.Better == result.Lower)]
	}
	return d
}

// chance is the p of the U test. Where values are equal, the test's exact distribution is lopsided, and
// benchmath doubles one side of it, whichever comes first: p would depend on the order, and may be above 1. The
// larger of both orders is on the safe side.
func chance(a, b []float64) float64 {
	there, back := benchmath.AssumeNothing.Compare(sample(a), sample(b)), benchmath.AssumeNothing.Compare(sample(b), sample(a))
	return min(1, max(there.P, back.P))
}

// smallestP is the smallest p that the U test can have: that of two samples which do not overlap.
func smallestP(n, m int) float64 {
	ways, _ := new(big.Float).SetInt(new(big.Int).Binomial(int64(n+m), int64(n))).Float64()
	return 2 / ways
}

// enough is how many rounds two lanes need, if they have the same number.
func enough() int {
	n := 1
	for smallestP(n, n) >= alpha {
		n++
	}
	return n
}
