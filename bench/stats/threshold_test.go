package stats

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pushlab/bench/result"
)

func TestParseObjectives(t *testing.T) {
	for _, c := range []struct {
		text   string
		metric result.Metric
		op     string
		bound  float64
		words  int
	}{
		{"p99<50ms", p99, "<", 50, 0}, {"p99.9 <= 1.5 s", "delivery_p99_9_ms", "<=", 1500, 0}, {"p50<800us", "delivery_p50_ms", "<", 0.8, 0}, {"p50<800µs", "delivery_p50_ms", "<", 0.8, 0},
		{"cpu<.02ms", result.CPUPerEvent, "<", 20, 0}, {"down<=1KiB", down, "<=", 1024, 0}, {"up=0B", "bytes_up_per_event", "=", 0, 0},
		{"memory<2048B", result.MemoryPerConnection, "<", 2, 0}, {"memory<1MiB", result.MemoryPerConnection, "<", 1024, 0},
		{"rate>=100000", result.DeliveriesPerSecond, ">=", 100_000, 0}, {"rate>5/s", result.DeliveriesPerSecond, ">", 5, 0},
		{"catch-up<2s", result.CatchUpTime, "<", 2000, 0}, {"loss=0", lost, "=", 0, 0}, {"lost=0", lost, "=", 0, 0}, {"dup<1", "duplicated", "<", 1, 0}, {"reordered=0", "reordered", "=", 0, 0},
		{"delivery_p99_ms<1ms", p99, "<", 1, 0}, {"sse:p99<50ms", p99, "<", 50, 1}, {" pushlab sse : p99 < 50 ms ", p99, "<", 50, 2}, {":loss=0", lost, "=", 0, 0},
	} {
		got, err := ParseObjectives(c.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if g := got[0]; len(got) != 1 || g.Metric() != c.metric || g.op != c.op || math.Abs(g.bound-c.bound) > 1e-9 || len(g.words) != c.words || g.String() != strings.TrimSpace(c.text) {
			t.Errorf("%q is %+v", c.text, got)
		}
	}
	if all, err := ParseObjectives("p99<50ms, loss=0,sse:cpu<20us"); err != nil || len(all) != 3 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestParseLimits(t *testing.T) {
	for _, c := range []struct {
		text  string
		bound float64
		share bool
	}{
		{"p99>+10%", 0.1, true}, {"rate<-5 %", -0.05, true}, {"p99>=+5ms", 5, false}, {"sse:down>+2B", 2, false}, {"lost>+0", 0, false}, {"cpu<=-1.5%", -0.015, true},
	} {
		got, err := ParseLimits(c.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if g := got[0]; len(got) != 1 || math.Abs(g.bound-c.bound) > 1e-9 || g.share != c.share {
			t.Errorf("%q is %+v", c.text, got)
		}
	}
}

// What is wrong is said, with what to do instead.
func TestThresholdsThatAreNone(t *testing.T) {
	objectives := func(s string) error { _, err := ParseObjectives(s); return err }
	limits := func(s string) error { _, err := ParseLimits(s); return err }
	for _, c := range []struct {
		parse     func(string) error
		text, say string
	}{
		{objectives, "", "write it like p99<50ms"}, {objectives, "p99<50ms,", "write it like"}, {objectives, "p99", "write it like"}, {objectives, "p99<", "write it like"},
		{objectives, "p99==5ms", "write it like"}, {objectives, "p99<5ms6", "write it like"}, {objectives, "p99<fast", "write it like"},
		{objectives, "p98<5ms", "use p50, p90, p99"}, {objectives, "p99<50", "50 of what? Use us, ms or s"}, {objectives, "p99<50KiB", "KiB is no unit for p99; use us, ms or s"},
		{objectives, "down<5ms", "use B, KiB or MiB"}, {objectives, "rate>5B", "use /s or nothing"}, {objectives, "loss=0ms", "use no unit"},
		{objectives, "p99<+5ms", "bench compare --fail-on"}, {objectives, "p99<10%", "bench compare --fail-on"},
		{limits, "p99>10%", "has no sign"}, {limits, "p99=+10%", "use < or >"}, {limits, "p99>+10", "10 of what?"}, {limits, "pigeons>+10%", "unknown metric"}, {limits, "faster", "write it like p99>+10%"},
		{limits, "max>+10%", "max is not compared"},
	} {
		if err := c.parse(c.text); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%q: the error is %v; it should say %q", c.text, err, c.say)
		}
	}
}

// Whatever is given, reading it ends with thresholds or an error.
func TestParseAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"p99", "loss", "sse:", "<", "<=", "=", ">", "+", "-", "5", "1e9", ".", "ms", "%", "/s", " ", ",", ":", "µ"})).Draw(t, "text"), "")
		if all, err := ParseObjectives(text); (err == nil) != (len(all) > 0) {
			t.Fatalf("%v, %v", all, err)
		}
		if all, err := ParseLimits(text); (err == nil) != (len(all) > 0) {
			t.Fatalf("%v, %v", all, err)
		}
	})
}

// said runs thresholds and returns what is broken, one in a line.
func said(findings []Finding) string {
	var lines []string
	for _, f := range findings {
		if f.Broken {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

func TestObjectives(t *testing.T) {
	fine := outcome(map[result.Lane][]float64{sse: {1000, 9000, 2000}, websocket: {3000, 3000, 3000}})
	late, lossy := outcome(map[result.Lane][]float64{sse: {1000}}), outcome(map[result.Lane][]float64{sse: {1000, 1000, 1000}})
	late.Measurements[0].Verdict.Tail = []string{"late"}
	lossy.Measurements[1].Lost, lossy.Measurements[1].Verdict.Failed = 2, []string{"deliveries lost: 2 of 1000"}
	idle := result.Outcome{Case: result.Case{Name: "idle", Kind: result.Idle, Targets: []string{"pushlab"}, Transports: []string{"sse"}}, Measurements: []result.Measurement{{Lane: sse}}}
	const where = "fanout, 100 subscribers, 10/s, 128 B: pushlab "
	for _, c := range []struct {
		outcomes  []result.Outcome
		objective string
		want      string // what is said of it
		findings  int
	}{
		{[]result.Outcome{fine}, "p99<=3ms", "", 2}, // the medians
		{[]result.Outcome{fine}, "p99<3ms", "p99<3ms: " + where + "websocket: 3.000 ms", 2},
		{[]result.Outcome{fine}, "sse:p99<3ms", "", 1},
		{[]result.Outcome{fine}, "pushlab websocket:p99<3ms", "pushlab websocket:p99<3ms: " + where + "websocket: 3.000 ms", 1},
		{[]result.Outcome{fine}, "S1 fanout:p99<4ms", "", 2},
		{[]result.Outcome{fine}, "nginx:p99<3ms", `nginx:p99<3ms: no lane of the name "nginx" has it; measure it, or leave the threshold out`, 1},
		{[]result.Outcome{fine}, "loss=0", "", 2},
		{[]result.Outcome{fine}, "memory<3KiB", "memory<3KiB: no case measured it; measure it, or leave the threshold out", 1},
		{[]result.Outcome{fine}, "sse:writes>1", "sse:writes>1: " + where + "sse: no value: not known of this lane", 1},
		{[]result.Outcome{fine, idle}, "p99<4ms", "", 2}, // which idle cases do not have
		{[]result.Outcome{idle}, "memory<3KiB", "memory<3KiB: idle, 0 subscribers, 0/s, 0 B: pushlab sse: no value: not known of this lane", 1},
		{[]result.Outcome{late}, "p99<3ms", "p99<3ms: " + where + "sse: no value: not valid in 1 of 1 rounds: late", 1},
		{[]result.Outcome{late}, "p50<3ms", "", 1},
		{[]result.Outcome{lossy}, "p50<3ms", "p50<3ms: " + where + "sse: no value: failed in 1 of 3 rounds: deliveries lost: 2 of 1000", 1},
		{[]result.Outcome{lossy}, "loss=0", "loss=0: " + where + "sse: 2", 1}, // the worst round
		{nil, "loss=0", "loss=0: no case measured it; measure it, or leave the threshold out", 1},
	} {
		objectives, err := ParseObjectives(c.objective)
		if err != nil {
			t.Fatal(err)
		}
		if findings := objectives[0].Check(resultOf(c.outcomes...)); said(findings) != c.want || len(findings) != c.findings {
			t.Errorf("%s: %d findings, of which are broken:\n%s", c.objective, len(findings), said(findings))
		}
	}
}

func TestLimits(t *testing.T) {
	lanes := func(values ...float64) result.Result {
		return resultOf(outcome(map[result.Lane][]float64{sse: values}))
	}
	wide := []float64{1000, 1010, 1020, 1030, 1040}
	more := []float64{1200, 1210, 1220, 1230, 1240}
	lossy := lanes(wide...)
	lossy.Outcomes[0].Measurements[1].Lost, lossy.Outcomes[0].Measurements[1].Verdict.Failed = 2, []string{"deliveries lost: 2 of 1000"}
	const where = ": fanout, 100 subscribers, 10/s, 128 B: pushlab sse: "
	for _, c := range []struct {
		old, new result.Result
		limit    string
		want     string // what is said of it
	}{
		{lanes(wide...), lanes(more...), "p99>+10%", "p99>+10%" + where + "1.220 ms after 1.020 ms (+19.6 %)"},
		{lanes(wide...), lanes(more...), "p99>+25%", ""},
		{lanes(wide...), lanes(more...), "p99>+0.1ms", "p99>+0.1ms" + where + "1.220 ms after 1.020 ms (+19.6 %)"},
		{lanes(wide...), lanes(more...), "p99<-10%", ""},
		{lanes(more...), lanes(wide...), "p99<-10%", "p99<-10%" + where + "1.020 ms after 1.220 ms (-16.4 %)"},
		{lanes(more...), lanes(wide...), "p99>+10%", ""},
		{lanes(wide...), lanes(1030, 1040, 1050, 1060, 1070), "p99>+1%", ""},                                                        // by chance
		{lanes(100), lanes(200), "p99>+10%", "p99>+10%" + where + "0.200 ms after 0.100 ms (+100.0 %); 1 and 1 rounds are too few"}, // and so on
		{lanes(100), lanes(101), "p99>+10%", ""},
		{lanes(100), lanes(101), "down>+0.5%", "down>+0.5%" + where + "101.0 B after 100.0 B (+1.0 %)"}, // however little, it is certain
		{lanes(100), lanes(101), "down>+2B", ""},
		{lanes(wide...), lossy, "p99>+10%", "p99>+10%" + where + "no verdict: new: failed in 1 of 5 rounds"},
		{lanes(wide...), lossy, "lost>+0", "lost>+0" + where + "2 after 0"},
		{lanes(wide...), lossy, "lost>+10%", "lost>+10%" + where + "2 after 0"},
		{lanes(wide...), lanes(wide...), "lost>+0", ""},
		{lanes(wide...), lanes(wide...), "writes>+5%", "writes>+5%" + where + "no verdict: not known of this lane"},
		{lanes(wide...), lanes(wide...), "memory>+5%", "memory>+5%: no case measured it"},
		{lanes(wide...), resultOf(), "p99>+5%", "p99>+5%: fanout, 100 subscribers, 10/s, 128 B: it was measured only before"},
		{lanes(wide...), resultOf(), "nginx:p99>+5%", `nginx:p99>+5%: no lane of the name "nginx" has it`},
	} {
		limits, err := ParseLimits(c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := said(limits[0].Check(Compare(c.old, c.new)))
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q", c.limit, got)
		}
	}
}
