package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/result"
)

// Names of the server's counters. All but the first have the label transport.
const (
	publishedMetric = "pushlab_events_published_total"
	deliveredMetric = "pushlab_events_delivered_total"
	writesMetric    = "pushlab_writes_total"
	bytesMetric     = "pushlab_bytes_total"
	gapsMetric      = "pushlab_gaps_total"
	openMetric      = "pushlab_streams_open"

	heapMetric       = "go_memstats_heap_inuse_bytes"
	stackMetric      = "go_memstats_stack_inuse_bytes"
	goroutinesMetric = "go_goroutines"
)

// runtimeMetrics are what Go's runtime takes for itself, beside heap and stacks.
var runtimeMetrics = []string{
	"go_memstats_mspan_sys_bytes", "go_memstats_mcache_sys_bytes", "go_memstats_buck_hash_sys_bytes",
	"go_memstats_gc_sys_bytes", "go_memstats_other_sys_bytes",
}

// metricsPath is where the counters are.
const metricsPath = "/metrics"

// collectPath is where a Go server that has net/http/pprof collects its garbage before it answers.
const collectPath = "/debug/pprof/heap?gc=1"

// maxMetrics is how large an answer of /metrics may be, in bytes.
const maxMetrics = 4 << 20

// A sample is one line of Prometheus' text format.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// A Scraper reads a Pushlab server's /metrics. Its methods may be called from any goroutine.
type Scraper struct {
	http *http.Client
	url  string // of the server
}

// NewScraper returns a scraper for the server of that URL, to which dial connects; nil is by TCP. It
// must be closed.
func NewScraper(server string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Scraper {
	return &Scraper{url: strings.TrimSuffix(server, "/"), http: &http.Client{
		Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second,
	}}
}

// Close closes its connections.
func (s *Scraper) Close() { s.http.CloseIdleConnections() }

// Counters are the server's counters since it started: events put into its log, and for one transport
// events delivered, writes that carried events, bytes, gaps announced, and streams that are open now.
type Counters struct {
	Published, Delivered, Writes, Bytes, Gaps, Open float64
}

// Scrape reads the counters, for one transport. It fails if the server does not tell one of them.
func (s *Scraper) Scrape(ctx context.Context, transport string) (Counters, error) {
	samples, err := s.samples(ctx)
	if err != nil {
		return Counters{}, fmt.Errorf("bench: %s: %w", s.url+metricsPath, err)
	}
	var c Counters
	missing := []string{}
	find := func(name string, to *float64) {
		for _, sample := range samples {
			if label, ok := sample.labels["transport"]; sample.name == name && (!ok || label == transport) {
				*to = sample.value
				return
			}
		}
		missing = append(missing, name)
	}
	find(publishedMetric, &c.Published)
	find(deliveredMetric, &c.Delivered)
	find(writesMetric, &c.Writes)
	find(bytesMetric, &c.Bytes)
	find(gapsMetric, &c.Gaps)
	find(openMetric, &c.Open)
	if len(missing) > 0 {
		return Counters{}, fmt.Errorf("bench: %s does not tell %s of %s: is it a Pushlab server of this version?", s.url+metricsPath, strings.Join(missing, ", "), transport)
	}
	return c, nil
}

// Memory reads what Go's runtime tells, as far as it does: heap, stacks and goroutines, not the resident set.
func (s *Scraper) Memory(ctx context.Context) (result.MemoryReading, error) {
	samples, err := s.samples(ctx)
	if err != nil {
		return result.MemoryReading{}, fmt.Errorf("bench: %s: %w", s.url+metricsPath, err)
	}
	var m result.MemoryReading
	for _, sample := range samples {
		switch sample.name {
		case heapMetric:
			m.Heap = int64(sample.value)
		case stackMetric:
			m.Stack = int64(sample.value)
		case goroutinesMetric:
			m.Goroutines = int64(sample.value)
		}
		if slices.Contains(runtimeMetrics, sample.name) {
			m.Runtime += int64(sample.value)
		}
	}
	return m, nil
}

// Collect has the server collect its garbage, and reports whether it did: whether it has net/http/pprof.
func (s *Scraper) Collect(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+collectPath, nil)
	if err != nil {
		return false
	}
	response, err := s.http.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxMetrics))
	return err == nil && response.StatusCode == http.StatusOK && response.Header.Get("Content-Type") == "application/octet-stream"
}

func (s *Scraper) samples(ctx context.Context) ([]sample, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+metricsPath, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", response.Status)
	}
	return parseMetrics(io.LimitReader(response.Body, maxMetrics))
}

// parseMetrics reads Prometheus' text format, version 0.0.4. Comments are not looked at.
func parseMetrics(r io.Reader) ([]sample, error) {
	var samples []sample
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("not a metric: %.200q: %w", line, err)
		}
		samples = append(samples, s)
	}
	return samples, lines.Err()
}

var errLabels = errors.New(`labels look like {name="value",name="value"}`)

// parseSample reads name{label="value",…} value [timestamp].
func parseSample(line string) (sample, error) {
	s := sample{labels: map[string]string{}}
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 {
		return s, errors.New("a name and a value were expected")
	}
	s.name = line[:end]
	rest := strings.TrimLeft(line[end:], " \t")
	if strings.HasPrefix(rest, "{") {
		rest = rest[1:]
		for {
			rest = strings.TrimLeft(rest, " \t")
			if after, ok := strings.CutPrefix(rest, "}"); ok {
				rest = after
				break
			}
			name, quoted, ok := strings.Cut(rest, "=")
			if !ok {
				return s, errLabels
			}
			value, after, ok := cutQuoted(strings.TrimLeft(quoted, " \t"))
			if !ok {
				return s, errLabels
			}
			s.labels[strings.TrimSpace(name)] = value
			rest = strings.TrimLeft(after, " \t")
			if !strings.HasPrefix(rest, "}") {
				if rest, ok = strings.CutPrefix(rest, ","); !ok {
					return s, errLabels
				}
			}
		}
	}
	fields := strings.Fields(rest)
	if len(fields) < 1 || len(fields) > 2 {
		return s, errors.New("a value was expected behind the name")
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return s, err
	}
	s.value = value
	return s, nil
}

// cutQuoted splits a label's value off, in which backslash, quote and line feed are escaped.
func cutQuoted(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			if text[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
