package web_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var soak = flag.Duration("soak", 0, "for how long TestSoak keeps the page busy; by default some seconds")

// TestSoak has the page at the highest rate that there is: looked at in several ways, and then with all lanes cut again
// and again. Nothing may be lost or repeated, frames may not become rare, and memory may not grow.
//
// It measures, so it has the machine for itself as far as the tests of this package are concerned.
func TestSoak(t *testing.T) {
	t.Run("Steady", func(t *testing.T) {
		s := startSoak(t, *soak, "status of 404") // at this rate an event's bytes are soon not kept any more
		s.rise()
		for i := range s.rounds {
			run[chromedp.Void](s.page, soakViews[i%len(soakViews)])
			s.sample()
		}
		s.end()
	})
	t.Run("Storm", func(t *testing.T) {
		s := startSoak(t, *soak/5, labBroken...)
		s.period = max(s.period, 4*time.Second) // an EventSource waits three seconds until it comes back
		s.rounds = max(2, int(*soak/5/s.period))
		s.rise()
		for i := range s.rounds {
			run[chromedp.Void](s.page, fmt.Sprintf(`pushlab.lab.command("fault", { lane: "all", cut: %q }).then(() => {})`, []string{"rst", "fin"}[i%2]))
			s.sample()
		}
		s.end()
		for lane, n := range run[map[string]int](s.page, `Object.fromEntries([...pushlab.lanes.keys()].map((lane) =>
			[lane, pushlab.trace.totals(lane).connections]))`) {
			if n < 3 {
				t.Errorf("%s was cut at least twice, and there were %d connections", lane, n)
			}
		}
	})
}

// soakViews are ways to look at the page, one for each sample in turn: as it opens, with an arrow selected, at a minute,
// and at half a second.
var soakViews = []string{
	`pushlab.set({ span: 10_000 })`,
	`pushlab.select(pushlab.trace.items.findLast(({ kind, lane }) => kind === "event" && lane === "sse").ref)`,
	`pushlab.set({ selected: null, span: 60_000 })`,
	`pushlab.set({ span: 500 })`,
}

// A soaking is a page under load.
type soaking struct {
	*page
	long    bool
	period  time.Duration // of a sample
	rounds  int           // how many
	began   time.Time
	idle    float64 // frames a second without load
	before  soakCounts
	samples []soakSample

	renderer int64              // the page's process
	cpu      map[string]float64 // seconds, by process
	cpuAt    time.Time
}

// startSoak opens the page, and has it at rest. A short soak lowers what the trace keeps, so that it is soon full.
func startSoak(t *testing.T, duration time.Duration, tolerated ...string) *soaking {
	t.Helper()
	browser := startChromium(t, chromedp.WindowSize(1500, 1000), chromedp.Flag("enable-blink-features", "ForceEagerMeasureMemory"))
	s := &soaking{page: labPage(t, browser, tolerated...), long: duration > 0, period: max(1200*time.Millisecond, duration/60)}
	s.rounds = max(8, int(duration/s.period))
	// Else Chromium would tell us of each request, and of each row of the log.
	for _, disable := range []cdp.Command[cdp.Empty, cdp.Empty]{network.Disable, dom.Disable, css.Disable} {
		soakCall(s.page, disable)
	}
	run[chromedp.Void](s.page, soakMeter)
	if !s.long {
		run[chromedp.Void](s.page, `{ Object.assign(pushlab.trace.constructor.limits, { items: 8000, published: 6000 }); }`)
	}
	labCaughtUp(s.page)
	s.idle = s.rest()
	s.before = s.counts()
	return s
}

// rest returns how many frames a second there are without load.
func (s *soaking) rest() float64 {
	run[chromedp.Void](s.page, `soak.start()`)
	<-time.After(2200 * time.Millisecond)
	return quantile(0.5, run[soakMeasured](s.page, `soak.stop()`).Frames)
}

// rise sets the highest rate by the page's own control.
func (s *soaking) rise() {
	s.t.Helper()
	run[chromedp.Void](s.page, `(() => { document.querySelector("push-toolbar .rate input").focus(); })()`)
	s.do(chromedp.KeyEvent(kb.End))
	s.wait(`pushlab.lab.state.source.rate === 1000`)
	s.began = time.Now()
	s.usage()
	s.wait(`pushlab.trace.latency("longpoll").n === 1000`)
}

// soakMeter counts frames and long tasks in the page: start begins, and stop tells what was counted.
const soakMeter = `(() => {
	const timeline = document.querySelector("push-timeline");
	let began, last, count, seconds, gap, tasks, painted;
	const frame = (now) => {
		if (began !== undefined) {
			count++;
			const second = Math.floor((now - began) / 1000);
			seconds[second] = (seconds[second] ?? 0) + 1;
			gap = Math.max(gap, now - last);
		}
		last = now;
		requestAnimationFrame(frame);
	};
	requestAnimationFrame(frame);
	new PerformanceObserver((list) => tasks?.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
	window.soak = {
		start() {
			began = last = performance.now();
			[count, seconds, gap, tasks, painted] = [0, [], 0, [], { ...timeline.painted }];
		},
		stop() {
			const { trace, lanes, lab } = pushlab, took = performance.now() - began, pictures = timeline.painted.frames - painted.frames;
			began = undefined;
			return {
				count, frames: Array.from({ length: Math.floor(took / 1000) }, (_, second) => seconds[second] ?? 0), gap, tasks,
				pictures: 1000 * pictures / took, paint: (timeline.painted.ms - painted.ms) / Math.max(1, pictures),
				nodes: document.querySelectorAll("*").length, items: trace.items.length, published: trace.published.size,
				dropped: trace.dropped, lag: lab.now() - trace.now, late: Math.max(...[...lanes.keys()].map((name) => trace.latency(name).p99 ?? 0)),
			};
		},
	};
})()`

// soakMeasured is what the meter counts.
type soakMeasured struct {
	Count     float64   // frames
	Frames    []float64 // in each second
	Gap       float64   // ms: the longest time between two
	Tasks     []float64 // ms: those longer than 50
	Pictures  float64   // of the timeline, in a second
	Paint     float64   // ms of a picture
	Nodes     float64   // of the document
	Items     float64
	Published float64
	Dropped   float64 // records that the observer was not told of
	Lag       float64 // ms by which what the page was told is behind
	Late      float64 // ms: the 99th percentile of the slowest lane
}

// A soakSample is what was measured in some seconds.
type soakSample struct {
	soakMeasured
	at       time.Duration
	could    float64            // frames a second, if the page's thread had not had to wait for a core
	cpu      map[string]float64 // share of a core, by process
	heap     float64            // MB of the page's thread, without garbage
	memory   float64            // MB of page and workers: all that the browser accounts to them
	renderer float64            // MB resident
	server   float64            // MB of Go's heap, without garbage
	resident float64            // MB resident of this process
	routines float64
}

// sample measures for a period, and then what memory is in use. The seconds in which garbage is collected by force are
// not among those that are measured.
func (s *soaking) sample() {
	s.t.Helper()
	run[chromedp.Void](s.page, `soak.start()`)
	before := busy(s.renderer)
	<-time.After(s.period)
	m := soakSample{soakMeasured: run[soakMeasured](s.page, `soak.stop()`), at: time.Since(s.began)}
	m.could = m.Count / (busy(s.renderer) - before).Seconds()
	m.cpu, m.renderer = s.usage()
	soakCall(s.page, heapprofiler.CollectGarbage)
	m.heap = soakCall(s.page, cdpruntime.GetHeapUsage).UsedSize / 1e6
	m.memory = run[float64](s.page, `performance.measureUserAgentSpecificMemory().then(({ bytes }) => bytes)`) / 1e6
	m.server, m.resident, m.routines = float64(heap())/1e6, resident(int64(os.Getpid())), float64(runtime.NumGoroutine())
	s.samples = append(s.samples, m)
}

// usage returns the share of a core that each process had since it was asked last, and the memory of the page's.
func (s *soaking) usage() (share map[string]float64, renderer float64) {
	s.t.Helper()
	info, err := chromedp.CallBrowser(s.ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		s.t.Fatal(err)
	}
	now := map[string]float64{}
	most := -1.0
	for _, p := range info.ProcessInfo {
		now[p.Type] += p.CPUTime
		if p.Type == "renderer" && p.CPUTime > most { // there is a spare one
			s.renderer, most = p.ID, p.CPUTime
		}
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		s.t.Fatal(err)
	}
	now["server"] = time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	share = map[string]float64{}
	for name, seconds := range now {
		share[name] = (seconds - s.cpu[name]) / time.Since(s.cpuAt).Seconds()
	}
	s.cpu, s.cpuAt = now, time.Now()
	return share, resident(s.renderer)
}

// busy returns how long the first thread of a process has had a core: of a renderer that is the page's.
func busy(pid int64) time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/schedstat", pid)) // it may have ended
	first, _, _ := strings.Cut(string(b), " ")
	ns, _ := strconv.ParseInt(first, 10, 64) // the kernel writes numbers
	return time.Duration(ns)
}

// resident returns how much of a process is in memory, in MB.
func resident(pid int64) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)) // it may have ended
	if fields := strings.Fields(string(b)); len(fields) > 1 {
		pages, _ := strconv.Atoi(fields[1]) // the kernel writes numbers
		return float64(pages*os.Getpagesize()) / 1e6
	}
	return 0
}

// soakCounts are the events of the log, and those that each lane's ledger has seen.
type soakCounts struct {
	Head                         int
	Events, Lost, Repeated, Gaps map[string]int
}

func (s *soaking) counts() soakCounts {
	return run[soakCounts](s.page, `(() => {
		const each = (name) => Object.fromEntries([...pushlab.lanes].map(([lane, { ledger }]) => [lane, ledger[name]]));
		return { head: Number(pushlab.trace.log.head.split("-")[1]), events: each("events"), lost: each("lost"), repeated: each("repeated"), gaps: each("gaps") };
	})()`)
}

// end stops the events, waits until all have come, and checks what was measured.
func (s *soaking) end() {
	t := s.t
	t.Helper()
	took := time.Since(s.began)
	run[chromedp.Void](s.page, `pushlab.lab.command("source", { rate: 0 }).then(() => {})`)
	run[chromedp.Void](s.page, `pushlab.set({ selected: null, span: 10_000 })`)
	s.wait(`[...pushlab.lanes.values()].every(({ cursor }) => cursor === pushlab.trace.log.head)`)
	labCaughtUp(s.page)
	after := s.counts()
	published := after.Head - s.before.Head
	rate := float64(published) / took.Seconds()
	s.idle = min(s.idle, s.rest()) // others may have come, and need the machine too

	all := func(of func(soakSample) []float64) (values []float64) {
		for _, m := range s.samples {
			values = append(values, of(m)...)
		}
		return values
	}
	frames := all(func(m soakSample) []float64 { return m.Frames })
	tasks := all(func(m soakSample) []float64 { return m.Tasks })
	last := s.samples[len(s.samples)-1]
	t.Logf("\n%s", s.table())
	t.Logf("%d events in %v, %.0f a second, on each of four lanes; frames a second: %.0f median, %.0f 5th percentile, %.0f in the worst second (%.0f at rest); "+
		"%d tasks over 50 ms in %d s, the longest %.0f ms; the heap is %.1f MB, page and workers %.1f MB, renderer %.0f MB, server %.1f MB; %.0f records were dropped",
		published, took.Round(time.Second), rate, quantile(0.5, frames), quantile(0.05, frames), quantile(0, frames), s.idle,
		len(tasks), len(frames), quantile(1, tasks), last.heap, last.memory, last.renderer, last.server, last.Dropped)

	for _, lane := range transports {
		if got := after.Events[lane] - s.before.Events[lane]; got != published {
			t.Errorf("%s brought %d of %d events", lane, got, published)
		}
		if after.Lost[lane]+after.Repeated[lane]+after.Gaps[lane] > 0 {
			t.Errorf("%s: %d lost, %d repeated, %d gaps", lane, after.Lost[lane], after.Repeated[lane], after.Gaps[lane])
		}
	}
	for i, m := range s.samples {
		if most := run[map[string]float64](s.page, `pushlab.trace.constructor.limits`); m.Items > most["items"] || m.Published > most["published"] {
			t.Errorf("sample %d: the trace has %.0f items, and %.0f events of the log", i, m.Items, m.Published)
		}
	}
	// The long run has the machine for itself. Otherwise other tests run beside it, and there are as many frames as they
	// leave; so what counts is what a frame costs, in the sample that was disturbed least.
	if s.long {
		if rate < 950 || rate > 1050 {
			t.Errorf("there were %.0f events a second", rate)
		}
		if got := quantile(0.5, frames); got < 30 {
			t.Errorf("there were %.0f frames a second", got)
		}
	}
	if could := quantile(1, all(func(m soakSample) []float64 { return []float64{m.could} })); could < 45 {
		t.Errorf("a core would be enough for %.0f frames a second", could)
	}
	s.bounded("heap", 2, func(m soakSample) float64 { return m.heap })
	s.bounded("memory of page and workers", 3, func(m soakSample) float64 { return m.memory })
	s.bounded("nodes", 1500, func(m soakSample) float64 { return m.Nodes })
	s.bounded("resident memory of the renderer", 30, func(m soakSample) float64 { return m.renderer })
	s.bounded("heap of the server", 20, func(m soakSample) float64 { return m.server })
	s.bounded("goroutines", 20, func(m soakSample) float64 { return m.routines })
}

// bounded checks that something does not grow once the trace is full: the median of the last third of the samples is
// that of the first third, up to a tenth, since the trace drops its items by the tenth, and to what chance makes.
func (s *soaking) bounded(what string, chance float64, of func(soakSample) float64) {
	s.t.Helper()
	full := max(len(s.samples)/6, slices.IndexFunc(s.samples, func(m soakSample) bool { return m.Published > 0.7*s.samples[len(s.samples)-1].Published }))
	var values []float64
	for _, m := range s.samples[full:] {
		values = append(values, of(m))
	}
	third := (len(values) + 2) / 3
	first, last := quantile(0.5, values[:third]), quantile(0.5, values[len(values)-third:])
	if !s.long { // and with other tests beside it, what waits to be done has a size of its own
		chance *= 5
	}
	if last > 1.1*first+chance {
		s.t.Errorf("%s: %.1f in the last third, %.1f in the first", what, last, first)
	}
}

// table shows all samples.
func (s *soaking) table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at\tframes/s\tleast\tcould\tgap ms\ttasks\tpictures/s\tms each\titems\tnodes\tlag ms\tp99 ms\tdropped\theap MB\tmemory MB\trenderer MB\tserver MB\tresident MB\tgoroutines\tCPU server\trenderer\tbrowser\tGPU\t")
	for _, m := range s.samples {
		fmt.Fprintf(w, "%.0f s\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%.0f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.0f\t%.1f\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t\n",
			m.at.Seconds(), quantile(0.5, m.Frames), quantile(0, m.Frames), m.could, m.Gap, len(m.Tasks), m.Pictures, m.Paint, m.Items, m.Nodes, m.Lag, m.Late, m.Dropped,
			m.heap, m.memory, m.renderer, m.server, m.resident, m.routines, m.cpu["server"], m.cpu["renderer"], m.cpu["browser"], m.cpu["GPU"])
	}
	w.Flush()
	return b.String()
}

// quantile returns the value that a share q of all does not exceed; 0 if there is none.
func quantile(q float64, values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func soakCall[R any](p *page, command cdp.Command[cdp.Empty, R]) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, cdp.Empty{})
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}
