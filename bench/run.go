package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"pushlab/websocket"
)

// Options say how a run reaches its servers.
type Options struct {
	// Start starts a server. It is called once for each transport, and the server is closed
	// before the next is started, so that none inherits what another left behind.
	Start func(ctx context.Context) (*Server, error)
	// Progress is told in a line what happens now. Default: nobody is.
	Progress func(line string)
	// DialContext connects to a server. Default: by TCP.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	sleep func(time.Duration) // of the pacer
}

// Times of a run that no scenario changes.
const (
	lead        = 20 * time.Millisecond  // before the first event of a phase
	patience    = 2 * time.Second        // how long the server's counters may take to settle
	aftermath   = 100 * time.Millisecond // how long to wait for what should not come
	interrupted = time.Second            // how long to wait for what is under way when interrupted
	tick        = 2 * time.Millisecond   // how often to look whether all has come
)

// Run measures the scenario's transports, one after the other. When ctx ends, it stops publishing,
// receives what is under way, and returns what it has. A transport that could not be measured is
// told by its verdict; Run fails only if nothing can be measured at all.
func Run(ctx context.Context, scenario Scenario, options Options) (Result, error) {
	if err := scenario.Validate(); err != nil {
		return Result{}, err
	}
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if options.DialContext == nil {
		options.DialContext = new(net.Dialer).DialContext
	}
	if options.sleep == nil {
		options.sleep = sleepExactly
	}
	result := Result{
		Schema: Schema, Started: time.Now().UTC(), Environment: ReadEnvironment(ctx), Scenario: scenario,
	}
	if err := enoughFiles(result.Environment.OpenFiles, scenario.Subscribers); err != nil {
		return Result{}, err
	}
	for _, transport := range scenario.Transports {
		r := run{scenario: scenario, options: options, transport: transport, Measurement: Measurement{
			Transport: transport, Planned: scenario.events(),
		}}
		err := r.measure(ctx)
		if err != nil && ctx.Err() == nil {
			r.Error = strings.ReplaceAll(err.Error(), "bench: ", "")
		}
		r.Verdict = r.judge(scenario, result.Environment.Cores)
		result.Measurements = append(result.Measurements, r.Measurement)
		if ctx.Err() != nil {
			result.Interrupted = true
			break
		}
	}
	result.Elapsed = time.Since(result.Started)
	return result, nil
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

// A run measures one transport.
type run struct {
	Measurement
	scenario  Scenario
	options   Options
	transport string

	server    *Server
	load      *load
	publisher *publisher
	scraper   *scraper
	base      time.Time // what due times count from
}

func (r *run) progress(format string, args ...any) {
	r.options.Progress(r.transport + ": " + fmt.Sprintf(format, args...))
}

// measure starts what is needed, measures, and ends all that it started.
func (r *run) measure(ctx context.Context) (err error) {
	r.progress("starting a server")
	if r.server, err = r.options.Start(ctx); err != nil {
		return err
	}
	defer func() {
		// A server that broke down is the reason for whatever else went wrong.
		if e := r.server.Close(); e != nil {
			err = errors.Join(e, err)
		}
	}()
	d, err := newDialer(r.server.URL, r.options.DialContext)
	if err != nil {
		return err
	}
	r.scraper = &scraper{url: strings.TrimSuffix(r.server.URL, "/") + "/metrics", http: &http.Client{
		Transport: &http.Transport{DialContext: r.options.DialContext}, Timeout: handshakeTime,
	}}
	defer r.scraper.close()

	r.base = time.Now()
	r.progress("connecting %d subscribers", r.scenario.Subscribers)
	if r.publisher, err = newPublisher(ctx, d.apart(), r.scenario.Size); err != nil {
		return err
	}
	defer r.publisher.close()
	r.load = newLoad(r.scenario, r.transport, d, r.base)
	defer r.load.close() // before the publisher's connection is
	if err := r.load.connect(ctx); err != nil {
		return err
	}
	if _, err := r.settle(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	err = r.window(ctx)
	return errors.Join(err, r.account())
}

// warmUp publishes the first events, and waits until everybody has them.
func (r *run) warmUp(ctx context.Context) error {
	events := r.scenario.warmUp()
	r.progress("warming up with %d events", events)
	if _, _, err := r.publish(ctx, 0, events); err != nil {
		return err
	}
	r.drain(ctx, func(s *subscriber) *ledger { return s.warmUp }, events, events)
	_, err := r.settle(ctx)
	return err
}

// A reading is the state of all counters at one moment.
type reading struct {
	at        time.Time
	counts    counts
	server    time.Duration // CPU
	load      time.Duration // CPU
	busy      time.Duration // CPU, of everybody
	down, up  int64         // bytes
	published int64         // acknowledged
}

// read reads the counters, when nothing is under way.
func (r *run) read(ctx context.Context) (reading, error) {
	counts, err := r.settle(ctx)
	now := reading{
		at: time.Now(), counts: counts, published: r.publisher.acks.Load(),
		down: r.load.dialer.in.Load(), up: r.load.dialer.out.Load(),
	}
	if r.server.PID == 0 {
		return now, err
	}
	// A system that does not tell these is no reason not to measure the rest.
	if cpu, err := cpuTime(r.server.PID); err == nil {
		now.server = cpu
	}
	if cpu, err := cpuTime(os.Getpid()); err == nil {
		now.load = cpu
	}
	if cpu, err := busyTime(); err == nil {
		now.busy = cpu
	}
	return now, err
}

// window publishes the events that are measured, and takes the difference of the counters.
func (r *run) window(ctx context.Context) error {
	first, events := r.scenario.warmUp(), r.scenario.events()
	r.progress("measuring %d events in %v", events, r.scenario.Measure)
	runtime.GC() // what connecting left behind is not to be collected now
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	published, delays, err := r.publish(ctx, first, events)
	r.Published = published
	if ctx.Err() != nil {
		err = nil // the verdict says how far it came
	}
	// What is under way belongs to the run, also when the run is interrupted.
	r.drain(ctx, func(s *subscriber) *ledger { return s.measured }, published, first+published)
	after, unread := r.read(context.WithoutCancel(ctx))
	if unread == nil {
		r.difference(before, after)
	}
	r.PublishRate = rate(delays, r.scenario.Rate)
	delay, unsummed := newLatency(delays)
	r.PublishDelay = delay
	pause(context.WithoutCancel(ctx), aftermath)
	return errors.Join(err, unread, unsummed)
}

// difference enters what the counters counted between two readings.
func (r *run) difference(before, after reading) {
	r.Window = after.at.Sub(before.at)
	r.Acknowledged = int(after.published - before.published)
	r.ServerDelivered = int64(after.counts.delivered - before.counts.delivered)
	r.ServerWrites = int64(after.counts.writes - before.counts.writes)
	r.ServerBytes = int64(after.counts.bytes - before.counts.bytes)
	r.Gaps = int64(after.counts.gaps - before.counts.gaps)
	r.BytesDown, r.BytesUp = after.down-before.down, after.up-before.up
	if before.server > 0 && after.server > 0 {
		r.ServerCPU, r.LoadCPU = after.server-before.server, after.load-before.load
		r.OtherCPU = max(0, after.busy-before.busy-r.ServerCPU-r.LoadCPU)
	}
}

// rate is how many events per second there were from the first to the last. Of one event there is
// none, so it is the planned one.
func rate(delays []time.Duration, planned float64) float64 {
	if len(delays) < 2 {
		return planned
	}
	last := len(delays) - 1
	took := Pacer{Rate: planned}.Due(last) + delays[last] - delays[0]
	return float64(last) / took.Seconds()
}

// publish publishes events on schedule. It returns how many, and how late each was.
func (r *run) publish(ctx context.Context, first, count int) (published int, delays []time.Duration, err error) {
	pacer := Pacer{Rate: r.scenario.Rate, Sleep: r.options.sleep}
	delays = make([]time.Duration, 0, count)
	published, err = pacer.Run(ctx, time.Now().Add(lead), count, func(n int, due time.Time) error {
		if r.load.ended.Load() == int64(len(r.load.subscribers)) {
			return errors.New("bench: all subscribers have lost their connection")
		}
		// Not after sending: what that wakes may be given this very core before it returns.
		delays = append(delays, time.Since(due))
		return r.publisher.publish(first+n, due.Sub(r.base))
	})
	return published, delays[:published], err
}

// drain waits until everybody has that many events of a ledger, and that many of all events were
// acknowledged; for a limited time, which gets shorter when ctx ends.
func (r *run) drain(ctx context.Context, of func(*subscriber) *ledger, events, acknowledged int) {
	limit := time.Now().Add(r.scenario.Drain)
	drained := func() bool {
		acks := r.publisher.acks.Load() >= int64(acknowledged) || r.publisher.failure() != nil
		return acks && r.load.came(of, events)
	}
	for !drained() && time.Now().Before(limit) {
		if pause(ctx, tick) != nil {
			ctx = context.WithoutCancel(ctx)
			if cut := time.Now().Add(interrupted); cut.Before(limit) {
				limit = cut
			}
		}
	}
}

// settle waits until the server counts all streams as open, which long polls are only while they
// wait: then nothing is under way. It returns the counters.
func (r *run) settle(ctx context.Context) (counts, error) {
	limit := time.Now().Add(patience)
	for {
		c, err := r.scraper.scrape(ctx, r.transport)
		if err != nil {
			return c, err
		}
		want := len(r.load.subscribers) - int(r.load.ended.Load())
		if r.transport == websocket.Name && r.publisher.failure() == nil {
			want++ // the publisher's own
		}
		if int(c.open) >= want {
			return c, nil
		}
		if time.Now().After(limit) {
			return c, fmt.Errorf("bench: the server counts %v open %s streams, there should be %d", c.open, r.transport, want)
		}
		if err := pause(ctx, 10*tick); err != nil {
			return c, err
		}
	}
}

// account closes the subscribers and adds up their ledgers. It fails if some had lost their connection.
func (r *run) account() error {
	r.load.close()
	r.Disconnected = r.load.ended.Load()
	r.Expected = int64(r.Published) * int64(len(r.load.subscribers))
	var gaps int64
	var first error
	latencies := make([]time.Duration, 0, r.Expected)
	for _, s := range r.load.subscribers {
		for _, latency := range s.measured.latency {
			if latency != never {
				latencies = append(latencies, latency)
			}
		}
		r.Duplicated += s.measured.duplicated
		r.Reordered += s.measured.reordered
		r.WarmUpFaults += int64(s.warmUp.count) - s.warmUp.came.Load() + s.warmUp.duplicated + s.warmUp.reordered
		gaps += s.gaps
		if s.lost && first == nil {
			first = s.err
		}
	}
	if first != nil {
		first = fmt.Errorf("bench: %d of %d subscribers lost their connection; one of them: %w", r.Disconnected, len(r.load.subscribers), first)
	}
	r.Gaps = cmp.Or(gaps, r.Gaps)
	r.Delivered = int64(len(latencies))
	r.Lost = r.Expected - r.Delivered
	delivery, err := newLatency(latencies)
	r.Delivery = delivery
	return errors.Join(first, err)
}

// pause waits that long, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
