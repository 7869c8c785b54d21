package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
result.json. Several are taken together, if they are of one machine.

It says at which rate long polling costs as much as streaming, and below which
rate memory decides the number of machines rather than CPU; what was measured
and what is assumed; and where it goes beyond what was measured. The flags from
--rtt on are assumptions.

With --check it predicts each case from the others instead, and exits with 1 if
CPU, bytes or memory of one are off by more than 15 %.`,
		Example: `  pushlab bench run --profile engine --out results/today
  pushlab plan results/today --clients 100000 --rate 0.5 --size 200 --reconnects 2
  pushlab plan results/today --clients 5e4 --rate 1 --size 64 --memory 4GiB --price-gb 0.02
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
	f.Float64Var(&d.Rate, "rate", 0, "how many events each client gets in a second")
	f.IntVar(&d.Size, "size", 0, "how many bytes of data an event has")
	f.Float64Var(&d.Reconnects, "reconnects", 0, "how often each client connects again in an hour")
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
	case len(c.Quantities) == 0:
		return errors.New("nothing can be checked: that takes two cases or more of a kind; measure with 'pushlab bench run --profile engine'")
	case !c.Good():
		return fmt.Errorf("a prediction is off by more than %.0f %%", 100*plan.MaxError)
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
