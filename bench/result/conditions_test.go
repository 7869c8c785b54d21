package result

import (
	"strings"
	"testing"
	"time"
)

func TestConditionsFlags(t *testing.T) {
	quiet := Conditions{Steal: 0.005, LoadBefore: 0.9, LoadAfter: 5, NoiseBefore: Latency{P999: time.Millisecond}, NoiseAfter: Latency{P999: 2 * time.Millisecond}}
	if flags := quiet.Flags(2); len(flags) != 0 {
		t.Errorf("a quiet machine has the flags %q", flags)
	}
	for want, change := range map[string]func(*Conditions){
		"the host kept 2.0 %":                func(c *Conditions) { c.Steal = 0.02 },
		"the load average was 1.50":          func(c *Conditions) { c.LoadBefore = 1.5 },
		"3 found no room, 4 were dropped":    func(c *Conditions) { c.ListenOverflows, c.ListenDrops = 3, 4 },
		"late by 7ms (p99.9, 1ms before the": func(c *Conditions) { c.NoiseAfter.P999 = 7 * time.Millisecond },
	} {
		c := quiet
		change(&c)
		if flags := c.Flags(2); len(flags) != 1 || !strings.Contains(flags[0], want) {
			t.Errorf("the flags are %q, not that %s", flags, want)
		}
	}
}
