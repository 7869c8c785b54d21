package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"pushlab/bench"
	"pushlab/bench/machine"
	"pushlab/bench/peers"
	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/bench/targets"
)

// benchOptions are the flags of bench run. A zero value means what the profile says.
type benchOptions struct {
	profile     string
	out         string
	targets     []string
	serverArgs  []string
	transports  []string
	rounds      int
	seed        uint64
	pin         string
	subscribers int
	rate        float64
	size        int
	warmUp      time.Duration
	measure     time.Duration
	quiet       bool
	installed   bool
}

func benchCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare the transports under load",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("bench what? Use 'pushlab bench run' or 'pushlab bench list'")}
		},
	}
	cmd.AddCommand(benchRunCommand(std), benchListCommand(std),
		benchServeCommand(std, result.FloorName, "Serve what a run compares with: one send for each subscriber, and nothing else", peers.Floor),
		benchServeCommand(std, result.BaselineName, "Serve what a run compares long polling with: a plain handler", peers.Baseline),
		benchServeCommand(std, peers.HubName, "Serve what a run compares WebSocket with: a hub as people write it", peers.Hub),
		benchServeCommand(std, peers.FlushName, "Serve what a run compares SSE with: a handler that flushes, as people write it", peers.Flush))
	return cmd
}

func benchListCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the profiles and targets that bench run knows",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(std.out, "Profiles:")
			for _, p := range bench.Profiles() {
				if _, err := fmt.Fprintf(std.out, "%-8s %s\n", p.Name, p.About); err != nil {
					return err
				}
				for _, c := range p.Cases() {
					if _, err := fmt.Fprintf(std.out, "         %s\n           %s; %s\n",
						report.Title(c), strings.Join(c.Targets, ", "), strings.Join(c.Transports, ", ")); err != nil {
						return err
					}
				}
			}
			return benchListTargets(std.out)
		},
	}
}

// benchListTargets lists the targets, and what those need that cannot be started.
func benchListTargets(out io.Writer) error {
	fmt.Fprintf(out, "\nTargets, beside the path of a file that describes one:\n%-15s %s\n", result.PushlabName, bench.PushlabAbout)
	for _, name := range targets.Names() {
		file, err := targets.Find(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-15s %s\n", name, file.About)
		if file.Missing() != nil {
			fmt.Fprintf(out, "%-15s not here; install: %s\n", "", file.Install)
		}
	}
	return nil
}

// benchServeCommand is a server for bench run to compare with.
func benchServeCommand(std streams, name, about string, serve func(context.Context, io.Writer) error) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: about, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), std.out) },
	}
}

func benchRunCommand(std streams) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Measure the transports, one after the other",
		Long: `Measure the transports, one after the other, each with a server of its own in
another process. Events are published on a fixed schedule, and an event's
latency counts from when it was due.

A profile may compare several targets, each in every round:
  pushlab    this program's serve command, with more arguments if given some:
             'pushlab --heartbeat 5s'; the path of another version will do as well
  floor      one non-blocking send(2) of the same bytes for each subscriber
  baseline   long polling by a plain net/http handler, with the same answers
  NAME       another server that 'pushlab bench list' lists
  FILE.toml  any server, described by a file: how to start it, if it does not run
             already, how to publish, and how to subscribe

Server and load then have a core each (--pin), and ratios are told with their
range over the rounds. On a machine that is busy otherwise they mean little.

It fails if an event was lost, duplicated or reordered. Ctrl-C ends it early,
and keeps what it has.`,
		Example: `  pushlab bench run
  pushlab bench run --profile smoke --out results/today
  pushlab bench run --profile cost --transport sse --rounds 9
  pushlab bench run --profile capacity --target pushlab --target nchan
  pushlab bench run --target pushlab --target ./my-server.toml
  pushlab bench run --profile peers --installed --rounds 5`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return benchRun(cmd.Context(), &o, std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "smoke", "what to measure; 'pushlab bench list' lists the profiles")
	f.StringVar(&o.out, "out", "", "the folder for "+result.FileName+"; none is written without it")
	f.StringArrayVar(&o.targets, "target", nil, "a target to measure, by its name or by the path of a file that describes it; may be repeated; none is what the profile says")
	f.BoolVar(&o.installed, "installed", false, "leave out targets whose program is not installed, and tell which")
	f.StringArrayVar(&o.serverArgs, "server-arg", nil, "one more argument for each pushlab serve; may be repeated")
	f.StringArrayVar(&o.transports, "transport", nil, "a transport to measure; may be repeated; none is what the profile says")
	f.IntVar(&o.rounds, "rounds", 0, "how often to measure each, if not as the profile says")
	f.Uint64Var(&o.seed, "seed", 0, "what decides the order within each round; 0 is chance")
	f.StringVar(&o.pin, "pin", "", "cores of server and load, such as 0,1; or none; empty is what the profile says")
	f.IntVar(&o.subscribers, "subscribers", 0, "how many subscribers, if not as the profile says; of several numbers in a profile only this one")
	f.Float64Var(&o.rate, "rate", 0, "how many events per second, if not as the profile says")
	f.IntVar(&o.size, "size", 0, "how many bytes of data each event has, if not as the profile says")
	f.DurationVar(&o.warmUp, "warm-up", 0, "how long to publish before anything is measured, if not as the profile says")
	f.DurationVar(&o.measure, "duration", 0, "how long to measure each transport, if not as the profile says")
	f.BoolVar(&o.quiet, "quiet", false, "do not tell what happens meanwhile")
	return cmd
}

// cases returns the profile's cases, with what the flags change.
func (o *benchOptions) cases(profile bench.Profile) ([]result.Case, error) {
	var cases []result.Case
	for i, c := range profile.Cases() {
		if o.subscribers != 0 && i != o.choose(profile, c.Kind) {
			continue
		}
		if len(o.targets) > 0 {
			c.Targets = o.targets
		}
		if len(o.transports) > 0 {
			c.Transports = o.transports
		}
		set(&c.Rounds, o.rounds)
		set(&c.Subscribers, o.subscribers)
		set(&c.Rate, o.rate)
		set(&c.Size, o.size)
		set(&c.WarmUp, o.warmUp)
		set(&c.Measure, o.measure)
		if err := c.Validate(); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// choose returns which of a profile's cases of a kind is meant if a flag gives the number of
// subscribers: the one that has it, or else the first.
func (o *benchOptions) choose(profile bench.Profile, kind result.Kind) int {
	has := func(subscribers func(int) bool) int {
		return slices.IndexFunc(profile.Cases(), func(c result.Case) bool { return c.Kind == kind && subscribers(c.Subscribers) })
	}
	if i := has(func(n int) bool { return n == o.subscribers }); i >= 0 {
		return i
	}
	return has(func(int) bool { return true })
}

func set[T comparable](field *T, value T) {
	if zero := *new(T); value != zero {
		*field = value
	}
}

// cores returns the cores that server and load are to have; nil is any.
func (o *benchOptions) cores(pinned bool) (*result.Pin, error) {
	cores := machine.Cores()
	switch {
	case o.pin == "none" || o.pin == "" && (!pinned || len(cores) < 2):
		return nil, nil
	case o.pin == "":
		return &result.Pin{Server: cores[0], Load: cores[len(cores)-1]}, nil
	}
	var p result.Pin
	if n, err := fmt.Sscanf(o.pin, "%d,%d", &p.Server, &p.Load); n != 2 || err != nil || p.Server < 0 || p.Load < 0 {
		return nil, fmt.Errorf("--pin is %q; give two cores, such as 0,1, or none", o.pin)
	}
	return &p, nil
}

// benchTargets makes the targets that cases name, and has the cases call them by their names.
func (o *benchOptions) benchTargets(cases []result.Case, pin *result.Pin, tell func(string)) (made []bench.Target, err error) {
	var core *int
	if pin != nil {
		core = &pin.Server
	}
	known := map[string]bench.Target{}
	for i := range cases {
		var names []string
		for _, text := range cases[i].Targets {
			target, ok := known[text]
			if !ok {
				if target, err = bench.NewTarget(text, core, o.serverArgs); err != nil {
					return nil, err
				}
				known[text] = target
				if missing := target.Missing(); o.installed && missing != nil {
					tell("left out: " + strings.TrimPrefix(missing.Error(), "bench: "))
				} else if slices.ContainsFunc(made, func(other bench.Target) bool { return other.Name == target.Name }) {
					return nil, fmt.Errorf("two targets are called %q; give one another name in its file", target.Name)
				} else {
					made = append(made, target)
				}
			}
			if slices.ContainsFunc(made, func(other bench.Target) bool { return other.Name == target.Name }) {
				names = append(names, target.Name)
			}
		}
		if cases[i].Targets = names; len(names) == 0 {
			return nil, fmt.Errorf("no target of %s is installed", cases[i].Name)
		}
	}
	return made, nil
}

func benchRun(ctx context.Context, o *benchOptions, std streams) error {
	profile, err := bench.FindProfile(o.profile)
	if err != nil {
		return &usageError{err}
	}
	cases, err := o.cases(profile)
	if err != nil {
		return &usageError{err}
	}
	options := bench.Options{Seed: o.seed, Progress: func(line string) { fmt.Fprintln(std.err, line) }}
	if options.Pin, err = o.cores(profile.Pinned); err != nil {
		return &usageError{err}
	}
	if options.Targets, err = o.benchTargets(cases, options.Pin, options.Progress); err != nil {
		return &usageError{err}
	}
	if o.quiet {
		options.Progress = nil
	}
	found, err := bench.Run(ctx, cases, options)
	if err != nil {
		return err
	}
	if err := (report.Text{Result: found, Color: color(std.out)}).Write(std.out); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	if o.out != "" {
		path, err := found.Write(o.out)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.out, "\nAll values are in %s.\n", path)
	}
	switch {
	case found.Failed():
		return errors.New("a transport failed; the report says which, and why")
	case found.Interrupted:
		return errors.New("interrupted")
	}
	return nil
}

// color reports whether the output is a terminal that should be given colors (https://no-color.org).
func color(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
