package bench

import (
	"context"
	"runtime"

	"pushlab/bench/machine"
	"pushlab/bench/result"
)

// idle measures what connections take that hardly ever get an event. A few events are delivered
// first, since what a server allocates for that often stays.
func (r *run) idle(ctx context.Context) error {
	empty, err := r.memory(ctx)
	if err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	r.progress("watching for %v", r.point.Measure)
	runtime.GC()
	segments := r.segments(ctx)
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	if pause(ctx, r.point.Measure) != nil {
		return nil // it is told that the run was interrupted
	}
	after, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.difference(before, after)
	segments()
	r.Acknowledged = 0
	full, err := r.memory(ctx)
	r.Memory = &result.Memory{Connections: r.point.Subscribers, Empty: empty, Full: full}
	return err
}

// memory reads what the server takes.
func (r *run) memory(ctx context.Context) (result.MemoryReading, error) {
	var m result.MemoryReading
	if r.scraper != nil {
		go_, err := r.scraper.Memory(ctx)
		if err != nil {
			return m, err
		}
		m = go_
	}
	if r.server.PID == 0 {
		return m, nil
	}
	var err error
	m.Resident, err = machine.ResidentMemory(machine.Family(r.server.PID)...)
	return m, err
}
