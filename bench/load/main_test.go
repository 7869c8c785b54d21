package load

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that nothing is left over.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
