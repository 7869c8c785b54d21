package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	if err := CSV(&b, exampleOf(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.csv", b.Bytes())
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// What must not be compared is there, and says so: all of WebSocket's, the tail of SSE's.
	for _, row := range rows[1:] {
		transport, metric, comparable := row[7], row[11], row[14]
		want := transport == "longpoll" || transport == "sse" && !slices.Contains([]string{"delivery_p99_ms", "delivery_p99_9_ms", "delivery_max_ms"}, metric)
		if got := comparable == "true"; got != want {
			t.Errorf("%s %s: comparable is %v", transport, metric, got)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := Markdown(&b, exampleOf(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.md", b.Bytes())
	b.Reset()
	if err := Markdown(&b, exampleRun(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "run.md", b.Bytes())
	columns := 0
	for lines := bufio.NewScanner(&b); lines.Scan(); { // a table's rows have as many cells as its head
		n := strings.Count(lines.Text(), "|")
		if columns > 0 && n > 0 && n != columns {
			t.Errorf("%d bars, the row before has %d: %s", n, columns, lines.Text())
		}
		columns = n
	}
}

// What is written is what benchstat reads.
func TestBenchstat(t *testing.T) {
	var b bytes.Buffer
	r := exampleRun(t)
	if err := Benchstat(&b, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "result.txt", b.Bytes())
	reader := benchfmt.NewReader(&b, "result.txt")
	lines := 0
	for reader.Scan() {
		switch line := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(line)
		case *benchfmt.Result:
			lines++
			base, parts := line.Name.Parts()
			keys := []string{}
			for _, part := range parts {
				key, _, ok := strings.Cut(string(part), "=")
				if !ok {
					t.Errorf("%s: %s has no key", line.Name, part)
				}
				keys = append(keys, key)
			}
			if !slices.Contains([]string{"Rates", "Idle", "Storm", "Capacity"}, string(base)) || !slices.Contains(keys, "/transport") || line.GetConfig("pkg") != "pushlab/bench" {
				t.Errorf("%s: %q %q", line.Name, base, keys)
			}
			if _, ok := line.Value("delivery_p50-sec"); !ok && string(base) == "Rates" {
				t.Errorf("%s has no p50: %+v", line.Name, line.Values)
			}
		}
	}
	if err := reader.Err(); err != nil {
		t.Error(err)
	}
	want := 0
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			if m.Verdict.Comparable() {
				want++
			}
		}
	}
	if lines != want {
		t.Errorf("%d lines, %d measurements may be compared", lines, want)
	}
	for _, unit := range []string{"delivery_p50-ns", "server_cpu_per_event-ns"} {
		if u := reader.Units().Get(unit, "better"); u == nil || u.Value != "lower" {
			t.Errorf("%s: %+v", unit, u)
		}
	}
}

func TestHistograms(t *testing.T) {
	r := exampleRun(t)
	files, err := Files(r, []string{"hgrm"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name == "hgrm/S4-rates-100x10x128-pushlab-sse.hgrm" {
			golden(t, "sse.hgrm", f.Content)
		}
		if !regexp.MustCompile(`^hgrm/[\w.%-]+\.hgrm$`).MatchString(f.Name) {
			t.Errorf("the name %s", f.Name)
		}
		// The columns that plotters read: a value, a share that grows to 1, a count.
		before, count := -1.0, ""
		for line := range strings.Lines(string(f.Content)) {
			if fields := strings.Fields(line); len(fields) == 4 && !strings.HasPrefix(line, "#") && fields[0] != "Value" {
				share, err := strconv.ParseFloat(fields[1], 64)
				if err != nil || share < before {
					t.Errorf("%s: %s", f.Name, line)
				}
				before, count = share, fields[2]
			}
		}
		if before != 1 || count == "" {
			t.Errorf("%s ends at %v", f.Name, before)
		}
	}
	// One for each case and lane that has a distribution that may be compared, rounds merged.
	if want := 4*8 + 1 + 8; len(files) != want {
		t.Errorf("%d files, want %d", len(files), want)
	}
}

func TestWriteReplacesFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	r := exampleOf(t)
	r.Outcomes[0].Case.Name = "../up & <away>"
	for range 2 {
		files, err := Files(r, Formats())
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(dir, files); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"report.html", "result.csv", "result.md", "result.txt"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if _, err := Files(r, []string{"pdf"}); err == nil {
		t.Error("a format that does not exist is written")
	}
}

func TestSafe(t *testing.T) {
	for name, want := range map[string]string{"": "unnamed", "../..": "unnamed", "a/b c": "a-b-c", "slow-1%": "slow-1%", ".hidden": "hidden", strings.Repeat("x", 500): strings.Repeat("x", 120)} {
		if got := safe(name); got != want {
			t.Errorf("safe(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestCrossings(t *testing.T) {
	found := crossings([]curve{
		{Name: "a", X: []float64{1, 10, 100}, Y: []float64{100, 10, 1}},
		{Name: "b", X: []float64{1, 100}, Y: []float64{10, 10}},
		{Name: "c", X: []float64{1, 100}, Y: []float64{1000, 1000}},
	})
	if len(found) != 1 || significant(found[0].X) != "10.0" || significant(found[0].Y) != "10.0" || found[0].Before != "b" || found[0].After != "a" {
		t.Errorf("%+v", found)
	}
}
