package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A Report is a result in words and tables, for people.
type Report struct {
	// Result is what is reported.
	Result Result
	// Color says that it is read on a terminal which shows colors.
	Color bool
}

// Write writes the report: first the verdicts, then the numbers, then how to read them.
func (r Report) Write(w io.Writer) error {
	e := r.Result.Environment
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d cores, %s %s, %s", cmp.Or(e.CPU, "unknown CPU"), e.Cores, e.OS, e.Kernel, e.GoVersion)
	if pin := r.Result.Pin; pin != nil {
		fmt.Fprintf(&b, "; server on core %d, load on core %d", pin.Server, pin.Load)
	}
	b.WriteString("\n")
	for _, o := range r.Result.Outcomes {
		b.WriteString("\n" + Title(o.Case) + "\n")
		r.verdict(&b, o)
	}
	r.growth(&b)
	if r.Result.Interrupted {
		fmt.Fprintf(&b, "\n%s this is what was measured until then\n", r.paint(text.FgYellow, "INTERRUPTED"))
	}
	for _, o := range r.Result.Outcomes {
		b.WriteString("\n" + strings.Join(r.tables(o), "\n\n") + "\n")
	}
	b.WriteString("\n" + r.explanation())
	_, err := io.WriteString(w, b.String())
	return err
}

// Title says in a line what a case does.
func Title(s Case) string {
	rounds := "one round each"
	if s.Rounds > 1 {
		rounds = fmt.Sprintf("%d rounds", s.Rounds)
	}
	switch s.Kind {
	case Idle:
		return fmt.Sprintf("%s: %d subscribers, watched for %v after %d events; %s", s.Name, s.Subscribers, s.Measure, s.warmUp(), rounds)
	case Capacity:
		return fmt.Sprintf("%s: %d subscribers, events with %d bytes of data, the highest rate with a p99 of at most %v over %v; %s",
			s.Name, s.Subscribers, s.Size, s.Limit, s.Measure, rounds)
	case Storm:
		return fmt.Sprintf("%s: %d subscribers drop, miss %d events with %d bytes of data, and come back at once; %s",
			s.Name, s.Subscribers, s.events(), s.Size, rounds)
	default:
		return fmt.Sprintf("%s: %d subscribers, %g events/s with %d bytes of data, measured for %v after %v of warm-up; %s",
			s.Name, s.Subscribers, s.Rate, s.Size, s.Measure, s.WarmUp, rounds)
	}
}

// verdict writes what to think of an outcome.
func (r Report) verdict(b *strings.Builder, o Outcome) {
	line := func(color text.Color, word, what string) { fmt.Fprintf(b, "%s %s\n", r.paint(color, word), what) }
	lines := func(color text.Color, word string, of func(Verdict) []string) {
		for _, m := range o.Measurements {
			for _, what := range of(m.Verdict) {
				line(color, word, o.Case.name(m)+": "+what)
			}
		}
	}
	gathered := func(color text.Color, word string, of func(Verdict) []string) {
		if o.Case.Rounds == 1 && len(o.Case.Targets) == 1 {
			lines(color, word, of)
			return
		}
		var kinds []string
		count, example := map[string]int{}, map[string]string{}
		for _, m := range o.Measurements {
			for _, what := range of(m.Verdict) {
				kind := strings.Map(func(c rune) rune {
					return cmp.Or(map[bool]rune{true: -1}[strings.ContainsRune("0123456789.nµms", c)], c)
				}, what)
				if count[kind]++; count[kind] == 1 {
					kinds = append(kinds, kind)
					example[kind] = o.Case.name(m) + ": " + what
				}
			}
		}
		for _, kind := range kinds {
			if n := count[kind]; n > 1 {
				example[kind] += fmt.Sprintf("; likewise %d more", n-1)
			}
			line(color, word, example[kind])
		}
	}
	lines(text.FgRed, "FAILED", func(v Verdict) []string { return v.Failed })
	lines(text.FgYellow, "NOT VALID", func(v Verdict) []string { return v.Invalid })
	gathered(text.FgYellow, "TAIL NOT VALID", func(v Verdict) []string { return v.Tail })
	fine, tails := 0, 0
	for _, m := range o.Measurements {
		if m.Verdict.Comparable() {
			fine++
		}
		if m.Verdict.TailComparable() {
			tails++
		}
	}
	if fine > 0 && o.Case.Kind != Idle && o.Case.Kind != Capacity {
		line(text.FgGreen, "OK", fmt.Sprintf("%d of %d measurements delivered every event once and in order%s",
			fine, len(o.Measurements), map[bool]string{true: ", while the load kept its rate"}[o.Case.Kind == FanOut]))
	}
	for _, s := range o.Summaries {
		for _, ratio := range s.Ratios {
			if said := compare(s, ratio); said != "" {
				line(text.FgGreen, "RATIO", said)
			}
		}
	}
	gathered(text.FgCyan, "NOTE", func(v Verdict) []string { return v.Notes })
	if tails < len(o.Measurements) {
		b.WriteString("What must not be compared is left out below; " + FileName + " has it.\n")
	}
}

// compare says how a target does beside another, if that is worth saying.
func compare(s Summary, ratio Ratio) string {
	reference := func(name string) bool { return name == FloorName || name == BaselineName || name == NchanName }
	what := map[Metric]string{
		CPUPerEvent: "costs", MemoryPerConnection: "takes", DeliveriesPerSecond: "delivers", CatchUpTime: "takes",
	}[s.Metric]
	once, of := s.Lane, "%s %s %s times what %s does"
	once.Again = false
	switch {
	case s.Again && ratio.To == s.Target:
		return fmt.Sprintf("%s against itself: %s, which is the noise", once.Name(), ratio.Spread.format(2))
	case s.Again || !reference(ratio.To) || reference(s.Target):
		return ""
	case ratio.To == FloorName:
		of = "%s %s %s times the %s"
	}
	return fmt.Sprintf(of, s.Name(), what, ratio.Spread.format(2), ratio.To)
}

// growth writes how the cost of an event grows with the number of subscribers, beside the floor's,
// if it was measured with several.
func (r Report) growth(b *strings.Builder) {
	var small, large Outcome
	for _, o := range r.Result.Outcomes {
		switch n := o.Case.Subscribers; {
		case o.Case.Kind != FanOut || !slices.Contains(o.Case.Targets, FloorName):
		case small.Case.Subscribers == 0:
			small, large = o, o
		case n > large.Case.Subscribers:
			large = o
		case n < small.Case.Subscribers:
			small = o
		}
	}
	if small.Case.Subscribers == large.Case.Subscribers {
		return
	}
	fmt.Fprintf(b, "\nfrom %d to %d subscribers an event's cost grows by a factor of\n", small.Case.Subscribers, large.Case.Subscribers)
	for _, s := range large.Summaries {
		at := slices.IndexFunc(small.Summaries, func(other Summary) bool {
			return other.Lane == s.Lane
		})
		if at < 0 || s.Again || small.Summaries[at].Value.Rounds == 0 || s.Value.Rounds == 0 {
			continue
		}
		before := small.Summaries[at].Value
		fmt.Fprintf(b, "%s %s (%s µs to %s µs)\n", s.Name(), number(s.Value.Median/before.Median, 2), before.format(1), s.Value.format(1))
	}
}

// name is what the report calls a measurement.
func (s Case) name(m Measurement) string {
	name := m.ShortName()
	if len(s.Targets) > 1 {
		name = m.Name()
	}
	if s.Rounds > 1 {
		name += fmt.Sprintf(" in round %d", m.Round)
	}
	return name
}

// tables returns the tables of an outcome.
func (r Report) tables(o Outcome) []string {
	switch {
	case o.Case.Kind == Idle:
		return []string{r.memory(o)}
	case o.Case.Kind == Capacity:
		return []string{r.capacity(o)}
	case o.Case.Kind == Storm:
		return []string{r.storm(o)}
	case o.Case.Rounds > 1 || len(o.Case.Targets) > 1:
		return []string{r.costs(o)}
	default:
		return []string{r.deliveries(o), r.load(o)}
	}
}

// costs is the table of what delivered events cost, over all rounds.
func (r Report) costs(o Outcome) string {
	t := newTable()
	titles := [2]table.Row{{"", "server CPU µs/event", "", "of it"}, {o.title(), "median", "min..max", "softirq"}}
	var references []string
	for _, name := range []string{FloorName, BaselineName} {
		if slices.Contains(o.Case.Targets, name) {
			references = append(references, name)
			titles[0], titles[1] = append(titles[0], "times", ""), append(titles[1], name, "min..max")
		}
	}
	t.AppendHeader(append(titles[0], "events", "bytes/event", "", "delivery ms", "", "cores busy", ""))
	t.AppendHeader(append(titles[1], "/write", "down", "up", "p50", "p99", "server", "load"))
	for _, s := range o.Summaries {
		row := table.Row{s.Name(), s.Value.median(1), s.Value.bounds(1), o.median(s, func(m Measurement) float64 {
			return ratio(int64(m.SoftirqCPU), m.Delivered) / float64(time.Microsecond)
		}).digits(1)}
		for _, name := range references {
			row = append(row, s.ratio(name).median(2), s.ratio(name).bounds(2))
		}
		t.AppendRow(append(row,
			o.median(s, Measurement.EventsPerWrite).digits(2),
			o.median(s, Measurement.BytesDownPerEvent).digits(1), o.median(s, Measurement.BytesUpPerEvent).digits(1),
			o.median(s, func(m Measurement) float64 { return float64(m.Delivery.P50) / 1e6 }).digits(2),
			o.median(s, func(m Measurement) float64 { return float64(m.Delivery.P99) / 1e6 }).digits(2),
			o.median(s, Measurement.ServerCores).digits(2), o.median(s, Measurement.LoadCores).digits(2),
		))
	}
	return t.Render()
}

// title stands above the names in an outcome's table.
func (o Outcome) title() string {
	return fmt.Sprintf("%s, %d", o.Case.Name, o.Case.Subscribers)
}

// memory is the table of what idle connections take.
func (r Report) memory(o Outcome) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "KiB/connection", "", "of it", "", "MiB", "", "goroutines", "CPU"})
	t.AppendHeader(table.Row{o.title(), "median", "min..max", "heap", "stack", "empty", "full", "/connection", "µs/conn./s"})
	for _, s := range o.Summaries {
		per := func(of func(MemoryReading) int64, unit float64) figure {
			return o.median(s, func(m Measurement) float64 {
				if m.Memory == nil {
					return 0
				}
				return m.Memory.PerConnection(of) / unit
			})
		}
		size := func(of func(*Memory) int64) figure {
			return o.median(s, func(m Measurement) float64 {
				if m.Memory == nil {
					return 0
				}
				return float64(of(m.Memory)) / (1 << 20)
			})
		}
		t.AppendRow(table.Row{s.Name(), s.Value.median(2), s.Value.bounds(2),
			per(func(m MemoryReading) int64 { return m.Heap }, 1024).digits(2), per(func(m MemoryReading) int64 { return m.Stack }, 1024).digits(2),
			size(func(m *Memory) int64 { return m.Empty.Resident }).digits(1), size(func(m *Memory) int64 { return m.Full.Resident }).digits(1),
			per(func(m MemoryReading) int64 { return m.Goroutines }, 1).digits(2),
			o.median(s, func(m Measurement) float64 {
				return float64(m.ServerCPU.Microseconds()) / float64(o.Case.Subscribers) / m.Window.Seconds()
			}).digits(2),
		})
	}
	return t.Render()
}

// capacity is the table of the highest rates.
func (r Report) capacity(o Outcome) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "deliveries/s", "", "times", "", "CPU", "events", "p99", "beyond it, cores busy with", "", "limited by"})
	t.AppendHeader(table.Row{o.title(), "median", "min..max", "nchan", "min..max", "µs/event", "/write", "ms", "server", "load", "in the rounds"})
	for _, s := range o.Summaries {
		nchan := s.ratio(NchanName)
		var limits []string
		failed := func(of func(Probe) float64) figure {
			return o.median(s, func(m Measurement) float64 {
				p := m.Search.beyond()
				return of(p)
			})
		}
		for _, m := range o.of(s) {
			limits = append(limits, cmp.Or(m.Search.Bottleneck, "-"))
		}
		t.AppendRow(table.Row{s.Name(), s.Value.median(0), s.Value.bounds(0), nchan.median(2), nchan.bounds(2),
			o.median(s, func(m Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }).digits(2),
			o.median(s, Measurement.EventsPerWrite).digits(2),
			o.median(s, func(m Measurement) float64 { return float64(m.Delivery.P99) / 1e6 }).digits(1),
			failed(func(p Probe) float64 { return p.ServerBusy }).digits(2), failed(func(p Probe) float64 { return p.LoadBusy }).digits(2),
			strings.Join(limits, " "),
		})
	}
	return t.Render()
}

// beyond returns the lowest rate that was not sustained: the last such probe.
func (s *Search) beyond() Probe {
	var last Probe
	if s != nil {
		for _, p := range s.Probes {
			if p.Problem != "" && (last.Rate == 0 || p.Rate <= last.Rate) {
				last = p
			}
		}
	}
	return last
}

// storm is the table of those who come back.
func (r Report) storm(o Outcome) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "the last has all, ms", "", "half have", "CPU", "", "", ""})
	t.AppendHeader(table.Row{o.title(), "median", "min..max", "all, ms", "µs/event", "lost", "dup.", "reord."})
	for _, s := range o.Summaries {
		var lost, duplicated, reordered int64
		for _, m := range o.of(s) {
			lost, duplicated, reordered = lost+m.Lost, duplicated+m.Duplicated, reordered+m.Reordered
		}
		t.AppendRow(table.Row{s.Name(), s.Value.median(0), s.Value.bounds(0),
			o.median(s, func(m Measurement) float64 {
				if m.CatchUp == nil {
					return 0
				}
				return float64(m.CatchUp.P50) / 1e6
			}).digits(0),
			o.median(s, func(m Measurement) float64 { return float64(m.ServerCPUPerEvent()) / 1e3 }).digits(2),
			r.fault(lost), r.fault(duplicated), r.fault(reordered),
		})
	}
	return t.Render()
}

// of returns the measurements that a summary is of.
func (o Outcome) of(s Summary) (measurements []Measurement) {
	for _, m := range o.Measurements {
		if m.Lane == s.Lane {
			measurements = append(measurements, m)
		}
	}
	return measurements
}

// A figure is one that may be unknown, which is 0.
type figure float64

// digits returns it with that many digits behind the point.
func (n figure) digits(digits int) string {
	if n == 0 {
		return "-"
	}
	return number(float64(n), digits)
}

// median returns the median of what may be compared.
func (o Outcome) median(s Summary, of func(Measurement) float64) figure {
	var values []float64
	for _, m := range o.of(s) {
		if m.Verdict.Comparable() {
			values = append(values, of(m))
		}
	}
	return figure(spread(values).Median)
}

func (s Spread) median(digits int) string {
	if s.Rounds == 0 {
		return "-"
	}
	return number(s.Median, digits)
}

func (s Spread) bounds(digits int) string {
	if s.Rounds < 2 {
		return ""
	}
	return number(s.Min, digits) + ".." + number(s.Max, digits)
}

// format returns the median and what it rests on.
func (s Spread) format(digits int) string {
	if s.Rounds < 2 {
		return s.median(digits)
	}
	return fmt.Sprintf("%s (%s in %d rounds)", s.median(digits), s.bounds(digits), s.Rounds)
}

// deliveries is the table of what the transports did, in the one round that there was.
func (r Report) deliveries(o Outcome) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "delivery ms", "", "", "events", "bytes/event", "", "server CPU", "", "", ""})
	t.AppendHeader(table.Row{"transport", "p50", "p99", "max", "/write", "down", "up", "µs/event", "lost", "dup.", "reord."})
	for _, m := range o.Measurements {
		row := table.Row{m.ShortName(), "-", "-", "-", "-", "-", "-", "-", r.fault(m.Lost), r.fault(m.Duplicated), r.fault(m.Reordered)}
		if m.Verdict.Comparable() {
			row[1] = ms(m.Delivery.P50)
			row[4] = number(m.EventsPerWrite(), 2)
			row[5], row[6] = number(m.BytesDownPerEvent(), 1), number(m.BytesUpPerEvent(), 1)
		}
		if m.Verdict.Comparable() && m.ServerCPU > 0 {
			row[7] = number(float64(m.ServerCPUPerEvent())/float64(time.Microsecond), 1)
		}
		if m.Verdict.TailComparable() {
			row[2], row[3] = ms(m.Delivery.P99), ms(m.Delivery.Max)
		}
		t.AppendRow(row)
	}
	return t.Render()
}

// load is the table of how the load itself did.
func (r Report) load(o Outcome) string {
	t := newTable()
	t.AppendHeader(table.Row{"", "published", "", "publish delay ms", "", "", "cores busy", "", "", ""})
	t.AppendHeader(table.Row{"the load", "events", "/s", "p50", "p99", "max", "server", "load", "others", "deliveries"})
	for _, m := range o.Measurements {
		t.AppendRow(table.Row{
			m.ShortName(), fmt.Sprintf("%d/%d", m.Published, m.Planned), number(m.PublishRate, 2),
			ms(m.PublishDelay.P50), ms(m.PublishDelay.P99), ms(m.PublishDelay.Max),
			cores(m.ServerCores()), cores(m.LoadCores()), cores(m.OtherCores()), fmt.Sprintf("%d/%d", m.Delivered, m.Expected),
		})
	}
	return t.Render()
}

// explanation says how to read the tables that there are.
func (r Report) explanation() string {
	var b strings.Builder
	has := func(kinds ...Kind) bool {
		return slices.ContainsFunc(r.Result.Outcomes, func(o Outcome) bool { return slices.Contains(kinds, o.Case.Kind) })
	}
	several := slices.ContainsFunc(r.Result.Outcomes, func(o Outcome) bool { return o.Case.Rounds > 1 })
	if has(FanOut, Capacity) {
		b.WriteString(`delivery counts from the time when an event was due, not from when it was published, until a subscriber has found it.
`)
	}
	if has(FanOut) {
		b.WriteString(`bytes/event is what the subscribers' connections carried (at the client, without TCP/IP), with framing, headers and polls.
server CPU is the run time of the server's threads (/proc/PID/task/*/schedstat) per delivered event, publishing included`)
		if r.Result.Pin != nil {
			b.WriteString(",\nand that of the kernel's thread ksoftirqd of its core")
		}
		b.WriteString(".\n")
	}
	if has(FanOut) && several {
		b.WriteString(`The floor sends the same bytes by one non-blocking send(2) for each subscriber, and does nothing else; for long polling it
also receives the polls. The baseline is net/http with a handler that waits for the event and writes the same answer.
Ratios are of the same round; shown are their median and range.
`)
	}
	if has(Idle) {
		b.WriteString(`KiB/connection is resident memory of the server's processes, full less empty, by the number of connections.
`)
	}
	b.WriteString("Server and load share the machine, and the loopback interface charges the receiver's half of TCP to the sender.\n")
	if !several {
		b.WriteString("It was one round: small differences may be chance.\n")
	}
	return b.String()
}

// newTable returns a table of aligned columns, without lines. The first column is text.
func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: "  "}
	style.Format = table.FormatOptions{}
	style.Options = table.OptionsNoBordersAndSeparators
	t.SetStyle(style)
	columns := []table.ColumnConfig{{Number: 1, Align: text.AlignLeft}}
	for i := 2; i <= 15; i++ {
		columns = append(columns, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	t.SuppressTrailingSpaces()
	return t
}

// ms returns a time in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

// number returns a number with that many digits behind the point.
func number(v float64, digits int) string { return fmt.Sprintf("%.*f", digits, v) }

// cores returns how many cores somebody kept busy, or a dash if that is not known.
func cores(v float64) string {
	if v == 0 {
		return "-"
	}
	return number(v, 2)
}

// fault returns a count of what should not be.
func (r Report) fault(n int64) string {
	if n == 0 {
		return "0"
	}
	return r.paint(text.FgRed, fmt.Sprint(n))
}

func (r Report) paint(color text.Color, s string) string {
	if !r.Color {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, s)
}
