package client_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Some machines have this set; who dials by himself must not be sent there. It is read once.
	os.Setenv("HTTP_PROXY", "http://proxy.invalid:3128")
	goleak.VerifyTestMain(m)
}
