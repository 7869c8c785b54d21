package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/result"
)

// idleSteps is in how many steps idle connections come.
const idleSteps = 3

// idle measures what connections take that hardly ever get an event. They come in steps, and at each the server's memory
// is read, so that what a connection adds is told from what the server takes anyway. A few events are delivered
// at each step, since what a server allocates for that often stays.
func (r *run) idle(ctx context.Context) error {
	subscribers, events := r.point.Subscribers, r.point.WarmUpEvents()
	empty, err := r.memory(ctx)
	if err != nil {
		return err
	}
	m := &result.Memory{Connections: subscribers, Empty: empty}
	m.Steps = append(m.Steps, result.MemoryStep{MemoryReading: empty})
	parts := [idleSteps]int{max(1, subscribers/4), max(1, subscribers/2), subscribers}
	for i, connections := range parts {
		from, to := events*i/len(parts), events*(i+1)/len(parts)
		r.phase(result.Phase{
			Name: result.Connecting, Text: fmt.Sprintf("connecting %d of %d subscribers, which get %d events", connections, subscribers, to-from),
			Takes: time.Duration(connections-m.Steps[i].Connections) * connectTime,
		})
		if err := r.load.ConnectUpTo(ctx, connections, from, atATime); err != nil {
			return err
		}
		if _, err := r.settle(ctx); err != nil {
			return err
		}
		if _, _, err := r.publish(ctx, from, to-from); err != nil {
			return err
		}
		r.drain(ctx, false, to, to)
		if _, err := r.settle(ctx); err != nil {
			return err
		}
		reading, err := r.memory(ctx)
		if err != nil {
			return err
		}
		m.Steps = append(m.Steps, result.MemoryStep{Connections: connections, MemoryReading: reading})
	}
	r.warm = true
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
	m.Full, err = r.memory(ctx)
	m.Collected = r.collected
	m.Fit()
	r.Memory = m
	return err
}

// memory reads what the server takes, after a garbage collection if the server lets itself be asked for one.
func (r *run) memory(ctx context.Context) (result.MemoryReading, error) {
	var m result.MemoryReading
	if r.scraper != nil {
		r.collected = r.scraper.Collect(ctx)
		go_, err := r.scraper.Memory(ctx)
		if err != nil {
			return m, err
		}
		m = go_
	}
	if r.server.PID == 0 {
		return m, nil
	}
	// What the kernel does not tell, or not to everybody, is no reason not to measure the rest.
	if slab, err := machine.SocketSlab(); err == nil {
		m.SocketSlab = slab
	}
	if buffers, err := machine.SocketBuffers(); err == nil {
		m.SocketBuffers = buffers
	}
	var err error
	m.Resident, err = machine.ResidentMemory(machine.Family(r.server.PID)...)
	return m, err
}
