package main

import (
	"slices"
	"sync"
	"time"
)

// pauses keeps the longest of the pauses since it was asked for it last. It may be used from any goroutine.
type pauses struct {
	mu      sync.Mutex
	longest time.Duration
}

func (p *pauses) note(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest = max(p.longest, d)
}

// take returns the longest pause, and begins anew.
func (p *pauses) take() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.longest
	p.longest = 0
	return d
}

// middle and most return the median and the maximum; 0 if there is nothing.
func middle(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

func most(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	return slices.Max(of)
}
