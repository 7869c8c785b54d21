package result

import (
	"math"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Case){
		"no kind":             func(s *Case) { s.Kind = "" },
		"no target":           func(s *Case) { s.Targets = nil },
		"no round":            func(s *Case) { s.Rounds = 0 },
		"no limit":            func(s *Case) { s.Kind = Capacity },
		"no transport":        func(s *Case) { s.Transports = nil },
		"unknown transport":   func(s *Case) { s.Transports = []string{"pigeon"} },
		"no subscriber":       func(s *Case) { s.Subscribers = 0 },
		"too many":            func(s *Case) { s.Subscribers = MaxSubscribers + 1 },
		"no rate":             func(s *Case) { s.Rate = 0 },
		"rate is no number":   func(s *Case) { s.Rate = math.NaN() },
		"rate too high":       func(s *Case) { s.Rate = MaxRate + 1 },
		"too small":           func(s *Case) { s.Size = MinSize - 1 },
		"too large":           func(s *Case) { s.Size = maxSize + 1 },
		"negative warm-up":    func(s *Case) { s.WarmUp = -1 },
		"negative drain":      func(s *Case) { s.Drain = -1 },
		"not one event":       func(s *Case) { s.Measure = time.Microsecond },
		"too many deliveries": func(s *Case) { s.Measure = 10 * time.Hour },
	} {
		s := smokeCase()
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}
