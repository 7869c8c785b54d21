package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// Options say how a run reaches its servers.
type Options struct {
	// Targets are the servers that cases can name.
	Targets []Target
	// Pin is which core this process is to have, and which the targets give to their servers.
	// Default: any.
	Pin *result.Pin
	// Seed decides in which order each round measures. Default: a random one.
	Seed uint64
	// Progress is told in a line what happens now. Default: nobody is.
	Progress func(line string)
	// DialContext connects to a server. Default: by TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	sleep func(time.Duration) // of the pacer
}

// Times of a run that no case changes.
const (
	lead        = 20 * time.Millisecond  // before the first event of a phase
	patience    = 2 * time.Second        // how long the server's counters may take to settle
	aftermath   = 100 * time.Millisecond // how long to wait for what should not come
	interrupted = time.Second            // how long to wait for what is under way when interrupted
	atATime     = 64                     // how many subscribers connect at a time
	tick        = 2 * time.Millisecond   // how often to look whether all has come
)

// Run measures the cases, one after the other. When ctx ends, it stops publishing, receives what
// is under way, and returns what it has. A target that could not be measured is told by its verdict;
// Run fails only if nothing can be measured at all.
func Run(ctx context.Context, cases []result.Case, options Options) (r result.Result, err error) {
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if options.sleep == nil {
		options.sleep = load.SleepExactly
	}
	if options.Seed == 0 {
		options.Seed = rand.Uint64()>>12 + 1 // which every reader of JSON takes
	}
	r = result.Result{
		Schema: result.Schema, Started: time.Now().UTC(), Environment: machine.ReadEnvironment(ctx), Pin: options.Pin, Seed: options.Seed,
	}
	var lanes [][]lane
	for _, c := range cases {
		if err := c.Validate(); err != nil {
			return result.Result{}, err
		}
		of, err := options.lanes(c)
		if err != nil {
			return result.Result{}, err
		}
		if err := enoughFiles(r.Environment.OpenFiles, c.Subscribers); err != nil {
			return result.Result{}, err
		}
		lanes = append(lanes, of)
	}
	r.Targets = options.infos(ctx, lanes)
	if options.Pin != nil {
		unpin, err := machine.Pin(options.Pin.Load)
		if err != nil {
			return result.Result{}, err
		}
		defer func() { // not only of what was measured
			if e := unpin(); e != nil && err == nil {
				err = e
			}
		}()
	}
	for i, c := range cases {
		outcome := result.Outcome{Case: c}
		outcome.Measurements = options.measure(ctx, c, lanes[i], r.Environment.Cores)
		outcome.Summaries = stats.Summarize(outcome)
		r.Outcomes = append(r.Outcomes, outcome)
		if ctx.Err() != nil {
			r.Interrupted = true
			break
		}
	}
	r.Elapsed = time.Since(r.Started)
	return r, nil
}

// A lane is what each round measures once, and how to start it.
type lane struct {
	result.Lane
	target Target
}

// lanes lists what a case measures.
func (o Options) lanes(c result.Case) (lanes []lane, err error) {
	if err := checkVariants(c.LaneVariants()); err != nil {
		return nil, err
	}
	for _, name := range c.Targets {
		at := slices.IndexFunc(o.Targets, func(t Target) bool { return t.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("bench: unknown target %q", name)
		}
		target := o.Targets[at]
		for _, transport := range c.Transports {
			if !slices.Contains(target.Transports, transport) || c.Kind == result.Storm && !target.resumes(transport) {
				continue
			}
			for _, variant := range c.LaneVariants() {
				lanes = append(lanes, lane{result.Lane{Target: name, Transport: transport, Variant: variant}, target})
			}
		}
	}
	if len(lanes) == 0 {
		return nil, fmt.Errorf("bench: none of %s can be measured by the scenario %s with %s",
			strings.Join(c.Targets, ", "), c.Name, strings.Join(c.Transports, ", "))
	}
	if c.Again {
		again := lanes[0]
		again.Again = true
		lanes = append(lanes, again)
	}
	return lanes, nil
}

// infos says what each target is that has a lane, in the order of the options.
func (o Options) infos(ctx context.Context, lanes [][]lane) (infos []result.Target) {
	for _, target := range o.Targets {
		if slices.ContainsFunc(slices.Concat(lanes...), func(l lane) bool { return l.Target == target.Name }) {
			infos = append(infos, target.info(ctx))
		}
	}
	return infos
}

// measure measures all lanes of a case in each round.
func (o Options) measure(ctx context.Context, c result.Case, lanes []lane, cores int) (measurements []result.Measurement) {
	random := rand.New(rand.NewPCG(o.Seed, 0))
	softirq := 0
	if o.Pin != nil {
		softirq = machine.SoftirqThread(o.Pin.Server)
	}
	for round := 1; round <= c.Rounds; round++ {
		order := slices.Clone(lanes)
		if c.Rounds > 1 {
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		for _, l := range order {
			r := run{point: c, options: o, target: l.target, softirq: softirq, cores: cores, prefix: l.Name()}
			if c.Rounds > 1 {
				r.prefix = fmt.Sprintf("%s round %d of %d: %s", c.Name, round, c.Rounds, l.Name())
			} else if len(c.Targets) == 1 {
				r.prefix = l.ShortName()
			}
			r.Lane, r.Round = l.Lane, round
			r.do(ctx)
			measurements = append(measurements, r.Measurement)
			if ctx.Err() != nil {
				return measurements
			}
		}
	}
	return measurements
}

// enoughFiles checks the limit of open files: each subscriber takes one here and one in the server.
func enoughFiles(limit string, subscribers int) error {
	const others = 64
	soft, _, _ := strings.Cut(limit, "/")
	if n, err := strconv.Atoi(soft); err == nil && n < subscribers+others {
		return fmt.Errorf("bench: %d subscribers need %d open files, the limit is %d; raise it (ulimit -n), or use fewer subscribers", subscribers, subscribers+others, n)
	}
	return nil // unlimited, or not known
}
