package bench

import (
	"runtime/debug"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/result"
)

// A course is how deliveries go while they are measured: it puts together what a watch sees at each step.
type course struct {
	running bool
	each    time.Duration // how long an interval is
	from    time.Time     // of the interval
	sent    int           // at its beginning
	came    load.Glance   // in it
	all     []result.Interval
}

// parts is about how many intervals a measurement has.
const parts = 20

// beginCourse begins a course, if the watch's phase is the one that is measured.
func beginCourse(w *watch) course {
	if w.phase.Name != result.Measuring {
		return course{}
	}
	return course{running: true, each: max(w.step, w.run.point.Measure/parts), from: w.began, sent: w.last.sent}
}

// enter adds what came in a step, and ends an interval that has lasted long enough.
func (c *course) enter(w *watch, g load.Glance) {
	if !c.running {
		return
	}
	c.came = g.Since(c.came)
	if time.Since(c.from) >= c.each-w.step/2 { // a ticker may be early or late
		c.cut(w)
	}
}

// cut ends an interval, and begins the next.
func (c *course) cut(w *watch) {
	now, g := time.Now(), c.came
	c.all = append(c.all, result.Interval{
		At: c.from.Sub(w.began), Took: now.Sub(c.from), Delivered: g.Delivered, P50: g.P50, P99: g.P99, Max: g.Max,
		Away: max(0, w.run.point.Subscribers-g.Connected), Missing: w.missing(c.sent, g),
	})
	c.from, c.sent, c.came = now, w.run.sent(), load.Glance{}
}

// end ends the course, and enters it in the measurement, which belongs to who calls it. Of the intervals behind the last
// delivery the first says what has not come, and the others nothing.
func (c *course) end(w *watch) {
	if !c.running {
		return
	}
	if c.came.Delivered > 0 {
		c.cut(w)
	}
	c.running = false
	all := c.all
	for n := len(all); n > 0 && all[n-1].Delivered == 0 && (all[n-1].Missing == 0 || n > 1 && all[n-2].Delivered == 0); n-- {
		all = all[:n-1]
	}
	w.run.Intervals = all
	if n := len(all); n > 0 { // what comes behind that is the load's own sums
		w.run.Collections = collections(w.run, w.began, w.began.Add(all[n-1].At+all[n-1].Took))
	}
}

// collections returns when server and load collected garbage in a time; nil if they did not, or do not tell.
func collections(r *run, from, to time.Time) *result.Collections {
	var found result.Collections
	for _, at := range r.server.Collections(from, to) {
		found.Server = append(found.Server, at.Sub(from))
	}
	var own debug.GCStats
	debug.ReadGCStats(&own)
	for i := len(own.PauseEnd) - 1; i >= 0; i-- { // the latest comes first
		if at := own.PauseEnd[i]; at.After(from) && !at.After(to) {
			found.Load = append(found.Load, at.Sub(from))
		}
	}
	if found.Server == nil && found.Load == nil {
		return nil
	}
	return &found
}
