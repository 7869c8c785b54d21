package bench

import (
	"fmt"
	"slices"
)

// variants are those that a lane can have. "" is a lane as it is.
var variants = []string{""}

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
