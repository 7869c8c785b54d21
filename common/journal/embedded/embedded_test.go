package embedded_test

import (
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/journal"
	"pushlab/common/journal/embedded"
	"pushlab/common/journal/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	journaltest.Test(t, func(t testing.TB) journaltest.Backend {
		dir := t.TempDir()
		return journaltest.Backend{
			Open: func(t testing.TB, c journal.Config) journaltest.Log {
				log, err := embedded.Open(t.Context(), dir, embedded.Config{Config: c})
				if err != nil {
					t.Fatal(err)
				}
				return log
			},
			Lasts: true,
		}
	})
}
