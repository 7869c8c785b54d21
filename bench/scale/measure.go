package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/scale/cost"
	"pushlab/sse"
)

// defaultLoads are what is measured if nothing is said: many subscribers, few with as many deliveries, and one, who
// leaves a node little but its tail to do.
var defaultLoads = []cost.Load{{Subscribers: 1000, Rate: 10}, {Subscribers: 25, Rate: 400}, {Subscribers: 1, Rate: 1000}}

// The most that may be asked for, on one machine.
const (
	mostNodes      = 16
	mostDeliveries = 200_000 // a second, of all nodes
	mostMeasured   = time.Minute
	mostRounds     = 100
	mostSize       = 64 << 10
)

// measure measures nodes.
func measure(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("scale measure", flag.ContinueOnError)
	c := cost.Config{Log: stderr}
	flags.StringVar(&c.Program, "program", "bin/pushlab", "the pushlab that serves")
	flags.Func("arg", "a further argument of its serve; may be repeated", func(s string) error { c.Args = append(c.Args, s); return nil })
	flags.StringVar(&c.Journal, "journal", "", "what its --journal is given; \"\": none, and the nodes are apart")
	flags.StringVar(&c.NATS, "nats", "", "a nats-server to start for each measurement, which is the journal then")
	flags.IntVar(&c.Nodes, "nodes", 3, "up to how many nodes")
	flags.IntVar(&c.Rounds, "rounds", 5, "how often each is measured")
	flags.DurationVar(&c.Measure, "duration", 3*time.Second, "for how long each is measured")
	flags.StringVar(&c.Transport, "transport", sse.Name, "that of the subscribers")
	flags.IntVar(&c.Size, "size", 128, "bytes of data in an event")
	flags.Func("load", "SUBSCRIBERSxRATE: what each node has to do; may be repeated. Default 1000x10, 25x400 and 1x1000", func(s string) error {
		l, err := parseLoad(s)
		c.Loads = append(c.Loads, l)
		return err
	})
	document := flags.String("write", "", "a Markdown file to write the table into, between its marks")
	if err := parse(flags, args, stderr); err != nil {
		return err
	}
	if len(c.Loads) == 0 {
		c.Loads = defaultLoads
	}
	if err := check(c); err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	begun := time.Now()
	all, err := cost.Run(ctx, c)
	if err != nil {
		return err
	}
	text := tellNodes(ctx, c, all, begun, time.Since(begun))
	fmt.Fprint(stdout, text)
	if *document != "" {
		return writeInto(*document, measured, text)
	}
	return nil
}

func parseLoad(s string) (l cost.Load, err error) {
	subscribers, rate, _ := strings.Cut(s, "x")
	l.Subscribers, err = strconv.Atoi(subscribers)
	if err == nil {
		l.Rate, err = strconv.ParseFloat(rate, 64)
	}
	if err != nil {
		return l, fmt.Errorf("%.40q is not SUBSCRIBERSxRATE, such as 1000x10", s)
	}
	return l, nil
}

// check tells what is asked for that cannot be, or should not on one machine.
func check(c cost.Config) error {
	switch {
	case c.Program == "":
		return fmt.Errorf("-program is empty; build one with make build")
	case c.Journal != "" && c.NATS != "":
		return fmt.Errorf("-journal and -nats are both given; -nats is a journal")
	case c.Nodes < 1 || c.Nodes > mostNodes:
		return fmt.Errorf("-nodes %d is not from 1 to %d", c.Nodes, mostNodes)
	case c.Rounds < 1 || c.Rounds > mostRounds:
		return fmt.Errorf("-rounds %d is not from 1 to %d", c.Rounds, mostRounds)
	case c.Measure < 100*time.Millisecond || c.Measure > mostMeasured:
		return fmt.Errorf("-duration %v is not from 100ms to %v", c.Measure, mostMeasured)
	case c.Size < 64 || c.Size > mostSize:
		return fmt.Errorf("-size %d is not from 64 to %d", c.Size, mostSize)
	case !slices.Contains(result.Transports(), c.Transport):
		return fmt.Errorf("there is no transport %.40q; there are %s", c.Transport, strings.Join(result.Transports(), ", "))
	}
	for _, l := range c.Loads {
		if l.Subscribers < 1 || !(l.Rate >= 0.1) || float64(l.Subscribers*c.Nodes)*l.Rate > mostDeliveries {
			return fmt.Errorf("-load %dx%g: use a subscriber or more, 0.1 events/s or more, and at most %d deliveries a second on all nodes", l.Subscribers, l.Rate, mostDeliveries)
		}
	}
	return nil
}

// tellNodes returns what came of it, as Markdown.
func tellNodes(ctx context.Context, c cost.Config, all []cost.Measurement, begun time.Time, took time.Duration) string {
	var b strings.Builder
	e := machine.ReadEnvironment(ctx)
	journal := "nodes apart, each published to"
	switch {
	case c.NATS != "":
		journal += "; the others on one NATS server, anew for each measurement, published to the first node"
	case c.Journal != "":
		journal += "; the others on one journal, published to the first node"
	}
	fmt.Fprintf(&b, "Measured on %s in %v: %s, %d cores, %s %s, %s; %d rounds of %v, %s, %d bytes of data; %s. Median (range) of the rounds; ratios are of one round each.\n\n",
		begun.UTC().Format("2006-01-02 15:04 UTC"), took.Round(time.Second), e.CPU, e.Cores, e.OS, e.Kernel, e.GoVersion, c.Rounds, c.Measure, c.Transport, c.Size, journal)
	fmt.Fprintln(&b, "| each node has | nodes | a node's CPU, µs a delivery | times that of one alone | times that of as many apart | first node, µs an event | each other, µs an event | broker, µs an event | times that with one node | p50, ms | p99, ms | machine busy |")
	fmt.Fprintln(&b, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	latest := time.Duration(0)
	for _, m := range all {
		latest = max(latest, m.Late)
	}
	for _, r := range cost.Summarize(c, all) {
		nodes := fmt.Sprint(r.Lane.Nodes)
		if !r.Lane.Journal {
			nodes += " apart"
			r.TimesApart = result.Spread{} // which is 1
		}
		fmt.Fprintf(&b, "| %v | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.Load, nodes,
			span(r.Delivery), span(r.Times), span(r.TimesApart), span(r.First), span(r.Others), span(r.Broker), span(r.TimesBroker), span(r.P50), span(r.P99), percent(r.Busy.Median))
	}
	fmt.Fprintf(&b, "\nAll deliveries came, once and in order. An event was published at most %v late.\n", latest.Round(100*time.Microsecond))
	return b.String()
}

// span writes a median and its range.
func span(s result.Spread) string {
	if s.Rounds == 0 || s.Max == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s..%s)", number(s.Median), number(s.Min), number(s.Max))
}
