package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/common/hub"
	"pushlab/websocket"
)

// A run measures one lane once.
type run struct {
	result.Measurement
	point   result.Case
	options Options
	target  Target
	variant Variant
	softirq int // the process of the kernel's thread for the server's core; 0 if not known
	cores   int
	teller  *teller
	at      int  // the case
	probing bool // it is one of a search

	server    *machine.Server
	protocol  load.Protocol // how to talk to it
	way       *way
	load      *load.Load
	publisher *load.Publisher
	scraper   *machine.Scraper // nil if the server has no counters
	base      time.Time        // what due times count from
	watch     *watch           // nil if nobody follows
	warm      bool             // the warm-up is over, so that its events are due
	warmed    int              // how many events it had
	backlog   *trend           // of the measured events
	direct    load.Dialer      // to the server itself
	said      *atomic.Int64    // events that clients of an echo were told to publish
	earlier   int              // events that were published to a server before this one
	collected bool             // the server has collected its garbage when it was asked to
	unsettled bool             // something is always under way, so nothing is waited for
	heads     bool             // the load is told what is published
	delays    []time.Duration  // of the publisher, where it publishes in parts
}

// do measures what the case says, and judges.
func (r *run) do(ctx context.Context) {
	var err error
	if r.Planned = r.point.Events(); r.point.Kind == result.Echo { // of each client
		r.Planned *= r.point.Subscribers
	}
	switch r.point.Kind {
	case result.Idle:
		err = r.with(ctx, r.idle)
	case result.Capacity:
		r.search(ctx)
		return // its probes are judged
	case result.Storm:
		err = r.with(ctx, r.storm)
	case result.Echo:
		err = r.with(ctx, r.echo)
	case result.Slow:
		err = r.with(ctx, r.slow)
	default:
		err = r.with(ctx, r.fanOut)
	}
	if err != nil && ctx.Err() == nil {
		r.Error = strings.ReplaceAll(err.Error(), "bench: ", "")
	}
	r.Verdict = r.Judge(r.point, r.cores)
	if r.point.Kind != result.FanOut {
		return
	}
	r.Bottleneck = r.FindBottleneck(r.cores)
	if limits := r.Limits(); limits != "" && !r.probing { // a search tells by itself what stood in its way
		r.Verdict.Notes = append(r.Verdict.Notes, limits)
	}
	r.remark()
}

// with starts what is needed, measures, and ends all that it started.
func (r *run) with(ctx context.Context, measure func(context.Context) error) (err error) {
	r.phase(result.Phase{Name: result.Starting, Text: "starting a server", Takes: startTime})
	r.way, err = r.start(ctx)
	defer func() {
		e := r.way.close()
		if r.server != nil {
			e = errors.Join(r.server.Close(), e)
		}
		// A server that broke down is the reason for whatever else went wrong.
		if e != nil {
			err = errors.Join(e, err)
		}
	}()
	if err != nil {
		return err
	}
	config := load.Config{
		Transport: r.Transport, Subscribe: r.protocol.Subscribe, Dialer: r.way.dialer, Way: r.way.load,
		Subscribers: r.point.Subscribers, WarmUp: r.point.WarmUpEvents(), Measured: r.point.Events(), Bystanders: r.point.Bystanders,
	}
	config.Slow, config.SlowRate = r.point.SlowReaders(r.Variant)
	if r.target.null {
		config.Hub = hub.New(hub.Config{})
		defer config.Hub.Close()
	} else if r.direct, err = load.NewDialer(r.way.control.url, r.way.control.dial); err != nil {
		return err
	}
	if r.target.counters {
		r.scraper = machine.NewScraper(r.way.control.url, r.way.control.dial)
		defer r.scraper.Close()
	}
	r.base, r.said = time.Now(), new(atomic.Int64)
	config.Base = r.base
	switch {
	case r.point.Kind == result.Echo: // its subscribers publish
		config.Echo, config.Size, config.InFlight, config.Data = r.protocol.Echo, r.point.Size, r.point.InFlight, r.point.Data
	case r.target.null:
		r.publisher = load.PublishToHub(config.Hub, r.point.Size)
		r.publisher.Data = r.point.Data
	default:
		r.publisher, err = r.connectPublisher(ctx)
	}
	if err != nil {
		return err
	}
	defer func() {
		if r.publisher != nil { // which may be another by then
			r.publisher.Close()
		}
	}()
	if r.load, err = load.New(config); err != nil {
		return err
	}
	defer r.load.Close() // before the publisher's connection is
	r.watched()
	defer r.unwatched()
	if err = measure(ctx); r.warm {
		err = errors.Join(err, r.account())
	}
	return err
}

// connectPublisher connects a publisher to the server itself.
func (r *run) connectPublisher(ctx context.Context) (*load.Publisher, error) {
	p, err := load.ConnectPublisher(ctx, r.direct, r.point.Size, r.protocol.Publish)
	if err == nil {
		p.Data = r.point.Data
	}
	return p, err
}

// connect connects all subscribers.
func (r *run) connect(ctx context.Context) error {
	r.phase(result.Phase{
		Name: result.Connecting, Text: fmt.Sprintf("connecting %d subscribers", r.point.Subscribers), Takes: time.Duration(r.point.Subscribers) * connectTime,
	})
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
	events := int(math.Ceil(r.point.Rate * r.point.WarmUp.Seconds()))
	r.phase(result.Phase{
		Name: result.WarmingUp, Text: fmt.Sprintf("warming up with %d events", events), Takes: r.point.WarmUp, Rate: r.point.Rate, Events: events,
	})
	start := time.Now()
	if _, _, err := r.publish(ctx, 0, events); err != nil {
		return err
	}
	if r.point.MaxWarmUp > 0 {
		var err error
		if events, err = r.steady(ctx, events, start); err != nil {
			return err
		}
		r.WarmUp = time.Since(start)
	}
	r.load.WarmedUp(events)
	r.warmed = events
	r.drain(ctx, false, events, events)
	r.warm = true
	_, err := r.settle(ctx)
	return err
}

// What a steady state is: so many windows in a row, whose medians differ by so much at most; or by what a
// histogram does not tell apart.
const (
	steadyWindows = 3
	steadyShare   = 0.05
	steadyTime    = 2 * time.Microsecond
)

// steady goes on with the warm-up, which has so many events yet, until deliveries take equally long. It
// returns how many events there were in all.
func (r *run) steady(ctx context.Context, events int, start time.Time) (int, error) {
	each := int(math.Ceil(r.point.Rate)) // a second, or an event
	length := load.Pacer{Rate: r.point.Rate}.Due(each)
	var medians []time.Duration
	for {
		if _, err := r.load.WarmingUp(); err != nil { // what came before the window
			return events, err
		}
		if events+each > r.point.WarmUpEvents() || time.Since(start) > r.point.MaxWarmUp {
			r.Unsteady = true
			return events, nil
		}
		begun := time.Now()
		published, _, err := r.publish(ctx, events, each)
		if events += published; err != nil {
			return events, err
		}
		if err := pause(ctx, time.Until(begun.Add(length))); err != nil {
			return events, err
		}
		window, err := r.load.WarmingUp()
		if err != nil {
			return events, err
		}
		if medians = append(medians, window.P50); agree(medians) {
			return events, nil
		}
	}
}

// agree reports whether the last of some medians are steady.
func agree(medians []time.Duration) bool {
	if len(medians) < steadyWindows {
		return false
	}
	last := medians[len(medians)-steadyWindows:]
	most := slices.Max(last)
	return most-slices.Min(last) <= max(time.Duration(steadyShare*float64(most)), steadyTime)
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
	tlsDown, tlsUp       int64         // of them
	bytes                result.Roles
	between              []use
	published            int64 // acknowledged
}

// acked is how many events the server has taken.
func (r *run) acked() int {
	if r.publisher == nil {
		return r.load.Acked()
	}
	return r.publisher.Acked()
}

// read reads the counters, when nothing is under way.
func (r *run) read(ctx context.Context) (reading, error) {
	counts, err := r.settle(ctx)
	now := reading{at: time.Now(), counts: counts, published: int64(r.acked())}
	now.down, now.up = r.load.Bytes()
	now.tlsDown, now.tlsUp = r.load.TLSBytes()
	now.bytes = r.load.Split()
	now.between = r.way.uses()
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
	if r.target.null { // it runs where the load does
		now.load, now.softirq, now.serverCore, now.loadCore = 0, 0, now.loadCore, 0
	}
	return now, err
}

// window publishes the events that are measured, and takes the difference of the counters.
func (r *run) window(ctx context.Context) error {
	first, events := r.point.WarmUpEvents(), r.point.Events()
	segments := r.segments(ctx)
	runtime.GC() // what connecting left behind is not to be collected now
	r.phase(result.Phase{
		Name: result.Measuring, Text: fmt.Sprintf("measuring %d events in %v", events, r.point.Measure), Takes: r.point.Measure, Rate: r.point.Rate, Events: events,
	})
	before, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.backlog = newTrend(events)
	published, delays, err := r.publish(ctx, first, events)
	r.BacklogSlope, r.BacklogError = r.backlog.slope()
	r.Published = published
	if ctx.Err() != nil {
		err = nil // the verdict says how far it came
	}
	r.phase(result.Phase{Name: result.Draining, Text: "receiving what is under way"})
	// What is under way belongs to the run, also when the run is interrupted.
	r.drain(ctx, true, published, r.warmed+published)
	after, unread := r.read(context.WithoutCancel(ctx))
	if unread == nil {
		r.difference(before, after)
	}
	r.PublishRate = rate(delays, r.point.Rate)
	delay, unsummed := result.LatencyOf(delays)
	r.PublishDelay = delay
	pause(context.WithoutCancel(ctx), aftermath)
	segments()
	return errors.Join(err, unread, unsummed)
}

// segments begins to count segments; what it returns enters them. Both wait, or follow a wait, until the
// kernel has sent acknowledgements that it holds back.
func (r *run) segments(ctx context.Context) (enter func()) {
	if _, ok := r.load.Segments(); !ok {
		return func() {}
	}
	pause(ctx, acknowledging)
	before, _ := r.load.Segments()
	return func() {
		after, _ := r.load.Segments()
		counted := after.Minus(before)
		r.Segments = &counted
	}
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
	r.TLSBytesDown, r.TLSBytesUp = after.tlsDown-before.tlsDown, after.tlsUp-before.tlsUp
	r.Bytes = after.bytes.Minus(before.bytes)
	r.used(before.between, after.between)
	if before.server > 0 && after.server > 0 {
		r.ServerCPU, r.LoadCPU = after.server-before.server, after.load-before.load
		r.SoftirqCPU = after.softirq - before.softirq
		r.ServerCore, r.LoadCore = after.serverCore-before.serverCore, after.loadCore-before.loadCore
		r.OtherCPU = max(0, after.busy-before.busy-r.ServerCPU-r.LoadCPU-r.SoftirqCPU-r.BetweenCPU())
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
		if lost, _ := r.load.Lost(); lost == r.point.Subscribers && !r.variant.cuts {
			return errors.New("bench: all subscribers have lost their connection")
		}
		// Not after sending: what that wakes may be given this very core before it returns.
		delays = append(delays, time.Since(due))
		if r.heads {
			r.load.Head(first + n + 1)
		}
		if t := r.backlog; t != nil && n%t.every == 0 {
			t.add(pacer.Due(n), n*r.healthy()-r.load.Measured())
		}
		return r.publisher.Publish(first+n, due.Sub(r.base))
	})
	return published, delays[:published], err
}

// drain waits until everybody has that many events, measured ones or of the warm-up, and that many
// of all events were acknowledged; for a limited time, which gets shorter when ctx ends.
func (r *run) drain(ctx context.Context, measured bool, events, acknowledged int) {
	r.await(ctx, func() bool {
		acks := r.publisher.Acked() >= acknowledged || r.publisher.Err() != nil
		return acks && r.load.Came(measured, events)
	})
}

// await waits until nothing is under way any more, for the time that drain has.
func (r *run) await(ctx context.Context, drained func() bool) {
	limit := time.Now().Add(r.point.Drain)
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
		if r.unsettled {
			return c, nil
		}
		want := r.load.Present()
		if r.Transport == websocket.Name && r.publisher != nil && r.publisher.Err() == nil {
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
	if r.Expected = int64(r.Published); r.point.Kind != result.Echo { // where each event is for one
		r.Expected *= int64(r.healthy())
	}
	r.Duplicated, r.Reordered, r.WarmUpFaults = account.Duplicated, account.Reordered, account.WarmUpFaults
	if first != nil {
		first = fmt.Errorf("bench: %d of %d subscribers lost their connection; one of them: %w", lost, r.point.Subscribers, first)
	}
	if r.Laggards == nil { // to whom the server may announce some
		r.Gaps = cmp.Or(account.Gaps, r.Gaps)
	} else {
		r.Gaps = account.Gaps
	}
	r.Delivered = account.Delivered
	r.Lost = r.Expected - r.Delivered
	r.DataBytes = r.Delivered * int64(r.point.Size)
	if r.Recovery != nil {
		r.Recovery.Silent = r.load.Silent(r.Published)
	}
	first = r.excuse(lost, first)
	delivery, err := r.load.Deliveries()
	if slices.Contains([]result.Kind{result.FanOut, result.Echo, result.Slow}, r.point.Kind) {
		r.Delivery = delivery
		receivers, unsummed := r.load.Receivers(r.Published)
		reading, unsummedToo := r.load.ReadDelays()
		r.Receivers, err = &receivers, errors.Join(err, unsummed, unsummedToo)
		if reading.HDR = ""; reading.Max > 0 {
			r.ReadDelay = &reading
		}
	}
	connecting, unsummed := r.load.Connecting()
	r.Connecting = connecting
	return errors.Join(first, err, unsummed)
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
