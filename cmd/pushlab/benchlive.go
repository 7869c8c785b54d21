package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/bench/report"
	"pushlab/bench/result"
)

// A liveView is what is known of a run while it goes on, and shows it: as a frame for a terminal, or as
// lines. It knows no clock and no terminal: it is told events, the time and the size.
type liveView struct {
	color bool

	plan    *result.Plan
	noise   *result.Latency // before the run
	rows    [][]*liveRow    // by case and lane, as in the plan
	at      int             // the case
	row     *liveRow        // that is measured now; nil before the first
	round   int
	phase   result.Phase
	phaseAt time.Duration // when it began
	laneAt  time.Duration // when the lane did
	reading *result.Reading
	note    string
	ending  bool // the user has asked for the end

	measured        int           // measurements that have ended
	planned, passed time.Duration // what these were to take, and took
}

// A liveRow is a lane.
type liveRow struct {
	lane   result.Lane
	ended  []result.Measurement // a round each
	now    liveValues           // while it is measured
	kib    float64              // for each connection, when it was last measured
	sent   int64                // events, in this phase as what follows
	took   time.Duration
	events int64 // deliveries
	bytes  int64
	cpu    time.Duration
	p99s   []time.Duration // of the latest readings
}

// liveValues are what a row shows; NaN where there is none.
type liveValues struct {
	rate, sent, connected, p50, p99, p999, bytes, cpu, kib, lost float64
}

// maxSparks is how many readings a row remembers.
const maxSparks = 100

func nothing() liveValues {
	n := math.NaN()
	return liveValues{n, n, n, n, n, n, n, n, n, n}
}

// take enters an event.
func (v *liveView) take(e result.Event) {
	if e.Plan != nil {
		v.plan = e.Plan
		for _, lanes := range e.Plan.Lanes {
			var rows []*liveRow
			for _, l := range lanes {
				rows = append(rows, &liveRow{lane: l, now: nothing(), kib: math.NaN()})
			}
			v.rows = append(v.rows, rows)
		}
	}
	if e.Noise != nil && v.noise == nil {
		v.noise = e.Noise
	}
	if e.Lane == nil || v.plan == nil {
		return
	}
	switch e.Kind {
	case result.LaneBegins:
		v.at, v.round, v.laneAt, v.phase, v.reading, v.note = e.Case, e.Round, e.At, result.Phase{}, nil, ""
		i := slices.IndexFunc(v.rows[e.Case], func(r *liveRow) bool { return r.lane == *e.Lane })
		v.row = v.rows[e.Case][i]
		v.row.now = nothing()
	case result.PhaseBegins:
		if e.Phase.Name != result.Draining {
			v.row.sent, v.row.took, v.row.events, v.row.bytes, v.row.cpu, v.reading = 0, 0, 0, 0, 0, nil
		}
		v.phase, v.phaseAt = *e.Phase, e.At
	case result.ReadingMade:
		v.read(e.Reading)
	case result.LaneEnds:
		v.row.ended = append(v.row.ended, *e.Measurement)
		v.measured++
		v.planned, v.passed = v.planned+v.plan.Each[e.Case], v.passed+e.At-v.laneAt
		v.row = nil
	case result.NoteMade:
		v.note = e.Note
	case result.PlanKnown, result.NoiseFound, result.RunEnds:
	}
}

// read enters a reading of the row that is measured.
func (v *liveView) read(r *result.Reading) {
	v.reading = r
	row := v.row
	row.now.rate, row.now.connected, row.now.lost = r.Rate, float64(r.Connected), float64(r.Missing)
	row.sent, row.took = row.sent+r.Published, row.took+r.Took
	if r.Rate > 0 && row.took > 0 {
		row.now.sent = float64(row.sent) / row.took.Seconds()
	} else {
		row.now.rate, row.now.sent = math.NaN(), math.NaN()
	}
	if r.Connected > 0 && r.Resident > r.Empty && r.Empty > 0 {
		row.now.kib = float64(r.Resident-r.Empty) / 1024 / float64(r.Connected)
		row.kib = row.now.kib
	}
	if r.Delivered == 0 {
		return
	}
	row.now.p50, row.now.p99, row.now.p999 = inMs(r.P50), inMs(r.P99), inMs(r.P999)
	row.events, row.bytes, row.cpu = row.events+r.Delivered, row.bytes+r.BytesDown+r.BytesUp, row.cpu+r.ServerCPU
	row.now.bytes = float64(row.bytes) / float64(row.events)
	if row.cpu > 0 {
		row.now.cpu = float64(row.cpu) / 1e3 / float64(row.events)
	}
	row.p99s = append(row.p99s, r.P99)
	row.p99s = row.p99s[max(0, len(row.p99s)-maxSparks):]
}

func inMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// values are what a row shows: how it goes while it is measured, and then the medians of its rounds.
func (v *liveView) values(r *liveRow, c result.Case) liveValues {
	if r == v.row || len(r.ended) == 0 {
		return r.now
	}
	var lost float64
	median := func(of func(result.Measurement) float64) float64 {
		var values []float64
		for _, m := range r.ended {
			if x := of(m); x != 0 {
				values = append(values, x)
			}
		}
		if len(values) == 0 {
			return math.NaN()
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	for _, m := range r.ended {
		lost += float64(m.Lost)
	}
	took := func(percentile func(result.Latency) time.Duration) float64 {
		return median(func(m result.Measurement) float64 {
			if m.CatchUp != nil {
				return inMs(percentile(*m.CatchUp))
			}
			return inMs(percentile(m.Delivery))
		})
	}
	return liveValues{
		rate: median(func(m result.Measurement) float64 {
			if m.Search != nil {
				return m.Search.Deliveries / float64(c.Subscribers)
			}
			return c.Rate
		}),
		sent:      median(func(m result.Measurement) float64 { return m.PublishRate }),
		connected: median(func(m result.Measurement) float64 { return float64(c.Subscribers) - float64(m.Disconnected) }),
		p50:       took(func(l result.Latency) time.Duration { return l.P50 }),
		p99:       took(func(l result.Latency) time.Duration { return l.P99 }),
		p999:      took(func(l result.Latency) time.Duration { return l.P999 }),
		bytes:     median(func(m result.Measurement) float64 { return m.BytesDownPerEvent() + m.BytesUpPerEvent() }),
		cpu:       median(func(m result.Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }),
		kib:       r.kib,
		lost:      lost,
	}
}

// A liveColumn is one of the table. Which of them there is room for is decided by rank, the least first.
type liveColumn struct {
	title  string
	rank   int
	digits int // of a number less than 10; a larger has less
	of     func(liveValues) float64
}

// liveColumns are in the order in which they stand.
var liveColumns = []liveColumn{
	{"due/s", 8, 1, func(v liveValues) float64 { return v.rate }},
	{"sent/s", 2, 1, func(v liveValues) float64 { return v.sent }},
	{"connected", 7, 0, func(v liveValues) float64 { return v.connected }},
	{"p50 ms", 1, 2, func(v liveValues) float64 { return v.p50 }},
	{"p99 ms", 0, 2, func(v liveValues) float64 { return v.p99 }},
	{"p99.9 ms", 6, 2, func(v liveValues) float64 { return v.p999 }},
	{"B/event", 4, 1, func(v liveValues) float64 { return v.bytes }},
	{"CPU µs/event", 5, 2, func(v liveValues) float64 { return v.cpu }},
	{"KiB/conn", 9, 1, func(v liveValues) float64 { return v.kib }},
	{"lost", 3, 0, func(v liveValues) float64 { return v.lost }},
}

const (
	gap        = 2  // columns between two
	narrowest  = 6  // a column
	leastSpark = 12 // a sparkline that is worth it
	mostSpark  = 40
)

func (c liveColumn) width() int { return max(narrowest, len([]rune(c.title))) + gap }

// fitting returns the columns that fit.
func fitting(room int) []liveColumn {
	byRank := slices.SortedFunc(slices.Values(liveColumns), func(a, b liveColumn) int { return a.rank - b.rank })
	last := -1
	for _, c := range byRank {
		if room -= c.width(); room < 0 {
			break
		}
		last = c.rank
	}
	return slices.DeleteFunc(slices.Clone(liveColumns), func(c liveColumn) bool { return c.rank > last })
}

// liveNumber is short: of three digits or more nothing is behind the point.
func liveNumber(x float64, digits int) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case x >= 1e6:
		return fmt.Sprintf("%.2fM", x/1e6)
	case x >= 100:
		digits = 0
	case x >= 10:
		digits = min(digits, 1)
	}
	return fmt.Sprintf("%.*f", digits, x)
}

// frame is what a terminal of that size shows at a time of the run.
func (v *liveView) frame(width, height int, now time.Duration) []string {
	if v.plan == nil || len(v.rows) == 0 {
		return []string{v.fit(width, piece{"preparing", ""})}
	}
	c, rows := v.plan.Cases[v.at], v.rows[v.at]
	lines := []string{v.head(width, now), v.fit(width, piece{report.Title(c), dim}), ""}
	name := 0
	for _, r := range rows {
		name = max(name, 2+len([]rune(v.name(c, r.lane))))
	}
	name = min(name, width/3)
	columns := fitting(width - name)
	used := name
	title := []piece{{pad("", name), ""}}
	for _, col := range columns {
		used += col.width()
		title = append(title, piece{padLeft(col.title, col.width()), dim})
	}
	spark := min(width-used-gap, mostSpark)
	if spark >= leastSpark {
		title = append(title, piece{strings.Repeat(" ", gap) + "p99", dim})
	}
	lines = append(lines, v.fit(width, title...))
	low, high := bounds(rows)
	from, to := visibleRows(len(rows), slices.Index(rows, v.row), height-8)
	for _, r := range rows[from:to] {
		mark, style := v.mark(r)
		pieces := []piece{{mark + " ", style}, {pad(text.Trim(v.name(c, r.lane), name-2), name-2), map[bool]string{true: bold}[r == v.row]}}
		values := v.values(r, c)
		for _, col := range columns {
			x := col.of(values)
			style := ""
			if col.title == "lost" && x > 0 {
				style = red
			}
			pieces = append(pieces, piece{padLeft(liveNumber(x, col.digits), col.width()), style})
		}
		if spark >= leastSpark {
			pieces = append(pieces, piece{strings.Repeat(" ", gap) + sparkline(r.p99s, spark, low, high), "36"})
		}
		lines = append(lines, v.fit(width, pieces...))
	}
	if hidden := len(rows) - (to - from); hidden > 0 {
		lines = append(lines, v.fit(width, piece{fmt.Sprintf("  and %d more", hidden), dim}))
	}
	lines = append(lines, "", v.bar(width, now))
	if spark < leastSpark && v.row != nil {
		lines = append(lines, v.fit(width, piece{"p99 ", dim}, piece{sparkline(v.row.p99s, width-4, low, high), "36"}))
	}
	switch {
	case v.ending:
		lines = append(lines, v.fit(width, piece{"ending: what is under way is received; Ctrl-C again ends at once", "33"}))
	case v.note != "":
		lines = append(lines, v.fit(width, piece{v.note, dim}))
	}
	return lines[:max(1, min(len(lines), height-1))]
}

// head is the first line: what is done, how far it is, and how long it will take.
func (v *liveView) head(width int, now time.Duration) string {
	var all int
	for i, c := range v.plan.Cases {
		all += c.Rounds * len(v.plan.Lanes[i])
	}
	where := fmt.Sprintf("measurement %d of %d", min(v.measured+1, all), all)
	if n := len(v.plan.Cases); n > 1 {
		where += fmt.Sprintf(" · case %d of %d", v.at+1, n)
	}
	if rounds := v.plan.Cases[v.at].Rounds; rounds > 1 {
		where += fmt.Sprintf(" · round %d of %d", max(1, v.round), rounds)
	}
	rest := " · " + clockTime(now) + " so far"
	if v.noise != nil { // beside which p99.9 is to be read
		rest += " · a timer is late by p99.9 " + liveNumber(inMs(v.noise.P999), 2) + " ms"
	}
	return v.fit(width, piece{"pushlab bench", bold}, piece{" · ", ""}, piece{clockTime(v.left(now)) + " left", bold}, piece{" · " + where, ""}, piece{rest, dim})
}

// left is how long the rest may take: what the plan says, as much longer or shorter as the plan was wrong.
func (v *liveView) left(now time.Duration) time.Duration {
	rest, off := v.plan.Estimate-v.planned, 1.0
	if v.planned > 0 {
		off = float64(v.passed) / float64(v.planned)
	}
	rest = time.Duration(float64(rest) * off)
	if v.row != nil {
		rest -= min(now-v.laneAt, time.Duration(float64(v.plan.Each[v.at])*off))
	}
	return max(0, rest)
}

// clockTime is a time in minutes and seconds.
func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// bar is how far the phase is.
func (v *liveView) bar(width int, now time.Duration) string {
	if v.row == nil {
		return ""
	}
	done, tail := -1.0, ""
	into := max(0, now-v.phaseAt)
	switch {
	case v.phase.Name == result.Connecting && v.reading != nil:
		done = float64(v.reading.Connected) / float64(max(1, v.reading.Subscribers))
		tail = fmt.Sprintf("%d of %d", v.reading.Connected, v.reading.Subscribers)
	case v.phase.Takes > 0 && v.phase.Name != result.Starting && v.phase.Name != result.Connecting:
		done = min(1, float64(into)/float64(v.phase.Takes))
		tail = fmt.Sprintf("%.1f of %.1f s", min(into, v.phase.Takes).Seconds(), v.phase.Takes.Seconds())
	}
	if r := v.reading; r != nil && r.ServerCPU > 0 {
		tail += fmt.Sprintf(" · server %.2f, load %.2f cores", r.ServerCores(), float64(r.LoadCPU)/float64(r.Took))
	}
	what := cmp.Or(string(v.phase.Name), v.phase.Text)
	pieces := []piece{{v.name(v.plan.Cases[v.at], v.row.lane), bold}, {" · " + what + " ", ""}}
	if done >= 0 {
		full := min(30, width/8)
		n := int(done*float64(full) + 0.5)
		pieces = append(pieces, piece{strings.Repeat("█", n), "32"}, piece{strings.Repeat("░", full-n), dim}, piece{" ", ""})
	}
	return v.fit(width, append(pieces, piece{tail, ""})...)
}

// name is what a lane of a case is called.
func (v *liveView) name(c result.Case, l result.Lane) string {
	if len(c.Targets) == 1 {
		return printable(l.ShortName())
	}
	return printable(l.Name())
}

// mark says how a row is: not measured yet, being measured, fine, not valid, or failed.
func (v *liveView) mark(r *liveRow) (mark, style string) {
	if r == v.row {
		return "▶", bold
	}
	mark, style = " ", ""
	for _, m := range r.ended {
		switch {
		case len(m.Verdict.Failed) > 0:
			return "✗", red
		case !m.Verdict.TailComparable():
			mark, style = "!", "33"
		case mark == " ":
			mark, style = "✓", "32"
		}
	}
	return mark, style
}

// visibleRows returns which of n rows to show if there is room for that many: with one of them.
func visibleRows(n, with, room int) (from, to int) {
	room = max(1, room)
	if n <= room {
		return 0, n
	}
	from = min(max(0, with-room/2), n-room)
	return from, from + room
}

// bounds are the smallest and largest p99 of all rows, so that their lines can be compared.
func bounds(rows []*liveRow) (low, high time.Duration) {
	for _, r := range rows {
		for _, p := range r.p99s {
			if low == 0 || p < low {
				low = p
			}
			high = max(high, p)
		}
	}
	return low, high
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the latest of some times, by their logarithm between low and high.
func sparkline(times []time.Duration, room int, low, high time.Duration) string {
	times = times[max(0, len(times)-max(0, room)):]
	var b strings.Builder
	for _, t := range times {
		i := 0
		if high > low {
			i = int(math.Log(float64(t)/float64(low)) / math.Log(float64(high)/float64(low)) * float64(len(sparks)))
		}
		b.WriteRune(sparks[min(max(0, i), len(sparks)-1)])
	}
	return b.String()
}

// fit makes a line of pieces, of which what does not fit is left out.
func (v *liveView) fit(width int, pieces ...piece) string {
	var b strings.Builder
	for _, p := range pieces {
		runes := []rune(p.text)
		runes = runes[:min(len(runes), max(0, width))]
		width -= len(runes)
		b.WriteString(paint(v.color, p.style, string(runes)))
	}
	return strings.TrimRight(b.String(), " ")
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len([]rune(s)))) }

func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-len([]rune(s)))) + s
}

// line is what an event is in a log: where it is no terminal. Most events are none.
func (v *liveView) line(e result.Event) string {
	if v.plan == nil {
		return ""
	}
	at := fmt.Sprintf("%7.1f s  ", e.At.Seconds())
	if e.Plan != nil {
		var all int
		for i, c := range v.plan.Cases {
			all += c.Rounds * len(v.plan.Lanes[i])
		}
		return at + fmt.Sprintf("%d measurements in %d cases, about %s", all, len(v.plan.Cases), clockTime(v.plan.Estimate))
	}
	if e.Noise != nil {
		return at + fmt.Sprintf("a timer on the load's core is late by p50 %s p99.9 %s max %s ms", liveNumber(inMs(e.Noise.P50), 2), liveNumber(inMs(e.Noise.P999), 2), liveNumber(inMs(e.Noise.Max), 2))
	}
	if e.Lane == nil {
		return ""
	}
	c := v.plan.Cases[e.Case]
	where := at + c.Name
	if c.Rounds > 1 {
		where += fmt.Sprintf(" %d/%d", e.Round, c.Rounds)
	}
	where += ": " + v.name(c, *e.Lane) + ": "
	switch {
	case e.Kind == result.NoteMade:
		return where + e.Note
	case e.Kind == result.PhaseBegins && e.Phase.Name == "":
		return where + e.Phase.Text
	case e.Kind == result.LaneEnds:
		m := e.Measurement
		said := slices.Concat(m.Verdict.Failed, m.Verdict.Invalid, m.Verdict.Tail)
		if len(said) == 0 {
			said = []string{"fine"}
		}
		return where + "measured: " + strings.Join(said, "; ")
	case e.Kind != result.ReadingMade:
		return ""
	}
	r := e.Reading
	where += cmp.Or(string(r.Phase), "waiting") + fmt.Sprintf(" %.0f s, %d of %d connected", r.Into.Seconds(), r.Connected, r.Subscribers)
	if r.Rate > 0 {
		where += fmt.Sprintf(", sent %s/s of %g", liveNumber(r.PublishRate(), 1), r.Rate)
	}
	if r.Delivered > 0 {
		where += fmt.Sprintf(", delivered %.0f/s, p50 %s p99 %s max %s ms", float64(r.Delivered)/r.Took.Seconds(),
			liveNumber(inMs(r.P50), 2), liveNumber(inMs(r.P99), 2), liveNumber(inMs(r.Max), 2))
	}
	if r.Missing > 0 {
		where += fmt.Sprintf(", %d missing", r.Missing)
	}
	if r.ServerCPU > 0 {
		where += fmt.Sprintf(", server %.2f cores", r.ServerCores())
	}
	return where
}
