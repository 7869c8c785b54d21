package result

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Case){
		"no kind":              func(s *Case) { s.Kind = "" },
		"no target":            func(s *Case) { s.Targets = nil },
		"no round":             func(s *Case) { s.Rounds = 0 },
		"no limit":             func(s *Case) { s.Kind = Capacity },
		"no transport":         func(s *Case) { s.Transports = nil },
		"unknown transport":    func(s *Case) { s.Transports = []string{"pigeon"} },
		"no subscriber":        func(s *Case) { s.Subscribers = 0 },
		"too many":             func(s *Case) { s.Subscribers = MaxSubscribers + 1 },
		"no rate":              func(s *Case) { s.Rate = 0 },
		"rate is no number":    func(s *Case) { s.Rate = math.NaN() },
		"rate too high":        func(s *Case) { s.Rate = MaxRate + 1 },
		"too small":            func(s *Case) { s.Size = MinSize - 1 },
		"too large":            func(s *Case) { s.Size = maxSize + 1 },
		"negative warm-up":     func(s *Case) { s.WarmUp = -1 },
		"negative drain":       func(s *Case) { s.Drain = -1 },
		"not one event":        func(s *Case) { s.Measure = time.Microsecond },
		"unknown manner":       func(s *Case) { s.Kind, s.Manner = Storm, "hurricane" },
		"no storm":             func(s *Case) { s.Manner = Restart },
		"all are bystanders":   func(s *Case) { s.Kind, s.Bystanders = Storm, s.Subscribers },
		"who would stay":       func(s *Case) { s.Kind, s.Manner, s.Bystanders = Storm, Restart, 1 },
		"too few for halves":   func(s *Case) { s.Kind, s.Manner, s.Measure = Storm, Restart, 120*time.Millisecond },
		"jitter of nothing":    func(s *Case) { s.Kind, s.Variants = Storm, []string{"", Jitter} },
		"cut too slowly":       func(s *Case) { s.Kind, s.Manner, s.PerSecond = Storm, Rolling, 10 },
		"cut backwards":        func(s *Case) { s.Kind, s.Manner, s.PerSecond = Storm, Rolling, -10 },
		"nobody to lag behind": func(s *Case) { s.Kind, s.Subscribers = Slow, 1 },
		"in flight":            func(s *Case) { s.InFlight = 1 },
		"too many in flight":   func(s *Case) { s.Kind, s.InFlight = Echo, 1001 },
		"all are too many":     func(s *Case) { s.Kind, s.Rate = Echo, 1000 },
		"too many deliveries":  func(s *Case) { s.Measure = 10 * time.Hour },
	} {
		s := smokeCase()
		change(&s)
		if err := s.Validate(); err == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
}

func TestTraits(t *testing.T) {
	c := smokeCase()
	if words := c.Traits(); len(words) > 0 {
		t.Errorf("a case as usual is %q", words)
	}
	c.Data, c.RTT, c.Computed = JSONData, 20*time.Millisecond, true
	if words := strings.Join(c.Traits(), ", "); words != "json data, RTT 20ms, computed" {
		t.Errorf("it is %q", words)
	}
}
