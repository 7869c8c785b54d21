package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/websocket"
)

// A run measures one lane once.
type run struct {
	result.Measurement
	point   result.Case
	options Options
	target  Target
	softirq int // the process of the kernel's thread for the server's core; 0 if not known
	cores   int
	prefix  string // of what progress is told

	server    *machine.Server
	load      *load.Load
	publisher *load.Publisher
	scraper   *machine.Scraper // nil if the server has no counters
	base      time.Time        // what due times count from
	warm      bool             // the warm-up is over, so that its events are due
}

func (r *run) progress(format string, args ...any) {
	r.options.Progress(r.prefix + ": " + fmt.Sprintf(format, args...))
}

// do measures what the case says, and judges.
func (r *run) do(ctx context.Context) {
	var err error
	r.Planned = r.point.Events()
	switch r.point.Kind {
	case result.Idle:
		err = r.with(ctx, r.idle)
	case result.Capacity:
		r.search(ctx)
		return // its probes are judged
	case result.Storm:
		err = r.with(ctx, r.storm)
	default:
		err = r.with(ctx, r.fanOut)
	}
	if err != nil && ctx.Err() == nil {
		r.Error = strings.ReplaceAll(err.Error(), "bench: ", "")
	}
	r.Verdict = r.Judge(r.point, r.cores)
}

// with starts what is needed, measures, and ends all that it started.
func (r *run) with(ctx context.Context, measure func(context.Context) error) (err error) {
	r.progress("starting a server")
	if r.server, err = r.target.Start(ctx, r.Transport); err != nil {
		return err
	}
	defer func() {
		// A server that broke down is the reason for whatever else went wrong.
		if e := r.server.Close(); e != nil {
			err = errors.Join(e, err)
		}
	}()
	d, err := load.NewDialer(r.server.URL, r.options.DialContext)
	if err != nil {
		return err
	}
	if r.target.counters {
		r.scraper = machine.NewScraper(r.server.URL, r.options.DialContext)
		defer r.scraper.Close()
	}
	protocol := r.target.protocol(r.Transport, r.server)
	r.base = time.Now()
	if r.publisher, err = load.ConnectPublisher(ctx, d, r.point.Size, protocol.Publish); err != nil {
		return err
	}
	defer r.publisher.Close()
	r.load, err = load.New(load.Config{
		Transport: r.Transport, Subscribe: protocol.Subscribe, Dialer: d, Base: r.base,
		Subscribers: r.point.Subscribers, WarmUp: r.point.WarmUpEvents(), Measured: r.point.Events(),
	})
	if err != nil {
		return err
	}
	defer r.load.Close() // before the publisher's connection is
	if err = measure(ctx); r.warm {
		err = errors.Join(err, r.account())
	}
	return err
}

// connect connects all subscribers.
func (r *run) connect(ctx context.Context) error {
	r.progress("connecting %d subscribers", r.point.Subscribers)
	if err := r.load.Connect(ctx, atATime); err != nil {
		return err
	}
	_, err := r.settle(ctx)
	return err
}

// fanOut measures what delivered events cost.
func (r *run) fanOut(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	return r.window(ctx)
}

// warmUp publishes the first events, and waits until everybody has them.
func (r *run) warmUp(ctx context.Context) error {
	events := r.point.WarmUpEvents()
	r.progress("warming up with %d events", events)
	if _, _, err := r.publish(ctx, 0, events); err != nil {
		return err
	}
	r.drain(ctx, false, events, events)
	r.warm = true
	_, err := r.settle(ctx)
	return err
}

// A reading is the state of all counters at one moment.
type reading struct {
	at                   time.Time
	counts               machine.Counters
	server               time.Duration // CPU
	load                 time.Duration // CPU
	softirq              time.Duration // CPU
	busy                 time.Duration // CPU, of everybody
	serverCore, loadCore time.Duration // busy
	down, up             int64         // bytes
	published            int64         // acknowledged
}

// read reads the counters, when nothing is under way.
func (r *run) read(ctx context.Context) (reading, error) {
	counts, err := r.settle(ctx)
	now := reading{at: time.Now(), counts: counts, published: int64(r.publisher.Acked())}
	now.down, now.up = r.load.Bytes()
	if r.server.PID == 0 {
		return now, err
	}
	// A system that does not tell these is no reason not to measure the rest.
	if cpu, err := machine.CPUTime(machine.Family(r.server.PID)...); err == nil {
		now.server = cpu
	}
	if cpu, err := machine.CPUTime(os.Getpid()); err == nil {
		now.load = cpu
	}
	if cpu, err := machine.BusyTime(nil); err == nil {
		now.busy = cpu
	}
	if r.softirq != 0 {
		if cpu, err := machine.CPUTime(r.softirq); err == nil {
			now.softirq = cpu
		}
	}
	if pin := r.options.Pin; pin != nil {
		for core, to := range map[*int]*time.Duration{&pin.Server: &now.serverCore, &pin.Load: &now.loadCore} {
			if cpu, err := machine.BusyTime(core); err == nil {
				*to = cpu
			}
		}
	}
	return now, err
}

// window publishes the events that are measured, and takes the difference of the counters.
func (r *run) window(ctx context.Context) error {
	first, events := r.point.WarmUpEvents(), r.point.Events()
	r.progress("measuring %d events in %v", events, r.point.Measure)
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
	r.drain(ctx, true, published, first+published)
	after, unread := r.read(context.WithoutCancel(ctx))
	if unread == nil {
		r.difference(before, after)
	}
	r.PublishRate = rate(delays, r.point.Rate)
	delay, unsummed := result.LatencyOf(delays)
	r.PublishDelay = delay
	pause(context.WithoutCancel(ctx), aftermath)
	return errors.Join(err, unread, unsummed)
}

// difference enters what the counters counted between two readings.
func (r *run) difference(before, after reading) {
	r.Window = after.at.Sub(before.at)
	r.Acknowledged = int(after.published - before.published)
	r.ServerDelivered = int64(after.counts.Delivered - before.counts.Delivered)
	r.ServerWrites = int64(after.counts.Writes - before.counts.Writes)
	r.ServerBytes = int64(after.counts.Bytes - before.counts.Bytes)
	r.Gaps = int64(after.counts.Gaps - before.counts.Gaps)
	r.BytesDown, r.BytesUp = after.down-before.down, after.up-before.up
	if before.server > 0 && after.server > 0 {
		r.ServerCPU, r.LoadCPU = after.server-before.server, after.load-before.load
		r.SoftirqCPU = after.softirq - before.softirq
		r.ServerCore, r.LoadCore = after.serverCore-before.serverCore, after.loadCore-before.loadCore
		r.OtherCPU = max(0, after.busy-before.busy-r.ServerCPU-r.LoadCPU-r.SoftirqCPU)
	}
}

// rate is how many events per second there were from the first to the last. Of one event there is
// none, so it is the planned one.
func rate(delays []time.Duration, planned float64) float64 {
	if len(delays) < 2 {
		return planned
	}
	last := len(delays) - 1
	took := load.Pacer{Rate: planned}.Due(last) + delays[last] - delays[0]
	return float64(last) / took.Seconds()
}

// publish publishes events on schedule. It returns how many, and how late each was.
func (r *run) publish(ctx context.Context, first, count int) (published int, delays []time.Duration, err error) {
	pacer := load.Pacer{Rate: r.point.Rate, Sleep: r.options.sleep}
	delays = make([]time.Duration, 0, count)
	published, err = pacer.Run(ctx, time.Now().Add(lead), count, func(n int, due time.Time) error {
		if lost, _ := r.load.Lost(); lost == r.point.Subscribers {
			return errors.New("bench: all subscribers have lost their connection")
		}
		// Not after sending: what that wakes may be given this very core before it returns.
		delays = append(delays, time.Since(due))
		return r.publisher.Publish(first+n, due.Sub(r.base))
	})
	return published, delays[:published], err
}

// drain waits until everybody has that many events, measured ones or of the warm-up, and that many
// of all events were acknowledged; for a limited time, which gets shorter when ctx ends.
func (r *run) drain(ctx context.Context, measured bool, events, acknowledged int) {
	limit := time.Now().Add(r.point.Drain)
	drained := func() bool {
		acks := r.publisher.Acked() >= acknowledged || r.publisher.Err() != nil
		return acks && r.load.Came(measured, events)
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

// settle waits until the server counts all streams as open, and no others, which long polls are only
// while they wait: then nothing is under way. It returns the counters. Where the server does not
// count, it waits for a moment.
func (r *run) settle(ctx context.Context) (machine.Counters, error) {
	if r.scraper == nil {
		return machine.Counters{}, pause(ctx, 25*tick)
	}
	limit := time.Now().Add(patience)
	for {
		c, err := r.scraper.Scrape(ctx, r.Transport)
		if err != nil {
			return c, err
		}
		want := r.load.Present()
		if r.Transport == websocket.Name && r.publisher.Err() == nil {
			want++ // the publisher's own
		}
		if int(c.Open) == want {
			return c, nil
		}
		if time.Now().After(limit) {
			return c, fmt.Errorf("bench: the server counts %v open %s streams, there should be %d", c.Open, r.Transport, want)
		}
		if err := pause(ctx, 10*tick); err != nil {
			return c, err
		}
	}
}

// account closes the subscribers and adds up their ledgers. It fails if some had lost their connection.
func (r *run) account() error {
	r.load.Close()
	lost, first := r.load.Lost()
	account := r.load.Account()
	r.Disconnected = int64(lost)
	r.Expected = int64(r.Published) * int64(r.point.Subscribers)
	r.Duplicated, r.Reordered, r.WarmUpFaults = account.Duplicated, account.Reordered, account.WarmUpFaults
	if first != nil {
		first = fmt.Errorf("bench: %d of %d subscribers lost their connection; one of them: %w", lost, r.point.Subscribers, first)
	}
	r.Gaps = cmp.Or(account.Gaps, r.Gaps)
	r.Delivered = account.Delivered
	r.Lost = r.Expected - r.Delivered
	delivery, err := r.load.Deliveries()
	if r.point.Kind == result.FanOut {
		r.Delivery = delivery
	}
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
