package result

import (
	"fmt"
	"time"
)

// Conditions are what the machine was like while a run went on. What the system does not tell is 0.
type Conditions struct {
	// Steal is the share of all cores' time that the host of a virtual machine kept from it.
	Steal float64 `json:"steal"`
	// LoadBefore and LoadAfter are the system's load average over a minute.
	LoadBefore float64 `json:"load_average_before"`
	LoadAfter  float64 `json:"load_average_after"`
	// ListenOverflows is how many connections found no room to wait to be accepted, ListenDrops how many were
	// dropped for that or another reason, of all programs in the network namespace.
	ListenOverflows int64 `json:"listen_overflows"`
	ListenDrops     int64 `json:"listen_drops"`
	// NoiseBefore and NoiseAfter are how late a timer was that was due a thousand times a second, on the
	// load's core, while the run had nothing else to do. No delivery is more exact than that.
	NoiseBefore Latency `json:"noise_before"`
	NoiseAfter  Latency `json:"noise_after"`
}

// A run has flags if more of its time was stolen than maxSteal, if as many programs as maxWaiting of all
// cores wanted to run before it began, or if a timer was later than maxNoise once in a thousand times.
const (
	maxSteal   = 0.01
	maxWaiting = 0.5
	maxNoise   = 2 * time.Millisecond
)

// Flags tells what is wrong with the conditions, on a machine of that many cores: why no number of the run may
// be relied on as it stands.
func (c Conditions) Flags(cores int) (flags []string) {
	flag := func(format string, args ...any) { flags = append(flags, fmt.Sprintf(format, args...)) }
	if c.Steal > maxSteal {
		flag("the host kept %.1f %% of the cores' time from this machine (steal); the limit is %g %%", 100*c.Steal, 100*maxSteal)
	}
	if c.LoadBefore > maxWaiting*float64(cores) {
		flag("the load average was %.2f on %d cores before the run began; the limit is %g", c.LoadBefore, cores, maxWaiting*float64(cores))
	}
	if c.ListenOverflows > 0 || c.ListenDrops > 0 {
		flag("connections were dropped that waited to be accepted: %d found no room, %d were dropped", c.ListenOverflows, c.ListenDrops)
	}
	if late := max(c.NoiseBefore.P999, c.NoiseAfter.P999); late > maxNoise {
		flag("a timer was late by %v (p99.9, %v before the run and %v after); the limit is %v: slower deliveries may be the machine's",
			round(late), round(c.NoiseBefore.P999), round(c.NoiseAfter.P999), maxNoise)
	}
	return flags
}
