package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
)

// A factor is something on which it may depend whether a claim holds: a number, or a name.
type factor struct {
	number func(result.Case) float64
	// words says a number, such as "10 events/s".
	words func(float64) string
	// name is set where number is not.
	name func(finding) string
	// among stands before a value.
	among string
}

// factors are what is tried, the first first.
func factors() []factor {
	unit := func(unit string) func(float64) string {
		return func(v float64) string { return plain(rounded(v)) + " " + unit }
	}
	return []factor{
		{name: func(f finding) string { return f.part }, among: "for "},
		{number: func(c result.Case) float64 { return c.Rate * c.RTT.Seconds() }, words: unit("events per round trip"), among: "at "},
		{number: func(c result.Case) float64 { return c.Rate }, words: unit("events/s"), among: "at "},
		{number: func(c result.Case) float64 { return float64(c.Size) }, words: unit("bytes of data"), among: "with "},
		{number: func(c result.Case) float64 { return float64(c.Subscribers) }, words: unit("subscribers"), among: "with "},
		{number: func(c result.Case) float64 { return float64(c.RTT) }, words: func(v float64) string { return "round trips of " + time.Duration(v).String() }, among: "with "},
		{number: func(c result.Case) float64 { return c.TotalRate() * float64(c.Subscribers) }, words: unit("deliveries/s"), among: "at "},
		{name: func(f finding) string { return string(f.c.Data) }, among: "with data of "},
		{name: func(f finding) string { return f.variant }, among: "with "},
		{name: func(f finding) string { return f.transport }, among: "for "},
		{name: func(f finding) string { return f.c.Name }, among: "in "},
	}
}

// boundary says when a claim holds, and when not: by one factor if one tells the cases apart; or by one in each part of what
// another splits; or else by naming the cases.
func boundary(found []finding) string {
	found = slices.DeleteFunc(slices.Clone(found), func(f finding) bool { return f.opinion != yes && f.opinion != no })
	for _, by := range factors() {
		if text := by.split(found); text != "" {
			return text
		}
	}
	shortest, fewest := "", len(found)
	for _, group := range factors() {
		for _, by := range factors() {
			if text, parts := group.nested(found, by); text != "" && parts < fewest {
				shortest, fewest = text, parts
			}
		}
	}
	if shortest != "" {
		return shortest
	}
	for _, by := range factors() {
		if text := by.splitValues(found); text != "" {
			return text
		}
	}
	var cases []string
	for _, f := range found {
		if f.opinion == yes {
			cases = append(cases, strings.TrimSpace(strings.Join([]string{f.part, f.transport, f.variant, shortTitle(f.c)}, " ")))
		}
	}
	const shown = 3
	if n := len(cases) - shown; n > 0 {
		cases = append(cases[:shown], fmt.Sprintf("%d more", n))
	}
	return "in " + strings.Join(cases, "; ")
}

// split says between which values of the factor it changes whether the claim holds; "" if it does not change once.
func (by factor) split(found []finding) string {
	if by.name != nil {
		return by.splitValues(found)
	}
	var with, without []float64
	for _, f := range found {
		if f.opinion == yes {
			with = append(with, by.number(f.c))
		} else {
			without = append(without, by.number(f.c))
		}
	}
	switch {
	case len(with) == 0 || len(without) == 0:
		return ""
	case slices.Max(with) < slices.Min(without):
		return fmt.Sprintf("up to %s, not from %s", by.words(slices.Max(with)), by.words(slices.Min(without)))
	case slices.Min(with) > slices.Max(without):
		return fmt.Sprintf("from %s, not up to %s", by.words(slices.Min(with)), by.words(slices.Max(without)))
	}
	return ""
}

// splitValues says with which values of the factor the claim holds, and with which not; "" if there is one with which it
// does both.
func (by factor) splitValues(found []finding) string {
	var with, without []string
	for _, f := range found {
		list := &without
		if f.opinion == yes {
			list = &with
		}
		if value := by.value(f); !slices.Contains(*list, value) {
			*list = append(*list, value)
		}
	}
	if len(with) == 0 || len(without) == 0 || slices.ContainsFunc(with, func(value string) bool { return slices.Contains(without, value) }) {
		return ""
	}
	return by.among + strings.Join(with, ", ") + "; not " + by.among + strings.Join(without, ", ")
}

// value is the factor's value of a finding, in words.
func (by factor) value(f finding) string {
	if by.number != nil {
		return by.words(by.number(f.c))
	}
	return cmp.Or(by.name(f), "the plain kind")
}

// nested says for each value of the factor how it is there by another, and how many values there are; "" if that is not
// the same, or a boundary, in each.
func (group factor) nested(found []finding, by factor) (text string, parts int) {
	name := func(f finding) string { return group.among + group.value(f) }
	groups := grouped(found, name)
	if len(groups) < 2 || len(groups) == len(found) {
		return "", 0
	}
	var all []string
	for _, part := range groups {
		text := by.split(part)
		holding := 0
		for _, f := range part {
			if f.opinion == yes {
				holding++
			}
		}
		switch {
		case text != "":
		case holding == len(part):
			text = "always"
		case holding == 0:
			text = "never"
		default:
			return "", 0
		}
		all = append(all, name(part[0])+" "+text)
	}
	return strings.Join(all, "; "), len(groups)
}
