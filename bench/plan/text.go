package plan

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text writes the plan for people: first the answer, then where it turns, then what it rests on.
func (p Plan) Text(w io.Writer) error {
	var b strings.Builder
	d := p.Demand
	fmt.Fprintf(&b, "%s clients of %s, each gets %s events/s with %s bytes of data; RTT %v; reconnects by each: %s an hour\n\n",
		count(float64(d.Clients)), name(p.Target, p.Variant), number(d.Rate), count(float64(d.Size)), d.RTT, number(d.Reconnects))
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
	fmt.Fprintf(&b, "\nWhere it turns\n")
	for _, e := range p.BreakEven {
		fmt.Fprintf(&b, "  %s\n", e)
	}
	if len(p.BreakEven) == 0 {
		fmt.Fprintf(&b, "  not known: that takes long polling and another transport, or CPU and memory\n")
	}
	fmt.Fprintf(&b, "\nWhat it rests on\n")
	rows = nil
	for _, in := range p.Inputs {
		how, spread := "assumed", ""
		if in.Measured {
			if how = "measured"; in.Low != 0 || in.High != 0 {
				spread = number(in.Low) + ".." + number(in.High)
			}
		}
		rows = append(rows, []string{"  " + in.Transport, how, in.Name, strings.TrimSpace(number(in.Value) + " " + in.Unit), spread, in.From})
	}
	table(&b, rows, 0, 1, 2, 5)
	fmt.Fprintf(&b, "  Ranges are what a value is when each case in turn is left out; in brackets is how many measurements it rests on.\n")
	if len(p.Warnings) > 0 {
		fmt.Fprintf(&b, "\nTo keep in mind\n")
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "  %s\n", warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Text writes the check for people.
func (c Check) Text(w io.Writer) error {
	var b strings.Builder
	b.WriteString("Each case predicted from the others\n\n")
	rows := [][]string{{"", "case", "", "predicted", "measured", "min..max", "error"}}
	for _, r := range c.Rows {
		rows = append(rows, []string{
			r.Transport, r.Case, r.Quantity + ", " + r.Unit, number(r.Predicted), number(r.Measured), number(r.Low) + ".." + number(r.High),
			fmt.Sprintf("%+.1f %%", 100*r.Error),
		})
	}
	table(&b, rows, 0, 1, 2)
	b.WriteString("\n")
	for _, q := range c.Quantities {
		verdict := "OK"
		if !q.Good {
			verdict = "NOT GOOD ENOUGH"
		}
		fmt.Fprintf(&b, "%s %s: %d cases, off by %.1f %% in the median, %.1f %% at worst; the limit is %.0f %%\n",
			verdict, q.Quantity, q.Points, 100*q.Median, 100*q.Worst, 100*MaxError)
	}
	for _, u := range c.Unchecked {
		fmt.Fprintf(&b, "NOT CHECKED %s\n", u)
	}
	_, err := io.WriteString(w, b.String())
	return err
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
