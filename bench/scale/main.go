// Command scale says what a tree of Pushlab nodes takes that serves millions, where it breaks first, and what a node costs as
// nodes are added. docs/scale.md has what came of it.
//
//	go run ./bench/scale                          compute the tree; -scenario, -set and -inputs change and show what it rests on
//	go run ./bench/scale measure -program FILE    measure nodes, one, two, and so on, on this machine
//
// It exits with 1 if the tree does not hold what it is asked for, or a measurement fails, and with 2 if it was asked for something
// that there is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"pushlab/bench/scale/tree"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errUsage is in the errors of who is asked for something that there is not.
var errUsage = errors.New("see -help")

// run does what the arguments say, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var err error
	if len(args) > 0 && args[0] == "measure" {
		err = measure(ctx, args[1:], stdout, stderr)
	} else {
		err = compute(args, stdout, stderr)
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "scale:", err)
		return 2
	}
	fmt.Fprintln(stderr, "scale:", err)
	return 1
}

// parse reads the flags, which are all that there may be.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer) error {
	flags.SetOutput(stderr)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return fmt.Errorf("%w; %w", err, errUsage)
	case flags.NArg() > 0:
		return fmt.Errorf("%.40q is not understood; %w", flags.Arg(0), errUsage)
	}
	return nil
}

// compute computes a tree.
func compute(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	name := flags.String("scenario", "topics", "topics: 2,000 events/s, of which each subscriber gets one; or feed: one event/s, which everybody gets")
	var changes []string
	flags.Func("set", "NAME=VALUE: change an input; may be repeated, and -inputs lists them", func(s string) error {
		changes = append(changes, s)
		return nil
	})
	inputs := flags.Bool("inputs", false, "list what it rests on, with sources")
	sensitivity := flags.Bool("sensitivity", false, "tell what half and twice of each input change")
	from := flags.Uint64("seed", seed, "of what is drawn")
	document := flags.String("write", "", "a Markdown file to write both scenarios into, as they are, between its marks")
	if err := parse(flags, args, stderr); err != nil {
		return err
	}
	if *document != "" {
		if len(changes) > 0 || *inputs || *sensitivity || *from != seed {
			return fmt.Errorf("-write writes what there is without other flags; %w", errUsage)
		}
		var effects strings.Builder
		tellSensitivity(&effects, tree.Default(), tree.Answers(seed))
		return errors.Join(writeInto(*document, results, tellAll()), writeInto(*document, sensitive, effects.String()))
	}
	var in *tree.Inputs
	for _, s := range scenarios() {
		if s.name == *name {
			in = &s.in
		}
	}
	if in == nil {
		return fmt.Errorf("there is no scenario %.40q; there are topics and feed; %w", *name, errUsage)
	}
	for _, c := range changes {
		input, text, _ := strings.Cut(c, "=")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("-set %.60q: use NAME=NUMBER; %w", c, errUsage)
		}
		if err := in.Set(input, value); err != nil {
			return fmt.Errorf("%w; %w", err, errUsage)
		}
	}
	if err := in.Validate(); err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	if *inputs {
		tableOfInputs(stdout, *in)
		return nil
	}
	t, err := tree.Plan(*in)
	if err != nil {
		return err
	}
	tell(stdout, t, *from)
	if *sensitivity {
		fmt.Fprintln(stdout)
		tellSensitivity(stdout, *in, tree.Answers(*from))
	}
	for _, u := range t.Worst() {
		if u.Share() > 1 {
			return fmt.Errorf("the tree does not hold: %s of the %s in %s: %s are used", u.Resource, u.Tier, u.Region, percent(u.Share()))
		}
	}
	return nil
}

// tellAll is what stands in the document.
func tellAll() string {
	var b strings.Builder
	fmt.Fprintln(&b, "### What it rests on")
	fmt.Fprintln(&b)
	tableOfInputs(&b, tree.Default())
	for _, s := range scenarios() {
		fmt.Fprintf(&b, "\n### The scenario `%s`: %s\n\n", s.name, s.what)
		t, err := tree.Plan(s.in)
		if err != nil { // which a test would have found
			fmt.Fprintln(&b, err)
			continue
		}
		tell(&b, t, seed)
	}
	return b.String()
}
