package report

import (
	"cmp"
	"encoding/csv"
	"io"
	"strconv"

	"pushlab/bench/result"
)

// CSV writes a row for each number of each measurement. What must not be compared is there too, and says so.
func CSV(w io.Writer, r result.Result) error {
	out := csv.NewWriter(w)
	rows := [][]string{{
		"id", "scenario", "kind", "subscribers", "events_per_second", "data_bytes",
		"target", "transport", "variant", "again", "round", "metric", "unit", "value", "comparable",
		"data", "rtt_ms", "computed",
	}}
	for _, o := range r.Outcomes {
		c := o.Case
		for _, m := range o.Measurements {
			for _, info := range result.Metrics() {
				v, ok := info.Value(m)
				if !ok || !info.KnownIn(c.Kind) {
					continue
				}
				rows = append(rows, []string{
					c.ID, c.Name, string(c.Kind), strconv.Itoa(c.Subscribers), plain(c.Rate), strconv.Itoa(c.Size),
					m.Target, m.Transport, m.Variant, strconv.FormatBool(m.Again), strconv.Itoa(m.Round),
					string(info.Metric), string(info.Unit), plain(v), strconv.FormatBool(info.Comparable(m)),
					cmp.Or(string(c.Data), "pad"), plain(c.RTT.Seconds() * 1000), strconv.FormatBool(c.Computed),
				})
			}
		}
	}
	return out.WriteAll(rows)
}

// plain returns a number for programs: all digits that it has, no exponent.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
