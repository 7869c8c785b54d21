package result

import (
	"regexp"
	"testing"
	"time"
)

// measurements have each metric that there is in one of them, with values computed by hand.
func measurements() map[Kind]Measurement {
	lane := Lane{Target: "pushlab", Transport: "sse"}
	fan := fineMeasurement("sse")
	fan.BytesUp = 50_000
	return map[Kind]Measurement{
		FanOut:   fan,
		Idle:     {Lane: lane, Memory: &Memory{Connections: 100, Empty: MemoryReading{Resident: 1 << 20}, Full: MemoryReading{Resident: 1<<20 + 100*3072}}},
		Capacity: {Lane: lane, Expected: 1, Delivered: 1000, ServerCPU: 2 * time.Millisecond, Search: &Search{Deliveries: 123_456}},
		Storm:    {Lane: lane, Expected: 1, Delivered: 1, CatchUp: &Latency{P50: 40 * time.Millisecond, Max: 90 * time.Millisecond}},
	}
}

func TestMetrics(t *testing.T) {
	all := measurements()
	for _, c := range []struct {
		name string
		kind Kind
		want float64
		unit Unit
	}{
		{"p50", FanOut, 1.42, Milliseconds}, {"p99", FanOut, 2.91, Milliseconds}, {"p99.9", FanOut, 3.3, Milliseconds},
		{"delay", FanOut, 0.24, Milliseconds}, {"cpu", FanOut, 12.04, Microseconds}, {"cpu", Capacity, 2, Microseconds},
		{"down", FanOut, 202.448, Bytes}, {"up", FanOut, 2, Bytes}, {"writes", FanOut, 25_000.0 / 24_900, Number},
		{"memory", Idle, 3, Kibibytes}, {"rate", Capacity, 123_456, PerSecond}, {"catch-up", Storm, 90, Milliseconds},
		{"catch-up-p50", Storm, 40, Milliseconds}, {"loss", FanOut, 0, Number}, {"lost", Storm, 0, Number}, {"dup", FanOut, 0, Number}, {"reordered", FanOut, 0, Number},
		{"delivery_p99_ms", FanOut, 2.91, Milliseconds},
	} {
		i, err := FindMetric(c.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if v, ok := i.Of(all[c.kind]); !ok || v != c.want || i.Unit != c.unit || !i.MeasuredIn(c.kind) {
			t.Errorf("%s of %s is %v %s (%v), not %v %s", c.name, c.kind, v, i.Unit, ok, c.want, c.unit)
		}
	}
	if _, err := FindMetric("p98"); err == nil {
		t.Error("p98 was found")
	}
}

// Names are those of a file and of the command line; and what has a value is measured in the kind.
func TestMetricsTable(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range Metrics() {
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(string(i.Metric)) || i.Title == "" || i.Better == "" || i.Nature == "" {
			t.Errorf("%+v", i)
		}
		for _, name := range append(regexp.MustCompile(` `).Split(i.short, -1), string(i.Metric)) {
			if found, err := FindMetric(name); err != nil || found.Metric != i.Metric {
				t.Errorf("%s finds %s, %v", name, found.Metric, err)
			}
			if seen[name] && name != string(i.Metric) {
				t.Errorf("two metrics are called %s", name)
			}
			seen[name] = true
		}
		for kind, m := range measurements() {
			if _, ok := i.Of(m); ok && !i.MeasuredIn(kind) && i.Nature != Exact && i.Metric != RoundTrip {
				t.Errorf("%s is not measured in %s, but known", i.Metric, kind)
			}
		}
	}
	for _, kind := range []Kind{FanOut, Idle, Capacity, Storm} {
		if _, ok := (Metric("pigeons")).Of(measurements()[kind]); ok {
			t.Error("a metric that nobody knows has a value")
		}
	}
}

// What must not be compared has no value, except the faults.
func TestMetricsOfWhatIsNotComparable(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Measurement)
		known  string // of p50, p99, down, lost
	}{
		"fine":       {func(*Measurement) {}, "p50 p99 down lost "},
		"tail":       {func(m *Measurement) { m.Verdict.Tail = []string{"late"} }, "p50 down lost "},
		"invalid":    {func(m *Measurement) { m.Verdict.Invalid = []string{"late"} }, "lost "},
		"failed":     {func(m *Measurement) { m.Lost, m.Verdict.Failed = 3, []string{"lost"} }, "lost "},
		"broken off": {func(m *Measurement) { m.Error, m.Verdict.Failed = "it ended", []string{"it ended"} }, ""},
		"broken off, and lost": {func(m *Measurement) {
			m.Lost, m.Error, m.Verdict.Failed = 3, "it ended", []string{"it ended"}
		}, "lost "},
		"nothing delivered": {func(m *Measurement) { *m = Measurement{Planned: 5, Error: "no server"} }, ""},
	} {
		m, known := fineMeasurement("sse"), ""
		c.change(&m)
		for _, short := range []string{"p50", "p99", "down", "lost"} {
			i, _ := FindMetric(short)
			if _, ok := i.Of(m); ok {
				known += short + " "
			}
		}
		if known != c.known {
			t.Errorf("%s: known are %q, not %q", name, known, c.known)
		}
	}
}

func TestMetricFormat(t *testing.T) {
	for _, c := range []struct {
		short string
		v     float64
		want  string
	}{
		{"p99", 0, "0 ms"}, {"p99", 0.0421, "0.042 ms"}, {"p99", 1.42, "1.420 ms"}, {"p99", 12.345, "12.35 ms"}, {"down", 202.448, "202.4 B"},
		{"rate", 123_456.7, "123457 /s"}, {"rate", -1234.5, "-1234 /s"}, {"lost", 3, "3"}, {"writes", 1, "1.000"},
	} {
		i, _ := FindMetric(c.short)
		if got := i.Format(c.v); got != c.want {
			t.Errorf("%v of %s is written %q, not %q", c.v, c.short, got, c.want)
		}
	}
}
