package tree

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// An Axis is something that grows.
type Axis struct {
	Name string
	grow func(in *Inputs, times float64)
}

// Axes are what may grow: how many subscribers there are, how many events each gets, and how many are published while each
// gets as many as before.
func Axes() []Axis {
	return []Axis{
		{"subscribers", func(in *Inputs, x float64) { in.Subscribers *= x }},
		{"events to each subscriber", func(in *Inputs, x float64) { in.Rate *= x }},
		{"events published, to each as many as before", func(in *Inputs, x float64) { in.Rate *= x; in.Share /= x }},
	}
}

// A Break is a resource that is used up.
type Break struct {
	// Times is how many times as much as planned there is then. 1 or less: it is used up as planned.
	Times                  float64
	Tier, Region, Resource string
}

// furthest is up to how many times as much is looked.
const furthest = 1e5

// Breaks returns when each resource is used up while something grows and the machines stay as they are, each
// in the region where that is first, in that order; a limit that was chosen is none. What is not up to furthest times as much is left out.
func (t *Tree) Breaks(a Axis) (breaks []Break) {
	// Of the regions it is the one that would use most in the end: what machines take anyway is the same in all.
	var last []int
	end := t.grown(a, furthest)
	for i, u := range end {
		same := slices.IndexFunc(last, func(o int) bool { return end[o].Tier == u.Tier && end[o].Resource == u.Resource })
		switch {
		case u.Share() <= 1 || u.Chosen:
		case same < 0:
			last = append(last, i)
		case u.Share() > end[last[same]].Share():
			last[same] = i
		}
	}
	for _, i := range last {
		times := turn(func(x float64) bool { return t.grown(a, x)[i].Share() > 1 })
		breaks = append(breaks, Break{times, end[i].Tier, end[i].Region, end[i].Resource})
	}
	slices.SortStableFunc(breaks, func(a, b Break) int { return cmp.Compare(a.Times, b.Times) })
	return breaks
}

// grown returns what is used when something has grown and the machines are what they were.
func (t *Tree) grown(a Axis, times float64) []Use {
	g := Tree{In: t.In.Clone(), Sites: slices.Clone(t.Sites)}
	a.grow(&g.In, times)
	for i := range g.Sites {
		g.Sites[i].Subscribers = g.In.Subscribers * g.Sites[i].Share
	}
	return g.Uses()
}

// FirstBreak is the first of Breaks, or infinite if there is none.
func (t *Tree) FirstBreak(a Axis) float64 {
	breaks := func(x float64) bool {
		return slices.ContainsFunc(t.grown(a, x), func(u Use) bool { return !u.Chosen && u.Share() > 1 })
	}
	if !breaks(furthest) {
		return math.Inf(1)
	}
	return turn(breaks)
}

// Wall returns the first resource that is used up while something grows and nodes and proxies are added as it takes; not ok if there is
// none up to furthest times as much. Against that no more machines of these tiers help.
func Wall(in Inputs, a Axis) (b Break, ok bool) {
	fails := func(x float64) (Break, bool) {
		grown := in.Clone()
		a.grow(&grown, x)
		t, err := Plan(grown)
		var limit *LimitError
		if errors.As(err, &limit) {
			return Break{x, limit.Tier, "", limit.Resource}, true
		} else if err != nil {
			return Break{Times: x, Resource: err.Error()}, true
		}
		for _, u := range t.Worst() {
			if !u.Grows && u.Share() > 1 {
				return Break{x, u.Tier, u.Region, u.Resource}, true
			}
		}
		return Break{}, false
	}
	if _, ok := fails(furthest); !ok {
		return Break{}, false
	}
	b, _ = fails(turn(func(x float64) bool { _, failed := fails(x); return failed }))
	return b, true
}

// turn returns from where on something is true that once it is true stays so, and is at furthest.
func turn(is func(x float64) bool) float64 {
	low, high := 1/furthest, furthest
	for range 40 { // to a part in 10¹⁰
		if middle := math.Sqrt(low * high); is(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}
