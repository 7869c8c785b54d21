package tree

import (
	"cmp"
	"math"
	"slices"
)

// An Answer is a number that comes out.
type Answer struct {
	Name  string
	value func(t *Tree) float64
}

// Answers are those whose sensitivity is told.
func Answers(seed uint64) []Answer {
	return []Answer{
		{"machines", func(t *Tree) float64 { return t.Totals().Machines() }},
		{"first break, times as many events to each", func(t *Tree) float64 { return t.FirstBreak(Axes()[1]) }},
		{"wall, times as many events published", func(t *Tree) float64 {
			if b, ok := Wall(t.In, Axes()[2]); ok {
				return b.Times
			}
			return math.Inf(1)
		}},
		{"node lost, all connected", func(t *Tree) float64 { _, r := t.NodeLoss(Killed, seed); return r.All }},
		{"region lost, all caught up", func(t *Tree) float64 { return t.RegionLoss(seed).Caught }},
		{"worst p99 of a delivery", func(t *Tree) float64 { return t.Worst99(seed) }},
	}
}

// An Effect is what an answer becomes if an input is half of what it is, and twice.
type Effect struct {
	Input             Input
	Half, Plan, Twice float64
}

// size is by which factor the answer changes, at the most; 1 is not at all.
func (e Effect) size() float64 {
	factor := func(x float64) float64 {
		switch {
		case x == e.Plan || math.IsNaN(x): // an input that may not be so
			return 1
		case x <= 0 || e.Plan <= 0 || math.IsInf(x, 0) || math.IsInf(e.Plan, 0):
			return math.Inf(1)
		}
		return max(x/e.Plan, e.Plan/x)
	}
	return max(factor(e.Half), factor(e.Twice))
}

// Sensitivity returns how an answer changes with each input, the greatest effect first, of those that change it by a hundredth at
// least. What the inputs may not become, such as a headroom of more than all, is no number.
func Sensitivity(in Inputs, a Answer) (effects []Effect) {
	value := func(in Inputs) float64 {
		t, err := Plan(in)
		if err != nil {
			return math.NaN()
		}
		return a.value(t)
	}
	plan := value(in)
	for _, input := range in.Table() {
		if *input.Value == 0 {
			continue
		}
		e := Effect{Input: input, Plan: plan}
		for _, v := range []struct {
			times float64
			to    *float64
		}{{0.5, &e.Half}, {2, &e.Twice}} {
			changed := in.Clone()
			changed.Set(input.Name, *input.Value*v.times) // it is one of them
			*v.to = value(changed)
		}
		if e.size() > 1.01 {
			effects = append(effects, e)
		}
	}
	slices.SortStableFunc(effects, func(a, b Effect) int { return cmp.Compare(b.size(), a.size()) })
	return effects
}
