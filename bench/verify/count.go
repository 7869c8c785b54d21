package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/verify/second"
)

// A counted is what both said of a transport, in one round.
type counted struct {
	transport string
	harness   result.Measurement
	second    second.Count
	cpu       time.Duration // of the server's process for the second client's events
}

// counts are what both said, round by round, and what the machine was like.
type counts struct {
	cases  []result.Case
	rounds int
	all    []counted
	noise  noise
	asleep error // why cores could not be kept awake meanwhile; nil if they were
}

// transports returns which were counted.
func (c counts) transports() (all []string) {
	for _, point := range c.cases {
		all = append(all, point.Transports...)
	}
	return all
}

// count measures each case and transport in each round by the harness, and by the second client, each with a server of
// its own. Who is first alternates, so that neither always comes after the other.
func (v *verifier) count(ctx context.Context, cases []result.Case, rounds int) (c counts, err error) {
	c.cases, c.rounds = cases, rounds
	// Waking a core that sleeps is work for the server's, and which of two clients sleeps more often is not what they are to
	// agree on.
	release, asleep := keepAwake()
	if c.asleep = asleep; asleep == nil {
		defer func() { err = errors.Join(err, release()) }()
	}
	for round := range rounds {
		fmt.Fprintf(v.log, "verify: counting twice, round %d of %d\n", round+1, rounds)
		for _, point := range cases {
			for _, transport := range point.Transports {
				secondFirst := (round+len(c.all)%len(c.transports()))%2 == 1
				one, err := v.countTwice(ctx, point, transport, secondFirst, &c.noise)
				if err != nil {
					return c, err
				}
				c.all = append(c.all, one)
			}
		}
	}
	return c, nil
}

// countTwice counts one transport by both.
func (v *verifier) countTwice(ctx context.Context, point result.Case, transport string, secondFirst bool, noise *noise) (one counted, err error) {
	one.transport, point.Transports = transport, []string{transport}
	steps := []func() error{
		func() error {
			r, err := v.bench(ctx, []result.Case{point})
			if err == nil {
				one.harness = r.Outcomes[0].Measurements[0]
				noise.add(r, false)
			}
			return err
		},
		func() error { return v.countBySecond(ctx, point, &one) },
	}
	if secondFirst {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return one, fmt.Errorf("%s: %w", transport, err)
		}
	}
	return one, nil
}

// countBySecond lets the second client count. What its events cost is the CPU time of a server's whole life, less that of
// another that was given all but the events that count: what starting, connecting, warming up and leaving take.
func (v *verifier) countBySecond(ctx context.Context, point result.Case, into *counted) error {
	load := second.Load{
		Transport: into.transport, Subscribers: point.Subscribers, Rate: point.Rate, Size: point.Size,
		WarmUp: point.WarmUpEvents(), Events: point.Events(), Window: point.Measure,
	}
	count, cpu, err := v.lifeOfServer(ctx, load)
	if err != nil {
		return err
	}
	load.Events = 0
	_, idle, err := v.lifeOfServer(ctx, load)
	into.second, into.cpu = count, cpu-idle
	return err
}

// lifeOfServer starts a server, loads it by a second client in a process of its own, and ends it.
func (v *verifier) lifeOfServer(ctx context.Context, load second.Load) (count second.Count, cpu time.Duration, err error) {
	command := []string{v.program, "serve", "--listen", "localhost:0", "--source", "none", "--log-level", "warn"}
	server, err := second.StartServer(ctx, command, v.starter(func(p *result.Pin) int { return p.Server }))
	if err != nil {
		return count, 0, err
	}
	load.URL = server.URL
	count, err = v.runSecond(ctx, load)
	cpu, stopped := server.Stop()
	if err == nil {
		err = stopped
	}
	return count, cpu, err
}

// runSecond runs the second client.
func (v *verifier) runSecond(ctx context.Context, load second.Load) (count second.Count, err error) {
	program, err := os.Executable()
	if err != nil {
		return count, err
	}
	what, err := json.Marshal(load)
	if err != nil {
		return count, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, secondCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(what), &out, os.Stderr
	if err = v.starter(func(p *result.Pin) int { return p.Load })(cmd); err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return count, fmt.Errorf("the second client: %w", err)
	}
	return count, json.Unmarshal(out.Bytes(), &count)
}

// starter returns what starts a process on one of the cores, if there are two.
func (v *verifier) starter(which func(*result.Pin) int) func(*exec.Cmd) error {
	return func(cmd *exec.Cmd) error {
		if v.pin == nil {
			return cmd.Start()
		}
		return machine.OnCore(which(v.pin), cmd.Start)
	}
}
