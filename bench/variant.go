package bench

import (
	"fmt"
	"slices"

	"pushlab/bench/result"
)

// variants are those that a lane can have. "" is a lane as it is.
var variants = []string{"", result.Jitter, result.Slow1, result.Slow10, result.Stuck1}

// checkVariants tells which of some is unknown, or there twice.
func checkVariants(some []string) error {
	for i, v := range some {
		if !slices.Contains(variants, v) {
			return fmt.Errorf("bench: unknown variant %q", v)
		}
		if slices.Contains(some[:i], v) {
			return fmt.Errorf("bench: the variant %q is named twice", v)
		}
	}
	return nil
}

// kindOf returns the only kind of case that a variant is for; "" if it is for any.
func kindOf(variant string) result.Kind {
	switch variant {
	case result.Jitter:
		return result.Storm
	case result.Slow1, result.Slow10, result.Stuck1:
		return result.Slow
	default:
		return ""
	}
}

// fits tells which of a case's variants is for cases of another kind.
func fits(c result.Case) error {
	for _, v := range c.Variants {
		if kind := kindOf(v); kind != "" && kind != c.Kind {
			return fmt.Errorf("bench: the variant %q is for the kind %s, not for %s", v, kind, c.Kind)
		}
	}
	return nil
}
