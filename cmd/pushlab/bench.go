package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	scenarios   []string
	scale       float64
	out         string
	targets     []string
	serverArgs  []string
	transports  []string
	variants    []string
	rtt         time.Duration
	rounds      int
	seed        uint64
	pin         string
	subscribers int
	rate        float64
	size        int
	warmUp      time.Duration
	measure     time.Duration
	quiet       bool
	slo         []string
	command     string // as it was given
	installed   bool
}

func benchCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Compare the transports under load",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{errors.New("bench what? Use 'pushlab bench run', 'report', 'compare', 'check' or 'list'")}
		},
	}
	cmd.AddCommand(benchRunCommand(std), benchListCommand(std), benchReportCommand(std), benchDoctorCommand(std), benchCompareCommand(std), benchCheckCommand(std), benchDelayCommand(std),
		benchServeCommand(std, result.FloorName, "Serve what a run compares with: one send for each subscriber, and nothing else", peers.Floor),
		benchServeCommand(std, result.BaselineName, "Serve what a run compares long polling with: a plain handler", peers.Baseline),
		benchServeCommand(std, peers.HubName, "Serve what a run compares WebSocket with: a hub as people write it", peers.Hub),
		benchServeCommand(std, peers.FlushName, "Serve what a run compares SSE with: a handler that flushes, as people write it", peers.Flush))
	return cmd
}

func benchListCommand(std streams) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the profiles, scenarios, variants and targets that bench run knows, and how long they take",
		Example: `  pushlab bench list
  pushlab bench list --file s1-fanout >mine.toml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if file == "" {
				return benchList(std.out)
			}
			text, err := bench.ScenarioText(file)
			if err != nil {
				return &usageError{err}
			}
			_, err = std.out.Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "print the file of a scenario instead, to make another of it")
	return cmd
}

func benchList(out io.Writer) error {
	var b strings.Builder
	b.WriteString("profiles:\n")
	for _, p := range bench.Profiles() {
		took, err := p.Estimate()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%-11s %s; about %s\n", p.Name, p.About, roughly(took))
		for _, c := range p.Cases() {
			fmt.Fprintf(&b, "         %s\n           %s; %s\n", report.Title(c), strings.Join(c.Targets, ", "), strings.Join(c.Transports, ", "))
		}
	}
	b.WriteString("\nscenarios:\n")
	for _, name := range bench.ScenarioNames() {
		s, err := bench.FindScenario(name)
		if err != nil {
			return err
		}
		took, err := bench.Profile{Scenarios: []bench.Scenario{s}}.Estimate()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%-20s %s; about %s\n", name, s.About, roughly(took))
	}
	b.WriteString("\nvariants (--variant):\n")
	for _, v := range bench.Variants() {
		fmt.Fprintf(&b, "%-17s %s\n", v.Name, v.About)
	}
	if err := listTargets(&b); err != nil {
		return err
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// roughly says how long something will take.
func roughly(d time.Duration) string {
	if d >= 2*time.Minute {
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// listTargets lists the targets, and what those need that cannot be started.
func listTargets(out *strings.Builder) error {
	fmt.Fprintf(out, "\ntargets (--target), beside the path of a file that describes one:\n%-15s %s\n", result.PushlabName, bench.PushlabAbout)
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
  null       the hub alone, read by goroutines of this process: what all
             transports have in common
  NAME       another server that 'pushlab bench list' lists
  FILE.toml  any server, described by a file: how to start it, if it does not run
             already, how to publish, and how to subscribe

--variant puts something between server and subscribers, or has them talk
another way, and --rtt adds distance; what that costs is told apart.

Instead of a profile there may be scenarios (--scenario): by name, or by the
path of a file of your own, for which 'pushlab bench list --file NAME' prints an
example. --scale 2 doubles the list that a scenario names as its scale:
numbers of subscribers or rates; 0.1 makes it smaller. Each subscriber needs an
open file here and one in the server (ulimit -n).

Server and load then have a core each (--pin), and ratios are told with their
range over the rounds. On a machine that is busy otherwise they mean little.

On a terminal a table shows how it goes; anywhere else, and if CI is set or TERM
is dumb, a line for each second. --out has that too, in ` + result.EventsFileName + `.

It fails if an event was lost, duplicated or reordered, or if an objective is not
reached. Ctrl-C ends it early, and keeps what it has; a second Ctrl-C ends it at
once.

` + objectivesHelp(),
		Example: `  pushlab bench run
  pushlab bench run --profile smoke --out results/today
  pushlab bench run --profile cost --transport sse --rounds 9
  pushlab bench run --transport sse --variant direct --variant nginx --variant tls
  pushlab bench run --target pushlab --target null
  pushlab bench run --scenario s1-fanout --scale 0.1
  pushlab bench run --scenario ./mine.toml --scenario s2-idle --rounds 1
  pushlab bench run --slo 'p99<50ms,loss=0'
  pushlab bench run --profile capacity --target pushlab --target nchan
  pushlab bench run --target pushlab --target ./my-server.toml
  pushlab bench run --profile peers --installed --rounds 5`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(o.scenarios) > 0 && cmd.Flags().Changed("profile") {
				return &usageError{errors.New("--profile and --scenario exclude each other; give one of them")}
			}
			o.command = commandLine(cmd)
			return benchRun(cmd.Context(), &o, std)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "smoke", "what to measure; 'pushlab bench list' lists the profiles")
	f.StringArrayVar(&o.scenarios, "scenario", nil, "a scenario to measure instead of a profile: a name, or the path of a file; may be repeated")
	f.Float64Var(&o.scale, "scale", 1, "multiply what each scenario names as its scale: subscribers or rates")
	f.StringVar(&o.out, "out", "", "the folder for "+result.FileName+", its reports and "+result.EventsFileName+", such as results/today; none is written without it")
	f.StringArrayVar(&o.targets, "target", nil, "a target to measure, by its name or by the path of a file that describes it; may be repeated; none is what the profile says")
	f.BoolVar(&o.installed, "installed", false, "leave out targets whose program is not installed, and tell which")
	f.StringArrayVar(&o.serverArgs, "server-arg", nil, "one more argument for each pushlab serve; may be repeated")
	f.StringArrayVar(&o.transports, "transport", nil, "a transport to measure; may be repeated; none is what the profile says")
	f.StringArrayVar(&o.variants, "variant", nil, "what is to be between, or how to talk: direct, nginx, tls, h2-6 and more, see 'pushlab bench list'; may be repeated; none is what the profile says")
	f.DurationVar(&o.rtt, "rtt", 0, "a round trip to add between subscribers and server, by a proxy, if not as the profile says")
	f.IntVar(&o.rounds, "rounds", 0, "how often to measure each, if not as the profile says")
	f.Uint64Var(&o.seed, "seed", 0, "what decides the order within each round; 0 is chance")
	f.StringVar(&o.pin, "pin", "", "cores of server and load, such as 0,1; or none; empty is what the profile says")
	f.IntVar(&o.subscribers, "subscribers", 0, "how many subscribers, if not as the profile says; of several numbers in a profile only this one")
	f.Float64Var(&o.rate, "rate", 0, "how many events per second, if not as the profile says")
	f.IntVar(&o.size, "size", 0, "how many bytes of data each event has, if not as the profile says")
	f.DurationVar(&o.warmUp, "warm-up", 0, "how long to publish before anything is measured, if not as the profile says")
	f.DurationVar(&o.measure, "duration", 0, "how long to measure each transport, if not as the profile says")
	f.StringArrayVar(&o.slo, "slo", nil, "objectives, such as 'p99<50ms,loss=0'; may be repeated")
	f.BoolVar(&o.quiet, "quiet", false, "do not tell what happens meanwhile")
	return cmd
}

// chosen returns the profile, or one of the scenarios that are to be measured instead.
func (o *benchOptions) chosen() (p bench.Profile, err error) {
	if len(o.scenarios) == 0 {
		if p, err = bench.FindProfile(o.profile); err != nil {
			return p, err
		}
	}
	for _, name := range o.scenarios {
		s, err := bench.FindScenario(name)
		if err != nil {
			return p, err
		}
		p.Scenarios = append(p.Scenarios, s)
		p.Pinned = p.Pinned || s.Pinned
	}
	if o.scale == 1 {
		return p, nil
	}
	for i, s := range p.Scenarios {
		if p.Scenarios[i], err = s.Scaled(o.scale); err != nil {
			return p, err
		}
	}
	return p, nil
}

// cases returns the profile's cases, with what the flags change.
func (o *benchOptions) cases(profile bench.Profile) ([]result.Case, error) {
	var cases []result.Case
	for _, c := range profile.Cases() {
		if o.subscribers != 0 && c.Subscribers != o.choose(profile, c) {
			continue
		}
		if len(o.targets) > 0 {
			c.Targets = o.targets
		}
		if len(o.transports) > 0 {
			c.Transports = o.transports
		}
		if len(o.variants) > 0 {
			c.Variants = slices.Clone(o.variants)
			for i, v := range c.Variants {
				if v == bench.Direct {
					c.Variants[i] = ""
				}
			}
		}
		set(&c.RTT, o.rtt)
		set(&c.Rounds, o.rounds)
		set(&c.Subscribers, o.subscribers)
		set(&c.Rate, o.rate)
		set(&c.Size, o.size)
		if !c.Computed && !c.Verifies { // these have a time of their own
			set(&c.WarmUp, o.warmUp)
			set(&c.Measure, o.measure)
		}
		if c.MaxWarmUp > 0 {
			c.MaxWarmUp = max(c.MaxWarmUp, c.WarmUp)
		}
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if err := bench.CheckVariants(c); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// choose returns which cases like this one are meant if a flag gives the number of subscribers: those that
// have it, or else those with the first.
func (o *benchOptions) choose(profile bench.Profile, like result.Case) (subscribers int) {
	for _, c := range profile.Cases() {
		if c.Name == like.Name && c.Kind == like.Kind && (subscribers == 0 || c.Subscribers == o.subscribers) {
			subscribers = c.Subscribers
		}
	}
	return subscribers
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
func (o *benchOptions) benchTargets(cases []result.Case, pin *result.Pin, leftOut func(reason string)) (made []bench.Target, err error) {
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
					leftOut(strings.TrimPrefix(missing.Error(), "bench: "))
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
	profile, err := o.chosen()
	if err != nil {
		return &usageError{err}
	}
	cases, err := o.cases(profile)
	if err != nil {
		return &usageError{err}
	}
	objectives, err := parseObjectives(o.slo)
	if err != nil {
		return err
	}
	options := bench.Options{Seed: o.seed}
	if options.Pin, err = o.cores(profile.Pinned); err != nil {
		return &usageError{err}
	}
	leftOut := func(reason string) {
		if !o.quiet {
			fmt.Fprintln(std.err, "left out: "+reason)
		}
	}
	if options.Targets, err = o.benchTargets(cases, options.Pin, leftOut); err != nil {
		return &usageError{err}
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("which program is to delay: %w", err)
	}
	options.Delay = bench.DelayCommand(program, nil)
	if options.Pin != nil {
		options.Delay = bench.DelayCommand(program, &options.Pin.Load)
	}
	found, err := o.run(ctx, cases, options, std)
	if err != nil {
		return err
	}
	found.Command = o.command
	if err := (report.Text{Result: found, Color: color(std.out)}).Write(std.out); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	if o.out != "" {
		path, err := found.Write(o.out)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.out, "\nAll values are in %s, how it went in %s.\n", path, filepath.Join(o.out, result.EventsFileName))
		if err := writeReports(std, o.out, found, report.Formats()); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "Compare with another run: pushlab bench compare OLD %s\n", path)
	}
	missed := checkObjectives(found, objectives, std)
	switch {
	case found.Failed():
		return errors.New("a transport failed; the report says which, and why")
	case found.Interrupted:
		return errors.New("interrupted")
	}
	return missed
}

// run measures, and meanwhile shows how it goes and writes that down.
func (o *benchOptions) run(ctx context.Context, cases []result.Case, options bench.Options, std streams) (found result.Result, err error) {
	var followers []func(result.Event)
	if o.out != "" { // before all else: a folder that cannot be written is found out now, not at the end
		if err := os.MkdirAll(o.out, 0o777); err != nil {
			return found, fmt.Errorf("the folder of --out: %w", err)
		}
		file, err := os.Create(filepath.Join(o.out, result.EventsFileName))
		if err != nil {
			return found, fmt.Errorf("the folder of --out: %w", err)
		}
		var unwritten error
		defer func() {
			if e := errors.Join(unwritten, file.Close()); e != nil {
				fmt.Fprintf(std.err, "pushlab: %s is not complete: %v\n", file.Name(), e)
			}
		}()
		followers = append(followers, func(e result.Event) {
			if unwritten == nil { // each in a write of its own, so that it can be read at once
				unwritten = e.Write(file)
			}
		})
	}
	if !o.quiet {
		screen := newLiveScreen(ctx, std.err)
		defer screen.close()
		options.Every = screen.every()
		followers = append(followers, screen.take)
	}
	if len(followers) > 0 {
		options.Progress = func(e result.Event) {
			for _, follow := range followers {
				follow(e)
			}
		}
	}
	return bench.Run(ctx, cases, options)
}

// color reports whether the output is a terminal that should be given colors (https://no-color.org).
func color(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
