// Command durable kills servers with kill -9, again and again, while publishers and subscribers of all transports go on, and
// keeps account of every event. All servers are processes on loopback.
//
//	publishers ──▶ pushlab nodes ◀──▶ 3 NATS servers, 3 replicas        subscribers of four transports, which
//	with keys, POST and WebSocket     or a directory                    resume, on whatever node there is
//
// The scenarios are: nothing is killed, but there are more subscribers that change node and transport all the time (nothing); one of two nodes is killed (node); the only one is, with the log in its directory (directory); the NATS
// server that leads the stream is (leader), or one that follows it (follower); any of these five processes is (any).
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

// tell prints the table.
func tell(out io.Writer, lines []line) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "killed\trounds\tacked\tagain\tstored before\tdeliveries\tlost\trepeated\treordered\tgaps\tunknown, there\tnot there\ttwice\tpublishing paused s\tmax\tdelivery paused s\tmax\t")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t\n", l.name, len(l.published), l.acked, l.again, l.already, l.account.deliveries,
			l.lost, l.repeated, l.reordered, l.gaps, l.happened, l.never, l.twice,
			middle(l.published).Seconds(), most(l.published).Seconds(), middle(l.delivered).Seconds(), most(l.delivered).Seconds())
	}
	t.Flush()
	for _, l := range lines {
		verdict := "it is that of one log"
		if l.verdict != nil {
			verdict = "it is NOT that of one log: " + l.verdict.Error()
		}
		fmt.Fprintf(out, "%s: a history of %d attempts, by %d publishers at a time, and %d streams, whose readers changed node or transport on purpose %d times: %s\n",
			l.name, len(l.record.operations), len(l.publishers), len(l.record.streams), l.switches.Load(), verdict)
	}
}
