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
	// Progress is told what happens, by one goroutine at a time; it may not change what it is given, and has
	// to return soon: the run waits for it. Default: nobody is.
	Progress func(result.Event)
	// Every is how often Progress is told how a measurement goes. Default: 1 s.
	Every time.Duration
	// DialContext connects to a server. Default: by TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Delay starts a proxy before a server's URL that delays each direction by oneWay, for cases that have a round trip:
	// see DelayCommand. Default: there is none, and such a case fails.
	Delay func(ctx context.Context, url string, oneWay time.Duration) (*machine.Server, error)

	sleep func(time.Duration) // of the pacer
	noise time.Duration       // how long to look for it. Default: noiseTime

	downtime time.Duration // how long a server is away that is restarted. Default: downtime
}

// Times of a run that no case changes.
const (
	lead          = 20 * time.Millisecond  // before the first event of a phase
	patience      = 2 * time.Second        // how long the server's counters may take to settle
	aftermath     = 100 * time.Millisecond // how long to wait for what should not come
	acknowledging = 60 * time.Millisecond  // how long the kernel may hold an acknowledgement back, and a little
	interrupted   = time.Second            // how long to wait for what is under way when interrupted
	atATime       = 64                     // how many subscribers connect at a time
	tick          = 2 * time.Millisecond   // how often to look whether all has come
	downtime      = 2 * time.Second        // how long a server is away that is restarted
	noiseTime     = time.Second            // how long to look for noise, before and after all
)

// Run measures the cases, one after the other. When ctx ends, it stops publishing, receives what
// is under way, and returns what it has. A target that could not be measured is told by its verdict;
// Run fails only if nothing can be measured at all.
func Run(ctx context.Context, cases []result.Case, options Options) (r result.Result, err error) {
	if options.Every <= 0 {
		options.Every = time.Second
	}
	if options.sleep == nil {
		options.sleep = load.SleepExactly
	}
	if options.noise == 0 {
		options.noise = noiseTime
	}
	if options.downtime == 0 {
		options.downtime = downtime
	}
	if options.Seed == 0 {
		options.Seed = rand.Uint64()>>12 + 1 // which every reader of JSON takes
	}
	began := time.Now()
	r = result.Result{
		Schema: result.Schema, Started: began.UTC(), Environment: machine.ReadEnvironment(ctx), Pin: options.Pin, Seed: options.Seed,
	}
	var lanes [][]lane
	var omitted [][]result.Omission
	for _, c := range cases {
		if err := c.Validate(); err != nil {
			return result.Result{}, err
		}
		of, without, err := options.lanes(c)
		if err != nil {
			return result.Result{}, err
		}
		if err := enoughFiles(r.Environment.OpenFiles, c.Subscribers); err != nil {
			return result.Result{}, err
		}
		lanes, omitted = append(lanes, of), append(omitted, without)
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
	teller := &teller{to: options.Progress, started: began}
	teller.plan(cases, lanes, 2*options.noise)
	watch := machine.NewWatch(r.Environment)
	before, err := teller.noise(ctx, options)
	if err != nil {
		return result.Result{}, err
	}
	for i, c := range cases {
		outcome := result.Outcome{Case: c, LeftOut: omitted[i]}
		for _, left := range omitted[i] {
			teller.tell(result.Event{Kind: result.NoteMade, Case: i, Note: "left out: " + left.Name() + ": " + left.Reason})
		}
		if c.Computed {
			outcome.Measurements = compute(c, r.Outcomes)
		} else {
			outcome.Measurements = options.measure(ctx, teller, i, c, lanes[i], r.Environment.Cores)
		}
		if c.Verifies {
			predict(c, outcome.Measurements, r.Outcomes)
		}
		outcome.Summaries = stats.Summarize(outcome)
		outcome.Added = stats.Added(outcome)
		r.Outcomes = append(r.Outcomes, outcome)
		if ctx.Err() != nil {
			r.Interrupted = true
			break
		}
	}
	conditions := watch.Conditions()
	conditions.NoiseBefore = before
	if conditions.NoiseAfter, err = teller.noise(ctx, options); err != nil {
		return result.Result{}, err
	}
	r.Conditions, r.Flags = &conditions, conditions.Flags(r.Environment.Cores)
	r.Elapsed = time.Since(began)
	teller.tell(result.Event{Kind: result.RunEnds})
	return r, nil
}

// A lane is what each round measures once, and how to start it.
type lane struct {
	result.Lane
	target  Target
	variant Variant
}

// lanes lists what a case measures, and what it asks for that makes no sense.
func (o Options) lanes(c result.Case) (lanes []lane, omitted []result.Omission, err error) {
	if err := CheckVariants(c); err != nil {
		return nil, nil, err
	}
	for _, name := range c.Targets {
		at := slices.IndexFunc(o.Targets, func(t Target) bool { return t.Name == name })
		if at < 0 {
			return nil, nil, fmt.Errorf("bench: unknown target %q", name)
		}
		target := o.Targets[at]
		for _, transport := range c.TransportsOf(name) {
			if !slices.Contains(target.Transports, transport) || !target.measures(c, transport) {
				continue
			}
			for _, variant := range c.LaneVariants() {
				v, err := findVariant(variant)
				if err != nil {
					return nil, nil, err
				}
				l := lane{result.Lane{Target: name, Transport: transport, Variant: variant}, target, v}
				if reason := v.omits(target, transport, c); reason != "" {
					omitted = append(omitted, result.Omission{Lane: l.Lane, Reason: reason})
					continue
				}
				lanes = append(lanes, l)
			}
		}
	}
	if len(lanes) == 0 {
		err := fmt.Errorf("bench: none of %s can be measured by the scenario %s with %s",
			strings.Join(c.Targets, ", "), c.Name, strings.Join(c.Transports, ", "))
		for _, without := range omitted {
			err = fmt.Errorf("%w; %s: %s", err, without.Name(), without.Reason)
		}
		return nil, nil, err
	}
	if c.Again {
		again := lanes[0]
		again.Again = true
		lanes = append(lanes, again)
	}
	return lanes, omitted, nil
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
func (o Options) measure(ctx context.Context, teller *teller, at int, c result.Case, lanes []lane, cores int) (measurements []result.Measurement) {
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
			r := run{point: c, options: o, target: l.target, variant: l.variant, softirq: softirq, cores: cores, teller: teller, at: at}
			r.Lane, r.Round = l.Lane, round
			r.tell(result.Event{Kind: result.LaneBegins})
			r.do(ctx)
			without := r.Measurement.WithoutHistograms()
			r.tell(result.Event{Kind: result.LaneEnds, Measurement: &without})
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
		return fmt.Errorf("bench: %d subscribers need %d open files, the limit is %d; raise it (ulimit -n), or use fewer subscribers or a smaller scale", subscribers, subscribers+others, n)
	}
	return nil // unlimited, or not known
}
