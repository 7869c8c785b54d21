package plan

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text writes the plan for people: first the answer, then where it turns, then what it rests on.
func (p Plan) Text(w io.Writer) error {
	var b strings.Builder
	d := p.Demand
	fmt.Fprintf(&b, "%s clients of %s; events to each: %s, %s bytes of data; RTT %v; reconnects of each: %s an hour\n\n",
		count(float64(d.Clients)), name(p.Target, p.Variant), often(d.Rate), count(float64(d.Size)), d.RTT, number(d.Reconnects))
	rows := [][]string{{"", "machines", "decided by", "clients each", "cores", "memory", "out", "in", "events/write", "an hour", "a month"}}
	for _, l := range p.Lanes {
		machines := count(float64(l.Machines))
		if len(l.Missing) > 0 {
			machines = ">= " + machines
		}
		rows = append(rows, []string{
			l.Transport, machines, l.Decides, count(float64(l.ClientsEach)), or(number(l.Cores), l.Cores), or(memory(l.Memory), l.Memory),
			or(bits(l.Out), l.Out), or(bits(l.In), l.In), number(l.EventsPerWrite), fmt.Sprintf("%.2f", l.Hour), count(math.Round(l.Month)),
		})
	}
	table(&b, rows)
	p.lines(&b)
	p.inputs(&b)
	if len(p.Lacks) > 0 {
		fmt.Fprintf(&b, "\nWhat the result lacks\n")
		for _, lack := range p.Lacks {
			fmt.Fprintf(&b, "  %s\n", lack)
		}
		fmt.Fprintf(&b, "  Measure it with '%s', and plan from that.\n", p.Measure)
	}
	if len(p.Warnings) > 0 {
		fmt.Fprintf(&b, "\nTo keep in mind\n")
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "  %s\n", warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lines writes the break-even lines: by round-trip time, since what counts is the rate times that.
func (p Plan) lines(b *strings.Builder) {
	var columns []BreakEven
	for _, e := range p.BreakEven {
		if len(e.Line) > 0 {
			columns = append(columns, e)
		}
	}
	for i, e := range having(p.BreakEven, func(e BreakEven) bool { return len(e.Line) == 0 }) {
		if i == 0 {
			fmt.Fprintf(b, "\nWhat decides\n")
		}
		fmt.Fprintf(b, "  %s\n", e)
	}
	if len(columns) == 0 {
		fmt.Fprintf(b, "\nWhere long polling breaks even is not known: that takes measurements of it and of another transport\n")
		return
	}
	fmt.Fprintf(b, "\nFrom how many events/s on %s costs no more, by round-trip time (in brackets: rate x RTT)\n", columns[0].Of)
	rows := [][]string{{"  RTT"}}
	for _, e := range columns {
		rows[0] = append(rows[0], e.In+", "+e.Than)
	}
	for i, t := range columns[0].Line {
		row := []string{"  " + t.RTT.String()}
		for _, e := range columns {
			row = append(row, e.Line[i].String())
		}
		rows = append(rows, row)
	}
	now := []string{fmt.Sprintf("  at %s, RTT %v", often(p.Demand.Rate), p.Demand.RTT)}
	for _, e := range columns {
		now = append(now, "x "+number(e.Now))
	}
	table(b, append(rows, now), 0)
}

// inputs writes what was measured, a column for each transport, and what is assumed.
func (p Plan) inputs(b *strings.Builder) {
	rows := [][]string{{"  "}}
	for _, l := range p.Lanes {
		rows[0] = append(rows[0], l.Transport)
	}
	var assumed [][]string
	var sources []string
	lane, last := "", 0
	for _, in := range p.Inputs {
		at := slices.IndexFunc(p.Lanes, func(l Lane) bool { return l.Transport == in.Transport })
		if !in.Measured {
			name := in.Name
			if at >= 0 {
				name = in.Transport + ": " + name
			}
			assumed = append(assumed, []string{"  " + name, strings.TrimSpace(number(in.Value) + " " + in.Unit), in.From})
			continue
		}
		if in.Transport != lane {
			lane, last = in.Transport, 0
		}
		name := "  " + in.Name + ", " + in.Unit
		row := slices.IndexFunc(rows, func(r []string) bool { return r[0] == name })
		if row < 0 { // behind what came before it in this lane
			row = last + 1
			rows = slices.Insert(rows, row, append([]string{name}, slices.Repeat([]string{"-"}, len(p.Lanes))...))
		}
		last = row
		rows[row][at+1] = number(in.Value)
		if in.Low != 0 || in.High != 0 {
			rows[row][at+1] += " (" + number(in.Low) + ".." + number(in.High) + ")"
		}
		if source := in.Kind + ": " + in.From; !slices.ContainsFunc(sources, func(s string) bool { return strings.HasPrefix(s, in.Kind+":") }) {
			sources = append(sources, source)
		}
	}
	fmt.Fprintf(b, "\nWhat was measured (in brackets: what it is when each case in turn is left out)\n")
	table(b, rows, 0)
	fmt.Fprintf(b, "  from %s\n", strings.Join(sources, "\n       "))
	fmt.Fprintf(b, "\nWhat is assumed\n")
	table(b, assumed, 0, 2)
}

// Text writes the check for people.
func (c Check) Text(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Each point predicted from the others: by a model that was fitted without it\n\n")
	rows := [][]string{{"", "point", "", "predicted", "measured", "error", "noise", "rounds", "", "beyond the others"}}
	for _, r := range c.Rows {
		unit, verdict := r.Quantity, ""
		if r.Unit != "" {
			unit += ", " + r.Unit
		}
		switch {
		case r.Good():
		case r.Unsure():
			verdict = "OFF, or noise"
		default:
			verdict = "OFF"
		}
		noise := fmt.Sprintf("± %.1f %%", 100*r.Noise)
		if r.Rounds < 2 {
			noise = "?"
		}
		rows = append(rows, []string{
			r.Transport, r.Case, unit, number(r.Predicted), number(r.Measured), signed(r.Error), noise, count(float64(r.Rounds)),
			verdict, strings.Join(r.Beyond, ", "),
		})
	}
	table(&b, rows, 0, 1, 2, 8, 9)
	b.WriteString("\n")
	for _, q := range c.Quantities {
		verdict := "OK"
		if !q.Good {
			verdict = "NOT GOOD ENOUGH"
		}
		fmt.Fprintf(&b, "%s %s: %d points, off by %.1f %% in the median, %.1f %% at worst; the limit is %.0f %%; their own noise is %.1f %% in the median",
			verdict, q.Quantity, q.Points, 100*q.Median, 100*q.Worst, 100*MaxError, 100*q.Noise)
		if q.Off > 0 {
			fmt.Fprintf(&b, "; beyond the limit: %d, of which the noise may explain %d", q.Off, q.Unsure)
		}
		if q.Extrapolated > 0 {
			fmt.Fprintf(&b, "; extrapolated: %d", q.Extrapolated)
		}
		b.WriteString("\n")
	}
	for _, u := range c.Unchecked {
		fmt.Fprintf(&b, "NOT CHECKED %s\n", u)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// signed writes a share as a percentage with its sign, which is none if it is rounded to nothing.
func signed(share float64) string {
	if math.Abs(share) < 0.0005 {
		return "0.0 %"
	}
	return fmt.Sprintf("%+.1f %%", 100*share)
}

func name(target, variant string) string { return strings.TrimSpace(target + " " + variant) }

// table writes rows in columns, those of numbers to the right.
func table(b *strings.Builder, rows [][]string, left ...int) {
	if len(rows) == 0 {
		return
	}
	if left == nil {
		left = []int{0, 2}
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			isLeft := false
			for _, l := range left {
				isLeft = isLeft || l == i
			}
			if isLeft {
				cell += pad
			} else {
				cell = pad + cell
			}
			if i > 0 {
				line += "  "
			}
			line += cell
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// or leaves out what is not known.
func or(text string, value float64) string {
	if value == 0 {
		return "-"
	}
	return text
}

// number writes a number with three digits, without exponents.
func number(v float64) string {
	switch {
	case v == 0 || math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', -1, 64)
	case math.Abs(v) >= 1000:
		return count(math.Round(v))
	case math.Abs(v) >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// often writes how often something is, of so many times in a second.
func often(rate float64) string {
	switch {
	case rate >= 0.1:
		return number(rate) + "/s"
	case rate >= 0.1/60:
		return number(rate*60) + "/min"
	}
	return number(rate*3600) + "/h"
}

// count writes a whole number with commas.
func count(v float64) string {
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// memory writes bytes in units of 1024.
func memory(v float64) string { return scale(v, 1024, "B", "KiB", "MiB", "GiB", "TiB") }

// bits writes bits per second.
func bits(v float64) string { return scale(v, 1000, "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s") }

func scale(v, step float64, units ...string) string {
	i := 0
	for ; v >= step && i < len(units)-1; i++ {
		v /= step
	}
	return number(v) + " " + units[i]
}
