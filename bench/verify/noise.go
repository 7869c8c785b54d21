package main

import (
	"fmt"

	"pushlab/bench/result"
)

// A noise is what runs say of the machine: by their own flags, and by what kept the cores busy beside them.
type noise struct {
	runs, flagged int
	flag          string // one of them
	// measurements is how many there were, and disturbed in how many others kept more than a tenth of the cores busy.
	measurements, disturbed int
}

// The share of all cores that others may have, as in the notes of a result, and in how many of all measurements they
// may have more.
const (
	maxOthers    = 0.1
	maxDisturbed = 0.1
)

// add enters a run. The load average before the first is what others did; before a later one it is what we did.
func (n *noise) add(r result.Result, first bool) {
	conditions, cores := *r.Conditions, r.Environment.Cores
	if !first {
		conditions.LoadBefore = 0
	}
	n.runs++
	if flags := conditions.Flags(cores); len(flags) > 0 {
		n.flagged++
		n.flag = flags[0]
	}
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			n.measurements++
			if m.OtherCores() > maxOthers*float64(cores) {
				n.disturbed++
			}
		}
	}
}

// plus adds two up.
func (n noise) plus(m noise) noise {
	n.runs, n.flagged = n.runs+m.runs, n.flagged+m.flagged
	n.measurements, n.disturbed = n.measurements+m.measurements, n.disturbed+m.disturbed
	if m.flag != "" {
		n.flag = m.flag
	}
	return n
}

// noisy reports whether no criterion can be said not to be met: it may be the machine.
func (n noise) noisy() bool {
	return n.flagged > 0 || float64(n.disturbed) > maxDisturbed*float64(n.measurements)
}

func (n noise) String() string {
	text := fmt.Sprintf("%d of %d runs have flags", n.flagged, n.runs)
	if n.flag != "" {
		text += ", such as: " + n.flag
	}
	return text + fmt.Sprintf("; in %d of %d measurements other programs kept more than %.0f %% of the cores busy", n.disturbed, n.measurements, 100*maxOthers)
}
