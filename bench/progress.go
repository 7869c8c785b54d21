package bench

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
)

// A teller hands the events of a run to who follows it, one at a time.
type teller struct {
	to      func(result.Event) // nil: nobody follows
	started time.Time
	mu      sync.Mutex
}

func (t *teller) tell(e result.Event) {
	if t.to == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e.At = time.Since(t.started)
	t.to(e)
}

// plan tells what is going to be done, and what takes so long beside it.
func (t *teller) plan(cases []result.Case, lanes [][]lane, beside time.Duration) {
	p := result.Plan{Started: t.started.UTC(), Cases: cases, Estimate: beside}
	for i, c := range cases {
		var of []result.Lane
		if !c.Computed { // of which nothing is to be seen
			for _, l := range lanes[i] {
				of = append(of, l.Lane)
			}
		}
		each := laneTime(c)
		p.Lanes, p.Each = append(p.Lanes, of), append(p.Each, each)
		p.Estimate += time.Duration(c.Rounds*len(of)) * each
	}
	t.tell(result.Event{Kind: result.PlanKnown, Plan: &p})
}

// noise looks for noise, and tells it.
func (t *teller) noise(ctx context.Context, o Options) (result.Latency, error) {
	late, err := load.Noise(ctx, o.noise, o.sleep)
	if err == nil {
		short := late
		short.HDR = ""
		t.tell(result.Event{Kind: result.NoiseFound, Noise: &short})
	}
	return late, err
}

// tell tells of something in this lane.
func (r *run) tell(e result.Event) {
	lane := r.Lane
	e.Case, e.Round, e.Lane = r.at, r.Round, &lane
	r.teller.tell(e)
}

// note tells something in words.
func (r *run) note(format string, args ...any) {
	r.tell(result.Event{Kind: result.NoteMade, Note: fmt.Sprintf(format, args...)})
}

// progress tells of a phase that has no name.
func (r *run) progress(format string, args ...any) {
	r.phase(result.Phase{Text: fmt.Sprintf(format, args...)})
}

// phase tells that a phase begins. What comes while events drain is read as part of the phase before.
func (r *run) phase(p result.Phase) {
	r.tell(result.Event{Kind: result.PhaseBegins, Phase: &p})
	if r.watch != nil && p.Name != result.Draining {
		r.watch.begin(p)
	}
}

// A watch reads how a run goes, at intervals, for those who follow it and for the measurement. It asks for what is
// counted anyway, so that the load does no more for being watched than to record each delivery once more, in a coarse way.
type watch struct {
	run    *run
	empty  int64 // resident memory before anybody connected
	step   time.Duration
	ticker *time.Ticker
	stop   chan struct{}
	ended  sync.WaitGroup

	mu     sync.Mutex // guards what is below, and is held while a reading is made
	pids   []int
	phase  result.Phase
	began  time.Time // of the phase
	last   counts
	steps  int         // since the last reading
	came   load.Glance // since then
	course course
}

// steps is how many steps of a watch make a reading.
const steps = 4

// counts are what a reading is the difference of.
type counts struct {
	at           time.Time
	sent         int
	glance       load.Glance
	server, load time.Duration // CPU
}

// watched starts a watch.
func (r *run) watched() {
	step := max(1, r.options.Every/steps)
	w := &watch{run: r, step: step, ticker: time.NewTicker(step), stop: make(chan struct{})}
	r.watch = w
	if r.server.PID != 0 {
		w.pids = machine.Family(r.server.PID)
		w.empty, _ = machine.QuickMemory(w.pids...) // 0 where it is not told
	}
	w.began, w.last = time.Now(), w.count()
	w.ended.Go(func() {
		for {
			select {
			case <-w.ticker.C:
				w.mu.Lock()
				w.tick()
				w.mu.Unlock()
			case <-w.stop:
				return
			}
		}
	})
}

// unwatched ends the watch, with a last reading of what came behind the one before.
func (r *run) unwatched() {
	w := r.watch
	r.watch = nil
	w.ticker.Stop()
	close(w.stop)
	w.ended.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest()
	w.course.end(w)
}

// tick looks at the load, and makes a reading of every few looks.
func (w *watch) tick() {
	if w.steps++; w.steps == steps {
		w.read()
	} else {
		w.look()
	}
}

// look takes what came since the last look.
func (w *watch) look() {
	g := w.run.load.Glance()
	w.came = g.Since(w.came)
	w.course.enter(w, g)
}

// begin enters that a phase begins.
func (w *watch) begin(p result.Phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest()
	w.course.end(w)
	w.phase = p
	if w.run.server.PID != 0 {
		w.pids = machine.Family(w.run.server.PID)
	}
	w.began, w.last = time.Now(), w.count()
	w.course = beginCourse(w)
	w.ticker.Reset(w.step)
}

// rest makes a reading at the end of a phase, if anything came that none has yet.
func (w *watch) rest() {
	if w.run.sent() > w.last.sent {
		w.read()
	}
}

// sent is how many events were published.
func (r *run) sent() int {
	if r.publisher == nil {
		return int(r.said.Load())
	}
	return r.earlier + r.publisher.Sent()
}

// goOn has the run go on with another server's publisher, and its watch with that server.
func (r *run) goOn(publisher *load.Publisher) {
	w := r.watch
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rest()
	}
	r.earlier += r.publisher.Sent()
	r.publisher = publisher
	if w != nil {
		if r.server.PID != 0 {
			w.pids = machine.Family(r.server.PID)
		}
		w.last = w.count()
	}
}

// count reads all counters, and begins anew with what came.
func (w *watch) count() counts {
	w.look()
	c := counts{at: time.Now(), sent: w.run.sent(), glance: w.came}
	w.came, w.steps = load.Glance{}, 0
	if len(w.pids) > 0 { // what the system does not tell stays 0
		c.server, _ = machine.QuickCPUTime(w.pids...)
		c.load, _ = machine.QuickCPUTime(os.Getpid())
	}
	return c
}

// read makes a reading, and tells it.
func (w *watch) read() {
	before, now := w.last, w.count()
	w.last = now
	if w.run.teller.to == nil {
		return
	}
	subscribers := w.run.point.Subscribers
	g := now.glance
	r := result.Reading{
		Phase: w.phase.Name, Into: now.at.Sub(w.began), Took: now.at.Sub(before.at),
		Subscribers: subscribers, Connected: g.Connected,
		Rate: w.phase.Rate, Published: int64(now.sent - before.sent), Delivered: g.Delivered,
		P50: g.P50, P99: g.P99, P999: g.P999, Max: g.Max,
		Missing:   w.missing(before.sent, g),
		BytesDown: g.In - before.glance.In, BytesUp: g.Out - before.glance.Out, Empty: w.empty,
	}
	if before.server > 0 && now.server > 0 {
		r.ServerCPU, r.LoadCPU = now.server-before.server, now.load-before.load
		r.Resident, _ = machine.QuickMemory(w.pids...)
	}
	w.run.tell(result.Event{Kind: result.ReadingMade, Reading: &r})
}

// missing is how many deliveries had not come, at a glance, of so many events.
func (w *watch) missing(sent int, g load.Glance) int64 {
	each := int64(w.run.point.Subscribers)
	if slow, _ := w.run.point.SlowReaders(w.run.Variant); slow > 0 {
		each -= int64(slow)
	}
	if w.run.point.Kind == result.Echo {
		each = 1
	}
	return max(0, int64(sent)*each-g.WarmUp-g.Measured)
}
