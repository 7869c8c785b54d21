package journal_test

import (
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	journaltest.Test(t, func(t testing.TB) journaltest.Backend {
		var log *journal.Memory
		return journaltest.Backend{
			Open: func(_ testing.TB, c journal.Config) journaltest.Log {
				log = journal.NewMemory(c)
				return log
			},
			Stop:     func(testing.TB) { log.Suspend() },
			Start:    func(testing.TB) { log.Resume() },
			Recreate: func(testing.TB, string) { log.Recreate() },
		}
	})
}

func TestNATS(t *testing.T) {
	journaltest.Test(t, func(t testing.TB) journaltest.Backend {
		s := journaltest.NewServer(t)
		s.Start(t)
		return journaltest.Backend{
			Open:     func(t testing.TB, c journal.Config) journaltest.Log { return s.Open(t, c) },
			Lasts:    true,
			Stop:     func(testing.TB) { s.Stop() },
			Start:    func(t testing.TB) { s.Start(t) },
			Recreate: func(t testing.TB, name string) { s.Recreate(t, name) },
		}
	})
}
