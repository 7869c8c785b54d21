package machine

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/memhttp"
)

func TestParseMetrics(t *testing.T) {
	const text = `# HELP pushlab_writes_total Writes that carried events.
# TYPE pushlab_writes_total counter
pushlab_writes_total{transport="sse"} 12
pushlab_writes_total{ transport = "websocket" , } 1.5e+06

plain 3 1395066363000
	spaced	 4
two{a="1",b="x\"y\\z\nw, }{"} 5
go_gc_duration_seconds{quantile="0.25"} 1.2e-05
limit +Inf
`
	got, err := parseMetrics(strings.NewReader(text))
	want := []sample{
		{"pushlab_writes_total", map[string]string{"transport": "sse"}, 12},
		{"pushlab_writes_total", map[string]string{"transport": "websocket"}, 1.5e6},
		{"plain", map[string]string{}, 3},
		{"spaced", map[string]string{}, 4},
		{"two", map[string]string{"a": "1", "b": "x\"y\\z\nw, }{"}, 5},
		{"go_gc_duration_seconds", map[string]string{"quantile": "0.25"}, 1.2e-5},
		{"limit", map[string]string{}, math.Inf(1)},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); err != nil || diff != "" {
		t.Errorf("error %v; what was expected (-) and came (+):\n%s", err, diff)
	}
}

func TestParseMetricsRefuses(t *testing.T) {
	for _, line := range []string{
		"name", "name x", "name 1 2 3", "{a=\"1\"} 1", `name{a="1" 1`, `name{a=1} 1`, `name{a} 1`, `name{a="1"b="2"} 1`, `name{a="1\`,
		strings.Repeat("x", 1<<20) + " 1",
	} {
		if got, err := parseMetrics(strings.NewReader(line)); err == nil {
			t.Errorf("%.60q gives %v", line, got)
		}
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add("name{a=\"1\\n\",b=\"2\"} 3 4\n# comment\nother 5")
	f.Fuzz(func(t *testing.T, text string) {
		samples, err := parseMetrics(strings.NewReader(text))
		for _, s := range samples {
			if err == nil && (s.name == "" || strings.ContainsAny(s.name, "{ \t\n")) {
				t.Errorf("a metric is called %q", s.name)
			}
		}
	})
}

func TestScrape(t *testing.T) {
	const all = `pushlab_events_published_total 9
pushlab_events_delivered_total{transport="sse"} 8
pushlab_events_delivered_total{transport="longpoll"} 80
pushlab_writes_total{transport="sse"} 7
pushlab_bytes_total{transport="sse"} 6
pushlab_gaps_total{transport="sse"} 5
pushlab_streams_open{transport="sse"} 4
`
	for name, c := range map[string]struct {
		status int
		text   string
		err    string // "" if none
	}{
		"all there":       {200, all, ""},
		"one missing":     {200, strings.ReplaceAll(all, "pushlab_gaps_total", "x"), "pushlab_gaps_total of sse"},
		"other transport": {200, strings.ReplaceAll(all, `"sse"`, `"longpoll"`), "pushlab_writes_total"},
		"not found":       {404, "", "404"},
		"no metrics":      {200, "<html>", "not a metric"},
	} {
		t.Run(name, func(t *testing.T) {
			server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				w.Write([]byte(c.text))
			}))
			s := &Scraper{http: server.Client(), url: memhttp.URL + "/metrics"}
			defer s.Close()
			got, err := s.Scrape(t.Context(), "sse")
			switch {
			case c.err == "" && (err != nil || got != Counters{9, 8, 7, 6, 5, 4}):
				t.Errorf("%+v, %v", got, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("the error is %v; it should say %q", err, c.err)
			}
		})
	}
}
