// Command durable kills servers with kill -9, again and again, while publishers and subscribers of all transports go on, and
// keeps account of every event. All servers are processes on loopback.
//
//	publishers ──▶ pushlab nodes ◀──▶ 3 NATS servers, 3 replicas        subscribers of four transports, which
//	with keys, POST and WebSocket     or a directory                    resume, on whatever node there is
//
// The scenarios, by what is killed:
//
//	nothing    but more subscribers change node and transport all the time
//	node       one of two
//	directory  the only node, with the log in its directory
//	leader     the NATS server that leads the stream
//	follower   another one
//	two        the leader and another one: nothing can be published until one is back
//	all        all nodes and NATS servers
//	frozen     nothing, but the leader or any other process stands still for up to eight seconds, and goes on
//	any        any of the five processes
//
// A round is: load for a random time, kill -9, a random time without the server, start it again, wait until all publishers have
// answers and all subscribers have everything that was acknowledged. In the end each node gives everything once more, from the
// beginning, and the whole history is checked for being that of one log: see package history.
//
// It exits with 1 if an acknowledged event is lost, repeated or out of order for any subscriber; if an event that nobody was told of is
// there twice; if a gap is announced, none being due; or if the history is not that of one log.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := durable{out: os.Stdout}
	var pushlab, nats, only string
	flag.StringVar(&pushlab, "pushlab", "bin/pushlab", "the program of the nodes")
	flag.StringVar(&nats, "nats", "bin/nats-server", "the program of the NATS servers")
	flag.StringVar(&only, "scenarios", "", "which to run, with commas between them (default: all)")
	flag.IntVar(&d.rounds, "rounds", 50, "how often something is killed in each scenario")
	flag.Float64Var(&d.rate, "rate", 200, "events a second that are published while nothing is down, about")
	flag.Uint64Var(&d.seed, "seed", 0, "from which the victims and the times are drawn; 0: another one each time")
	flag.StringVar(&d.dir, "dir", "", "where to keep the files of all servers, to look at them afterwards (default: a folder that is removed)")
	flag.Parse()
	d.pushlab, d.nats = []string{pushlab}, []string{nats}
	if only != "" {
		d.scenarios = strings.Split(only, ",")
	}
	if err := d.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "durable:", err)
		os.Exit(1)
	}
}

// durable is what is run, and how often.
type durable struct {
	pushlab, nats []string // the commands of the servers
	scenarios     []string // nil is all
	rounds        int
	rate          float64
	seed          uint64
	dir           string
	out           io.Writer
}

// A line is a line of the table.
type line struct {
	*run
	account
}

// run runs the scenarios, and prints what came of them.
func (d *durable) run(ctx context.Context) (err error) {
	for _, name := range d.scenarios {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is no scenario %q", name)
		}
	}
	dir := d.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pushlab-durable-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if d.seed == 0 {
		d.seed = uint64(time.Now().UnixNano())
	}
	fmt.Fprintf(d.out, "%d rounds of each scenario, %.0f events a second, -seed %d\n", d.rounds, d.rate, d.seed)
	var lines []line
	var failed []error
	for _, s := range scenarios {
		if d.scenarios != nil && !slices.Contains(d.scenarios, s.name) {
			continue
		}
		r := &run{scenario: s, program: startup{pushlab: d.pushlab, nats: d.nats, dir: dir}, rounds: d.rounds, rate: d.rate, seed: d.seed, out: d.out}
		a, err := r.do(ctx)
		if err != nil {
			err = fmt.Errorf("%s could not be finished: %w", s.name, err)
			fmt.Fprintln(d.out, err)
			failed = append(failed, err)
			if ctx.Err() != nil {
				break
			}
			continue
		}
		lines = append(lines, line{r, a})
		if err := a.wrong(); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	tell(d.out, lines)
	return errors.Join(failed...)
}

// tell prints the tables: what came of the events, how long everybody waited, and what the history is.
func tell(out io.Writer, lines []line) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nkilled\trounds\tacked\tsent again\twas there\tdeliveries\tlost\trepeated\treordered\tgaps\tno answer: there\tnot there\ttwice\t")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", l.name, len(l.published), l.acked, l.again, l.already,
			l.account.deliveries, l.lost, l.repeated, l.reordered, l.gaps, l.happened, l.never, l.twice)
	}
	t.Flush()
	fmt.Fprintln(t, "\nkilled\tlongest pause, s: publishing, median\tmax\tdelivery, median\tmax\t")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", l.name, middle(l.published).Seconds(), most(l.published).Seconds(),
			middle(l.delivered).Seconds(), most(l.delivered).Seconds())
	}
	t.Flush()
	fmt.Fprintln(out)
	for _, l := range lines {
		verdict := "is that of one log"
		if l.verdict != nil {
			verdict = "is NOT that of one log: " + l.verdict.Error()
		}
		fmt.Fprintf(out, "%s: the history of %d attempts by %d publishers, and of %d streams, some of which changed node and transport %d times, %s\n",
			l.name, len(l.record.operations), len(l.publishers), len(l.record.streams), l.switches.Load(), verdict)
	}
}
