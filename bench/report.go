package bench

import (
	"cmp"
	"fmt"
	"io"
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

// Write writes the report: first the verdict, then the numbers, then how to read them.
func (r Report) Write(w io.Writer) error {
	s, e := r.Result.Scenario, r.Result.Environment
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d subscribers, %g events/s with %d bytes of data, measured for %v after %v of warm-up; one round each\n",
		s.Name, s.Subscribers, s.Rate, s.Size, s.Measure, s.WarmUp)
	fmt.Fprintf(&b, "%s, %d cores, %s %s, %s\n\n", cmp.Or(e.CPU, "unknown CPU"), e.Cores, e.OS, e.Kernel, e.GoVersion)
	r.verdict(&b)
	b.WriteString("\n" + r.deliveries() + "\n\n" + r.load() + "\n\n" + explanation)
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict writes what to think of the result.
func (r Report) verdict(b *strings.Builder) {
	line := func(color text.Color, word, what string) { fmt.Fprintf(b, "%s %s\n", r.paint(color, word), what) }
	lines := func(color text.Color, word string, of func(Verdict) []string) {
		for _, m := range r.Result.Measurements {
			for _, what := range of(m.Verdict) {
				line(color, word, m.Transport+": "+what)
			}
		}
	}
	lines(text.FgRed, "FAILED", func(v Verdict) []string { return v.Failed })
	lines(text.FgYellow, "NOT VALID", func(v Verdict) []string { return v.Invalid })
	lines(text.FgYellow, "TAIL NOT VALID", func(v Verdict) []string { return v.Tail })
	fine, tails := 0, 0
	for _, m := range r.Result.Measurements {
		if m.Verdict.Comparable() {
			fine++
		}
		if m.Verdict.TailComparable() {
			tails++
		}
	}
	if fine > 0 {
		line(text.FgGreen, "OK", fmt.Sprintf("%d of %d transports delivered every event once and in order, while the load kept its rate",
			fine, len(r.Result.Scenario.Transports)))
	}
	if r.Result.Interrupted {
		line(text.FgYellow, "INTERRUPTED", "this is what was measured until then")
	}
	lines(text.FgCyan, "NOTE", func(v Verdict) []string { return v.Notes })
	if tails < len(r.Result.Measurements) {
		b.WriteString("What must not be compared is left out below; " + FileName + " has it.\n")
	}
}

// deliveries is the table of what the transports did.
func (r Report) deliveries() string {
	t := newTable()
	t.AppendHeader(table.Row{"", "delivery ms", "", "", "events", "bytes/event", "", "server CPU", "", "", ""})
	t.AppendHeader(table.Row{"transport", "p50", "p99", "max", "/write", "down", "up", "µs/event", "lost", "dup.", "reord."})
	for _, m := range r.Result.Measurements {
		row := table.Row{m.Transport, "-", "-", "-", "-", "-", "-", "-", r.fault(m.Lost), r.fault(m.Duplicated), r.fault(m.Reordered)}
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
func (r Report) load() string {
	t := newTable()
	t.AppendHeader(table.Row{"", "published", "", "publish delay ms", "", "", "cores busy", "", "", ""})
	t.AppendHeader(table.Row{"the load", "events", "/s", "p50", "p99", "max", "server", "load", "others", "deliveries"})
	for _, m := range r.Result.Measurements {
		t.AppendRow(table.Row{
			m.Transport, fmt.Sprintf("%d/%d", m.Published, m.Planned), number(m.PublishRate, 2),
			ms(m.PublishDelay.P50), ms(m.PublishDelay.P99), ms(m.PublishDelay.Max),
			cores(m.ServerCores()), cores(m.LoadCores()), cores(m.OtherCores()), fmt.Sprintf("%d/%d", m.Delivered, m.Expected),
		})
	}
	return t.Render()
}

const explanation = `delivery counts from the time when an event was due, not from when it was published, until a subscriber has found it.
bytes/event is what the subscribers' connections carried (net.Conn of the client, without TCP/IP), with framing, headers and polls.
server CPU is the run time of the server's threads (/proc/PID/task/*/schedstat) per delivered event, publishing included.
Server and load share the machine, and the loopback interface charges the receiver's half of TCP to the sender.
It was one round: small differences may be chance.
`

// newTable returns a table of aligned columns, without lines. The first column is text.
func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingRight: "  "}
	style.Format = table.FormatOptions{}
	style.Options = table.OptionsNoBordersAndSeparators
	t.SetStyle(style)
	columns := []table.ColumnConfig{{Number: 1, Align: text.AlignLeft}}
	for i := 2; i <= 11; i++ {
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
