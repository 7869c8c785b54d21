package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pushlab/bench/plan"
	"pushlab/bench/result"
)

// planOptions are the flags of plan.
type planOptions struct {
	demand  plan.Demand
	target  string
	variant string
	check   bool
	json    bool
}

func planCommand(std streams) *cobra.Command {
	o := planOptions{demand: plan.Defaults()}
	cmd := &cobra.Command{
		Use:   "plan RESULT...",
		Short: "Say how many machines a service takes, from what was measured",
		Long: `Say how many machines a service takes, with CPU, memory, bandwidth and cost, for
each transport in results of 'pushlab bench run': files, or folders with a
result.json. Several are taken together, if they are of one machine. What a plan
takes is measured by

  ` + plan.Measure + `

in some minutes; other results will do as far as they go, and it is told what
they lack.

It says from which rate on long polling costs no more than a stream, for several
round-trip times: what counts is the rate times that. It says below which rate
memory decides the number of machines rather than CPU; what was measured and
what is assumed; and where it goes beyond what was measured. The flags from --rtt
on are assumptions.

With --check it predicts instead what was measured. Each case, and each number of
idle connections, is left out in turn; the model is fitted to the others; and what
it says is compared with the median of the rounds. That is done for CPU and bytes
of an event, for memory, and, in cases with an RTT, for the events in a poll's
answer; there CPU and bytes rest on that prediction too. The rule: every single
prediction is off by at most 15 %, and each transport has CPU, bytes and memory to
predict. Otherwise the exit code is 1. Told beside that, and no excuse:
  noise              how far the interval that has the median reaches from it: at
                     95 % from 6 rounds on, with fewer that of all rounds
  OFF, or noise      the interval, or that there was one round, may explain it
  beyond the others  how far the case lies outside of all others, so that the
                     prediction is an extrapolation

The exit code is 2 if a flag or a result cannot be used, and 1 if the result has
nothing to plan with, or a machine is too small for a single client.`,
		Example: `  ` + strings.Replace(plan.Measure, "DIR", "results/today", 1) + `
  pushlab plan results/today --clients 1e5 --rate 1 --size 200
  pushlab plan results/today --clients 1e6 --rate 1/m --size 200 --reconnects 1/5m
  pushlab plan results/today --clients 500 --rate 200 --size 100 --rtt 5ms --price-gb 0.02
  pushlab plan results/today --check`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("plan from what? Name a result: a file or folder that 'pushlab bench run --out' wrote")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.Flags().Visit(func(f *pflag.Flag) { o.demand.Given = append(o.demand.Given, f.Name) })
			return planRun(args, o, std)
		},
	}
	f, d := cmd.Flags(), &o.demand
	f.SortFlags = false
	f.Var((*wholeValue)(&d.Clients), "clients", "how many clients there are; each event goes to all of them")
	f.Var(&frequencyValue{&d.Rate, time.Second}, "rate", "how many events each client gets in a second, or such as 1/m")
	f.IntVar(&d.Size, "size", 0, "how many bytes of data an event has")
	f.Var(&frequencyValue{&d.Reconnects, time.Hour}, "reconnects", "how often each client connects again in an hour, or such as 1/5m")
	f.DurationVar(&d.RTT, "rtt", d.RTT, "the round-trip time between a client and the server")
	f.IntVar(&d.HeaderBytes, "header-bytes", d.HeaderBytes, "how many bytes a browser adds to each request")
	f.IntVar(&d.SegmentBytes, "segment-bytes", d.SegmentBytes, "how many bytes a TCP segment adds on the link")
	f.IntVar(&d.SocketBytes, "socket-memory", d.SocketBytes, "how many bytes the kernel takes for a connection")
	f.DurationVar(&d.Heartbeat, "heartbeat", d.Heartbeat, "after how long a quiet stream or poll gets something")
	f.Float64Var(&d.Machine.Cores, "cores", d.Machine.Cores, "how many cores a machine has")
	f.Var((*size)(&d.Machine.Memory), "memory", "how much memory a machine has")
	f.Var(&unitValue{&d.Machine.Bandwidth, bandwidthUnits}, "bandwidth", "what a machine can send, and receive")
	f.Var(&unitValue{&d.Machine.Price, priceUnits}, "price-machine", "what a machine costs in an hour")
	f.Float64Var(&d.PriceGB, "price-gb", d.PriceGB, "what it costs to send 10⁹ bytes")
	f.Float64Var(&d.Headroom, "headroom", d.Headroom, "up to which share of a machine is used")
	f.StringVar(&o.target, "target", result.PushlabName, "which target of the result to plan with")
	f.StringVar(&o.variant, "variant", "", "which variant of it; empty is none")
	f.BoolVar(&o.check, "check", false, "predict each case from the others instead of planning")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func planRun(paths []string, o planOptions, std streams) error {
	if !o.check {
		if err := o.demand.Validate(); err != nil {
			return &usageError{err}
		}
	}
	found, err := readResults(paths)
	if err != nil {
		return &usageError{err}
	}
	if o.check {
		return planCheck(found, o, std)
	}
	p, err := plan.Make(found, o.target, o.variant, o.demand)
	if err != nil {
		return err
	}
	if o.json {
		return planJSON(p, std)
	}
	return p.Text(std.out)
}

func planCheck(found result.Result, o planOptions, std streams) error {
	c := plan.CheckResult(found, o.target, o.variant)
	var err error
	if o.json {
		err = planJSON(c, std)
	} else {
		err = c.Text(std.out)
	}
	switch {
	case err != nil:
		return err
	case !c.Good():
		return errors.New(c.Why())
	}
	return nil
}

func planJSON(v any, std streams) error {
	e := json.NewEncoder(std.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// readResults reads files, or those in folders, as one result.
func readResults(paths []string) (result.Result, error) {
	var all []result.Result
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, result.FileName)
		}
		r, err := result.Read(path)
		if err != nil {
			return result.Result{}, err
		}
		all = append(all, r)
	}
	return plan.Merge(all...)
}
