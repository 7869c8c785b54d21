package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// environment lists what the numbers depend on.
func environment(r result.Result) (pairs []pair) {
	e := r.Environment
	add := func(name, value string) {
		if value != "" && value != "0" {
			pairs = append(pairs, pair{name, value})
		}
	}
	add("Started", r.Started.UTC().Format(time.RFC3339))
	add("Took", r.Elapsed.Round(time.Second).String())
	add("Processor", e.CPU)
	add("Cores", fmt.Sprint(e.Cores))
	add("System", strings.TrimSpace(e.OS+" "+e.Kernel+" "+e.Arch))
	add("Go", e.GoVersion)
	add("GOMAXPROCS", fmt.Sprint(e.GOMAXPROCS))
	add("GOGC", e.GOGC)
	add("GOMEMLIMIT", e.GOMEMLIMIT)
	add("Libraries", e.Libraries)
	add("Cores that may be used", e.CPULimit)
	add("Clock", strings.Join(withoutNone(e.Governor, e.ClockSource), ", "))
	add("Open files", e.OpenFiles)
	add("Local ports", strings.Join(strings.Fields(e.LocalPorts), "–"))
	add("Longest backlog", e.Backlog)
	add("tcp_rmem", e.TCPReceive)
	add("tcp_wmem", e.TCPSend)
	add("tcp_autocorking", e.TCPAutocorking)
	add("Congestion control", e.TCPCongestion)
	add("MTU of loopback", e.LoopbackMTU)
	add("Network namespace", e.NetNamespace)
	if r.Pin != nil {
		add("Pinned", fmt.Sprintf("server to core %d, load to core %d", r.Pin.Server, r.Pin.Load))
	}
	add("Revision", revision(e))
	for _, t := range r.Targets {
		add("Target "+t.Name, strings.Join(slices.DeleteFunc([]string{t.About, t.Version}, func(s string) bool { return s == "" }), "; "))
	}
	add("Seed of the order", fmt.Sprint(r.Seed))
	add("SHA-256 of the program", e.Binary)
	add("Schema", r.Schema)
	return pairs
}

// withoutNone leaves out what is not known.
func withoutNone(words ...string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

// conditions lists what the machine was like while the run went on.
func conditions(r result.Result) (pairs []pair) {
	add := func(name, text string, values ...any) {
		pairs = append(pairs, pair{name, fmt.Sprintf(text, values...)})
	}
	c := r.Conditions
	if c == nil {
		add("Load average before", "%.2f", r.Environment.LoadAverage)
		return pairs
	}
	add("Load average", "%.2f before, %.2f after", c.LoadBefore, c.LoadAfter)
	add("Stolen by the host", "%.2f %% of the cores' time", 100*c.Steal)
	add("Connections dropped", "%d for want of room (ListenOverflows), %d in all (ListenDrops)", c.ListenOverflows, c.ListenDrops)
	for _, noise := range []struct {
		when string
		late result.Latency
	}{{"before", c.NoiseBefore}, {"after", c.NoiseAfter}} {
		if l := noise.late; l.Count > 0 {
			add("A timer was late "+noise.when, "p50 %s, p99.9 %s, at most %s ms, of %d times", significant(millis(l.P50)), significant(millis(l.P999)), significant(millis(l.Max)), l.Count)
		}
	}
	return pairs
}

// busy tells, for each case, who kept the cores busy, and whether the numbers describe the server alone.
func busy(r result.Result) (tables []tableView) {
	for _, o := range r.Outcomes {
		lanes := withoutAgain(lanesOf(o))
		t := tableView{Caption: shortTitle(o.Case), Columns: columns("", "server", "load", "between", "others")}
		t.Columns = append(t.Columns, columnView{Name: "bottleneck", Text: true})
		for _, lane := range lanes {
			var server, load, between, others []float64
			var limits []string
			for _, m := range o.Of(lane) {
				if m.ServerCPU == 0 || m.Window == 0 || m.Computed {
					continue
				}
				server, load, others = append(server, m.ServerCores()), append(load, m.LoadCores()), append(others, m.OtherCores())
				between = append(between, float64(m.BetweenCPU())/float64(m.Window))
				limit := m.Bottleneck
				if m.Search != nil {
					limit = m.Search.Bottleneck
				}
				if limit != "" {
					limits = append(limits, limit)
				}
			}
			if len(server) == 0 {
				continue
			}
			row := rowView{Name: called(lane, lanes)}
			for _, values := range [][]float64{server, load, between, others} {
				row.Cells = append(row.Cells, cellView{Text: number(stats.Spread(values).Median, 2)})
			}
			t.Rows = append(t.Rows, rowView{Name: row.Name, Cells: append(row.Cells, cellView{Text: counted(limits), Class: "text"})})
		}
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

// counted lists different words, with how often those come that do not come once: "server, 2 × neither".
func counted(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	slices.Sort(words)
	var all []string
	for i := 0; i < len(words); {
		n := 1
		for i+n < len(words) && words[i+n] == words[i] {
			n++
		}
		word := words[i]
		if n > 1 {
			word = fmt.Sprintf("%d × %s", n, word)
		}
		all = append(all, word)
		i += n
	}
	return strings.Join(all, ", ")
}

// flags tells under which conditions the numbers were found that are worth comparing.
func flags(r result.Result) (all []flag) {
	measurements, limited, count := 0, 0, map[string]int{}
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			measurements++
			if slices.Contains([]string{"load", "both", "others"}, m.Bottleneck) {
				limited++
			}
			for name, broken := range map[string]bool{
				"failed": len(m.Verdict.Failed) > 0, "invalid": len(m.Verdict.Invalid) > 0, "tail": len(m.Verdict.Tail) > 0, "notes": len(m.Verdict.Notes) > 0,
			} {
				if broken {
					count[name]++
				}
			}
		}
	}
	add := func(name string, broken bool, bad, good string) {
		f := flag{name, "good", "OK", good}
		if broken {
			f.Tone, f.Level, f.Text = "bad", "BROKEN", bad
		}
		all = append(all, f)
	}
	of := func(n int) string { return fmt.Sprintf("not in %d of %d measurements", n, measurements) }
	add("Every event came once and in order", count["failed"] > 0, of(count["failed"]), "yes")
	add("The load kept its schedule", count["invalid"] > 0, of(count["invalid"]), "yes")
	add("It was late for none of the slowest deliveries", count["tail"] > 0, of(count["tail"]), "yes")
	if n := count["notes"]; n > 0 {
		all = append(all, flag{"Something is noted", "warn", "NOTED", fmt.Sprintf("of %d of %d measurements; see the verdicts", n, measurements)})
	}
	add("The run came to its end", r.Interrupted, "no: it was interrupted", "yes")
	add("Built from a revision that others have", r.Environment.Modified || r.Environment.Revision == "", "no: "+revision(r.Environment), "yes")
	add("The load was never the limit", limited > 0, fmt.Sprintf("in %d of %d measurements it, or other programs, kept the cores busy: the server can do more", limited, measurements), "yes")
	if c := r.Conditions; c == nil {
		idle := r.Environment.LoadAverage <= 0.25*float64(max(1, r.Environment.Cores))
		add("The machine was idle before", !idle, fmt.Sprintf("no: a load average of %.2f", r.Environment.LoadAverage), "yes")
	} else if len(r.Flags) == 0 {
		add("The machine was quiet", false, "", "yes: nothing stolen, dropped or late beyond the limits")
	}
	for _, text := range r.Flags {
		add("The machine", true, text, "")
	}
	return all
}
