package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"pushlab/bench"
)

// benchOptions are the flags of bench run. A zero value means what the profile says.
type benchOptions struct {
	profile     string
	out         string
	transports  []string
	subscribers int
	rate        float64
	size        int
	measure     time.Duration
	quiet       bool
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
	cmd.AddCommand(benchRunCommand(std), benchListCommand(std))
	return cmd
}

func benchListCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the profiles that bench run knows",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, p := range bench.Profiles() {
				s := p.Scenario
				if _, err := fmt.Fprintf(std.out, "%-8s %s\n         %d subscribers, %g events/s with %d bytes of data, %v on each of %d transports\n",
					s.Name, p.About, s.Subscribers, s.Rate, s.Size, s.WarmUp+s.Measure, len(s.Transports)); err != nil {
					return err
				}
			}
			return nil
		},
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

It fails if an event was lost, duplicated or reordered. Ctrl-C ends it early,
and keeps what it has.`,
		Example: `  pushlab bench run
  pushlab bench run --profile smoke --out results/today
  pushlab bench run --transport sse --transport websocket --rate 50`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return benchRun(cmd.Context(), &o, std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.profile, "profile", "smoke", "what to measure; 'pushlab bench list' lists the profiles")
	f.StringVar(&o.out, "out", "", "the folder for "+bench.FileName+"; none is written without it")
	f.StringArrayVar(&o.transports, "transport", nil, "a transport to measure; may be repeated; none is all")
	f.IntVar(&o.subscribers, "subscribers", 0, "how many subscribers, if not as the profile says")
	f.Float64Var(&o.rate, "rate", 0, "how many events per second, if not as the profile says")
	f.IntVar(&o.size, "size", 0, "how many bytes of data each event has, if not as the profile says")
	f.DurationVar(&o.measure, "duration", 0, "how long to measure each transport, if not as the profile says")
	f.BoolVar(&o.quiet, "quiet", false, "do not tell what happens meanwhile")
	return cmd
}

// scenario returns the profile's scenario, with what the flags change.
func (o *benchOptions) scenario() (bench.Scenario, error) {
	profile, err := bench.FindProfile(o.profile)
	if err != nil {
		return bench.Scenario{}, err
	}
	s := profile.Scenario
	if len(o.transports) > 0 {
		s.Transports = o.transports
	}
	set(&s.Subscribers, o.subscribers)
	set(&s.Rate, o.rate)
	set(&s.Size, o.size)
	set(&s.Measure, o.measure)
	return s, s.Validate()
}

func set[T comparable](field *T, value T) {
	if zero := *new(T); value != zero {
		*field = value
	}
}

func benchRun(ctx context.Context, o *benchOptions, std streams) error {
	scenario, err := o.scenario()
	if err != nil {
		return &usageError{err}
	}
	command, err := bench.ServeCommand()
	if err != nil {
		return err
	}
	options := bench.Options{
		Start: func(ctx context.Context) (*bench.Server, error) {
			return bench.StartServer(ctx, bench.ServerConfig{Command: command})
		},
		Progress: func(line string) { fmt.Fprintln(std.err, line) },
	}
	if o.quiet {
		options.Progress = nil
	}
	result, err := bench.Run(ctx, scenario, options)
	if err != nil {
		return err
	}
	if err := (bench.Report{Result: result, Color: color(std.out)}).Write(std.out); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	if o.out != "" {
		path, err := result.Write(o.out)
		if err != nil {
			return err
		}
		fmt.Fprintf(std.out, "\nAll values are in %s.\n", path)
	}
	switch {
	case result.Failed():
		return errors.New("a transport failed; the report says which, and why")
	case result.Interrupted:
		return errors.New("interrupted")
	}
	return nil
}

// color reports whether the output is a terminal that should be given colors (https://no-color.org).
func color(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
